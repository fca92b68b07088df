"""Files for an authority: mappings of columns, the certificates of a choice, and what is not known of them."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclasses_field
from datetime import date, datetime
from functools import partial

from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy import ColumnElement, and_, exists, func, select, true
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.candidates.models import Candidate, Registration
from cbt.certificates.models import Certificate, UploadMapping
from cbt.enrolment.applications.person import TOLD
from cbt.enrolment.models import Applicant
from cbt.errors import Conflict, InvalidInput, NotFound
from cbt.http.form_values import one_line, required, whole_number
from cbt.http.i18n import local_day
from cbt.jobs.registry import JobFile, JobResult
from cbt.personal import DETAILS, DOCUMENT_NAMES, IDENTITY
from cbt.results.models import Result
from cbt.results.retake_ledger import Ledger, TakenRegistration, ledger_of
from cbt.rules.canonical import canonical_json
from cbt.rules.certificates import series_of
from cbt.rules.retake import PaperOutcome
from cbt.sittings.models import Sitting
from cbt.sittings.store import batch_by_ref
from cbt.spreadsheets.writer import XLSX, add_sheet, new_workbook, text_format, to_csv, write_head, write_text
from cbt.storage.crypto import DOCUMENT, readable
from cbt.storage.types import new_ref
from cbt.storage.unit_of_work import reading, unit_of_work

CONSTANT = "constant"
FIELDS = (
    "sequence", *IDENTITY, "born_on", *(name for name, detail in DETAILS.items() if detail.uploaded), "education",
    "occupation", "level", "level_code", "theory", "skills", "examined_on", "number", "issued_on",
    "standing", "body", CONSTANT,
)  # fmt: skip
"""What is known of a certificate and its holder, in the order in which it is offered."""
DATES: Mapping[str, str] = {
    "dashes": "{0:%Y-%m-%d}",
    "digits": "{0:%Y%m%d}",
    "slashes": "{0:%Y/%m/%d}",
    "words": "{0.year}年{0.month}月{0.day}日",
}
EXAMPLE = date(2026, 11, 28)
"""The day by which people are shown how days are written."""
STANDARD = "standard"
"""Stands for the ref of the mapping that comes with the product."""
MOST_COLUMNS, HEADER, TEXT, NAME = 60, 60, 120, 60
_STEP = 10


@dataclass(frozen=True, slots=True)
class UploadColumn:
    """A column: its header, what stands in it, and the text of one that is the same in every line."""

    header: str
    field: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class MappedFile:
    """A mapping as it is used: the columns in their order, and how days are written."""

    ref: str
    name: str
    dates: str
    columns: tuple[UploadColumn, ...]

    def day(self, day: date) -> str:
        return DATES[self.dates].format(day)


_STANDARD = (
    ("序号", "sequence"), ("姓名", "name"), ("性别", "gender"), ("证件类型", "document_type"),
    ("证件号码", "document_number"), ("联系电话", "phone"), ("工作单位", "employer"), ("职业名称", "occupation"),
    ("技能等级", "level"), ("理论知识成绩", "theory"), ("专业能力成绩", "skills"), ("证书编号", "number"),
    ("发证日期", "issued_on"), ("评价机构", "body"),
)  # fmt: skip


def standard(name: str) -> MappedFile:
    """Return the mapping that comes with the product, under a name in the language of whoever asks."""
    return MappedFile(STANDARD, name, "dashes", tuple(UploadColumn(*one) for one in _STANDARD))


def mapped(row: UploadMapping) -> MappedFile:
    columns = tuple(UploadColumn(*one) for one in json.loads(row.columns))
    return MappedFile(row.ref, row.name, row.dates, columns)


def kept_as(columns: Iterable[UploadColumn]) -> str:
    return canonical_json([[one.header, one.field, one.text] for one in columns])


def read_mapping(
    name: str, dates: str, sent: Sequence[tuple[str, str, str, str]]
) -> tuple[str, str, tuple[UploadColumn, ...]]:
    """Return the name, the dates and the columns of a form; a line without header and field is none.

    Each line has its place, header, field and text; lines stand by their places, equal ones as they came. Raise
    InvalidInput of "certificate_file": "name", "dates", "place", "header", "field", "text", "twice" or "columns".
    """
    plain = required(name, "certificate_file.name", "name", limit=NAME)
    if dates not in DATES:
        raise InvalidInput("certificate_file.dates", field="dates")
    rows = []
    for number, (place, header, field, text) in enumerate(sent, 1):
        if not header.strip() and not field:
            continue
        at = whole_number(place.strip(), most=9999)
        if at is None:
            raise InvalidInput("certificate_file.place", field="columns", line=number)
        rows.append((at, number, _column(number, header, field, text)))
    columns = tuple(column for _at, _number, column in sorted(rows, key=lambda one: one[:2]))
    if not 1 <= len(columns) <= MOST_COLUMNS:
        raise InvalidInput("certificate_file.columns", field="columns", maximum=MOST_COLUMNS)
    headers = [one.header for one in columns]
    for header in headers:
        if headers.count(header) > 1:
            raise InvalidInput("certificate_file.twice", field="columns", header=header)
    return plain, dates, columns


def _column(number: int, header: str, field: str, text: str) -> UploadColumn:
    plain, fixed = one_line(header, "columns"), one_line(text, "columns")
    if not 1 <= len(plain) <= HEADER:
        raise InvalidInput("certificate_file.header", field="columns", line=number, maximum=HEADER)
    if field not in FIELDS:
        raise InvalidInput("certificate_file.field", field="columns", line=number)
    if len(fixed) > TEXT or (fixed and field != CONSTANT):
        raise InvalidInput("certificate_file.text", field="columns", line=number, maximum=TEXT)
    return UploadColumn(plain, field, fixed)


def places(count: int) -> range:
    """Return the places that a form offers, with room between them."""
    return range(_STEP, (count + 1) * _STEP, _STEP)


MOST_MAPPINGS = 50


@dataclass(frozen=True, slots=True)
class MappingForm:
    """What a form says of a mapping: its name, its dates, and place, header, field and text of each line."""

    name: str
    dates: str
    lines: Sequence[tuple[str, str, str, str]]


def all_mappings(session: Session) -> list[MappedFile]:
    """Return the mapping that comes with the product, then the saved ones by name."""
    rows = session.scalars(select(UploadMapping).order_by(UploadMapping.name).limit(MOST_MAPPINGS))
    return [standard(str(_("certificates.upload.standard"))), *map(mapped, rows)]


def mapping_of(session: Session, ref: str) -> MappedFile:
    """Return a mapping; raise NotFound("certificate_file.unknown")."""
    if ref == STANDARD:
        return standard(str(_("certificates.upload.standard")))
    return mapped(_row(session, ref))


def keep_mapping(ref: str, form: MappingForm, *, now: datetime, actor: str) -> str:
    """Save a mapping, a new one without a ref, and return its ref.

    Raise what `read_mapping` raises, NotFound("certificate_file.unknown"), Conflict("certificate_file.taken"),
    ("certificate_file.too_many").

    Source: R-93.
    """
    name, dates, columns = read_mapping(form.name, form.dates, form.lines)
    values = {"name": name, "dates": dates, "columns": kept_as(columns)}
    try:
        with unit_of_work() as session:
            row = _row(session, ref, lock=True) if ref else None
            before = _told(mapped(row)) if row is not None else None
            if row is None:
                if len(session.scalars(select(UploadMapping.id).limit(MOST_MAPPINGS)).all()) >= MOST_MAPPINGS:
                    raise Conflict("certificate_file.too_many", maximum=MOST_MAPPINGS)
                row = UploadMapping(ref=new_ref("um", 10))
                session.add(row)
            for key, value in values.items():
                setattr(row, key, value)
            row.changed_at, row.changed_by = now, actor
            session.flush()
            after = _told(mapped(row))
            if before is None:
                record(
                    session,
                    at=now,
                    actor=actor,
                    act="certificate.mapping_make",
                    subject=row.logged_as,
                    after=after,
                )
            elif before != after:
                record(
                    session,
                    at=now,
                    actor=actor,
                    act="certificate.mapping_change",
                    subject=row.logged_as,
                    before=before,
                    after=after,
                )
            return row.ref
    except IntegrityError as error:
        raise Conflict("certificate_file.taken", field="name", name=name) from error


def remove_mapping(ref: str, *, now: datetime, actor: str) -> None:
    """Remove a mapping; raise NotFound("certificate_file.unknown")."""
    with unit_of_work() as session:
        row = _row(session, ref, lock=True)
        before = _told(mapped(row))
        session.delete(row)
        record(
            session,
            at=now,
            actor=actor,
            act="certificate.mapping_remove",
            subject=f"upload_mapping:{ref}",
            before=before,
        )


def _row(session: Session, ref: str, *, lock: bool = False) -> UploadMapping:
    query = select(UploadMapping).where(UploadMapping.ref == ref)
    row = session.scalar(query.with_for_update() if lock else query)
    if row is None:
        raise NotFound("certificate_file.unknown")
    return row


def _told(mapping: MappedFile) -> dict[str, str]:
    columns = ", ".join(f"{one.header}={one.text or one.field}" for one in mapping.columns)
    return {"name": mapping.name, "dates": mapping.day(EXAMPLE), "all_columns": columns}


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
    passed: dict[str, TakenRegistration]
    """The pass of each paper that the certificate stands on."""
    education: str
    number: int


def count_of(session: Session, condition: ColumnElement[bool]) -> int:
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
    lines = []
    for first in range(0, len(rows), _AT_ONCE):
        piece = rows[first : first + _AT_ONCE]
        ledger = ledger_of(session, [one.id for _row, one in piece]) if used & _OF_EXAMS else {}
        educations = _educations(session, [one for _row, one in piece]) if "education" in used else {}
        for number, (row, person) in enumerate(piece, first + 1):
            holder = _Holder(
                row, person, _passed(ledger, row), educations.get(person.document_index, ""), number
            )
            with force_locale(_LANGUAGE):
                cells = tuple(_cell(column, holder, mapping) for column in mapping.columns)
            lines.append(UploadLine(row, cells))
    return lines


_OF_EXAMS = {"theory", "skills", "examined_on"}


def _passed(ledger: Ledger, row: Certificate) -> dict[str, TakenRegistration]:
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
    educations = {}
    for index, sealed in session.execute(query.order_by(Applicant.id)):
        education = json.loads(readable(sealed, TOLD) or "{}").get("education", "")
        if education:
            educations[index] = education
    return educations


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


def _score(taken: TakenRegistration | None) -> str | None:
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
    first: list[Certificate] = dataclasses_field(default_factory=list)


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


def upload_file(
    choice: UploadChoice, *, form: str, blanks: bool, today: str, now: datetime, actor: str
) -> JobResult:
    """Return the file of a choice, and what puts it on record; `blanks`: what is missing may stay empty.

    Raise InvalidInput("certificate_file.form"), Conflict("certificate_file.missing") where something is missing
    that may not, ("certificate_file.gbk") with characters that GBK does not have, and as `chosen` does.

    Source: R-93.
    """
    if form not in FORMS:
        raise InvalidInput("certificate_file.form", field="form")
    with reading() as session:
        upload = chosen(session, choice)
    if upload.missing and not blanks:
        raise Conflict("certificate_file.missing", count=sum(one.count for one in upload.missing))
    body = _book(upload) if form == "xlsx" else _csv(upload, form)
    after: dict[str, object] = {"count": len(upload.lines), "file": form}
    if choice.batch:
        after["batch"] = choice.batch
    else:
        after["issued_days"] = f"{choice.since} – {choice.until}"
    if upload.missing:
        after["left_empty"] = sum(one.count for one in upload.missing)
    subject = f"upload_mapping:{upload.mapping.ref}"
    name = f"{upload.mapping.name}-{today}.{'xlsx' if form == 'xlsx' else 'csv'}"
    return JobResult(
        file=JobFile(name, _CSV.get(form, XLSX), body),
        record=partial(record, at=now, actor=actor, act="certificate.upload", subject=subject, after=after),
    )


def _rows(upload: ChosenUpload) -> list[list[str]]:
    return [[cell or "" for cell in line.cells] for line in upload.lines]


def _heads(upload: ChosenUpload) -> list[str]:
    return [one.header for one in upload.mapping.columns]


def _csv(upload: ChosenUpload, form: str) -> bytes:
    body = to_csv([_heads(upload), *_rows(upload)])
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


def _book(upload: ChosenUpload) -> bytes:
    target = io.BytesIO()
    with new_workbook(target) as book:
        sheet = add_sheet(book, upload.mapping.name)
        plain = text_format(book)
        write_head(book, sheet, [(head, _WIDTH, False) for head in _heads(upload)], plain)
        for number, row in enumerate(_rows(upload), 1):
            for place, cell in enumerate(row):
                write_text(sheet, number, place, cell, plain)
    return target.getvalue()
