"""Mappings for an authority's files: what a column can hold, how days are written; shipped and saved ones."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.certificates.models import UploadMapping
from cbt.errors import Conflict, InvalidInput, NotFound
from cbt.http.form_values import one_line, required, whole_number
from cbt.personal.fields import DETAILS, IDENTITY
from cbt.rules.canonical import canonical_json
from cbt.storage.types import new_ref
from cbt.storage.unit_of_work import unit_of_work

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
        """Return a day as this mapping writes it."""
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
    """Return a saved mapping as it is used."""
    columns = tuple(UploadColumn(*one) for one in json.loads(row.columns))
    return MappedFile(row.ref, row.name, row.dates, columns)


def kept_as(columns: Iterable[UploadColumn]) -> str:
    """Return columns as they are saved."""
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
    found = []
    for number, (place, header, field, text) in enumerate(sent, 1):
        if not header.strip() and not field:
            continue
        at = whole_number(place.strip(), most=9999)
        if at is None:
            raise InvalidInput("certificate_file.place", field="columns", line=number)
        found.append((at, number, _column(number, header, field, text)))
    columns = tuple(column for _at, _number, column in sorted(found, key=lambda one: one[:2]))
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
