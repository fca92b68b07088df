"""Candidate photos: single files and zips of them, matched to people by their file names.

Source: R-15.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.candidates.models import CandidatePhoto
from cbt.candidates.personal import document_index
from cbt.candidates.store import Entry, entries_of_sitting
from cbt.db.unit_of_work import unit_of_work
from cbt.errors import InvalidInput
from cbt.rules.admission import normalise_document
from cbt.sittings.store import sitting_by_ref

MOST_FILES = 3000
MOST_BYTES = 1024 * 1024
MOST_UNPACKED = 200 * 1024 * 1024
MOST_RATIO = 100
_UTF8_NAME = 0x800
_KINDS = ((b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG\r\n\x1a\n", "image/png"))
_NAME_PARTS = re.compile(r"[\s_,，、+-]+")


@dataclass(frozen=True, slots=True)
class PhotoFile:
    """One picture out of an upload; `stem` is its file name without folder and ending."""

    stem: str
    mimetype: str
    image: bytes


@dataclass(frozen=True, slots=True)
class PhotoReport:
    """What became of an upload: how many photos were stored, which names matched nobody, which files are
    no photo (name and catalogue code).
    """

    stored: int
    unmatched: tuple[str, ...]
    refused: tuple[tuple[str, str], ...]


def photo_kind(image: bytes) -> str:
    """Return the mimetype of a photo by what it is, not by what it is called.

    Raise InvalidInput("photo.kind") unless it is JPEG or PNG, ("photo.too_big") over 1 MiB.
    """
    if len(image) > MOST_BYTES:
        raise InvalidInput("photo.too_big", field="photo", maximum=MOST_BYTES // 1024)
    for head, mimetype in _KINDS:
        if image.startswith(head):
            return mimetype
    raise InvalidInput("photo.kind", field="photo")


def read_zip(body: bytes) -> tuple[list[PhotoFile], list[tuple[str, str]]]:
    """Return the photos of a zip, and the files that are none with the code of what is wrong.

    Raise InvalidInput("photo.zip") for a damaged archive, ("photo.zip_too_big") beyond the limits. Names
    are never used as paths.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            return _sort_out(archive)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError) as error:
        raise InvalidInput("photo.zip", field="photos") from error


def _sort_out(archive: zipfile.ZipFile) -> tuple[list[PhotoFile], list[tuple[str, str]]]:
    members = [member for member in archive.infolist() if not member.is_dir()]
    unpacked = sum(member.file_size for member in members)
    if len(members) > MOST_FILES or unpacked > MOST_UNPACKED:
        raise InvalidInput("photo.zip_too_big", field="photos", files=MOST_FILES)
    photos: list[PhotoFile] = []
    refused: list[tuple[str, str]] = []
    for name, member in _named(members):
        if member.file_size > MOST_BYTES or member.file_size > MOST_RATIO * max(member.compress_size, 1024):
            refused.append((name, "photo.too_big"))
            continue
        image = archive.read(member)
        try:
            photos.append(PhotoFile(PurePosixPath(name).stem, photo_kind(image), image))
        except InvalidInput as error:
            refused.append((name, error.code))
    return photos, refused


def _named(members: list[zipfile.ZipInfo]) -> Iterator[tuple[str, zipfile.ZipInfo]]:
    for member in members:
        name = member.filename
        if not member.flag_bits & _UTF8_NAME:
            # Zips made on a Chinese Windows hold GBK names that are read as code page 437.
            name = name.encode("cp437", "replace").decode("gb18030", "replace")
        path = PurePosixPath(name.replace("\\", "/"))
        if "__MACOSX" not in path.parts and not path.name.startswith("."):
            yield path.name, member


def attach_photos(*, sitting_ref: str, body: bytes, now: datetime, actor: str) -> PhotoReport:
    """Store the photos of a zip for the candidates of a sitting and say what became of each file.

    A file name is a ticket number, a document number or a name only one candidate of the sitting has;
    several of them joined by `_`, `-` or a space will do.
    """
    photos, refused = read_zip(body)
    unmatched: list[str] = []
    stored = 0
    with unit_of_work() as session:
        sitting = sitting_by_ref(session, sitting_ref)
        matcher = _Matcher(entries_of_sitting(session, sitting.id))
        for photo in photos:
            candidate_id = matcher.find(photo.stem)
            if candidate_id is None:
                unmatched.append(photo.stem)
                continue
            store_photo(session, candidate_id, mimetype=photo.mimetype, image=photo.image)
            stored += 1
        if stored:
            subject = f"sitting:{sitting.ref}"
            record(
                session, at=now, actor=actor, act="photos.import", subject=subject, after={"photos": stored}
            )
    return PhotoReport(stored, tuple(unmatched), tuple(refused))


def store_photo(session: Session, candidate_id: int, *, mimetype: str, image: bytes) -> None:
    """Set the photo of a candidate."""
    former = session.scalar(select(CandidatePhoto).where(CandidatePhoto.candidate_id == candidate_id))
    if former is None:
        session.add(CandidatePhoto(candidate_id=candidate_id, mimetype=mimetype, image=image))
    else:
        former.mimetype, former.image = mimetype, image


class _Matcher:
    """Finds the one candidate a file name means."""

    def __init__(self, entries: list[Entry]) -> None:
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
