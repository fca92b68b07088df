"""Open a roster file: xlsx or csv bytes to rows of text cells, with limits and no formulas."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

import python_calamine

from cbt.errors import InvalidInput

MOST_ROWS = 5000
MOST_COLUMNS = 200
MOST_UNPACKED = 100 * 1024 * 1024
MOST_RATIO = 200
_CELL = re.compile(rb'<(?:\w+:)?c [^>]*?\br="([A-Z]{1,4})(\d{1,9})"')
_LOST_FROM = 10**15


@dataclass(frozen=True, slots=True)
class Cell:
    """The text of a cell; `lost` when a spreadsheet kept a long number as a number and dropped digits."""

    text: str
    lost: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a file with its number as the spreadsheet shows it."""

    number: int
    cells: tuple[Cell, ...]


def open_roster(name: str, body: bytes) -> list[list[Line]]:
    """Return the sheets of a file as lines.

    Raise InvalidInput("roster.kind") for another kind of file, ("roster.unreadable") for a damaged one,
    ("roster.too_big") beyond the limits.
    """
    if body[:2] == b"PK":
        return _workbook(name, body)
    if name.lower().endswith((".csv", ".txt", ".tsv")) and b"\0" not in body[:4096]:
        return [list(_csv(body))]
    raise InvalidInput("roster.kind", field="file", name=name)


def _workbook(name: str, body: bytes) -> list[list[Line]]:
    try:
        _within_limits(body)
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(body))
        return [
            [
                Line(number, tuple(map(_cell, row)))
                for number, row in enumerate(
                    book.get_sheet_by_name(sheet).to_python(skip_empty_area=False), 1
                )
            ]
            for sheet in book.sheet_names
        ]
    except InvalidInput:
        raise
    except Exception as error:  # the reader raises its own kinds for damaged files, and zipfile others
        raise InvalidInput("roster.unreadable", field="file", name=name) from error


def _within_limits(body: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        members = archive.infolist()
        if sum(member.file_size for member in members) > MOST_UNPACKED:
            raise InvalidInput("roster.too_big", field="file", rows=MOST_ROWS)
        for member in members:
            if member.file_size > MOST_RATIO * max(member.compress_size, 1024):
                raise InvalidInput("roster.too_big", field="file", rows=MOST_ROWS)
            if member.filename.startswith("xl/worksheets/") and member.filename.endswith(".xml"):
                _corner(archive.read(member))


def _corner(sheet: bytes) -> None:
    # The reader lays a sheet out as a full grid, so one cell far away would take all memory.
    for column, row in _CELL.findall(sheet):
        number = 0
        for letter in column:
            number = number * 26 + letter - 64
        if int(row) > MOST_ROWS or number > MOST_COLUMNS:
            raise InvalidInput("roster.too_big", field="file", rows=MOST_ROWS)


def _cell(value: object) -> Cell:
    if isinstance(value, float):
        if value == int(value):
            return Cell(str(int(value)), lost=abs(value) >= _LOST_FROM)
        return Cell(repr(value))
    if isinstance(value, datetime | date):
        return Cell(value.isoformat())
    return Cell(str(value).strip())


def _csv(body: bytes) -> Iterator[Line]:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        # What a Chinese spreadsheet saves as CSV.
        text = body.decode("gb18030", errors="replace")
    first = text.split("\n", 1)[0]
    reader = csv.reader(io.StringIO(text), delimiter="\t" if "\t" in first else ",")
    try:
        for number, row in enumerate(reader, 1):
            if number > MOST_ROWS or len(row) > MOST_COLUMNS:
                raise InvalidInput("roster.too_big", field="file", rows=MOST_ROWS)
            yield Line(number, tuple(Cell(cell.strip(), lost=_shortened(cell)) for cell in row))
    except csv.Error as error:
        raise InvalidInput("roster.unreadable", field="file", name="csv") from error


def _shortened(cell: str) -> bool:
    return re.fullmatch(r"\d(\.\d+)?E\+1[5-9]", cell.strip(), re.IGNORECASE) is not None
