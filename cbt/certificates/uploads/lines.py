"""What is known of each certificate, a value for each column; None for what is not known."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from cbt.candidates.models import Candidate
from cbt.certificates.models import Certificate
from cbt.certificates.uploads.columns import CONSTANT, MappedFile, UploadColumn
from cbt.db.private.sealing import readable
from cbt.enrolment.applications.form import TOLD
from cbt.enrolment.applications.models import Applicant
from cbt.personal.fields import DETAILS
from cbt.personal.numbers import DOCUMENT
from cbt.personal.words import DOCUMENT_NAMES
from cbt.results.ledger.store import Ledger, Taken, ledger_of
from cbt.rules.certificates.number import series_of
from cbt.rules.retake import PaperOutcome
from cbt.web.i18n import local_day

MOST = 5_000
"""So many certificates go into one file."""
_STANDS, _REVOKED = "有效", "撤销"
_AT_ONCE = 500
_LANGUAGE = "zh"
"""Of what stands in a file, whoever asks for it."""


@dataclass(frozen=True, slots=True)
class UploadLine:
    """A certificate, and what stands in each column: None where it is not known."""

    certificate: Certificate
    cells: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class _Holder:
    certificate: Certificate
    candidate: Candidate
    passed: dict[str, Taken]
    """The pass of each paper that the certificate stands on."""
    education: str
    number: int


def count_of(session: Session, condition: ColumnElement[bool]) -> int:
    """Return how many certificates a condition chooses."""
    return session.scalar(select(func.count()).select_from(Certificate).where(condition)) or 0


def lines_of(session: Session, mapping: MappedFile, condition: ColumnElement[bool]) -> list[UploadLine]:
    """Return the certificates of a condition by number, `MOST` at most, as a mapping wants them.

    Source: R-93.
    """
    query = (
        select(Certificate, Candidate)
        .join(Candidate, Candidate.id == Certificate.candidate_id)
        .where(condition)
        .order_by(Certificate.number)
        .limit(MOST)
    )
    rows = [(row[0], row[1]) for row in session.execute(query)]
    used = {one.field for one in mapping.columns}
    found = []
    for first in range(0, len(rows), _AT_ONCE):
        piece = rows[first : first + _AT_ONCE]
        ledger = ledger_of(session, [one.id for _row, one in piece]) if used & _OF_EXAMS else {}
        told = _educations(session, [one for _row, one in piece]) if "education" in used else {}
        for number, (row, person) in enumerate(piece, first + 1):
            holder = _Holder(row, person, _passed(ledger, row), told.get(person.document_index, ""), number)
            with force_locale(_LANGUAGE):
                cells = tuple(_cell(column, holder, mapping) for column in mapping.columns)
            found.append(UploadLine(row, cells))
    return found


_OF_EXAMS = {"theory", "skills", "examined_on"}


def _passed(ledger: Ledger, row: Certificate) -> dict[str, Taken]:
    """Return the last pass of each paper before a certificate was issued."""
    return {
        one.registration.paper: one
        for one in ledger.get((row.candidate_id, row.blueprint_ref), ())
        if one.result is not None
        and one.result.outcome == PaperOutcome.PASSED.value
        and one.released_at is not None
        and one.released_at <= row.issued_at
    }


def _educations(session: Session, people: Sequence[Candidate]) -> dict[str, str]:
    """Return the education that each of these people gave last when they were applied for."""
    query = select(Applicant.document_index, Applicant.told_sealed).where(
        Applicant.document_index.in_([one.document_index for one in people])
    )
    found = {}
    for index, sealed in session.execute(query.order_by(Applicant.id)):
        said = json.loads(readable(sealed, TOLD) or "{}").get("education", "")
        if said:
            found[index] = said
    return found


def _cell(column: UploadColumn, holder: _Holder, mapping: MappedFile) -> str | None:
    return column.text if column.field == CONSTANT else _known(column.field, holder, mapping) or None


def _known(field: str, holder: _Holder, mapping: MappedFile) -> str | None:
    row, person = holder.certificate, holder.candidate
    if field in DETAILS:
        return DETAILS[field].cell(DETAILS[field].value_of(person) or "")
    match field:
        case "sequence":
            return str(holder.number)
        case "document_type":
            return DOCUMENT_NAMES[row.document_type][0]
        case "document_number":
            return readable(person.document_sealed, DOCUMENT)
        case "born_on":
            day = _born_on(person)
            return mapping.day(day) if day else None
        case "education":
            return str(_(f"enrolment.education.{holder.education}")) if holder.education else None
        case "level_code":
            return series_of(row.number).level
        case "theory" | "skills":
            return _score(holder.passed.get(field))
        case "examined_on":
            days = [local_day(one.exam_at) for one in holder.passed.values()]
            return mapping.day(max(days)) if days else None
        case "issued_on":
            return mapping.day(row.issued_on)
        case "standing":
            return _REVOKED if row.revoked_at else _STANDS
        case "body":
            return row.body_name
        case _:
            return str(getattr(row, field))


def _born_on(person: Candidate) -> date | None:
    """Return the birthday that the number of an identity card says."""
    number = readable(person.document_sealed, DOCUMENT) or ""
    if person.document_type not in {"resident_id", "temporary_resident_id"} or len(number) != 18:
        return None
    try:
        return date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return None


def _score(taken: Taken | None) -> str | None:
    score = taken.result.score if taken is not None and taken.result is not None else None
    return None if score is None else f"{score:f}"
