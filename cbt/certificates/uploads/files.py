"""Files for an authority: the certificates of a choice, a value for each column, and what is not known."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy import ColumnElement, and_, exists, func, select, true
from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.candidates.models import Candidate, Registration
from cbt.certificates.models import Certificate
from cbt.certificates.uploads.mappings import CONSTANT, MappedFile, UploadColumn, mapping_of
from cbt.enrolment.applications.person import TOLD
from cbt.enrolment.models import Applicant
from cbt.errors import Conflict, InvalidInput
from cbt.http.i18n import local_day
from cbt.personal.cell_values import DOCUMENT_NAMES
from cbt.personal.fields import DETAILS
from cbt.personal.identity import DOCUMENT
from cbt.results.models import Result
from cbt.results.retake_ledger import Ledger, Taken, ledger_of
from cbt.rules.certificates import series_of
from cbt.rules.retake import PaperOutcome
from cbt.sittings.models import Sitting
from cbt.sittings.store import batch_by_ref
from cbt.spreadsheets.writer import XLSX, add_sheet, new_workbook, text_format, to_csv, write_head, write_text
from cbt.storage.crypto import readable
from cbt.storage.unit_of_work import reading, unit_of_work

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


FORMS = ("xlsx", "utf8", "gbk")
_WIDTH = 20
_CSV = {"utf8": "text/csv; charset=utf-8", "gbk": "text/csv; charset=gbk"}


@dataclass(frozen=True, slots=True)
class UploadFile:
    """A file that goes out."""

    body: bytes
    mimetype: str
    name: str


def upload_file(
    choice: UploadChoice, *, form: str, blanks: bool, today: str, now: datetime, actor: str
) -> UploadFile:
    """Return the file of a choice; `blanks`: what is missing may stay empty.

    It is read and written before it is put on record: nobody's save waits for it.

    Raise InvalidInput("certificate_file.form"), Conflict("certificate_file.missing") where something is missing
    that may not, ("certificate_file.gbk") with characters that GBK does not have, and as `chosen` does.

    Source: R-93.
    """
    if form not in FORMS:
        raise InvalidInput("certificate_file.form", field="form")
    with reading() as session:
        found = chosen(session, choice)
    if found.missing and not blanks:
        raise Conflict("certificate_file.missing", count=sum(one.count for one in found.missing))
    body = _book(found) if form == "xlsx" else _csv(found, form)
    after: dict[str, object] = {"count": len(found.lines), "file": form}
    if choice.batch:
        after["batch"] = choice.batch
    else:
        after["issued_days"] = f"{choice.since} – {choice.until}"
    if found.missing:
        after["left_empty"] = sum(one.count for one in found.missing)
    subject = f"upload_mapping:{found.mapping.ref}"
    with unit_of_work() as session:
        record(session, at=now, actor=actor, act="certificate.upload", subject=subject, after=after)
    name = f"{found.mapping.name}-{today}.{'xlsx' if form == 'xlsx' else 'csv'}"
    return UploadFile(body, _CSV.get(form, XLSX), name)


def _rows(found: ChosenUpload) -> list[list[str]]:
    return [[cell or "" for cell in line.cells] for line in found.lines]


def _heads(found: ChosenUpload) -> list[str]:
    return [one.header for one in found.mapping.columns]


def _csv(found: ChosenUpload, form: str) -> bytes:
    body = to_csv([_heads(found), *_rows(found)])
    if form == "utf8":
        return body
    text = body.decode("utf-8-sig")
    try:
        return text.encode("gbk")
    except UnicodeEncodeError as error:
        unknown = sorted({sign for sign in text if not _in_gbk(sign)})
        raise Conflict("certificate_file.gbk", characters="、".join(unknown[:20])) from error


def _in_gbk(sign: str) -> bool:
    try:
        return bool(sign.encode("gbk"))
    except UnicodeEncodeError:
        return False


def _book(found: ChosenUpload) -> bytes:
    target = io.BytesIO()
    with new_workbook(target) as book:
        sheet = add_sheet(book, found.mapping.name)
        plain = text_format(book)
        write_head(book, sheet, [(head, _WIDTH, False) for head in _heads(found)], plain)
        for number, row in enumerate(_rows(found), 1):
            for place, cell in enumerate(row):
                write_text(sheet, number, place, cell, plain)
    return target.getvalue()
