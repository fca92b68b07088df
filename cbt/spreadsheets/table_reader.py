"""The child's side of opening whatever holds a table: cells as a spreadsheet shows them, merged cells, pictures.

What a file is called says nothing: its first bytes do. Only `cbt.confined` runs this, in a process of its own.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, time, timedelta

import msgspec
import python_calamine
from msgspec.structs import replace

from cbt.errors import InvalidInput
from cbt.spreadsheets.cells import (
    ENCRYPTED,
    WORKSHEET,
    SheetData,
    charset_text,
    check_package,
    from_first,
    gather,
    text_of,
)
from cbt.spreadsheets.markup import html_tables, xml_sheets
from cbt.spreadsheets.number_formats import general, shown, valued
from cbt.spreadsheets.xls import BiffSheet, biff_sheets
from cbt.spreadsheets.xlsx_ods import OdsSheet, SheetPackage, ShownAt, ods_sheets, wps_id

_OLE = b"\xd0\xcf\x11\xe0"
_DELIMITERS = "\t,;|"
_SAMPLE = 60
_PICTURE = re.compile(r"^=?_?(?:xlfn\.)?DISPIMG\(", re.IGNORECASE)
_CHARSET = re.compile(rb"charset\s*=\s*[\"']?\s*([\w-]+)", re.IGNORECASE)
_PAGE = re.compile(r"<(?:html|table|!doctype\s+html|meta|style|head|body|div)[\s>]", re.IGNORECASE)
_FRAMES = re.compile(r"<frameset|<x:WorksheetSource\s+HRef", re.IGNORECASE)
csv.field_size_limit(1_000_000)

_NOWHERE: ShownAt = (0, 0, "", "")
"""Some picture of an .xlsb file: where it stands is written in a way that is not read."""
Said = Callable[[int, int, object], str]


def open_tables(body: bytes, *, rows: int, columns: int) -> bytes:
    """Return the sheets of a workbook, a saved page, an XML spreadsheet or a CSV file as msgpack.

    Raise as `tables` does.
    """
    return msgspec.msgpack.encode(tables(body, rows, columns))


def open_values(body: bytes, *, rows: int, columns: int) -> bytes:
    """Return what `open_tables` does, with the values of typed cells; raise as that does."""
    return msgspec.msgpack.encode(tables(body, rows, columns, values=True))


def tables(body: bytes, rows: int, columns: int, *, values: bool = False) -> list[SheetData]:
    """Return the sheets of a file; with `values` numbers whole, days and times in one way.

    Raise InvalidInput as `cells.read_workbook` does, and ("sheet.frames") for a page whose sheets lie elsewhere.
    """
    if body[:2] == b"PK" or body[:4] == _OLE:
        return _workbook(body, rows, columns, values=values)
    text = _text_of(body)
    head = text[:4000]
    if "urn:schemas-microsoft-com:office:spreadsheet" in head:
        return [_marked(*one, rows, columns) for one in xml_sheets(body, rows, columns)]
    if _PAGE.search(head):
        if _FRAMES.search(text):
            raise InvalidInput("sheet.frames")
        return [
            _marked("" if not number else f"#{number + 1}", *table, rows, columns)
            for number, table in enumerate(html_tables(text))
        ]
    return [_csv(text, rows, columns)]


def _text_of(body: bytes) -> str:
    said = _CHARSET.search(body[:2000])
    return charset_text(body, said[1].decode() if said else "")


def _marked(
    name: str, rows: list[list[str]], merged: list[tuple[int, int, int, int]], most: int, columns: int
) -> SheetData:
    return replace(gather(name, rows, most, columns), merged=merged)


def _csv(text: str, rows: int, columns: int) -> SheetData:
    if text[:4].lower() == "sep=" and len(text) > 5:
        delimiter, text = text[4], text.split("\n", 1)[-1]
    else:
        delimiter = _delimiter(text)
    try:
        return gather("", csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), rows, columns)
    except csv.Error as error:
        raise InvalidInput("sheet.unreadable") from error


def _delimiter(text: str) -> str:
    """Return what stands between the cells: what cuts most of the first rows into as many pieces."""
    best, chosen = 0.0, ","
    first = next((line for line in text[:4000].splitlines() if line.strip()), "")
    for delimiter in _DELIMITERS:
        widths: Counter[int] = Counter()
        try:
            for row in csv.reader(io.StringIO(text[:200_000], newline=""), delimiter=delimiter):
                widths[len(row)] += bool(row)
                if widths.total() >= _SAMPLE:
                    break
        except csv.Error:
            continue
        width, count = max(((w, n) for w, n in widths.items() if w > 1), key=lambda at: at[1], default=(1, 0))
        share = max(count, 0.9 * (widths.total() - widths[1])) / max(widths.total(), 1)
        share -= 0.3 * ((width == 2) + (delimiter not in first))  # a tab in each text cuts in two
        if width > 1 and round(share, 2) > best:
            best, chosen = round(share, 2), delimiter
    return chosen


def _workbook(body: bytes, rows: int, columns: int, *, values: bool) -> list[SheetData]:
    if body[:2] == b"PK":
        check_package(body)
    elif ENCRYPTED in body:
        raise InvalidInput("sheet.locked")
    try:
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(body))
        names = [known.name for known in book.sheets_metadata if known.typ == WORKSHEET]
        beside = _beside(body, rows)
        return [_sheet(book, name, rows, columns, beside, values=values) for name in names]
    except (InvalidInput, MemoryError):
        raise
    except python_calamine.PasswordError as error:
        raise InvalidInput("sheet.locked") from error
    except BaseException as error:  # the reader has its own kinds of error, and panics over some damage
        raise InvalidInput("sheet.unreadable") from error


class _Beside:
    """What a kind of workbook says beside its values."""

    def __init__(self, body: bytes, rows: int) -> None:
        self._package: SheetPackage | None = None
        self._biff: dict[str, BiffSheet] = {}
        self._ods: dict[str, OdsSheet] = {}
        self._wps: dict[str, tuple[str, str]] | None = None
        self.raised: dict[str, str] = {}
        if body[:2] != b"PK":
            self._biff = biff_sheets(body)
        elif b"content.xml" in body and b"[Content_Types].xml" not in body:
            self._ods = ods_sheets(body, rows)
        elif b"xl/workbook.xml" in body:
            self._package = SheetPackage(body)
            self.raised = self._package.raised()
        self._loose = [_NOWHERE] if b"xl/workbook.bin" in body and b"xl/drawings/drawing" in body else []
        self.known = bool(self._package or self._biff or self._ods)

    def texts(self, sheet: str) -> dict[tuple[int, int], str]:
        return self._ods[sheet].texts if sheet in self._ods else {}

    def formats(self, sheet: str) -> dict[tuple[int, int], str]:
        if sheet in self._biff:
            return self._biff[sheet].formats
        return self._package.formats(sheet) if self._package else {}

    def shown(self, sheet: str) -> list[ShownAt]:
        if sheet in self._biff:
            return [(row, column, "", "") for row, column in self._biff[sheet].pictures]
        if sheet in self._ods:
            return self._ods[sheet].shown
        loose, self._loose = self._loose, []
        return self._package.shown(sheet) if self._package else loose

    def of_wps(self, text: str) -> tuple[str, str]:
        """Return part and words of the picture that a cell of WPS names."""
        if self._wps is None:
            self._wps = self._package.wps() if self._package else {}
        return self._wps.get(wps_id(text), ("", ""))


def _beside(body: bytes, rows: int) -> _Beside:
    try:
        return _Beside(body, rows)
    except (KeyError, ValueError, OSError):  # calamine reads it, and this does not: values stay as they are
        return _Beside(b"", rows)


def _sheet(
    book: python_calamine.CalamineWorkbook,
    name: str,
    rows: int,
    columns: int,
    beside: _Beside,
    *,
    values: bool,
) -> SheetData:
    sheet = book.get_sheet_by_name(name)
    top, left = sheet.start or (0, 0)
    if left >= columns:
        raise InvalidInput("sheet.too_wide", sheet=name, limit=columns)
    if top >= rows:
        raise InvalidInput("sheet.too_long", sheet=name, limit=rows)
    formats, texts, raised = beside.formats(name), beside.texts(name), beside.raised
    unshown: list[tuple[int, int]] = []
    pictures = beside.shown(name)
    within = {(row, column) for row, column, part, _words in pictures if part}

    def said(row: int, column: int, cell: object) -> str:
        if isinstance(cell, str):
            text = texts.get((row, column), cell).strip()
            if text and _PICTURE.match(text):
                pictures.append((row, column, *beside.of_wps(text)))
                return ""
            if text.startswith("#") and (row, column) in within:
                return ""  # a program that knows no pictures in cells shows an error
            return raised.get(text, text) if raised else text
        if isinstance(cell, bool):
            return text_of(cell)
        if values:
            return valued(cell, formats.get((row, column), ""), texts.get((row, column)))
        if (row, column) in texts:
            return texts[row, column]
        if code := formats.get((row, column), ""):
            if (shows := shown(cell, code)) is not None:
                return shows
            unshown.append((row, column))
        elif isinstance(cell, datetime | date | time | timedelta) or not beside.known:
            if not isinstance(cell, float) or not cell.is_integer():
                unshown.append((row, column))
            if isinstance(cell, time) or (isinstance(cell, datetime) and cell.year < 1900):
                return f"{cell.hour}:{cell.minute:02d}" + (f":{cell.second:02d}" if cell.second else "")
        return general(cell) if isinstance(cell, float) else text_of(cell)

    found = gather(name, from_first(sheet.iter_rows(), top, left), rows, columns, said)
    merged = [(a, b, c, d) for (a, b), (c, d) in sheet.merged_cell_ranges or ()]
    lost = sorted({(row, column) for row, column, part, _words in pictures if not part})
    shown_at = [one for one in pictures if one[2]]
    return replace(found, merged=merged, pictures=lost, unshown=unshown, shown=shown_at)
