"""A workbook back to its author, with the cells to look at in colour and what to do beside each row."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cbt.sheets.cells import SheetData
from cbt.sheets.columns import letter
from cbt.sheets.findings import Note, Severity
from cbt.sheets.writing import add_sheet, new_workbook, text_format, write_text

_COLOURS = {Severity.ERROR: "#F8C9C4", Severity.HINT: "#FDE9C4", Severity.FIXED: "#DDEBFA"}
"""The worst first."""
WIDEST = 60


def marked_copy(
    sheets: Iterable[SheetData], notes: Sequence[Note], heads: Mapping[str, int], *, title: str
) -> bytes:
    """Return the sheets as a workbook with what was found; every cell is written as text, never a formula.

    The cell of a finding is coloured and carries a comment, the row says what to do in one more column under
    `title`, in the row of `heads` (sheet → row from 1) that names the columns.
    """
    buffer = io.BytesIO()
    with new_workbook(buffer) as book:
        shape = {"text_wrap": True, "valign": "top"}
        marks = {
            severity: text_format(book, {**shape, "bg_color": colour})
            for severity, colour in _COLOURS.items()
        }
        for sheet in sheets:
            page = _Page(add_sheet(book, sheet.name), text_format(book, shape), marks)
            own = [note for note in notes if note.place.sheet == sheet.name]
            page.fill(sheet.rows, own, {heads[sheet.name]: title} if heads.get(sheet.name) else {})
    return buffer.getvalue()


@dataclass(frozen=True, slots=True)
class _Page:
    """One sheet of the copy, the format of its cells and of those to look at."""

    sheet: Any
    plain: Any
    marks: Mapping[Severity, Any]

    def fill(self, rows: Sequence[Sequence[str]], notes: Sequence[Note], heads: Mapping[int, str]) -> None:
        """Write the rows, and beside each what is to be done, or the head of that column."""
        by_row: defaultdict[int, list[Note]] = defaultdict(list)
        for said in notes:
            by_row[said.place.line].append(said)
        last = max((len(row) for row in rows), default=0)
        for number, row in enumerate(rows, 1):
            for index, cell in enumerate(row):
                own = [said for said in by_row[number] if said.place.column == letter(index)]
                if cell or own:
                    self._write(number - 1, index, cell, own)
                if own:
                    self.sheet.write_comment(number - 1, index, _joined(own))
            if beside := _joined(by_row[number]) or heads.get(number, ""):
                self._write(number - 1, last, beside, by_row[number])
        self.sheet.set_column(0, max(last - 1, 0), 18)
        self.sheet.set_column(last, last, WIDEST)

    def _write(self, row: int, column: int, text: str, notes: Sequence[Note]) -> None:
        write_text(self.sheet, row, column, text, self.marks[_worst(notes)] if notes else self.plain)


def _worst(notes: Sequence[Note]) -> Severity:
    return min((said.severity for said in notes), key=list(_COLOURS).index)


def _joined(notes: Sequence[Note]) -> str:
    return "\n".join(f"{said.severity_label}：{said.why}{said.fix}" for said in notes)
