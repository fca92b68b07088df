"""A workbook as rows of text: size limits first, then cells as people see them."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import python_calamine

from cbt.errors import InvalidInput

MAX_UNPACKED = 200 * 1024 * 1024
MAX_RATIO = 200
MAX_ENTRIES = 2000
MAX_ROWS = 20_000
MAX_COLUMNS = 60
TEXT_ONLY = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
"""How a workbook of ours is written: what an author typed stays text, whatever it begins with."""
_ZIP = b"PK\x03\x04"
_OLD = b"\xd0\xcf\x11\xe0"

Cell = int | float | str | bool | time | date | datetime | timedelta


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet: its name and its rows from the first one on, every cell a stripped text."""

    name: str
    rows: list[list[str]]


def read_workbook(content: bytes) -> list[Sheet]:
    """Return the sheets of an .xlsx, .xlsm, .xlsb, .ods or .xls file.

    Raises InvalidInput("bank.not_workbook"), ("bank.workbook_too_big") for a file that unpacks beyond all
    measure, ("bank.sheet_too_long") with the sheet.
    """
    if content.startswith(_ZIP):
        _check_zip(content)
    elif not content.startswith(_OLD):
        raise InvalidInput("bank.not_workbook")
    try:
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
        return [_sheet(book, name) for name in book.sheet_names]
    except (python_calamine.CalamineError, zipfile.BadZipFile, OSError) as error:
        raise InvalidInput("bank.not_workbook") from error


def column_letter(index: int) -> str:
    """Return the letter of a 0-based column, as spreadsheets show it."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def _check_zip(content: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            entries = packed.infolist()
    except zipfile.BadZipFile as error:
        raise InvalidInput("bank.not_workbook") from error
    unpacked = sum(entry.file_size for entry in entries)
    if len(entries) > MAX_ENTRIES or unpacked > min(MAX_UNPACKED, max(len(content), 4096) * MAX_RATIO):
        raise InvalidInput("bank.workbook_too_big", limit=MAX_UNPACKED // (1024 * 1024))


def _sheet(book: python_calamine.CalamineWorkbook, name: str) -> Sheet:
    sheet = book.get_sheet_by_name(name)
    if sheet.height > MAX_ROWS or sheet.width > MAX_COLUMNS * 10:
        raise InvalidInput("bank.sheet_too_long", sheet=name, limit=MAX_ROWS)
    rows = sheet.to_python(skip_empty_area=False)
    return Sheet(name, [[_text(cell) for cell in row[:MAX_COLUMNS]] for row in rows])


def _text(cell: Cell) -> str:
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    return str(cell).strip()
