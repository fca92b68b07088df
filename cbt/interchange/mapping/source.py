"""A file as it is, before anybody understood it: its sheets, the records of its lists, or its lines.

What opens a stranger's file is the same as what reads it, in the same child; nothing is guessed here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from cbt.errors import InvalidInput
from cbt.interchange import html_page, json_bank, picture_marks, plain_text, registry
from cbt.interchange.format import Format
from cbt.interchange.picture_marks import PictureMarks
from cbt.interchange.tables import format as tables
from cbt.interchange.tables.sheet import open_pictured
from cbt.interchange.word import format as word
from cbt.items.draft import Adjustments, Inferred
from cbt.spreadsheets.cells import SheetData
from cbt.spreadsheets.columns import letter

SHEET, RECORDS, LINES = "sheet", "records", "lines"
LISTED = "\u2029"
"""Stands between the values of a list that is one cell."""
MOST_ROWS = 60_000
MOST_COLUMNS = 120
MOST_PARTS = 60
_DEEPEST = 4
_OWN = frozenset({"moodle", "qti", "text"})
"""Formats that say themselves what is what: there is nothing to be said by hand."""
_ARCHIVES = (".xlsx", ".xlsm", ".xlsb", ".ods", ".docx", ".odt", ".zip")


class RawPart(msgspec.Struct, frozen=True):
    """A sheet, a list of records, or the lines of a text; `labels` name its columns."""

    file: str
    form: str
    labels: list[str]
    data: SheetData

    @property
    def name(self) -> str:
        return self.data.name

    @property
    def rows(self) -> list[list[str]]:
        return self.data.rows

    def cell(self, row: int, column: int) -> str:
        """Return a cell (from 0), "" beyond the end."""
        line = self.rows[row] if 0 <= row < len(self.rows) else []
        return line[column] if 0 <= column < len(line) else ""


@dataclass(frozen=True, slots=True)
class RawFile:
    """A file, open: its format, its parts, its pictures, and what is not sure of its charset."""

    name: str
    format: str
    parts: list[RawPart]
    shown: PictureMarks = field(default_factory=PictureMarks)
    inferred: tuple[Inferred, ...] = ()


def open_source(content: bytes, name: str, adjust: Adjustments) -> RawFile:
    """Return what is in a file.

    Raise as the reader of its format does, InvalidInput("bank.mapping.format") for a format that says itself what
    is what, ("bank.mapping.too_long") for more rows than can be shown.
    """
    text, inferred = registry.in_utf8(content, adjust)
    assert isinstance(text, bytes)
    kind = registry.format_for(text, name)
    if kind.name in _OWN:
        raise InvalidInput("bank.mapping.format")
    parts, shown = _opened(kind, text, name)
    parts = [part for part in parts if part.rows][:MOST_PARTS]
    if sum(len(part.rows) for part in parts) > MOST_ROWS:
        raise InvalidInput("bank.mapping.too_long", limit=MOST_ROWS)
    if not parts:
        raise InvalidInput("bank.no_items")
    return RawFile(name, kind.name, parts, shown, inferred)


def _opened(kind: Format, content: bytes, name: str) -> tuple[list[RawPart], PictureMarks]:
    if kind.name == tables.NAME and tables.as_csv(content) is content:
        if tables.is_lock(content, name):
            raise InvalidInput("bank.lock_file", name=name)
        sheets, shown = open_pictured(content)
        return [RawPart(name, SHEET, _letters(sheet.rows), sheet) for sheet in sheets], shown
    if kind.name == json_bank.NAME:
        return list(_records(json_bank.rows_of(content, json_bank.AS_IT_IS), name)), PictureMarks()
    if kind.name == word.NAME:
        document = word.document_of(content)
        return [_lines([line.text for line in document.lines], name)], document.shown
    if kind.name == html_page.NAME:
        return [_lines([line.text for line in html_page.lines_of(content)], name)], PictureMarks()
    if content[:2] == b"PK" and name.lower().endswith(_ARCHIVES):
        raise InvalidInput("bank.not_workbook")  # an archive cut short is no text, whatever its bytes spell
    if len(content) > plain_text.MOST:
        raise InvalidInput("bank.text_too_big", limit=plain_text.MOST // (1024 * 1024))
    text = plain_text.text_of(content).lstrip("\ufeff")
    return [_lines(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), name)], PictureMarks()


def _lines(lines: Sequence[str], file: str) -> RawPart:
    while lines and not lines[-1].strip():
        lines = lines[:-1]
    return RawPart(file, LINES, ["1"], SheetData("", [[line.rstrip()] for line in lines], []))


def _letters(rows: Sequence[Sequence[str]]) -> list[str]:
    return [letter(column) for column in range(min(max(map(len, rows), default=0), MOST_COLUMNS))]


def _records(rows: Sequence[json_bank.Row], file: str) -> Iterator[RawPart]:
    """Yield the lists of a JSON file, each by its path, their objects as rows of one column a field."""
    by_path: dict[str, list[dict[str, str]]] = {}
    for path, row in rows:
        cells: dict[str, str] = {}
        _flatten(row, "", cells, 0)
        by_path.setdefault(path, []).append(cells)
    for path, records in by_path.items():
        labels = list(dict.fromkeys(label for cells in records for label in cells))[:MOST_COLUMNS]
        data = SheetData(path, [[cells.get(label, "") for label in labels] for cells in records], [])
        yield RawPart(file, RECORDS, labels, data)


def _flatten(value: Any, label: str, cells: dict[str, str], depth: int) -> None:
    """Put the values below a field into cells of their own; a list is one cell, or one for each field in it."""
    if isinstance(value, Mapping) and depth < _DEEPEST:
        for name, inner in value.items():
            _flatten(inner, f"{label}.{name}" if label else str(name), cells, depth + 1)
    elif isinstance(value, list):
        objects = [entry for entry in value if isinstance(entry, Mapping)]
        if not objects or len(objects) < len(value):
            if value:
                cells[label] = LISTED.join(map(_said, value))
            return
        if all(len(entry) == 1 for entry in objects):  # each has a name of its own
            cells[f"{label}[]"] = LISTED.join(_said(next(iter(entry.values()))) for entry in objects)
            return
        for name in dict.fromkeys(name for entry in objects for name in entry):
            cells[f"{label}[].{name}"] = LISTED.join(_said(entry.get(name)) for entry in objects)
    else:
        cells[label] = _said(value)


def _said(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "；".join(map(_said, value))
    return str(value).replace(LISTED, "\n")


def shown_cell(cell: str) -> str:
    """Return a cell as people see it: a list's values beside each other, pictures in words."""
    return picture_marks.told(cell.replace(LISTED, " ／ "))
