"""Mappings of columns that an office saves: what a file for others holds, in which order, under which headers.

What files there are is said by kinds: each has its fields, and the mappings that come with the product.

Source: R-93, R-60.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclasses_field
from datetime import date, datetime
from typing import Generic, TypeVar

from flask_babel import gettext as _
from sqlalchemy import Select, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from cbt.audit.chain import record
from cbt.errors import Conflict, InvalidInput, NotFound
from cbt.http.form_values import one_line, required, whole_number
from cbt.jobs.registry import JobFile
from cbt.results.models import UploadMapping
from cbt.rules.canonical import canonical_json
from cbt.spreadsheets.writer import XLSX, add_sheet, new_workbook, text_format, to_csv, write_head, write_text
from cbt.storage.types import new_ref
from cbt.storage.unit_of_work import unit_of_work

CONSTANT = "constant"
"""The field of a column that says the same in every line."""
DATES: Mapping[str, str] = {
    "dashes": "{0:%Y-%m-%d}",
    "digits": "{0:%Y%m%d}",
    "slashes": "{0:%Y/%m/%d}",
    "words": "{0.year}年{0.month}月{0.day}日",
}
EXAMPLE = date(2026, 11, 28)
"""The day by which people are shown how days are written."""
MOST_COLUMNS, HEADER, TEXT, NAME = 60, 60, 120, 60
MOST_MAPPINGS = 50
"""So many are saved of a kind."""
NAMED = 10
"""So many people are named for a column; of the others there is a number."""
FORMS = ("xlsx", "utf8", "gbk")
LANGUAGE = "zh"
"""Of what stands in a file, whoever asks for it."""
SPARE = 5
"""So many empty lines a form ends with."""
_STEP = 10
_CELLS = ("place", "header", "field", "text")
_WIDTH = 20
_CSV = {"utf8": "text/csv; charset=utf-8", "gbk": "text/csv; charset=gbk"}
_BETWEEN_CODES = re.compile(r"[;；、,，]")

Holder = TypeVar("Holder")


@dataclass(frozen=True, slots=True)
class MappedColumn:
    """A column: its header, what stands in it, and the text of one that is the same in every line.

    In a kind whose values are translated, the text of any other column says how: 合格=1；不合格=0.
    """

    header: str
    field: str
    text: str = ""

    def translated(self, value: str) -> str:
        """Return what a value is written as; one that nothing is said of stays as it is."""
        return dict(codes_in(self.text)).get(value, value) if self.text else value


@dataclass(frozen=True, slots=True)
class MappedFile:
    """A mapping as it is used: the columns in their order, and how days are written."""

    ref: str
    name: str
    dates: str
    columns: tuple[MappedColumn, ...]

    def day(self, day: date) -> str:
        return DATES[self.dates].format(day)

    @property
    def fields(self) -> set[str]:
        return {column.field for column in self.columns}


@dataclass(frozen=True, slots=True)
class MappingForm:
    """What a form says of a mapping: its name, its dates, and place, header, field and text of each line."""

    name: str
    dates: str
    lines: Sequence[tuple[str, str, str, str]]


@dataclass(frozen=True, slots=True)
class MappingKind:
    """What mappings are of: how their refs begin, how the log names them, their fields, those that are shipped."""

    prefix: str
    subject: str
    act: str
    fields: tuple[str, ...]
    shipped: Mapping[str, Sequence[tuple[str, str]]]
    """What stands for its ref -> header and field of each column."""
    title: str
    """The text that a shipped one's name is under, before its ref."""
    translates: bool = False

    def shipped_file(self, ref: str) -> MappedFile:
        """Return a mapping that comes with the product, under a name in the language of whoever asks."""
        columns = tuple(MappedColumn(header, field) for header, field in self.shipped[ref])
        return MappedFile(ref, str(_(f"{self.title}.{ref}")), "dashes", columns)

    def of_row(self, row: UploadMapping) -> MappedFile:
        columns = tuple(MappedColumn(*column) for column in json.loads(row.columns))
        return MappedFile(row.ref, row.name, row.dates, columns)

    def all_files(self, session: Session) -> list[MappedFile]:
        """Return the mappings that come with the product, then the saved ones by name."""
        rows = session.scalars(self._rows().order_by(UploadMapping.name))
        return [*map(self.shipped_file, self.shipped), *map(self.of_row, rows)]

    def file_of(self, session: Session, ref: str) -> MappedFile:
        """Return a mapping; raise NotFound("mapped_file.unknown")."""
        return self.shipped_file(ref) if ref in self.shipped else self.of_row(self._row(session, ref))

    def read(self, form: MappingForm) -> tuple[str, str, tuple[MappedColumn, ...]]:
        """Return the name, the dates and the columns of a form; a line without header and field is none.

        Each line has its place, header, field and text; lines stand by their places, equal ones as they came.
        Raise InvalidInput of "mapped_file": "name", "dates", "place", "header", "field", "text", "codes", "twice"
        or "columns".
        """
        plain = required(form.name, "mapped_file.name", "name", limit=NAME)
        if form.dates not in DATES:
            raise InvalidInput("mapped_file.dates", field="dates")
        rows = []
        for number, (place, header, field, text) in enumerate(form.lines, 1):
            if not header.strip() and not field:
                continue
            at = whole_number(place.strip(), most=9999)
            if at is None:
                raise InvalidInput("mapped_file.place", field="columns", line=number)
            rows.append((at, number, self._column(number, header, field, text)))
        columns = tuple(column for _at, _number, column in sorted(rows, key=lambda row: row[:2]))
        if not 1 <= len(columns) <= MOST_COLUMNS:
            raise InvalidInput("mapped_file.columns", field="columns", maximum=MOST_COLUMNS)
        headers = [column.header for column in columns]
        for header in headers:
            if headers.count(header) > 1:
                raise InvalidInput("mapped_file.twice", field="columns", header=header)
        return plain, form.dates, columns

    def _column(self, number: int, header: str, field: str, text: str) -> MappedColumn:
        plain, written = one_line(header, "columns"), one_line(text, "columns")
        if not 1 <= len(plain) <= HEADER:
            raise InvalidInput("mapped_file.header", field="columns", line=number, maximum=HEADER)
        if field not in self.fields:
            raise InvalidInput("mapped_file.field", field="columns", line=number)
        if len(written) > TEXT or (written and field != CONSTANT and not self.translates):
            raise InvalidInput("mapped_file.text", field="columns", line=number, maximum=TEXT)
        if written and field != CONSTANT and not all(old for old, _new in codes_in(written)):
            raise InvalidInput("mapped_file.codes", field="columns", line=number)
        return MappedColumn(plain, field, written)

    def keep(self, ref: str, form: MappingForm, *, now: datetime, actor: str) -> str:
        """Save a mapping, a new one without a ref, and return its ref.

        Raise what `read` raises, NotFound("mapped_file.unknown"), Conflict("mapped_file.taken"),
        ("mapped_file.too_many").

        Source: R-93.
        """
        name, dates, columns = self.read(form)
        kept = canonical_json([[column.header, column.field, column.text] for column in columns])
        try:
            with unit_of_work() as session:
                row = self._row(session, ref, lock=True) if ref else None
                before = self._told(row) if row is not None else None
                if row is None:
                    if len(session.scalars(self._rows()).all()) >= MOST_MAPPINGS:
                        raise Conflict("mapped_file.too_many", maximum=MOST_MAPPINGS)
                    row = UploadMapping(ref=new_ref(self.prefix, 10))
                    session.add(row)
                row.name, row.dates, row.columns = name, dates, kept
                row.changed_at, row.changed_by = now, actor
                session.flush()
                after, subject = self._told(row), f"{self.subject}:{row.ref}"
                if before is None:
                    act = f"{self.act}.mapping_make"
                    record(session, at=now, actor=actor, act=act, subject=subject, after=after)
                elif before != after:
                    act = f"{self.act}.mapping_change"
                    record(session, at=now, actor=actor, act=act, subject=subject, before=before, after=after)
                return row.ref
        except IntegrityError as error:
            raise Conflict("mapped_file.taken", field="name", name=name) from error

    def remove(self, ref: str, *, now: datetime, actor: str) -> None:
        """Remove a mapping; raise NotFound("mapped_file.unknown")."""
        with unit_of_work() as session:
            row = self._row(session, ref, lock=True)
            before = self._told(row)
            session.delete(row)
            act, subject = f"{self.act}.mapping_remove", f"{self.subject}:{ref}"
            record(session, at=now, actor=actor, act=act, subject=subject, before=before)

    def _rows(self) -> Select[UploadMapping]:
        of_kind = UploadMapping.ref.startswith(f"{self.prefix}-", autoescape=True)
        return select(UploadMapping).where(of_kind).limit(MOST_MAPPINGS)

    def _row(self, session: Session, ref: str, *, lock: bool = False) -> UploadMapping:
        query = self._rows().where(UploadMapping.ref == ref)
        row = session.scalar(query.with_for_update() if lock else query)
        if row is None:
            raise NotFound("mapped_file.unknown")
        return row

    def _told(self, row: UploadMapping) -> dict[str, str]:
        mapping = self.of_row(row)
        columns = ", ".join(_told_column(column) for column in mapping.columns)
        return {"name": mapping.name, "dates": mapping.day(EXAMPLE), "all_columns": columns}


def _told_column(column: MappedColumn) -> str:
    if column.field == CONSTANT or not column.text:
        return f"{column.header}={column.text or column.field}"
    return f"{column.header}={column.field} ({column.text})"


def codes_in(text: str) -> list[tuple[str, str]]:
    """Return what is written as what, "" for whatever a piece without a sign of equality is: 男=1；女=2."""
    pieces = [
        piece.replace("＝", "=").partition("=") for piece in _BETWEEN_CODES.split(text) if piece.strip()
    ]
    return [(old.strip() if sign else "", new.strip()) for old, sign, new in pieces]


def places(count: int) -> range:
    """Return the places that a form offers, with room between them."""
    return range(_STEP, (count + 1) * _STEP, _STEP)


def lines_of(mapping: MappedFile) -> list[tuple[str, str, str, str]]:
    """Return the lines by which a form shows a mapping, with empty ones at its end."""
    cells = [(column.header, column.field, column.text) for column in mapping.columns]
    cells += [("", "", "")] * SPARE
    return [(str(place), *line) for place, line in zip(places(len(cells)), cells, strict=True)]


def sent_mapping(form: MultiDict[str, str]) -> MappingForm:
    """Return what a form says of a mapping, whatever it says."""
    lines = zip(*(form.getlist(name)[: MOST_COLUMNS + SPARE] for name in _CELLS), strict=False)
    return MappingForm(form.get("name", ""), form.get("dates", ""), [*lines])


def shown_mapping(form: MappingForm) -> dict[str, object]:
    """Return what the form of a mapping shows beside its fields."""
    return {
        "name": form.name,
        "dates": form.dates,
        "lines": [dict(zip(_CELLS, line, strict=True)) for line in form.lines],
        "all_dates": [(code, pattern.format(EXAMPLE)) for code, pattern in DATES.items()],
    }


@dataclass(slots=True)
class MissingCells(Generic[Holder]):
    """A column in which something is not known: of how many, and the first of them."""

    header: str
    count: int = 0
    first: list[Holder] = dataclasses_field(default_factory=list)


def missing_in(
    mapping: MappedFile, lines: Iterable[tuple[Holder, Sequence[str | None]]]
) -> list[MissingCells[Holder]]:
    """Return the columns in which something is not known, None in a line's cells."""
    missing: list[MissingCells[Holder]] = [MissingCells(column.header) for column in mapping.columns]
    for holder, cells in lines:
        for cell, column in zip(cells, missing, strict=True):
            if cell is None:
                column.count += 1
                column.first += [holder] if len(column.first) < NAMED else []
    return [column for column in missing if column.count]


def mapped_file(
    mapping: MappedFile, lines: Iterable[Sequence[str | None]], *, form: str, name: str
) -> JobFile:
    """Return the lines under the headers of a mapping as a file; what is not known stays empty.

    Raise InvalidInput("mapped_file.form"), Conflict("mapped_file.gbk") with characters that GBK does not have.
    """
    if form not in FORMS:
        raise InvalidInput("mapped_file.form", field="form")
    heads = [column.header for column in mapping.columns]
    rows = [[cell or "" for cell in line] for line in lines]
    if form == "xlsx":
        return JobFile(f"{name}.xlsx", XLSX, _book(mapping.name, heads, rows))
    return JobFile(f"{name}.csv", _CSV[form], _csv([heads, *rows], form))


def _csv(rows: Sequence[Sequence[str]], form: str) -> bytes:
    body = to_csv(rows)
    if form == "utf8":
        return body
    text = body.decode("utf-8-sig")
    try:
        return text.encode("gbk")
    except UnicodeEncodeError as error:
        unknown = sorted({sign for sign in text if not _in_gbk(sign)})
        raise Conflict("mapped_file.gbk", characters="、".join(unknown[:20])) from error


def _in_gbk(sign: str) -> bool:
    try:
        return bool(sign.encode("gbk"))
    except UnicodeEncodeError:
        return False


def _book(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> bytes:
    target = io.BytesIO()
    with new_workbook(target) as book:
        sheet = add_sheet(book, title)
        plain = text_format(book)
        write_head(book, sheet, [(head, _WIDTH, False) for head in heads], plain)
        for number, row in enumerate(rows, 1):
            for place, cell in enumerate(row):
                write_text(sheet, number, place, cell, plain)
    return target.getvalue()
