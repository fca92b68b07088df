"""A roster back to who sent it, the cells to look at in colour and what to do beside each line."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from cbt.sheets.cells import SheetData
from cbt.sheets.columns import Heading
from cbt.sheets.findings import Note
from cbt.sheets.marking import marked_copy
from cbt.sheets.merged import Merged


def marked_roster(
    sheets: Sequence[SheetData], headings: Sequence[Heading], notes: Sequence[Note], *, title: str
) -> bytes:
    """Return the sheets as a workbook with what was found; it comes in again as what it is, once it is mended.

    `title` heads the column that says what to do: one of those that are known and not read (问题).
    """
    heads = {one.sheet: one.row for one in reversed(headings)}
    return marked_copy([_filled(one) for one in sheets], notes, heads, title=title)


def _filled(sheet: SheetData) -> SheetData:
    """Return a sheet in which each cell says what a merged one over it says: a copy has none."""
    rows = [list(row) for row in sheet.rows]
    for (row, column), text in Merged(sheet.rows, sheet.merged).over.items():
        rows[row] += [""] * (column + 1 - len(rows[row]))
        rows[row][column] = rows[row][column] or text
    return replace(sheet, rows=rows, merged=[])
