"""Files for an authority: mappings of columns, the certificates of a choice, and what is not known of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial

from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy import ColumnElement, and_, exists, func, select, true
from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.candidates.models import Candidate, Registration
from cbt.certificates.models import Certificate
from cbt.enrolment.applications.person import TOLD
from cbt.enrolment.models import Applicant
from cbt.errors import Conflict, InvalidInput
from cbt.http.i18n import local_day
from cbt.jobs.registry import JobResult
from cbt.personal import DETAILS, DOCUMENT_NAMES, IDENTITY
from cbt.results.column_mapping import (
    CONSTANT,
    LANGUAGE,
    MappedColumn,
    MappedFile,
    MappingKind,
    MissingCells,
    mapped_file,
    missing_in,
)
from cbt.results.models import Result
from cbt.results.retake_ledger import Ledger, TakenRegistration, ledger_of
from cbt.rules.certificates import series_of
from cbt.rules.retake import PaperOutcome
from cbt.sittings.models import Sitting
from cbt.sittings.store import batch_by_ref
from cbt.storage.crypto import DOCUMENT, readable
from cbt.storage.unit_of_work import reading

FIELDS = (
    "sequence", *IDENTITY, "born_on", *(name for name, detail in DETAILS.items() if detail.uploaded), "education",
    "occupation", "level", "level_code", "theory", "skills", "examined_on", "number", "issued_on",
    "standing", "body", CONSTANT,
)  # fmt: skip
"""What is known of a certificate and its holder, in the order in which it is offered."""
STANDARD = "standard"
"""Stands for the ref of the mapping that comes with the product."""
CERTIFICATES = MappingKind(
    prefix="um",
    subject="upload_mapping",
    act="certificate",
    fields=FIELDS,
    shipped={
        STANDARD: (
            ("序号", "sequence"), ("姓名", "name"), ("性别", "gender"), ("证件类型", "document_type"),
            ("证件号码", "document_number"), ("联系电话", "phone"), ("工作单位", "employer"),
            ("职业名称", "occupation"), ("技能等级", "level"), ("理论知识成绩", "theory"),
            ("专业能力成绩", "skills"), ("证书编号", "number"), ("发证日期", "issued_on"), ("评价机构", "body"),
        )
    },
    title="certificates.upload",
)  # fmt: skip


MOST = 5_000
"""So many certificates go into one file."""
_STANDS, _REVOKED = "有效", "撤销"
_AT_ONCE = 500


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
    used = mapping.fields
    lines = []
    for first in range(0, len(rows), _AT_ONCE):
        piece = rows[first : first + _AT_ONCE]
        ledger = ledger_of(session, [one.id for _row, one in piece]) if used & _OF_EXAMS else {}
        educations = _educations(session, [one for _row, one in piece]) if "education" in used else {}
        for number, (row, person) in enumerate(piece, first + 1):
            holder = _Holder(
                row, person, _passed(ledger, row), educations.get(person.document_index, ""), number
            )
            with force_locale(LANGUAGE):
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


def _cell(column: MappedColumn, holder: _Holder, mapping: MappedFile) -> str | None:
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


@dataclass(frozen=True, slots=True)
class UploadChoice:
    """A mapping, and the certificates of a batch or of some days; `revoked` ones are left out otherwise."""

    mapping: str
    batch: str
    since: date | None
    until: date | None
    revoked: bool


@dataclass(frozen=True, slots=True)
class ChosenUpload:
    """What a choice comes to: the mapping, its lines, what is missing by column."""

    mapping: MappedFile
    lines: Sequence[UploadLine]
    missing: Sequence[MissingCells[Certificate]]


def read_choice(sent: Mapping[str, str]) -> UploadChoice:
    """Return what was chosen; raise InvalidInput("certificate_file.choice") for neither a batch nor both days."""
    since, until = _day(sent.get("since", "")), _day(sent.get("until", ""))
    batch = sent.get("batch", "")
    if not batch and (since is None or until is None or since > until):
        raise InvalidInput("certificate_file.choice", field="since")
    return UploadChoice(sent.get("mapping", ""), batch, since, until, sent.get("revoked") == "1")


def chosen(session: Session, choice: UploadChoice) -> ChosenUpload:
    """Return the certificates of a choice with what is missing.

    Raise NotFound("mapped_file.unknown"), ("batch.unknown"), Conflict("certificate_file.nobody"),
    ("certificate_file.too_large").

    Source: R-93.
    """
    mapping, condition = CERTIFICATES.file_of(session, choice.mapping), _condition(session, choice)
    count = count_of(session, condition)
    if not count:
        raise Conflict("certificate_file.nobody")
    if count > MOST:
        raise Conflict("certificate_file.too_large", count=count, maximum=MOST)
    lines = lines_of(session, mapping, condition)
    return ChosenUpload(
        mapping, lines, missing_in(mapping, ((line.certificate, line.cells) for line in lines))
    )


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


def upload_file(
    choice: UploadChoice, *, form: str, blanks: bool, today: str, now: datetime, actor: str
) -> JobResult:
    """Return the file of a choice, and what puts it on record; `blanks`: what is missing may stay empty.

    Raise Conflict("mapped_file.missing") where something is missing that may not, and as `chosen` and
    `mapped_file` do.

    Source: R-93.
    """
    with reading() as session:
        upload = chosen(session, choice)
    if upload.missing and not blanks:
        raise Conflict("mapped_file.missing", count=sum(one.count for one in upload.missing))
    file = mapped_file(
        upload.mapping,
        [line.cells for line in upload.lines],
        form=form,
        name=f"{upload.mapping.name}-{today}",
    )
    after: dict[str, object] = {"count": len(upload.lines), "file": form}
    if choice.batch:
        after["batch"] = choice.batch
    else:
        after["issued_days"] = f"{choice.since} – {choice.until}"
    if upload.missing:
        after["left_empty"] = sum(one.count for one in upload.missing)
    subject = f"{CERTIFICATES.subject}:{upload.mapping.ref}"
    note = partial(record, at=now, actor=actor, act="certificate.upload", subject=subject, after=after)
    return JobResult(file=file, record=note)
