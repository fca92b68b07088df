"""What .xlsx and .ods files say beside their values: formats of cells, and pictures over and in cells.

Only the child that opens a file runs this. Parts are searched as text, never parsed as a tree: no entity is
met, and a part costs its length once. What is found of a picture is where it stands, the part that holds
it, and the words for it; whoever wants the picture reads that part, within limits.
"""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from html import unescape
from itertools import pairwise

from cbt.spreadsheets.number_formats import BUILT_IN, is_plain

Cell = tuple[int, int]
ShownAt = tuple[int, int, str, str]
"""Row and column (from 0), the part that holds a picture ("" for one that lies nowhere), the words for it."""
Read = Callable[[str], str]
Relations = Callable[[str], Mapping[str, tuple[str, str]]]

MOST = 20_000
"""Pictures of one sheet."""
_ATTRIBUTE = re.compile(r'([\w:]+)\s*=\s*"([^"]*)"')
_FALLBACK = re.compile(r"<mc:Fallback[\s>].*?</mc:Fallback>", re.DOTALL)
_ANCHOR = re.compile(
    r"<(?:\w+:)?(?:two|one|absolute)(?:Cell)?Anchor[\s>].*?</(?:\w+:)?(?:two|one|absolute)(?:Cell)?Anchor>",
    re.DOTALL,
)
_CORNER = re.compile(
    r"<(?:\w+:)?(from|to)>\s*<(?:\w+:)?col>(\d+)</(?:\w+:)?col>\s*(?:<(?:\w+:)?colOff>(-?\d+)</(?:\w+:)?colOff>\s*)?"
    r"<(?:\w+:)?row>(\d+)</(?:\w+:)?row>\s*(?:<(?:\w+:)?rowOff>(-?\d+)</(?:\w+:)?rowOff>)?"
)
_BLIP = re.compile(r"<(?:\w+:)?blip\s[^<>]*>")
_NAMED = re.compile(r"<(?:\w+:)?cNvPr\s[^<>]*>")
_PICTURE = re.compile(r"<(?:\w+:)?pic[\s>].*?</(?:\w+:)?pic>", re.DOTALL)
_ROW = re.compile(r"<(?:\w+:)?row\s([^<>]*)>")
_COLUMN = re.compile(r"<(?:\w+:)?col\s([^<>]*)>")
_USUAL = re.compile(r"<(?:\w+:)?sheetFormatPr\s([^<>]*)>")
_EMU, _EMU_LETTER = 12_700, 66_675
"""Of a point; of the width of a digit, about."""
_LATE = 0.6
"""A picture that begins so low in a cell, and ends beyond it, belongs to the next."""


def over_cells(sheet: str, targets: list[str], read: Read, relations: Relations) -> Iterator[ShownAt]:
    """Yield the pictures that lie over the cells of a sheet, whose text is given: at the cell where each begins.

    A chart or a shape lies nowhere, and so does a picture that the file only links to.
    """
    anchors = [(target, anchor[0]) for target in targets for anchor in _anchors(read(target))][:MOST]
    grid = _Grid(sheet) if anchors else None
    related = {target: relations(target) for target in {target for target, _anchor in anchors}}
    for target, anchor in anchors:
        target_parts = related[target]
        corners = {corner[1]: corner for corner in _CORNER.finditer(anchor)}
        row, column = grid.cell(corners.get("from"), corners.get("to")) if grid is not None else (0, 0)
        pictures = [*_PICTURE.finditer(anchor)]
        if not pictures:
            yield row, column, "", ""
        for picture in pictures:
            yield row, column, *_held(picture[0], target_parts)


def _anchors(text: str) -> Iterator[re.Match[str]]:
    return _ANCHOR.finditer(_FALLBACK.sub("", text))


def _held(picture: str, targets: Mapping[str, tuple[str, str]]) -> tuple[str, str]:
    """Return the part of a picture and the words for it."""
    blip, named = _BLIP.search(picture), _NAMED.search(picture)
    attributes = dict(_ATTRIBUTE.findall(blip[0])) if blip else {}
    embedded = next((value for name, value in attributes.items() if name.endswith(":embed")), "")
    about = dict(_ATTRIBUTE.findall(named[0])) if named else {}
    return targets.get(embedded, ("", ""))[1], unescape(about.get("descr", ""))


class _Grid:
    """How high and wide the cells of a sheet are, in the units of drawings."""

    def __init__(self, sheet: str) -> None:
        usual = _USUAL.search(sheet)
        defaults = dict(_ATTRIBUTE.findall(usual[1])) if usual else {}
        self._height, self._width = (
            _number(defaults, "defaultRowHeight", 15),
            _number(defaults, "defaultColWidth", 9),
        )
        self._heights: dict[int, float] = {}
        for row in _ROW.finditer(sheet):
            attributes = dict(_ATTRIBUTE.findall(row[1])) if "ht=" in row[1] else {}
            if attributes.get("r", "").isdigit():
                self._heights[int(attributes["r"]) - 1] = _number(attributes, "ht", self._height)
        self._widths = [
            (_number(given, "min", 0) - 1, _number(given, "max", 0) - 1, _number(given, "width", self._width))
            for given in (dict(_ATTRIBUTE.findall(one[1])) for one in _COLUMN.finditer(sheet[:200_000]))
        ]

    def cell(self, start: re.Match[str] | None, end: re.Match[str] | None) -> Cell:
        """Return the cell at which a picture begins; one that begins at the end of a cell begins in the next."""
        if start is None:
            return 0, 0
        row, column = int(start[4]), int(start[2])
        if end is not None and int(end[4]) > row:
            height = self._heights.get(row, self._height) * _EMU
            row += int(start[5] or 0) > _LATE * height
        if end is not None and int(end[2]) > column:
            width = next((wide for a, b, wide in self._widths if a <= column <= b), self._width) * _EMU_LETTER
            column += int(start[3] or 0) > _LATE * width
        return row, column


def _number(attributes: Mapping[str, str], name: str, usual: float) -> float:
    try:
        return float(attributes.get(name, usual))
    except ValueError:
        return usual


_ID = re.compile(r"DISPIMG\s*\(\s*(?:\"|&quot;)([^\"&]{1,80})", re.IGNORECASE)
CELL_IMAGES = "xl/cellimages.xml"


def of_wps(read: Read, relations: Relations) -> dict[str, tuple[str, str]]:
    """Return part and words of the pictures that WPS puts into cells, by the ids that formulas name."""
    text = read(CELL_IMAGES)
    targets = relations(CELL_IMAGES) if text else {}
    pictures = {}
    for picture in _PICTURE.finditer(text):
        named = _NAMED.search(picture[0])
        about = dict(_ATTRIBUTE.findall(named[0])) if named else {}
        if about.get("name"):
            pictures[unescape(about["name"])] = _held(picture[0], targets)
    return pictures


def wps_id(text: str) -> str:
    """Return the id of the picture that a cell of WPS names, "" for none."""
    match = _ID.search(text)
    return match[1] if match else ""


_VALUED = re.compile(r"<(?:\w+:)?c\s([^<>]*\svm\s*=[^<>]*|vm\s*=[^<>]*)>")
_REFERENCE = re.compile(r"([A-Z]{1,3})(\d{1,7})")
_BLOCK = re.compile(r"<(?:\w+:)?bk[\s>].*?</(?:\w+:)?bk>", re.DOTALL)
_RICH = re.compile(
    r"<(?:\w+:)?futureMetadata\s[^<>]*name=\"XLRICHVALUE\"[^<>]*>(.*?)</(?:\w+:)?futureMetadata>", re.DOTALL
)
_VALUES = re.compile(r"<(?:\w+:)?valueMetadata[\s>].*?</(?:\w+:)?valueMetadata>", re.DOTALL)
_RECORD = re.compile(r"<(?:\w+:)?rc\s([^<>]*)>")
_BUNDLE = re.compile(r"<(?:\w+:)?rvb\s([^<>]*)>")
_VALUE = re.compile(r"<(?:\w+:)?rv\s([^<>]*)>(.*?)</(?:\w+:)?rv>", re.DOTALL)
_FIELD = re.compile(r"<(?:\w+:)?v(?:\s[^<>]*)?(?:/>|>([^<]*)</(?:\w+:)?v>)")
_STRUCTURE = re.compile(r"<(?:\w+:)?s\s[^<>]*>(.*?)</(?:\w+:)?s>", re.DOTALL)
_KEY = re.compile(r"<(?:\w+:)?k\s([^<>]*)>")
_REL = re.compile(r"<(?:\w+:)?rel\s([^<>]*)>")
_LOCAL, _TEXT = "_rvRel:LocalImageIdentifier", "Text"
_RICH_PARTS = "xl/richData/"


class RichValues:
    """The pictures that Excel puts into cells: a cell names a value, the value a relation, the relation a part."""

    def __init__(self, read: Read, relations: Relations) -> None:
        metadata = read("xl/metadata.xml")
        rich, values = _RICH.search(metadata), _VALUES.search(metadata)
        bundles = [_first(_BUNDLE, block[0], "i") for block in _BLOCK.finditer(rich[1] if rich else "")]
        records = [_first(_RECORD, block[0], "v") for block in _BLOCK.finditer(values[0] if values else "")]
        self._values = [bundles[one] if 0 <= one < len(bundles) else -1 for one in records]
        self._rich = list(self._parts(read, relations)) if self._values else []

    def shown(self, sheet: str, column_of: Callable[[str], int]) -> Iterator[ShownAt]:
        """Yield the pictures in the cells of a sheet, whose text is given."""
        for cell in _VALUED.finditer(sheet) if self._values else ():
            attributes = dict(_ATTRIBUTE.findall(cell[1]))
            place, number = _REFERENCE.fullmatch(attributes.get("r", "")), attributes.get("vm", "")
            if place is None or not number.isdigit() or not 0 < int(number) <= len(self._values):
                continue
            value = self._values[int(number) - 1]
            part, words = self._rich[value] if 0 <= value < len(self._rich) else ("", "")
            yield int(place[2]) - 1, column_of(place[1]), part, words

    @staticmethod
    def _parts(read: Read, relations: Relations) -> Iterator[tuple[str, str]]:
        names = [
            [dict(_ATTRIBUTE.findall(key[1])).get("n", "") for key in _KEY.finditer(one[1])]
            for one in _STRUCTURE.finditer(read(f"{_RICH_PARTS}rdrichvaluestructure.xml"))
        ]
        name = f"{_RICH_PARTS}richValueRel.xml"
        targets, ids = (
            relations(name),
            [dict(_ATTRIBUTE.findall(one[1])) for one in _REL.finditer(read(name))],
        )
        for match in _VALUE.finditer(read(f"{_RICH_PARTS}rdrichvalue.xml")):
            kind = dict(_ATTRIBUTE.findall(match[1])).get("s", "")
            keys = names[int(kind)] if kind.isdigit() and int(kind) < len(names) else []
            values = dict(zip(keys, (found[1] or "" for found in _FIELD.finditer(match[2])), strict=False))
            number = values.get(_LOCAL, "")
            attributes = ids[int(number)] if number.isdigit() and int(number) < len(ids) else {}
            relation = next((value for key, value in attributes.items() if key.endswith(":id")), "")
            yield targets.get(relation, ("", ""))[1], unescape(values.get(_TEXT, ""))


def _first(pattern: re.Pattern[str], text: str, name: str) -> int:
    match = pattern.search(text)
    value = dict(_ATTRIBUTE.findall(match[1])).get(name, "") if match else ""
    return int(value) if value.isdigit() else -1


_SHEET = re.compile(r"<(?:\w+:)?sheet\s[^<>]*>")
_RELATION = re.compile(r"<(?:\w+:)?Relationship\s[^<>]*>")
_FORMAT = re.compile(r"<(?:\w+:)?numFmt\s[^<>]*>")
_XFS = re.compile(r"<(?:\w+:)?cellXfs[\s>].*?</(?:\w+:)?cellXfs>", re.DOTALL)
_XF = re.compile(r"<(?:\w+:)?xf\s[^<>]*>")
_FONTS = re.compile(r"<(?:\w+:)?fonts[\s>].*?</(?:\w+:)?fonts>", re.DOTALL)
_FONT = re.compile(r"<(?:\w+:)?font(?:/>|[\s>].*?</(?:\w+:)?font>)", re.DOTALL)
_FILLS = re.compile(r"<(?:\w+:)?fills[\s>].*?</(?:\w+:)?fills>", re.DOTALL)
_FILL = re.compile(r"<(?:\w+:)?fill(?:/>|[\s>].*?</(?:\w+:)?fill>)", re.DOTALL)
_BOLD = re.compile(r"<(?:\w+:)?b(?:\s+val=\"(?:1|true)\"\s*)?/>")
_COLOR = re.compile(r"<(?:\w+:)?(\w*[cC]olor)\s([^<>]*)>")
_PLAIN_COLORS = frozenset(
    {
        "",
        "FF000000",
        "00000000",
        "FFFFFFFF",
        "00FFFFFF",
        "theme0",
        "theme1",
        "indexed8",
        "indexed9",
        "indexed64",
        "indexed65",
    }
)
"""Black, white, and what a program takes where nobody chose a colour."""
_CELL = re.compile(r"<(?:\w+:)?c\s([^<>]*[^<>/])>(?=\s*<(?:\w+:)?[vf])")
_STYLED = re.compile(r'<(?:\w+:)?c(?=\s)([^<>]*)\ss="(\d+)"[^<>]*(?<!/)>(?=\s*<(?:\w+:)?[vf])')
_MERGE = re.compile(r'<(?:\w+:)?mergeCell\s[^<>]*ref="([A-Z]{1,3})(\d+):([A-Z]{1,3})(\d+)"')
_RUNS = re.compile(r"<(?:\w+:)?si>(.*?)</(?:\w+:)?si>", re.DOTALL)
_RUN = re.compile(r"<(?:\w+:)?r>(.*?)</(?:\w+:)?r>", re.DOTALL)
_TEXT_RUN = re.compile(r"<(?:\w+:)?t(?:\s[^<>]*)?>([^<]*)</(?:\w+:)?t>")
_RAISED = str.maketrans("0123456789+-=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿ")
_LOWERED = str.maketrans("0123456789+-=()", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎")


class SheetPackage:
    """A .xlsx file beside its values; a file of another kind, or one that lacks a part, just has none."""

    def __init__(self, body: bytes) -> None:
        self._zip = zipfile.ZipFile(io.BytesIO(body))
        self._names = set(self._zip.namelist())
        self._parts = dict(self._sheets())
        self._codes = self._styles()
        self._looks = self._looks_of_styles()
        self._rich: RichValues | None = None

    def formats(self, sheet: str) -> dict[Cell, str]:
        """Return the format of each cell of a sheet (row, column from 0) that shows more than its value."""
        if not any(self._codes):
            return {}
        formats: dict[Cell, str] = {}
        for cell in _CELL.finditer(self._read(self._parts.get(sheet, ""))):
            attributes = dict(_ATTRIBUTE.findall(cell[1]))
            style, place = attributes.get("s", ""), _REFERENCE.fullmatch(attributes.get("r", ""))
            if attributes.get("t", "n") != "n" or not style.isdigit() or place is None:
                continue
            if code := self._codes[int(style)] if int(style) < len(self._codes) else "":
                formats[int(place[2]) - 1, column_index(place[1])] = code
        return formats

    def looks(self, sheet: str) -> list[tuple[int, int, str]]:
        """Return the cells of a sheet (row, column from 0) that are coloured or bold, each with how it looks."""
        styles = {str(style): look for style, look in enumerate(self._looks) if look}
        looks = []
        for cell in _STYLED.finditer(self._read(self._parts.get(sheet, ""))) if styles else ():
            look = styles.get(cell[2])
            place = _REFERENCE.search(cell[1]) if look else None
            if look and place is not None:
                looks.append((int(place[2]) - 1, column_index(place[1]), look))
        return looks if len(looks) <= MOST else []

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
        raised: dict[str, str] = {}
        for item in _RUNS.finditer(text):
            if "vertAlign" in item[1]:
                plain = "".join(unescape(piece) for piece in _TEXT_RUN.findall(item[1])).strip()
                raised[plain] = "".join(_run(run) for run in _RUN.findall(item[1])).strip()
        return raised

    def _sheets(self) -> Iterator[tuple[str, str]]:
        targets = self._relations("xl/workbook.xml")
        for tag in _SHEET.findall(self._read("xl/workbook.xml")):
            attributes = dict(_ATTRIBUTE.findall(tag))
            relation = next((value for name, value in attributes.items() if name.endswith(":id")), "")
            yield unescape(attributes.get("name", "")), targets.get(relation, ("", ""))[1]

    def _styles(self) -> list[str]:
        """Return the format of each style of cells, "" for one that shows what is there."""
        text = self._read("xl/styles.xml")
        own: dict[int, str] = dict(BUILT_IN)
        for tag in _FORMAT.findall(text):
            attributes = dict(_ATTRIBUTE.findall(tag))
            if attributes.get("numFmtId", "").isdigit():
                own[int(attributes["numFmtId"])] = unescape(attributes.get("formatCode", ""))
        codes = []
        for tag in _XF.findall(_block(_XFS, text)):
            number = dict(_ATTRIBUTE.findall(tag)).get("numFmtId", "0")
            code = own.get(int(number), "") if number.isdigit() else ""
            codes.append("" if is_plain(code) else code)
        return codes

    def _looks_of_styles(self) -> list[str]:
        """Return how each style of cells looks: its colours and whether it is bold, "" for black on white."""
        text = self._read("xl/styles.xml")
        fonts = [
            f"{_color(font[0], 'color')}{'+bold' if _BOLD.search(font[0]) else ''}"
            for font in _FONT.finditer(_block(_FONTS, text))
        ]
        fills = [
            _color(fill[0], "fgColor") if 'patternType="solid"' in fill[0] else ""
            for fill in _FILL.finditer(_block(_FILLS, text))
        ]
        looks = []
        for tag in _XF.findall(_block(_XFS, text)):
            attributes = dict(_ATTRIBUTE.findall(tag))
            font, fill = (_at(fonts, attributes.get("fontId", "")), _at(fills, attributes.get("fillId", "")))
            looks.append(f"{font}/{fill}" if font or fill else "")
        return looks

    def _related(self, part: str, kind: str) -> list[str]:
        return [target for said, target in self._relations(part).values() if said.endswith(f"/{kind}")]

    def _relations(self, part: str) -> Mapping[str, tuple[str, str]]:
        """Return the kind and the target of each relation of a part."""
        folder, name = posixpath.split(part)
        relations = {}
        for tag in _RELATION.findall(self._read(f"{folder}/_rels/{name}.rels")):
            attributes = dict(_ATTRIBUTE.findall(tag))
            target = attributes.get("Target", "")
            whole = target.lstrip("/") if target.startswith("/") else posixpath.join(folder, target)
            relations[attributes.get("Id", "")] = (attributes.get("Type", ""), posixpath.normpath(whole))
        return relations

    def _read(self, part: str) -> str:
        return self._zip.read(part).decode("utf-8", "replace") if part in self._names else ""


def _block(pattern: re.Pattern[str], text: str) -> str:
    match = pattern.search(text)
    return match[0] if match else ""


def _at(values: list[str], place: str) -> str:
    return values[int(place)] if place.isdigit() and int(place) < len(values) else ""


def _color(text: str, name: str) -> str:
    """Return the colour that an element of this name gives, "" for black, white and none."""
    for tag, said in _COLOR.findall(text):
        if tag == name:
            attributes = dict(_ATTRIBUTE.findall(said))
            value = attributes.get("rgb", "").upper() or next(
                (
                    f"{kind}{attributes[kind]}{attributes.get('tint', '')}"
                    for kind in ("theme", "indexed")
                    if kind in attributes
                ),
                "",
            )
            return "" if value in _PLAIN_COLORS else value
    return ""


def column_index(letters: str) -> int:
    """Return the place (from 0) of a column's letters."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number - 1


def _run(run: str) -> str:
    text = "".join(unescape(piece) for piece in _TEXT_RUN.findall(run))
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
    sheet = OdsSheet()
    if shapes := _ODS_SHAPES.search(text):  # they lie over the sheet, at no cell
        sheet.shown += _ods_pictures(shapes[0], 0, 0)
        text = text[: shapes.start()] + text[shapes.end() :]
    row = 0
    for line in _ODS_ROW.finditer(text):
        column = 0
        for cell in _ODS_CELL.finditer(line[2] or ""):
            attributes, inner = dict(_ATTRIBUTE.findall(cell[1] or "")), cell[2] or ""
            if "<draw:frame" in inner:  # a reader of values takes the words of a picture for the cell's
                sheet.shown += _ods_pictures(inner, row, column)
                texts = _ODS_TEXT.findall(_ODS_FRAME.sub("", inner))
                sheet.texts[row, column] = "\n".join(map(_ods_plain, texts))
            elif attributes.get("office:value-type") in _TYPED and (text_of := _ODS_TEXT.search(inner)):
                sheet.texts[row, column] = _ods_plain(text_of[1])
            column += int(attributes.get("table:number-columns-repeated", "1"))
        row += int(dict(_ATTRIBUTE.findall(line[1] or "")).get("table:number-rows-repeated", "1"))
        if row > rows:
            break
    return sheet


def _ods_plain(text: str) -> str:
    return unescape(re.sub(r"<[^<>]*>", "", text))


def _ods_pictures(text: str, row: int, column: int) -> Iterator[ShownAt]:
    """Yield the pictures in a cell; a chart or another object beside its own picture lies nowhere."""
    for frame in _ODS_FRAME.findall(text):
        image, words = _ODS_IMAGE.search(frame), _ODS_WORDS.search(frame)
        href = dict(_ATTRIBUTE.findall(image[0])).get("xlink:href", "") if image else ""
        part = "" if "<draw:object" in frame else posixpath.normpath(unescape(href)) if href else ""
        yield row, column, part, unescape(words[1]) if words else ""
