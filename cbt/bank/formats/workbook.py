"""A workbook, or whatever else holds a table, as rows of text, within what a bank may take."""

from __future__ import annotations

from msgspec.structs import replace

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
_KINDS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")


def open_tables(content: bytes) -> list[SheetData]:
    """Return the sheets of a workbook, a CSV file, a saved page or an XML spreadsheet as people see their cells.

    Raises as `read_workbook` does, and InvalidInput("sheet.frames").
    """
    sheets = reading.open_tables(content, _BOUNDS)
    return [
        replace(
            sheet,
            rows=[row[:MAX_COLUMNS] for row in sheet.rows],
            merged=[one for one in sheet.merged if one[1] < MAX_COLUMNS],
        )
        for sheet in sheets
    ]


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
