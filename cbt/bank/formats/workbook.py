"""A workbook, or whatever else holds a table, as rows of text, within what a bank may take."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from cbt.bank.foreign.marks import Shown
from cbt.bank.foreign.pictured import PicturedBook
from cbt.errors import InvalidInput
from cbt.sheets import reading
from cbt.sheets.cells import SheetData

MAX_ROWS = 20_000
MAX_COLUMNS = 60
_BOUNDS = reading.Bounds(
    MAX_ROWS,
    MAX_COLUMNS * 10,
    {"sheet.unreadable": "bank.not_workbook", "sheet.too_big": "bank.workbook_too_big"},
)
_PICTURED = "cbt.bank.foreign.pictured:open_pictured"
_KINDS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")


def open_tables(content: bytes) -> list[SheetData]:
    """Return the sheets of a workbook, a CSV file, a saved page or an XML spreadsheet as people see their cells.

    Raises as `read_workbook` does, and InvalidInput("sheet.frames").
    """
    return [_within(sheet) for sheet in reading.open_tables(content, _BOUNDS)]


def open_pictured(content: bytes) -> tuple[list[SheetData], Shown]:
    """Return what `open_tables` does, and the pictures of the sheets; raise as that does.

    Of each in `shown` the part is the character that stands for it.
    """
    said = msgspec.msgpack.decode(reading.asked(_PICTURED, content, _BOUNDS), type=PicturedBook)
    sheets = reading.as_typed(content, said.sheets)
    return [_within(sheet) for sheet in sheets], Shown(said.marks, said.bodies)


def _within(sheet: SheetData) -> SheetData:
    return replace(
        sheet,
        rows=[row[:MAX_COLUMNS] for row in sheet.rows],
        merged=[one for one in sheet.merged if one[1] < MAX_COLUMNS],
    )


def is_workbook(content: bytes) -> bool:
    """Say whether a file begins as workbooks do, and as other archives may."""
    return content.startswith(_KINDS)


def read_workbook(content: bytes) -> list[SheetData]:
    """Return the sheets of an .xlsx, .xlsm, .xlsb, .ods or .xls file.

    Raises InvalidInput("bank.not_workbook"), ("bank.workbook_too_big") for a file that takes too much to read,
    ("sheet.locked"), ("sheet.too_long") and ("sheet.too_wide") with the sheet.
    """
    if not is_workbook(content):
        raise InvalidInput("bank.not_workbook")
    sheets = reading.read_workbook(content, _BOUNDS)
    return [replace(sheet, rows=[row[:MAX_COLUMNS] for row in sheet.rows]) for sheet in sheets]
