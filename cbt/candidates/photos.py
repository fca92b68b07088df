"""Candidate photos: single files and zips of them, matched to people by their file names.

Source: R-15.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.candidates.models import CandidatePhoto, Registration
from cbt.candidates.store import Registered, entries_of_sitting
from cbt.media.pictures import JPEG, redraw_zip
from cbt.personal.identity import document_index
from cbt.rules.door.admission import normalise_document
from cbt.sittings.store import sitting_by_ref
from cbt.storage.unit_of_work import pieces_of, reading, unit_of_work

STORED_AT_ONCE = 20
"""Photos in one unit of work: each is some ten thousand bytes."""
_NAME_PARTS = re.compile(r"[\s_,，、+-]+")


@dataclass(frozen=True, slots=True)
class PhotoReport:
    """What became of an upload: how many photos were stored, which names matched nobody, which files are
    no photo (name and catalogue code).
    """

    stored: int
    unmatched: tuple[str, ...]
    refused: tuple[tuple[str, str], ...]


def attach_photos(*, sitting_ref: str, body: bytes, now: datetime, actor: str) -> PhotoReport:
    """Store the photos of a zip for the candidates of a sitting and say what became of each file.

    A file name is a ticket number, a document number or a name only one candidate of the sitting has;
    several of them joined by `_`, `-` or a space will do. What is kept is our own picture of each. They are stored
    a few at a time, and the log says so with each few: who is stopped on the way brings the same file again.
    """
    received = redraw_zip(body)
    with reading() as session:
        sitting = sitting_by_ref(session, sitting_ref)
        matcher = _Matcher(entries_of_sitting(session, sitting.id))
    unmatched: list[str] = []
    matched: list[tuple[int, bytes]] = []
    for name, image in received.pictures:
        stem = PurePosixPath(name).stem
        candidate_id = matcher.find(stem)
        if candidate_id is None:
            unmatched.append(stem)
        else:
            matched.append((candidate_id, image))
    stored = 0
    for piece in pieces_of(matched, size=STORED_AT_ONCE):
        stored += _store_some(piece, sitting_ref=sitting_ref, now=now, actor=actor)
    return PhotoReport(stored, tuple(unmatched), tuple(received.refused))


def _store_some(matched: Sequence[tuple[int, bytes]], *, sitting_ref: str, now: datetime, actor: str) -> int:
    """Store the photos of people who are still in the sitting; return how many."""
    with unit_of_work() as session:
        sitting = sitting_by_ref(session, sitting_ref)
        there = set(
            session.scalars(
                select(Registration.candidate_id).where(
                    Registration.sitting_id == sitting.id,
                    Registration.candidate_id.in_([candidate_id for candidate_id, _image in matched]),
                )
            )
        )
        some = [(candidate_id, image) for candidate_id, image in matched if candidate_id in there]
        for candidate_id, image in some:
            store_photo(session, candidate_id, image)
        if some:
            subject, after = sitting.logged_as, {"photos": len(some)}
            record(session, at=now, actor=actor, act="photos.import", subject=subject, after=after)
    return len(some)


def store_photo(session: Session, candidate_id: int, image: bytes) -> None:
    """Set the photo of a candidate; `image` is one that `redraw` made."""
    former = session.scalar(select(CandidatePhoto).where(CandidatePhoto.candidate_id == candidate_id))
    if former is None:
        session.add(CandidatePhoto(candidate_id=candidate_id, mimetype=JPEG, image=image))
    else:
        former.mimetype, former.image = JPEG, image


class _Matcher:
    """Finds the one candidate a file name means."""

    def __init__(self, entries: list[Registered]) -> None:
        self._tickets = {entry.ticket.number: entry.candidate.id for entry in entries}
        self._documents = {entry.candidate.document_index: entry.candidate.id for entry in entries}
        names: dict[str, set[int]] = {}
        for entry in entries:
            names.setdefault(entry.candidate.name, set()).add(entry.candidate.id)
        self._names = {name: ids.pop() for name, ids in names.items() if len(ids) == 1}

    def find(self, stem: str) -> int | None:
        """Return the id of the candidate, or None when no part of the name, or more than one person, fits."""
        parts = {stem, *_NAME_PARTS.split(stem)}
        found = {self._documents.get(document_index(part)) for part in parts if len(part) > 4}
        found |= {self._tickets.get(normalise_document(part)) for part in parts}
        # A number decides; a name only counts where there is none.
        found = found - {None} or {self._names.get(part) for part in parts} - {None}
        return found.pop() if len(found) == 1 else None
