"""A roster back to who sent it, the cells to look at in colour and what to do beside each line."""

from __future__ import annotations

from collections.abc import Sequence

from cbt.sheets.cells import SheetData
from cbt.sheets.columns import Heading
from cbt.sheets.findings import Note
from cbt.sheets.marking import marked_copy
from cbt.sheets.merged import filled


def marked_roster(
    sheets: Sequence[SheetData], headings: Sequence[Heading], notes: Sequence[Note], *, title: str
) -> bytes:
    """Return the sheets as a workbook with what was found; it comes in again as what it is, once it is mended.

    `title` heads the column that says what to do: one of those that are known and not read (问题).
    """
    heads = {one.sheet: one.row for one in reversed(headings)}
    return marked_copy([filled(one) for one in sheets], notes, heads, title=title)
