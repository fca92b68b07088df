"""The child's side of what a .xlsx or .ods file says beside its values: formats of cells, places of pictures.

Parts are searched as text, never parsed as a tree: no entity is met, and a part costs its length once.
"""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import unescape
from itertools import pairwise

from cbt.sheets.displayed import BUILT_IN, is_plain
from cbt.sheets.drawings import RichValues, ShownAt, of_wps, over_cells

_ATTRIBUTE = re.compile(r'([\w:]+)\s*=\s*"([^"]*)"')
_SHEET = re.compile(r"<(?:\w+:)?sheet\s[^<>]*>")
_RELATION = re.compile(r"<(?:\w+:)?Relationship\s[^<>]*>")
_FORMAT = re.compile(r"<(?:\w+:)?numFmt\s[^<>]*>")
_XFS = re.compile(r"<(?:\w+:)?cellXfs[\s>].*?</(?:\w+:)?cellXfs>", re.DOTALL)
_XF = re.compile(r"<(?:\w+:)?xf\s[^<>]*>")
_CELL = re.compile(r"<(?:\w+:)?c\s([^<>]*[^<>/])>(?=\s*<(?:\w+:)?[vf])")
_REFERENCE = re.compile(r"([A-Z]{1,3})(\d{1,7})")
_MERGE = re.compile(r'<(?:\w+:)?mergeCell\s[^<>]*ref="([A-Z]{1,3})(\d+):([A-Z]{1,3})(\d+)"')
_RUNS = re.compile(r"<(?:\w+:)?si>(.*?)</(?:\w+:)?si>", re.DOTALL)
_RUN = re.compile(r"<(?:\w+:)?r>(.*?)</(?:\w+:)?r>", re.DOTALL)
_TEXT = re.compile(r"<(?:\w+:)?t(?:\s[^<>]*)?>([^<]*)</(?:\w+:)?t>")
_RAISED = str.maketrans("0123456789+-=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿ")
_LOWERED = str.maketrans("0123456789+-=()", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎")

Cell = tuple[int, int]


class SheetPackage:
    """A .xlsx file beside its values; a file of another kind, or one that lacks a part, just has none."""

    def __init__(self, body: bytes) -> None:
        self._zip = zipfile.ZipFile(io.BytesIO(body))
        self._names = set(self._zip.namelist())
        self._parts = dict(self._sheets())
        self._codes = self._styles()
        self._rich: RichValues | None = None

    def formats(self, sheet: str) -> dict[Cell, str]:
        """Return the format of each cell of a sheet (row, column from 0) that shows more than its value."""
        if not any(self._codes):
            return {}
        found: dict[Cell, str] = {}
        for cell in _CELL.finditer(self._read(self._parts.get(sheet, ""))):
            given = dict(_ATTRIBUTE.findall(cell[1]))
            style, place = given.get("s", ""), _REFERENCE.fullmatch(given.get("r", ""))
            if given.get("t", "n") != "n" or not style.isdigit() or place is None:
                continue
            if code := self._codes[int(style)] if int(style) < len(self._codes) else "":
                found[int(place[2]) - 1, column_index(place[1])] = code
        return found

    def shown(self, sheet: str) -> list[ShownAt]:
        """Return the pictures and embedded objects of a sheet: over cells where they begin, and in cells."""
        part = self._parts.get(sheet, "")
        targets = self._related(part, "drawing")
        if not targets and "xl/metadata.xml" not in self._names:
            return []
        text = self._read(part)
        if self._rich is None:
            self._rich = RichValues(self._read, self._relations)
        return [
            *over_cells(text, targets, self._read, self._relations),
            *self._rich.shown(text, column_index),
        ]

    def wps(self) -> dict[str, tuple[str, str]]:
        """Return part and words of the pictures that WPS puts into cells, by their ids."""
        return of_wps(self._read, self._relations)

    def raised(self) -> dict[str, str]:
        """Return the texts of which some characters stand high or low, as they read with those characters."""
        text = self._read("xl/sharedStrings.xml")
        if "vertAlign" not in text:
            return {}
        found: dict[str, str] = {}
        for item in _RUNS.finditer(text):
            if "vertAlign" in item[1]:
                plain = "".join(unescape(piece) for piece in _TEXT.findall(item[1])).strip()
                found[plain] = "".join(_run(run) for run in _RUN.findall(item[1])).strip()
        return found

    def _sheets(self) -> Iterator[tuple[str, str]]:
        targets = self._relations("xl/workbook.xml")
        for tag in _SHEET.findall(self._read("xl/workbook.xml")):
            given = dict(_ATTRIBUTE.findall(tag))
            relation = next((value for name, value in given.items() if name.endswith(":id")), "")
            yield unescape(given.get("name", "")), targets.get(relation, ("", ""))[1]

    def _styles(self) -> list[str]:
        """Return the format of each style of cells, "" for one that shows what is there."""
        text = self._read("xl/styles.xml")
        own: dict[int, str] = dict(BUILT_IN)
        for tag in _FORMAT.findall(text):
            given = dict(_ATTRIBUTE.findall(tag))
            if given.get("numFmtId", "").isdigit():
                own[int(given["numFmtId"])] = unescape(given.get("formatCode", ""))
        block = _XFS.search(text)
        codes = []
        for tag in _XF.findall(block[0]) if block else []:
            number = dict(_ATTRIBUTE.findall(tag)).get("numFmtId", "0")
            code = own.get(int(number), "") if number.isdigit() else ""
            codes.append("" if is_plain(code) else code)
        return codes

    def _related(self, part: str, kind: str) -> list[str]:
        return [target for said, target in self._relations(part).values() if said.endswith(f"/{kind}")]

    def _relations(self, part: str) -> Mapping[str, tuple[str, str]]:
        """Return the kind and the target of each relation of a part."""
        folder, name = posixpath.split(part)
        found = {}
        for tag in _RELATION.findall(self._read(f"{folder}/_rels/{name}.rels")):
            given = dict(_ATTRIBUTE.findall(tag))
            target = given.get("Target", "")
            whole = target.lstrip("/") if target.startswith("/") else posixpath.join(folder, target)
            found[given.get("Id", "")] = (given.get("Type", ""), posixpath.normpath(whole))
        return found

    def _read(self, part: str) -> str:
        return self._zip.read(part).decode("utf-8", "replace") if part in self._names else ""


def column_index(letters: str) -> int:
    """Return the place (from 0) of a column's letters."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number - 1


def _run(run: str) -> str:
    text = "".join(unescape(piece) for piece in _TEXT.findall(run))
    if 'val="superscript"' in run:
        return text.translate(_RAISED)
    return text.translate(_LOWERED) if 'val="subscript"' in run else text


_ODS_ROW = re.compile(r"<table:table-row(\s[^<>]*)?(?:/>|>(.*?)</table:table-row>)", re.DOTALL)
_ODS_CELL = re.compile(
    r"<table:(?:covered-)?table-cell(\s[^<>]*?)?(?:/>|>(.*?)</table:(?:covered-)?table-cell>)", re.DOTALL
)
_ODS_TABLE = re.compile(r'<table:table\s[^<>]*?table:name="([^"]*)"')
_ODS_TEXT = re.compile(r"<text:p[^<>]*>(.*?)</text:p>", re.DOTALL)
_ODS_FRAME = re.compile(r"<draw:frame[\s>].*?</draw:frame>", re.DOTALL)
_ODS_IMAGE = re.compile(r"<draw:image\s[^<>]*>")
_ODS_WORDS = re.compile(r"<svg:(?:desc|title)[^<>]*>([^<]*)<")
_ODS_SHAPES = re.compile(r"<table:shapes[\s>].*?</table:shapes>", re.DOTALL)
_TYPED = {"float", "percentage", "currency", "date", "time"}


@dataclass(slots=True)
class OdsSheet:
    """What a sheet of an .ods file says beside its values: what typed cells show, and its pictures."""

    texts: dict[Cell, str] = field(default_factory=dict)
    shown: list[ShownAt] = field(default_factory=list)


def ods_sheets(body: bytes, rows: int) -> dict[str, OdsSheet]:
    """Return the sheets of an .ods file by their names."""
    with zipfile.ZipFile(io.BytesIO(body)) as package:
        text = package.read("content.xml").decode("utf-8", "replace")
    starts = [(found.start(), unescape(found[1])) for found in _ODS_TABLE.finditer(text)]
    return {
        name: _ods_sheet(text[start:end], rows)
        for (start, name), (end, _next) in pairwise([*starts, (len(text), "")])
    }


def _ods_sheet(text: str, rows: int) -> OdsSheet:
    found = OdsSheet()
    if shapes := _ODS_SHAPES.search(text):  # they lie over the sheet, at no cell
        found.shown += _ods_pictures(shapes[0], 0, 0)
        text = text[: shapes.start()] + text[shapes.end() :]
    row = 0
    for line in _ODS_ROW.finditer(text):
        column = 0
        for cell in _ODS_CELL.finditer(line[2] or ""):
            given, inner = dict(_ATTRIBUTE.findall(cell[1] or "")), cell[2] or ""
            if "<draw:frame" in inner:  # a reader of values takes the words of a picture for the cell's
                found.shown += _ods_pictures(inner, row, column)
                said = _ODS_TEXT.findall(_ODS_FRAME.sub("", inner))
                found.texts[row, column] = "\n".join(map(_ods_plain, said))
            elif given.get("office:value-type") in _TYPED and (text_of := _ODS_TEXT.search(inner)):
                found.texts[row, column] = _ods_plain(text_of[1])
            column += int(given.get("table:number-columns-repeated", "1"))
        row += int(dict(_ATTRIBUTE.findall(line[1] or "")).get("table:number-rows-repeated", "1"))
        if row > rows:
            break
    return found


def _ods_plain(text: str) -> str:
    return unescape(re.sub(r"<[^<>]*>", "", text))


def _ods_pictures(text: str, row: int, column: int) -> Iterator[ShownAt]:
    """Yield the pictures in a cell; a chart or another object beside its own picture lies nowhere."""
    for frame in _ODS_FRAME.findall(text):
        image, words = _ODS_IMAGE.search(frame), _ODS_WORDS.search(frame)
        href = dict(_ATTRIBUTE.findall(image[0])).get("xlink:href", "") if image else ""
        part = "" if "<draw:object" in frame else posixpath.normpath(unescape(href)) if href else ""
        yield row, column, part, unescape(words[1]) if words else ""
