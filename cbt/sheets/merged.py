"""What merged cells say wherever they reach: a spreadsheet keeps their text in the first alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from cbt.sheets.cells import SheetData

MOST_FILLED = 200_000
WIDEST = 60


class Merged:
    """The cells (row and column from 0) that a merged cell covers, with its text.

    `over` are those below its first, `across` those of its first row. Past `MOST_FILLED` no more are taken.
    """

    def __init__(self, rows: Sequence[Sequence[str]], merged: Iterable[tuple[int, int, int, int]]) -> None:
        self.over: dict[tuple[int, int], str] = {}
        self.across: dict[tuple[int, int], str] = {}
        for top, left, bottom, right in merged:
            line = rows[top] if top < len(rows) else []
            text = line[left] if left < len(line) else ""
            if not text or len(self.over) + len(self.across) > MOST_FILLED or right - left > WIDEST:
                continue
            for column in range(left, right + 1):
                self.across[top, column] = text
            for row in range(top + 1, min(bottom + 1, len(rows))):
                self.over[row, left] = text


def filled(sheet: SheetData) -> SheetData:
    """Return a sheet in which each cell says what a merged one over it says: a copy has none."""
    rows = [list(row) for row in sheet.rows]
    for (row, column), text in Merged(sheet.rows, sheet.merged).over.items():
        rows[row] += [""] * (column + 1 - len(rows[row]))
        rows[row][column] = rows[row][column] or text
    return replace(sheet, rows=rows, merged=[])
