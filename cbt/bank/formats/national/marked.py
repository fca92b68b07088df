"""An author's workbook back, with the cells to look at in colour and what to do beside each row."""

from __future__ import annotations

import io
import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from flask_babel import gettext as _

from cbt.bank.formats.national.headers import header_row
from cbt.bank.formats.workbook import Sheet, column_letter, read_workbook
from cbt.bank.imports.texts import Note, note
from cbt.sheets.findings import Finding, Severity
from cbt.sheets.writing import new_workbook, text_format, write_text

_COLOURS = {Severity.ERROR: "#F8C9C4", Severity.HINT: "#FDE9C4", Severity.FIXED: "#DDEBFA"}
_WORST_FIRST = (Severity.ERROR, Severity.HINT, Severity.FIXED)
_FORBIDDEN = re.compile(r"[\[\]:*?/\\]")
WIDEST = 60


def marked_workbook(content: bytes, findings: Sequence[Finding]) -> bytes:
    """Return the workbook `content` with its findings marked; every cell is written as text, never a formula.

    The cell of a finding is coloured and carries a comment, the row says what to do in one more column.
    """
    buffer = io.BytesIO()
    book = new_workbook(buffer)
    by_sheet: defaultdict[str, list[Note]] = defaultdict(list)
    for found in findings:
        by_sheet[found.place.sheet].append(note(found))
    for sheet in read_workbook(content):
        _write_sheet(book, sheet, by_sheet[sheet.name])
    book.close()
    return buffer.getvalue()


def _write_sheet(book: Any, sheet: Sheet, notes: Sequence[Note]) -> None:
    page = book.add_worksheet(_sheet_name(sheet.name, len(book.worksheets())))
    shape = {"text_wrap": True, "valign": "top"}
    plain = text_format(book, shape)
    marks = {
        severity: text_format(book, {**shape, "bg_color": colour}) for severity, colour in _COLOURS.items()
    }
    by_row: defaultdict[int, list[Note]] = defaultdict(list)
    for said in notes:
        by_row[said.line].append(said)
    last = max((len(row) for row in sheet.rows), default=0)
    head = header_row(sheet.rows)
    for number, row in enumerate(sheet.rows, 1):
        by_column: defaultdict[str, list[Note]] = defaultdict(list)
        for said in by_row[number]:
            by_column[said.column].append(said)
        for index, cell in enumerate(row):
            own = by_column[column_letter(index)]
            if cell or own:
                write_text(page, number - 1, index, cell, marks[_worst(own)] if own else plain)
            if own:
                page.write_comment(number - 1, index, _joined(own))
        if by_row[number]:
            write_text(page, number - 1, last, _joined(by_row[number]), marks[_worst(by_row[number])])
        elif head is not None and number == head + 1:
            write_text(page, number - 1, last, _("bank.marked.column"), plain)
    page.set_column(0, max(last - 1, 0), 18)
    page.set_column(last, last, WIDEST)


def _sheet_name(name: str, taken: int) -> str:
    """Other programs allow longer names and other characters; a changed one gets its number."""
    usable = _FORBIDDEN.sub(" ", name)[:28].strip("' ")
    return name if usable == name else f"{usable} {taken + 1}"


def _worst(notes: Sequence[Note]) -> Severity:
    return min((said.severity for said in notes), key=_WORST_FIRST.index)


def _joined(notes: Sequence[Note]) -> str:
    return "\n".join(f"{said.severity_label}：{said.why}{said.fix}" for said in notes)
