"""The child's side of opening whatever holds a table, .xls and markup too: cells as shown, pictures."""

from __future__ import annotations

import csv
import io
import re
import struct
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from html.parser import HTMLParser
from xml.parsers import expat

import msgspec
import olefile
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
from cbt.spreadsheets.number_formats import BUILT_IN, general, is_plain, shown, valued
from cbt.spreadsheets.xlsx_ods import OdsSheet, SheetPackage, ShownAt, ods_sheets, wps_id

Rows = list[list[str]]
Merged = list[tuple[int, int, int, int]]
MOST_SPANNED = 600
_BREAKS = {"br", "p", "div", "li"}
_HIDDEN = {"script", "style", "head", "title"}
_NAMED = {
    "Short Date": "yyyy/m/d",
    "General Date": "yyyy/m/d h:mm",
    "Short Time": "h:mm",
    "Percent": "0.00%",
    "Fixed": "0.00",
}


class _Tables(HTMLParser):
    """Gathers the cells of the outermost tables; spans are filled with nothing and told as merged."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[Rows, Merged]] = []
        self._depth = self._hidden = 0
        self._cell: list[str] | None = None
        self._span = (1, 1)
        self._taken: set[tuple[int, int]] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag in _HIDDEN:
            self._hidden += 1
        elif tag == "table":
            self._depth += 1
            if self._depth == 1:
                self.found.append(([], []))
                self._taken = set()
        elif self._depth == 1 and tag == "tr":
            self._end_cell()
            self.found[-1][0].append([])
        elif self._depth == 1 and tag in {"td", "th"}:
            self._end_cell()
            self._cell = []
            self._span = _spanned(attributes.get("rowspan", "")), _spanned(attributes.get("colspan", ""))
        elif tag in _BREAKS and self._cell:
            self._cell.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in _HIDDEN:
            self._hidden = max(self._hidden - 1, 0)
        elif tag == "table" and self._depth:
            if self._depth == 1:
                self._end_cell()
            self._depth -= 1
        elif self._depth == 1 and tag in {"td", "th", "tr"}:
            self._end_cell()

    def handle_data(self, data: str) -> None:
        if self._cell is not None and not self._hidden:
            self._cell.append(re.sub(r"[ \t\r\n]+", " ", data))

    def _end_cell(self) -> None:
        if self._cell is None:
            return
        rows, merged = self.found[-1]
        if not rows:
            rows.append([])
        row, line = len(rows) - 1, rows[-1]
        while (row, len(line)) in self._taken:
            line.append("")
        down, across = self._span
        if (down, across) != (1, 1):
            merged.append((row, len(line), row + down - 1, len(line) + across - 1))
            self._taken |= {(row + n, len(line) + k) for n in range(1, down) for k in range(across)}
        text = re.sub(r" *\n\s*", "\n", "".join(self._cell)).strip()
        line += [text, *[""] * (across - 1)]
        self._cell = None


def html_tables(text: str) -> list[tuple[Rows, Merged]]:
    reader = _Tables()
    reader.feed(text)
    reader.close()
    return [table for table in reader.found if table[0]]


def _spanned(text: str) -> int:
    return min(max(int(text), 1), MOST_SPANNED) if text.isdigit() and len(text) < 7 else 1


class _Workbook:
    """Gathers the sheets of the XML of Excel 2003; a document type, and so any entity, is refused."""

    def __init__(self, rows: int, columns: int) -> None:
        self.sheets: list[tuple[str, Rows, Merged]] = []
        self._limits = rows, columns
        self._row = self._column = -1
        self._data: list[str] | None = None
        self._kind = self._style = ""
        self._formats: dict[str, str] = {}
        self._defining = ""

    def read(self, body: bytes) -> None:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.StartDoctypeDeclHandler = _refuse
        parser.Parse(body, True)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        tag = name.rpartition(" ")[2]
        values = {key.rpartition(" ")[2]: value for key, value in attributes.items()}
        if tag == "Style":
            self._defining = values.get("ID", "")
        elif tag == "NumberFormat":
            self._formats[self._defining] = values.get("Format", "")
        elif tag == "Worksheet":
            self.sheets.append((values.get("Name", ""), [], []))
            self._row = -1
        elif tag == "Row" and self.sheets:
            self._row, self._column = _placed(values, self._row), -1
            self._grow()
        elif tag == "Cell" and self.sheets:
            self._column = _placed(values, self._column)
            self._style = values.get("StyleID", "")
            down, across = _counted(values, "MergeDown"), _counted(values, "MergeAcross")
            if down or across:
                self.sheets[-1][2].append((self._row, self._column, self._row + down, self._column + across))
        elif tag == "Data" and self.sheets:
            self._data, self._kind = [], values.get("Type", "")
        elif tag in {"br", "BR"} and self._data is not None:
            self._data.append("\n")
        if tag == "Cell" and self._column >= self._limits[1]:
            raise InvalidInput("sheet.too_wide", sheet=self.sheets[-1][0], limit=self._limits[1])

    def _grow(self) -> None:
        name, rows, _merged = self.sheets[-1]
        if self._row >= self._limits[0]:
            raise InvalidInput("sheet.too_long", sheet=name, limit=self._limits[0])
        rows += [[] for _ in range(self._row + 1 - len(rows))]

    def _text(self, data: str) -> None:
        if self._data is not None:
            self._data.append(data)

    def _end(self, name: str) -> None:
        if name.rpartition(" ")[2] != "Data" or self._data is None:
            return
        line = self.sheets[-1][1][self._row]
        line += [""] * (self._column + 1 - len(line))
        line[self._column] = self._said("".join(self._data).strip())
        self._data = None

    def _said(self, text: str) -> str:
        code = self._formats.get(self._style, "")
        code = _NAMED.get(code, code)
        if self._kind == "Boolean":
            return "TRUE" if text == "1" else "FALSE"
        if self._kind == "DateTime":
            day, _t, clock = text.partition("T")
            moment = _moment(day, clock)
            return (shown(moment, code or BUILT_IN[14]) if moment is not None else None) or text
        if self._kind == "Number" and re.fullmatch(r"-?\d+(\.\d+)?([eE][+-]?\d+)?", text):
            number = float(text)
            plain = str(int(number)) if number.is_integer() and abs(number) < 1e15 else text
            return (shown(number, code) or plain) if code and code != "General" else plain
        return text


def _moment(day: str, clock: str) -> float | None:
    match = re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)", day)
    hours = re.match(r"(\d\d):(\d\d):(\d\d)", clock or "00:00:00")
    if not match or not hours:
        return None
    from_1899 = _days(*map(int, match.groups()))
    return from_1899 + (int(hours[1]) * 3600 + int(hours[2]) * 60 + int(hours[3])) / 86_400


def _days(year: int, month: int, day: int) -> int:
    """Return the number a spreadsheet gives a day."""
    a = (14 - month) // 12
    y, m = year + 4800 - a, month + 12 * a - 3
    julian = day + (153 * m + 2) // 5 + 365 * y + y // 4 - y // 100 + y // 400 - 32045
    return julian - 2_415_019


def _placed(attributes: dict[str, str], last: int) -> int:
    index = attributes.get("Index", "")
    return int(index) - 1 if index.isdigit() and len(index) < 8 else last + 1


def _counted(attributes: dict[str, str], name: str) -> int:
    text = attributes.get(name, "")
    return min(int(text), MOST_SPANNED) if text.isdigit() and len(text) < 8 else 0


def _refuse(*_declared: object) -> None:
    raise InvalidInput("sheet.unreadable")


def xml_sheets(body: bytes, rows: int, columns: int) -> list[tuple[str, Rows, Merged]]:
    """Return name, rows and merged cells of each sheet; raise InvalidInput for what is no such file."""
    book = _Workbook(rows, columns)
    try:
        book.read(body)
    except expat.ExpatError as error:
        raise InvalidInput("sheet.unreadable") from error
    return book.sheets


_STREAMS = ("Workbook", "Book")
_BOF, _EOF, _BOUNDSHEET, _FORMAT, _XF = 0x0809, 0x000A, 0x0085, 0x041E, 0x00E0
_NUMBER, _RK, _MULRK, _FORMULA = 0x0203, 0x027E, 0x00BD, 0x0006
_DRAWING, _OBJECT, _XLS_PICTURE = 0x00EC, 0x005D, 0x0008
_ANCHOR = b"\x10\xf0\x12\x00\x00\x00"

Cell = tuple[int, int]


@dataclass(slots=True)
class BiffSheet:
    """The formats and the pictures of one sheet."""

    formats: dict[Cell, str] = field(default_factory=dict)
    pictures: list[Cell] = field(default_factory=list)


def biff_sheets(body: bytes) -> dict[str, BiffSheet]:
    """Return what is known beside the values, by sheet; nothing of a file that is built in another way."""
    try:
        stream = _stream(body)
        return dict(_sheets(stream))
    except (struct.error, IndexError, ValueError, KeyError, OSError, RecursionError):
        return {}


def _stream(body: bytes) -> bytes:
    if body[:8] != olefile.MAGIC:
        return body  # before BIFF 8 there were files without a container
    with olefile.OleFileIO(io.BytesIO(body)) as container:
        name = next((name for name in _STREAMS if container.exists(name)), "")
        return bytes(container.openstream(name).read()) if name else b""


def _records(stream: bytes, start: int) -> Iterator[tuple[int, bytes]]:
    while start + 4 <= len(stream):
        kind, length = struct.unpack_from("<HH", stream, start)
        yield kind, stream[start + 4 : start + 4 + length]
        start += 4 + length


def _sheets(stream: bytes) -> Iterator[tuple[str, BiffSheet]]:
    own: dict[int, str] = dict(BUILT_IN)
    styles: list[str] = []
    parts: list[tuple[str, int]] = []
    for kind, data in _records(stream, 0):
        if kind == _FORMAT:
            own[struct.unpack_from("<H", data)[0]] = _text(data, 2, wide=2)
        elif kind == _XF:
            code = own.get(struct.unpack_from("<H", data, 2)[0], "")
            styles.append("" if is_plain(code) else code)
        elif kind == _BOUNDSHEET and data[5] == 0:
            parts.append((_text(data, 6, wide=1), struct.unpack_from("<I", data)[0]))
        elif kind == _EOF:
            break
    for name, start in parts:
        yield name, _xls_sheet(stream, start, styles)


def _xls_sheet(stream: bytes, start: int, styles: list[str]) -> BiffSheet:
    sheet, depth, anchor = BiffSheet(), 0, (0, 0)
    for kind, data in _records(stream, start):
        depth += (kind == _BOF) - (kind == _EOF)
        if depth <= 0:
            break
        if kind in {_NUMBER, _RK, _FORMULA}:
            row, column, style = struct.unpack_from("<HHH", data)
            sheet.formats[row, column] = styles[style] if style < len(styles) else ""
        elif kind == _MULRK:
            row, first = struct.unpack_from("<HH", data)
            for n in range((len(data) - 6) // 6):
                style = struct.unpack_from("<H", data, 4 + 6 * n)[0]
                sheet.formats[row, first + n] = styles[style] if style < len(styles) else ""
        elif kind == _DRAWING and (at := data.rfind(_ANCHOR)) >= 0:
            _flag, column, _dx, row = struct.unpack_from("<HHHH", data, at + len(_ANCHOR))
            anchor = row, column
        elif kind == _OBJECT and len(data) > 6 and struct.unpack_from("<H", data, 4)[0] == _XLS_PICTURE:
            sheet.pictures.append(anchor)
    return sheet


def _text(data: bytes, at: int, *, wide: int) -> str:
    count = int.from_bytes(data[at : at + wide], "little")
    at += wide
    if data[at] & 1:
        return data[at + 1 : at + 1 + 2 * count].decode("utf-16-le", "replace")
    return data[at + 1 : at + 1 + count].decode("latin-1")


# The child's side of opening whatever holds a table: cells as a spreadsheet shows them, merged cells,
# pictures.
#
# What a file is called says nothing: its first bytes do. Only `cbt.confined` runs this, in a process of its
# own.

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
    match = _CHARSET.search(body[:2000])
    return charset_text(body, match[1].decode() if match else "")


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

    def looks(self, sheet: str) -> list[tuple[int, int, str]]:
        """Return the cells of a sheet that are coloured or bold (row, column, look); only .xlsx is read so far."""
        return self._package.looks(sheet) if self._package else []

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

    def cell_text(row: int, column: int, cell: object) -> str:
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

    sheet_data = gather(name, from_first(sheet.iter_rows(), top, left), rows, columns, cell_text)
    merged = [(a, b, c, d) for (a, b), (c, d) in sheet.merged_cell_ranges or ()]
    lost = sorted({(row, column) for row, column, part, _words in pictures if not part})
    shown_at = [one for one in pictures if one[2]]
    looks = [
        (row, column, look) for row, column, look in beside.looks(name) if _filled(sheet_data, row, column)
    ]
    return replace(sheet_data, merged=merged, pictures=lost, unshown=unshown, shown=shown_at, looks=looks)


def _filled(sheet: SheetData, row: int, column: int) -> bool:
    return row < len(sheet.rows) and column < len(sheet.rows[row]) and bool(sheet.rows[row][column])
