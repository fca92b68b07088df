"""Write spreadsheets and CSV: whatever a text begins with, it stays text in the program that opens the file.

A name such as `=HYPERLINK(…)` runs on the machine of whoever opens the list. In a workbook a cell has a kind, so
it is written as text, and its format keeps it text when somebody edits the cell. A CSV has no kinds: there such a
cell gets an apostrophe in front, which spreadsheets take as the mark of a text.
"""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterable, Mapping
from typing import IO, Any

import xlsxwriter

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
    buffer = io.StringIO()
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL)
    writer.writerows([guarded(cell) for cell in row] for row in rows)
    return buffer.getvalue().encode("utf-8-sig")


def new_workbook(target: IO[bytes]) -> Any:
    """Return a workbook in which no text becomes a formula, a link or a number."""
    return xlsxwriter.Workbook(target, _OPTIONS)


def text_format(book: Any, shape: Mapping[str, object] | None = None) -> Any:
    """Return a format for cells of text: what is typed over one later stays text too."""
    return book.add_format({**(shape or {}), **_TEXT_FORMAT})


def write_text(sheet: Any, row: int, column: int, text: str, shape: Any) -> None:
    """Write one cell (places from 0) as text; `shape` is a `text_format`."""
    sheet.write_string(row, column, text, shape)
