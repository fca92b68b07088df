"""Which certificates go into a file, and what is not known of them: named before there is one (R-93)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import ColumnElement, and_, exists, true
from sqlalchemy.orm import Session

from cbt.candidates.models import Registration
from cbt.certificates.models import Certificate
from cbt.certificates.uploads.columns import MappedFile
from cbt.certificates.uploads.lines import MOST, UploadLine, count_of, lines_of
from cbt.certificates.uploads.mappings import mapping_of
from cbt.errors import Conflict, InvalidInput
from cbt.results.models import Result
from cbt.rules.retake import PaperOutcome
from cbt.sittings.models import Sitting
from cbt.sittings.store import batch_by_ref

NAMED = 10
"""So many people are named for a column; of the others there is a number."""


@dataclass(frozen=True, slots=True)
class UploadChoice:
    """A mapping, and the certificates of a batch or of some days; `revoked` ones are left out otherwise."""

    mapping: str
    batch: str
    since: date | None
    until: date | None
    revoked: bool


@dataclass(slots=True)
class MissingCells:
    """A column in which something is not known: of how many, and the first of them."""

    header: str
    count: int = 0
    first: list[Certificate] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ChosenUpload:
    """What a choice comes to: the mapping, its lines, what is missing by column."""

    mapping: MappedFile
    lines: Sequence[UploadLine]
    missing: Sequence[MissingCells]


def read_choice(sent: Mapping[str, str]) -> UploadChoice:
    """Return what was chosen; raise InvalidInput("certificate_file.choice") for neither a batch nor both days."""
    since, until = _day(sent.get("since", "")), _day(sent.get("until", ""))
    batch = sent.get("batch", "")
    if not batch and (since is None or until is None or since > until):
        raise InvalidInput("certificate_file.choice", field="since")
    return UploadChoice(sent.get("mapping", ""), batch, since, until, sent.get("revoked") == "1")


def chosen(session: Session, choice: UploadChoice) -> ChosenUpload:
    """Return the certificates of a choice with what is missing.

    Raise NotFound("certificate_file.unknown"), ("batch.unknown"), Conflict("certificate_file.nobody"),
    ("certificate_file.too_large").

    Source: R-93.
    """
    mapping, condition = mapping_of(session, choice.mapping), _condition(session, choice)
    count = count_of(session, condition)
    if not count:
        raise Conflict("certificate_file.nobody")
    if count > MOST:
        raise Conflict("certificate_file.too_large", count=count, maximum=MOST)
    lines = lines_of(session, mapping, condition)
    missing = [MissingCells(column.header) for column in mapping.columns]
    for line in lines:
        for cell, column in zip(line.cells, missing, strict=True):
            if cell is None:
                column.count += 1
                column.first += [line.certificate] if len(column.first) < NAMED else []
    return ChosenUpload(mapping, lines, [one for one in missing if one.count])


def _condition(session: Session, choice: UploadChoice) -> ColumnElement[bool]:
    stands = true() if choice.revoked else Certificate.revoked_at.is_(None)
    if choice.batch:
        batch = batch_by_ref(session, choice.batch)
        passed = exists().where(
            Registration.candidate_id == Certificate.candidate_id,
            Registration.blueprint_ref == Certificate.blueprint_ref,
            Sitting.id == Registration.sitting_id,
            Sitting.batch_id == batch.id,
            Result.registration_id == Registration.id,
            Result.outcome == PaperOutcome.PASSED.value,
        )
        return and_(stands, passed)
    return and_(stands, Certificate.issued_on.between(choice.since, choice.until))


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
