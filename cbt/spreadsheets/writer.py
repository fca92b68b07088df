"""The writer of spreadsheets and CSV: a text stays text in the program that opens the file.

A name such as `=HYPERLINK(…)` runs on the machine of whoever opens the list. In a workbook a cell has a
kind, so it is written as text, and its format keeps it text when somebody edits the cell. A CSV has no
kinds: there such a cell gets an apostrophe in front, which spreadsheets take as the mark of a text.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any

import xlsxwriter

from cbt.spreadsheets.cells import SheetData
from cbt.spreadsheets.columns import letter
from cbt.spreadsheets.findings import Note, Severity

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_OPTIONS = {
    "in_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}
_TEXT_FORMAT = {"num_format": 49}
"""The built-in format of texts (@)."""
_FORMULA = frozenset("=+-@")
_LINE_OR_TAB = frozenset("\t\r\n")
_QUOTES = frozenset("\"'`‘’“”„‚«»")
_BEFORE = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp"})
_MARK = "'"
_NOT_IN_A_NAME = re.compile(r"[\[\]:*?/\\]")
_NAME_LENGTH = 31


def looks_like_formula(text: str) -> bool:
    """Return whether a spreadsheet may take a text for a formula.

    That is one that begins with a tab or a line's end, or with `= + - @` of any width, blanks, quotes and what
    nobody sees before it left aside.
    """
    if text[:1] in _LINE_OR_TAB and text:
        return True
    for character in text:
        plain = unicodedata.normalize("NFKC", character)[:1]
        if plain in _FORMULA:
            return True
        if plain not in _QUOTES and unicodedata.category(character) not in _BEFORE and not plain.isspace():
            return False
    return False


def guarded(text: str) -> str:
    """Return a text as a CSV cell holds it: with an apostrophe before what looks like a formula."""
    return f"{_MARK}{text}" if looks_like_formula(text) else text


def unguarded(text: str) -> str:
    """Return what a CSV cell says without the apostrophe that `guarded` put before it."""
    return text[1:] if text.startswith(_MARK) and looks_like_formula(text[1:]) else text


def to_csv(rows: Iterable[Iterable[str]]) -> bytes:
    """Return rows as CSV with a byte-order mark.

    Every cell is quoted: a semicolon or a tab in a text separates nothing, wherever the file is opened.
    """
    target = io.BytesIO()
    with io.TextIOWrapper(target, encoding="utf-8-sig", newline="", write_through=False) as text:
        writer = csv.writer(text, quoting=csv.QUOTE_ALL)
        writer.writerows([guarded(cell) for cell in row] for row in rows)
        text.flush()
        return target.getvalue()


def new_workbook(target: IO[bytes], *, long: bool = False) -> Any:
    """Return a workbook in which no text becomes a formula, a link or a number.

    A `long` one holds a row at a time in memory and the others in files of its own that go with it: rows are
    written from the first on, each whole.
    """
    options = {**_OPTIONS, "in_memory": False, "constant_memory": True} if long else _OPTIONS
    return xlsxwriter.Workbook(target, options)


def add_sheet(book: Any, name: str) -> Any:
    """Add a sheet under the nearest name that spreadsheets take and no other sheet of the book has."""
    taken = {sheet.name.casefold() for sheet in book.worksheets()}
    wanted = _NOT_IN_A_NAME.sub(" ", name).strip("' ")[:_NAME_LENGTH] or "-"
    unique, number = wanted, 2
    while unique.casefold() in taken:
        unique, number = f"{wanted[: _NAME_LENGTH - 4]} {number}", number + 1
    return book.add_worksheet(unique)


def write_head(book: Any, sheet: Any, heads: Sequence[tuple[str, int, bool]], text: Any) -> None:
    """Write a template's first row: each header, how wide its column is, whether it must be filled in.

    `text` is the `text_format` of the cells below, so that codes such as 001 stay as they are.
    """
    required = text_format(book, {"bold": True, "bg_color": "#DCE8FB", "border": 1})
    optional = text_format(book, {"bold": True, "bg_color": "#F2F2F2", "border": 1})
    for place, (header, width, must) in enumerate(heads):
        sheet.set_column(place, place, width, text)
        write_text(sheet, 0, place, header, required if must else optional)
    sheet.freeze_panes(1, 0)


def write_notes(book: Any, name: str, lines: Iterable[tuple[str, str]]) -> None:
    """Add a sheet that explains: a name and what there is to say of it in each row."""
    sheet = book.add_worksheet(name)
    shape = {"text_wrap": True, "valign": "top"}
    formats = text_format(book, {**shape, "bold": True}), text_format(book, shape)
    for place, (width, own) in enumerate(zip((18, 90), formats, strict=True)):
        sheet.set_column(place, place, width, own)
    for row, cells in enumerate(lines):
        for place, (cell, own) in enumerate(zip(cells, formats, strict=True)):
            write_text(sheet, row, place, cell, own)


def text_format(book: Any, shape: Mapping[str, object] | None = None) -> Any:
    """Return a format for cells of text: what is typed over one later stays text too."""
    return book.add_format({**(shape or {}), **_TEXT_FORMAT})


def write_text(sheet: Any, row: int, column: int, text: str, shape: Any) -> None:
    """Write one cell (places from 0) as text; `shape` is a `text_format`."""
    sheet.write_string(row, column, text, shape)


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
        for note in notes:
            by_row[note.place.line].append(note)
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
