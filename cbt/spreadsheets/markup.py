"""The child's side of reading tables out of markup: saved pages named .xls, and the XML of Excel 2003."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from xml.parsers import expat

from cbt.errors import InvalidInput
from cbt.spreadsheets.number_formats import BUILT_IN, shown

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
        given = {name: value or "" for name, value in attrs}
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
            self._span = _spanned(given.get("rowspan", "")), _spanned(given.get("colspan", ""))
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
    """Return the rows of each outermost table of a page."""
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
        given = {key.rpartition(" ")[2]: value for key, value in attributes.items()}
        if tag == "Style":
            self._defining = given.get("ID", "")
        elif tag == "NumberFormat":
            self._formats[self._defining] = given.get("Format", "")
        elif tag == "Worksheet":
            self.sheets.append((given.get("Name", ""), [], []))
            self._row = -1
        elif tag == "Row" and self.sheets:
            self._row, self._column = _placed(given, self._row), -1
            self._grow()
        elif tag == "Cell" and self.sheets:
            self._column = _placed(given, self._column)
            self._style = given.get("StyleID", "")
            down, across = _counted(given, "MergeDown"), _counted(given, "MergeAcross")
            if down or across:
                self.sheets[-1][2].append((self._row, self._column, self._row + down, self._column + across))
        elif tag == "Data" and self.sheets:
            self._data, self._kind = [], given.get("Type", "")
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
    found = re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)", day)
    hours = re.match(r"(\d\d):(\d\d):(\d\d)", clock or "00:00:00")
    if not found or not hours:
        return None
    from_1899 = _days(*map(int, found.groups()))
    return from_1899 + (int(hours[1]) * 3600 + int(hours[2]) * 60 + int(hours[3])) / 86_400


def _days(year: int, month: int, day: int) -> int:
    """Return the number a spreadsheet gives a day."""
    a = (14 - month) // 12
    y, m = year + 4800 - a, month + 12 * a - 3
    julian = day + (153 * m + 2) // 5 + 365 * y + y // 4 - y // 100 + y // 400 - 32045
    return julian - 2_415_019


def _placed(given: dict[str, str], last: int) -> int:
    index = given.get("Index", "")
    return int(index) - 1 if index.isdigit() and len(index) < 8 else last + 1


def _counted(given: dict[str, str], name: str) -> int:
    text = given.get(name, "")
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
