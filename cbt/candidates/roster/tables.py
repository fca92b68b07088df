"""The tables of a sheet: their headings, what each column means, and what its cells look like."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from cbt.candidates.roster.columns import COLUMNS, LEFT, PAPER_FIELDS, meaning
from cbt.candidates.roster.row import mark_of
from cbt.personal import cell_values
from cbt.rules.door.admission import valid_resident_id
from cbt.spreadsheets.cells import SheetData
from cbt.spreadsheets.columns import ColumnUse, Heading, letter, plain
from cbt.spreadsheets.intake import Merged

SAMPLE = 300
_ALIKE = 0.8
_FEW = 2
_EXTRA = re.compile(r"加时|延时|延长|\d\s*分钟|\d\s*倍|合理便利")
_NAME = re.compile(r"[\u3400-\u9fff]{2,4}|[\u3400-\u9fff]{2,}·[\u3400-\u9fff·]{2,}")
_HEADERS = {
    "theory": re.compile("理论|应知|笔试"),
    "skills": re.compile("技能|实操|操作|专业能力|应会"),
    "kind": re.compile("补考"),
}
"""What of a header that nobody knows may tell whether a paper is taken, and how."""


def likely(header: str, cells: Sequence[str]) -> str:
    """Return the field that decides about an examination and that cells look like, "" for none."""
    seen = [cell for cell in cells if cell][:SAMPLE]
    for name, looks in _LOOKS.items():
        if mostly(looks, seen):
            return name
    if any(cell_values.kind_of(cell) == "retake" for cell in seen):
        return "kind"
    if any(_EXTRA.search(cell) for cell in seen):
        return "accommodation"
    for name, said in _HEADERS.items():
        if said.search(header) and mostly(_is_mark, seen, share=0.5):
            return name
    return ""


def settled(field: str, header: str, cells: Sequence[str]) -> str:
    """Return what a column is of whose header says either: papers, or first and retake (考核类型).

    考生类型 and the like may also say where somebody works: where several lines say something and none of them
    speaks of an examination, the column is none of the two.
    """
    seen = [cell for cell in cells if cell][:SAMPLE]
    kinds, papers = sum(map(_is_kind, seen)), sum(map(_is_paper, seen))
    if (
        field == "kind"
        and len(seen) > _FEW
        and "考" not in "".join(seen)
        and not re.search("补考|是否", header)
    ):
        return "paper" if papers else ""
    return field if kinds == papers else "kind" if kinds > papers else "paper"


def names(cells: Sequence[str]) -> bool:
    """Say whether cells look like the names of people: short, of Han characters, hardly one of them twice."""
    seen = [cell for cell in cells if cell][:SAMPLE]
    return mostly(lambda cell: _NAME.fullmatch(cell) is not None, seen) and 2 * len(set(seen)) > len(seen)


def mostly(looks: Callable[[str], bool], cells: Sequence[str], share: float = _ALIKE) -> bool:
    """Say whether nearly all of the cells look so, and there are any."""
    return bool(cells) and sum(looks(cell) for cell in cells) >= share * len(cells)


def _is_mark(cell: str) -> bool:
    return mark_of(cell) is not None or _is_kind(cell)


def _is_kind(cell: str) -> bool:
    return bool(plain(cell)) and cell_values.kind_of(cell) is not None


def _is_paper(cell: str) -> bool:
    known = {"theory", "skills", cell_values.ALL_PAPERS}
    return bool(found := cell_values.papers_of(cell)) and set(found) <= known


_LOOKS: Mapping[str, Callable[[str], bool]] = {
    "document_number": lambda cell: len(cell) >= 18 and valid_resident_id(cell),
    "document_type": lambda cell: cell_values.document_type_of(cell) is not None,
    "kind": _is_kind,
    "level": lambda cell: cell_values.is_level(cell) and not cell.isdigit(),
    "paper": _is_paper,
}


HEADER_WITHIN = 30
LONGEST_HEADER = 60
_FEWEST = 2
_LONG_NUMBER = re.compile(r"\d{7}|\dE\+\d")
_WHO = ("name", "document_number")
_DECIDING = ("name", "document_number", "level", "paper", "kind", "occupation", "accommodation")
_GROUPS = frozenset({"paper", "occupation", "level", "document_number", "date", "time"})
"""Fields whose header may stand over several columns, each with a header of its own below."""


@dataclass(slots=True)
class RosterTable:
    """One table of a sheet: its heading, and where its lines stand (rows from 0, `end` excluded)."""

    sheet: SheetData
    merged: Merged
    heading: Heading
    start: int
    end: int
    unsure: set[int] = field(default_factory=set)
    """Places of columns whose header may mean what it is read as, or something else."""
    left: set[int] = field(default_factory=set)
    """Places of columns that are known and not read."""
    twins: Mapping[str, list[int]] = field(default_factory=dict)
    """Places of further columns that mean a field which decides about an examination."""
    digest: str = ""
    """What the table is known by to whoever said what its columns are."""
    said: set[int] = field(default_factory=set)
    """Places of columns that somebody said what they are."""
    fixed: Mapping[str, str] = field(default_factory=dict)
    """What holds for every line, by the field."""

    @property
    def missing(self) -> list[str]:
        """The fields a roster must have that neither a header means nor anybody said."""
        have = {*self.heading.places, *self.fixed}
        have |= {"level"} if have & {"occupation_level"} else set()
        have |= {"paper"} if have & {*PAPER_FIELDS} else set()
        return [name for name in COLUMNS.required if name not in have]

    @property
    def unread(self) -> list[ColumnUse]:
        """The columns of which nothing is known."""
        return [
            use
            for place, use in enumerate(self.heading.uses)
            if not use.field and place not in self.left | self.said and not meaning(use.header)[0]
        ]


def find_tables(sheet: SheetData, file: str = "") -> list[RosterTable]:
    """Return the tables of a sheet: the first heading, and each that comes again below it."""
    merged = Merged(sheet.rows, sheet.merged)
    first = _first(sheet, merged, file)
    if first is None:
        return []
    tables = [first]
    place = first.heading.places.get("name")
    row = first.start
    while place is not None and row < len(sheet.rows):
        if _cell(sheet.rows[row], place) and meaning(_cell(sheet.rows[row], place))[0] == "name":
            found = _at(sheet, merged, row, file)
            if found is not None and "document_number" in found.heading.places:
                tables[-1].end = row
                tables.append(found)
                row = found.start
                continue
        row += 1
    return tables


def guess_table(sheet: SheetData, file: str = "") -> RosterTable | None:
    """Return the table whose headers mean too little: below the row that holds the most texts above any number.

    Where the first row holds a person already, there are no headers.
    """
    best, widest, people = None, 1, False
    for row, cells in enumerate(sheet.rows[:HEADER_WITHIN]):
        filled = [cell for cell in cells if cell]
        if people := any(valid_resident_id(cell) for cell in filled):
            break
        if len(filled) > widest and all(len(cell) <= LONGEST_HEADER for cell in filled):
            best, widest = row, len(filled)
    merged = Merged(sheet.rows, sheet.merged)
    if best is not None:
        return _table(sheet, merged, best, best + 1, _names(sheet.rows[best]), file)
    width = max(map(len, sheet.rows[:HEADER_WITHIN]), default=0)
    return _table(sheet, merged, 0, 0, [""] * width, file) if people else None


def _first(sheet: SheetData, merged: Merged, file: str) -> RosterTable | None:
    nearest: RosterTable | None = None
    for row in range(min(len(sheet.rows), HEADER_WITHIN)):
        found = _at(sheet, merged, row, file)
        if found is None:
            continue
        if not found.missing:
            return found
        if nearest is None or len(found.heading.places) > len(nearest.heading.places):
            nearest = found
    return nearest


def _at(sheet: SheetData, merged: Merged, row: int, file: str) -> RosterTable | None:
    """Return the table whose heading begins in a row (from 0), if it names two columns at least."""
    names = _names(sheet.rows[row])
    if not any(names) or any(_LONG_NUMBER.search(name) for name in names):
        return None  # 身份证 and 理论 are headers, and may stand in a line of somebody
    if (two := _two_rows(sheet, merged, row)) is not None:
        table = _table(sheet, merged, row, row + 2, two, file)
    else:
        table = _table(sheet, merged, row, row + 1, names, file)
    return table if len(table.heading.places) >= _FEWEST else None


def _names(cells: Sequence[str]) -> list[str]:
    return [cell if len(cell) <= LONGEST_HEADER else "" for cell in cells]


def _two_rows(sheet: SheetData, merged: Merged, row: int) -> list[str] | None:
    """Return the headers that a row and the one below name together; None where the lower row is a line."""
    if row + 1 >= len(sheet.rows):
        return None
    upper, lower = sheet.rows[row], sheet.rows[row + 1]
    if not any(lower) or len([cell for cell in upper if cell]) < _FEWEST or not any(map(_is_known, upper)):
        return None  # a title stands above the headers
    headers: list[str] = []
    group, known = "", 0
    for place in range(max(len(upper), len(lower))):
        above, below = _cell(upper, place), _cell(lower, place)
        across = merged.across.get((row, place), "")
        group = above or across or (group if below else "")
        if not below or plain(below) == plain(above):
            headers.append(above if above or not across else "")
            continue
        if (above and _is_known(above) and meaning(above)[0] not in _GROUPS) or len(below) > LONGEST_HEADER:
            return None  # a value below a header
        header = _joined(group, below)
        known += bool(header)
        headers.append(header or below)
    return headers if known else None


def _is_known(header: str) -> bool:
    return bool(meaning(header)[0])


def _joined(group: str, below: str) -> str:
    """Return the header that two cells make, or "" when they make none."""
    for header in (f"{group}{below}", below) if group else (below,):
        if meaning(header)[0] and meaning(header)[1]:
            return header
    return ""


def _table(
    sheet: SheetData, merged: Merged, row: int, start: int, headers: Sequence[str], file: str
) -> RosterTable:
    fields: list[str] = []
    unsure, left = set[int](), set[int]()
    known = [meaning(header) for header in headers]
    sure = {field for field, certain in known if certain}
    for place, (found, certain) in enumerate(known):
        if found == LEFT:
            left.add(place)
            found = ""
        if found and not certain:
            found = "" if found in sure else found  # where another column surely means it
            unsure |= {place} if found else set()
        if found in {"paper", "kind"}:
            found = settled(
                found, headers[place], [_cell(cells, place) for cells in sheet.rows[start : start + SAMPLE]]
            )
        fields.append(found)
    uses = [
        ColumnUse(sheet.name, letter(place), header, field if field and fields.index(field) == place else "")
        for place, (header, field) in enumerate(zip(headers, fields, strict=True))
    ]
    twins = {
        name: [place for place, field in enumerate(fields) if field == name][1:]
        for name in (*_DECIDING, *PAPER_FIELDS)
        if fields.count(name) > 1
    }
    heading = Heading(COLUMNS, file, sheet.name, start, uses)
    return RosterTable(sheet, merged, heading, start, len(sheet.rows), unsure, left, twins)


def _cell(cells: Sequence[str], place: int) -> str:
    return cells[place] if place < len(cells) else ""


def column_of(table: RosterTable, place: int) -> list[str]:
    """Return the cells of a column of a table, from its first line on."""
    return [_cell(cells, place) for cells in table.sheet.rows[table.start : table.end]]


def lines_of(table: RosterTable) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows (from 0) of a table that say anything, with their cells."""
    for row in range(table.start, table.end):
        if any(table.sheet.rows[row]):
            yield row, table.sheet.rows[row]
