"""Open a roster file: xlsx or csv bytes to rows of text cells, with limits and no formulas."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cbt.errors import InvalidInput
from cbt.sheets.cells import SheetData
from cbt.sheets.reading import Bounds, read_csv, read_workbook
from cbt.sheets.writing import unguarded

MOST_ROWS = 5000
MOST_COLUMNS = 200
_BOUNDS = Bounds(MOST_ROWS, MOST_COLUMNS)
_TOO_BIG = frozenset({"sheet.too_big", "sheet.too_long", "sheet.too_wide"})


@dataclass(frozen=True, slots=True)
class Cell:
    """The text of a cell; `lost` when a spreadsheet kept a long number as a number and dropped digits."""

    text: str
    lost: bool = False


@dataclass(frozen=True, slots=True)
class FileLine:
    """One row of a file with its number as the spreadsheet shows it."""

    number: int
    cells: tuple[Cell, ...]


def open_roster(name: str, body: bytes) -> list[list[FileLine]]:
    """Return the sheets of a file as lines.

    Raise InvalidInput("roster.kind") for another kind of file, ("roster.unreadable") for a damaged one,
    ("roster.too_big") beyond the limits, ("sheet.locked") behind a password.
    """
    workbook = body[:2] == b"PK"
    if not workbook and not (name.lower().endswith((".csv", ".txt", ".tsv")) and b"\0" not in body[:4096]):
        raise InvalidInput("roster.kind", field="file", name=name)
    try:
        sheets = read_workbook(body, _BOUNDS) if workbook else [read_csv(body, _BOUNDS)]
    except InvalidInput as error:
        if error.code in _TOO_BIG:
            raise InvalidInput("roster.too_big", field="file", rows=MOST_ROWS) from error
        if error.code == "sheet.unreadable":
            raise InvalidInput("roster.unreadable", field="file", name=name) from error
        raise
    return [_lines(sheet, str if workbook else unguarded) for sheet in sheets]


def _lines(sheet: SheetData, plain: Callable[[str], str]) -> list[FileLine]:
    lost = set(sheet.lost)
    return [
        FileLine(
            number, tuple(Cell(plain(text), (number - 1, place) in lost) for place, text in enumerate(row))
        )
        for number, row in enumerate(sheet.rows, 1)
    ]
