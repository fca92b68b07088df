"""A workbook as rows of text."""

from __future__ import annotations

from dataclasses import dataclass

from cbt.errors import InvalidInput
from cbt.sheets import reading

MAX_ROWS = 20_000
MAX_COLUMNS = 60
_BOUNDS = reading.Bounds(MAX_ROWS, MAX_COLUMNS * 10)
_KINDS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet: its name and its rows from the first one on, every cell a stripped text."""

    name: str
    rows: list[list[str]]


def is_workbook(content: bytes) -> bool:
    """Say whether a file begins as workbooks do, and as other archives may."""
    return content.startswith(_KINDS)


def read_workbook(content: bytes) -> list[Sheet]:
    """Return the sheets of an .xlsx, .xlsm, .xlsb, .ods or .xls file.

    Raises InvalidInput("bank.not_workbook"), ("bank.workbook_too_big") for a file that takes too much to read,
    ("sheet.locked"), ("sheet.too_long") and ("sheet.too_wide") with the sheet.
    """
    if not is_workbook(content):
        raise InvalidInput("bank.not_workbook")
    try:
        found = reading.read_workbook(content, _BOUNDS)
    except InvalidInput as error:
        if error.code == "sheet.unreadable":
            raise InvalidInput("bank.not_workbook") from error
        if error.code == "sheet.too_big":
            raise InvalidInput("bank.workbook_too_big") from error
        raise
    return [Sheet(sheet.name, [row[:MAX_COLUMNS] for row in sheet.rows]) for sheet in found]


def column_letter(index: int) -> str:
    """Return the letter of a 0-based column, as spreadsheets show it."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters
