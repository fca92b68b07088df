"""更正记录: name, number or photo of a candidate put right with the evidence; photos as files and zips.

Source: R-15.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePosixPath
from typing import ClassVar

from flask_babel import gettext
from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.audit import chain
from cbt.candidates.models import AdmissionTicket, Candidate, CandidatePhoto, CorrectionRecord, Registration
from cbt.candidates.registration import to_print_again
from cbt.candidates.store import Registered, entries_of_sitting, has_started
from cbt.errors import Conflict, InvalidInput, NotAllowed
from cbt.imports.direct_import import DirectImport
from cbt.media.intake import JPEG, MOST_PICTURE_BYTES, redraw_zip
from cbt.personal import (
    CORRECTION,
    DETAILS,
    checked_document,
    checked_name,
    document_index,
    keyed_digest,
)
from cbt.rules.canonical import canonical_json
from cbt.rules.door import mask_document, normalise_document
from cbt.sittings.models import Sitting
from cbt.sittings.store import sitting_by_ref
from cbt.spreadsheets.drafts import Drafts
from cbt.spreadsheets.findings import Finding, Place, Severity
from cbt.storage.crypto import DOCUMENT, readable, seal
from cbt.storage.types import new_ref
from cbt.storage.unit_of_work import DIRECTLY, LongWork, reading

_NAME_PARTS = re.compile(r"[\s_,，、+-]+")


@dataclass(frozen=True, slots=True)
class PhotoReport:
    """What became of an upload: how many photos were stored, and which files are no photo, or nobody's."""

    stored: int
    findings: list[Finding]


def attach_photos(
    *, sitting_ref: str, body: bytes, now: datetime, actor: str, work: LongWork = DIRECTLY
) -> PhotoReport:
    """Store the photos of a zip for the candidates of a sitting and say what became of each file.

    A file name is a ticket number, a document number or a name only one candidate of the sitting has;
    several of them joined by `_`, `-` or a space will do. What is kept is our own picture of each.
    """
    received = redraw_zip(body)
    with reading() as session:
        sitting = sitting_by_ref(session, sitting_ref)
        matcher = _Matcher(entries_of_sitting(session, sitting.id))
    findings: list[Finding] = []
    matched: list[tuple[int, bytes]] = []
    for name, image in received.pictures:
        stem = PurePosixPath(name).stem
        candidate_id = matcher.find(stem)
        if candidate_id is None:
            findings.append(Finding(Severity.HINT, "photo.unmatched", Place(stem)))
        else:
            matched.append((candidate_id, image))
    most = {"maximum": MOST_PICTURE_BYTES // 1024}
    findings += [Finding(Severity.ERROR, code, Place(name), params=most) for name, code in received.refused]
    stored = PhotoImport(now=now, actor=actor).store(sitting_ref, matched, work=work)
    return PhotoReport(stored, findings)


class PhotoImport(DirectImport[Sitting, tuple[int, bytes]]):
    """Photos, by the ids of their candidates, for a sitting; none is taken back: another takes its place."""

    drafts: ClassVar = Drafts("photos", gone="roster.draft_gone")
    act: ClassVar = "photos.import"
    counted: ClassVar = "photos"
    at_once: ClassVar = 20
    """Each is some ten thousand bytes."""

    def owner(self, session: Session, ref: str, *, changing: bool = True) -> Sitting:
        """Return a sitting; raise NotFound."""
        return sitting_by_ref(session, ref)

    def store_some(self, session: Session, owner: Sitting, lines: Sequence[tuple[int, bytes]]) -> int:
        """Store the photos of people who are still in the sitting."""
        ids = [candidate_id for candidate_id, _image in lines]
        query = select(Registration.candidate_id).where(Registration.candidate_id.in_(ids))
        there = set(session.scalars(query.where(Registration.sitting_id == owner.id)))
        some = [(candidate_id, image) for candidate_id, image in lines if candidate_id in there]
        for candidate_id, image in some:
            store_photo(session, candidate_id, image)
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
        candidate_ids = {self._documents.get(document_index(part)) for part in parts if len(part) > 4}
        candidate_ids |= {self._tickets.get(normalise_document(part)) for part in parts}
        # A number decides; a name only counts where there is none.
        candidate_ids = candidate_ids - {None} or {self._names.get(part) for part in parts} - {None}
        return candidate_ids.pop() if len(candidate_ids) == 1 else None


# 更正记录: name, number or photo of a candidate put right, with the old value, the new and the evidence.
#
# Source: R-15.


@dataclass(frozen=True, slots=True)
class Correction:
    """What is put right; None leaves it. `document` is (type, number), `photo` a JPEG that `redraw` made.

    What a person is known by at the door needs the chief after the start; `details`, by their names, do not.
    """

    evidence: str
    name: str | None = None
    document: tuple[str, str] | None = None
    photo: bytes | None = None
    details: Mapping[str, str] = field(default_factory=dict)

    @property
    def of_identity(self) -> bool:
        """Whether it is about what R-15 names."""
        return (self.name, self.document, self.photo) != (None, None, None)


@dataclass(frozen=True, slots=True)
class Corrected:
    """A 更正记录 as people read it: `before` and `after` by name, document, photo."""

    row: CorrectionRecord
    before: dict[str, str]
    after: dict[str, str]
    evidence: str


def correct_candidate(
    session: Session,
    candidate: Candidate,
    correction: Correction,
    *,
    now: datetime,
    actor: str,
    countersigned_by: str = "",
) -> None:
    """Put a candidate's name, number or photo right and keep old, new and evidence (更正记录).

    The officer does it; once a sitting-room of the candidate has started, the chief countersigns. Frozen
    forms and printed records keep the old value; results read the new one. Numbers are kept masked, photos
    as a digest. The values are sealed in a row of their own; the audit log has that row's ref and a keyed
    digest of it, so that it cannot be changed unseen, and nobody's name.

    Source: R-15.
    """
    if not correction.evidence.strip():
        raise InvalidInput("correction.evidence", field="evidence")
    if correction.of_identity and has_started(session, candidate.id) and not countersigned_by:
        raise NotAllowed("correction.chief")
    before: dict[str, str] = {}
    after: dict[str, str] = {}
    if correction.name is not None:
        _rename(candidate, correction.name, before, after)
    if correction.document is not None:
        _renumber(session, candidate, correction.document, before, after)
    if correction.photo is not None:
        _picture(session, candidate, correction.photo, before, after)
    _details(candidate, correction.details, before, after)
    if not before:
        raise InvalidInput("correction.nothing", field="name")
    if any(name not in DETAILS or DETAILS[name].printed for name in before):
        held = select(AdmissionTicket.id).where(AdmissionTicket.candidate_id == candidate.id)
        to_print_again(session, session.scalars(held).all(), "person", now=now)
    text = canonical_json({"before": before, "after": after, "evidence": correction.evidence.strip()})
    row = CorrectionRecord(
        ref=new_ref("co"),
        candidate_id=candidate.id,
        at=now,
        by=actor,
        countersigned_by=countersigned_by,
        sealed=seal(text, CORRECTION),
    )
    session.add(row)
    chain.record(
        session,
        at=now,
        actor=actor,
        act="candidate.correct",
        subject=f"candidate:{candidate.ref}",
        before={"fields": sorted(before)},
        after={
            "correction": row.ref,
            "digest": keyed_digest(text, CORRECTION),
            **({"countersigned_by": countersigned_by} if countersigned_by else {}),
        },
    )


def corrections_of(session: Session, candidate_id: int) -> list[Corrected]:
    """Return what was put right about a candidate, the latest first."""
    rows = session.scalars(
        select(CorrectionRecord)
        .where(CorrectionRecord.candidate_id == candidate_id)
        .order_by(CorrectionRecord.id.desc())
    )
    corrections = []
    for row in rows:
        sealed = readable(row.sealed, CORRECTION)
        lost = {"before": {}, "after": {}, "evidence": gettext("candidates.number_unreadable")}
        data = lost if sealed is None else json.loads(sealed)
        corrections.append(Corrected(row, data["before"], data["after"], data["evidence"]))
    return corrections


def _rename(candidate: Candidate, name: str, before: dict[str, str], after: dict[str, str]) -> None:
    plain = checked_name(name)
    before["name"], after["name"] = candidate.name, plain
    candidate.name = plain


def _renumber(
    session: Session,
    candidate: Candidate,
    document: tuple[str, str],
    before: dict[str, str],
    after: dict[str, str],
) -> None:
    kind, number = checked_document(*document)
    index = document_index(number)
    other = session.scalar(
        select(Candidate.id).where(Candidate.document_index == index, Candidate.id != candidate.id)
    )
    if other is not None:
        raise Conflict("correction.number_taken")
    before["document"] = f"{candidate.document_type} {candidate.document_masked}"
    candidate.document_type, candidate.document_masked = kind, mask_document(number)
    candidate.document_sealed, candidate.document_index = seal(number, DOCUMENT), index
    after["document"] = f"{kind} {candidate.document_masked}"


def _details(
    candidate: Candidate, details: Mapping[str, str], before: dict[str, str], after: dict[str, str]
) -> None:
    for name, detail in DETAILS.items():
        if name not in details:
            continue
        value = detail.checked(details[name])
        before[name], after[name] = detail.masked_of(candidate), detail.mask(value)
        setattr(candidate, detail.column, detail.stored(value))


def _picture(
    session: Session, candidate: Candidate, image: bytes, before: dict[str, str], after: dict[str, str]
) -> None:
    former = session.get(CandidatePhoto, candidate.id)
    before["photo"] = "" if former is None else _digest(former.image)
    after["photo"] = _digest(image)
    store_photo(session, candidate.id, image)


def _digest(image: bytes) -> str:
    return hashlib.sha256(image).hexdigest()[:16]
