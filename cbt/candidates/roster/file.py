"""A roster as a file holds it: its tables read line by line, with everything found in them.

Lines that are no person's (sums, who filled it in, remarks, headers again) are told apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from cbt.candidates.roster.column_mapping import (
    Hands,
    doubtful_of,
    holds_people,
    likely_of,
    lists_people,
    tables_of,
    unread_place,
)
from cbt.candidates.roster.columns import COLUMNS, meaning
from cbt.candidates.roster.line import RowReader
from cbt.candidates.roster.row import RosterRow, SentLine, looks_like_person
from cbt.candidates.roster.tables import RosterTable, lines_of
from cbt.errors import InvalidInput
from cbt.personal.fields import FIELDS
from cbt.rules.door.admission import mask_document
from cbt.spreadsheets.cells import SheetData
from cbt.spreadsheets.columns import Heading, plain
from cbt.spreadsheets.findings import Finding, Place, Severity
from cbt.spreadsheets.intake import LIST_CODES, Bounds, open_list

_SUM = re.compile(
    r"(?:本页|本单位|以上|本表|人数)?(?:合计|小计|总计|共计|总人数|总数|合共)(?:人数)?\d*人?名?|共\d+[人名]"
)
_SIGNER = re.compile(
    r"(?:报送|申报|推荐|所在|用人)?(?:单位|机构)?(?:经办人?|填表人?|填报人?|制表人?|审核人?|审批人?|复核人?|负责人|联系人|报送人|"
    r"经手人|制单人?|核对人|盖章|公章|意见|填表日期|填报日期|制表日期|报送日期|日期|签字|签章|审核意见|联系电话|电话|传真)"
    r"(?:签字|签名|签章|盖章|及?联系?电话)?.{0,4}"
)
_REMARK = re.compile(
    r"(?:注|备注|说明|填表说明|填写说明|注意|注意事项|特别说明|提示|要求|示例)(?:\d|$|[一二三四])?"
)
_COLON = re.compile("[：:]")


class Foot(StrEnum):
    """What a line is that is no person's; its value names the note that tells of it."""

    NONE = ""
    SILENT = "silent"
    SUM = "line_sum"
    SIGNER = "line_signer"
    REMARK = "line_remark"


def foot_of(row: int, cells: Sequence[str], table: RosterTable) -> Foot:
    """Return what kind of line a row (from 0) is; NONE for a person's, whatever else is wrong with that.

    A line with what can be a person's number is always a person's.
    """
    places = table.heading.places
    filled = [(place, cell) for place, cell in enumerate(cells) if cell.strip()]
    number, name = (_at(cells, places.get(column)) for column in ("document_number", "name"))
    if number and looks_like_person(number):
        return Foot.NONE
    if _is_number_alone(filled, table):
        return Foot.SILENT
    if name and meaning(name)[0] == "name" and meaning(number)[0] == "document_number":
        return Foot.SILENT  # the headers again, as on every printed page
    first = [cell for _place, cell in filled[:1]] + ([name] if name else [])
    if not name:
        first = [cell for _place, cell in filled]
    if any(_SUM.fullmatch(plain(cell)) or _SUM.fullmatch(_label(cell)) for cell in first):
        return Foot.SUM
    if any(_SIGNER.fullmatch(_label(cell)) for cell in first):
        return Foot.SIGNER
    alone = len(filled) == 1 and not number
    if alone and (filled[0][0] != places.get("name") or (row, filled[0][0] + 1) in table.merged.across):
        return Foot.REMARK
    return Foot.REMARK if alone and _REMARK.match(_label(first[0])) else Foot.NONE


def _at(cells: Sequence[str], place: int | None) -> str:
    return cells[place].strip() if place is not None and place < len(cells) else ""


def _label(cell: str) -> str:
    return plain(_COLON.split(cell, maxsplit=1)[0][:40])


def _is_number_alone(filled: Sequence[tuple[int, str]], table: RosterTable) -> bool:
    """Return whether nothing but the number of a line stands in it, as in a form not filled to its end."""
    return len(filled) == 1 and filled[0][0] in table.left and filled[0][1].isdigit()


_DITTO = frozenset({"同上", "〃", "″", "''", '"', "”", "同前"})
_SAME = frozenset(
    ("level", "occupation", "occupation_level", "paper", "kind", "unit", "batch", "eligibility", "date", "time",
     "sitting", "centre", *(field.name for field in FIELDS.values() if field.ditto))
)  # fmt: skip
"""Fields in which a line may say that it is as the one above."""


class LineCells:
    """Takes the cells of lines by their fields; what a merged cell says counts wherever it reaches."""

    def __init__(self, table: RosterTable) -> None:
        self._table = table
        self._places = table.heading.places
        self._lost = frozenset(table.sheet.lost)
        headers = {use.field: use.header for use in table.heading.uses if use.field}
        self._resident = "身份" in headers.get("document_number", "") and "document_type" not in headers
        self._typed = "document_type" in headers
        self._above: Mapping[str, str] = {}

    def spread(self, row: int, cells: list[str]) -> list[str]:
        """Return the cells of a row (from 0) with what merged cells above say of them."""
        over = self._table.merged.over
        if not over:
            return cells
        width = max(len(cells), len(self._table.heading.uses))
        whole = [*cells, *[""] * (width - len(cells))]
        return [cell or over.get((row, at), "") for at, cell in enumerate(whole)]

    def line(self, row: int, cells: Sequence[str], order: int) -> SentLine:
        """Return the line of a row (from 0)."""
        table = self._table
        said = {name: _whole(cells, at) for name, at in self._places.items()}
        twins = {name: tuple(_whole(cells, at) for at in places) for name, places in table.twins.items()}
        for name, others in twins.items():
            said[name] = next((one for one in (said.get(name, ""), *others) if one), "")
        for name, value in table.fixed.items():
            said[name] = said.get(name) or value
        for name in said.keys() & _SAME:
            if plain(said[name]) in _DITTO:
                said[name] = self._above.get(name, said[name])
        self._above = said
        lost = frozenset(name for name, at in self._places.items() if self._lost and (row, at) in self._lost)
        return SentLine(row + 1, order, table.heading, said, lost, self._resident, self._typed, twins)


def _whole(cells: Sequence[str], at: int) -> str:
    cell = cells[at] if at < len(cells) else ""
    return cell.partition(".")[0] if cell[-2:] == ".0" and cell[:-2].isdigit() else cell


def about_columns(table: RosterTable) -> Iterator[Finding]:
    """Yield what is there twice, doubtful, not read though it decides, or said by hand."""
    for place, name in table.heading.doubled:
        params = {"name": COLUMNS.title(name)}
        yield Finding(Severity.HINT, "roster.column_double", place, place.header, params=params)
    for at in sorted(table.unsure):
        use = table.heading.uses[at]
        if use.field:
            place = table.heading.place(table.heading.row, use.field)
            params = {"name": COLUMNS.title(use.field)}
            yield Finding(Severity.HINT, "roster.column_unsure", place, use.header, params=params)
    yield from _said_of(table)
    for use in doubtful_of(table):
        params = {"name": COLUMNS.title(likely_of(table, use))}
        yield Finding(
            Severity.ERROR, "roster.column_unread", unread_place(table, use), use.header, params=params
        )


def _said_of(table: RosterTable) -> Iterator[Finding]:
    """Yield what people said of a table that decides about an examination, for whoever reads on."""
    head = table.heading
    for name, value in table.fixed.items():
        place = Place(head.file, head.sheet, head.row)
        params = {"name": COLUMNS.title(name), "value": value}
        yield Finding(Severity.HINT, "roster.said_fixed", place, value, params=params)
    for at in sorted(table.said):
        use = head.uses[at]
        if not use.field and (likely := likely_of(table, use)):
            params = {"name": COLUMNS.title(likely)}
            yield Finding(
                Severity.HINT, "roster.said_left", unread_place(table, use), use.header, params=params
            )


MOST_ROWS = 25_000
_BOUNDS = Bounds(MOST_ROWS, 200, LIST_CODES)
LOST_END = "000"
MOST_ENDED = 0.02
"""Of a thousand people about one has a number that ends so."""


@dataclass(frozen=True, slots=True)
class Roster:
    """What a file holds: its readable rows, everything found in it, and how its columns were understood.

    `refused` are the rows that an error keeps out, with what of them could be read. Values of findings are short,
    and document numbers in them masked.
    """

    rows: tuple[RosterRow, ...]
    refused: tuple[RosterRow, ...]
    findings: tuple[Finding, ...]
    headings: tuple[Heading, ...]
    ignored: tuple[str, ...] = ()
    """The headers of the columns that are left out."""
    sheets_left: tuple[str, ...] = ()
    """The sheets that say something and hold no people."""

    @property
    def heading(self) -> Heading:
        """The heading of the first table."""
        return self.headings[0]

    @property
    def total(self) -> int:
        """How many rows there are, readable or not."""
        return len(self.rows) + len(self.refused)

    @property
    def headers(self) -> dict[str, str]:
        """The header of each column that is read, as the file spells it."""
        return {use.field: use.header for one in self.headings for use in one.uses if use.field}


def open_roster(name: str, body: bytes) -> list[SheetData]:
    """Return the sheets of a file, their cells as values.

    Raise InvalidInput("roster.kind") for another kind of file, ("roster.unreadable") for a damaged one,
    ("roster.too_big") beyond the limits, ("sheet.locked") behind a password.
    """
    return open_list(name, body, _BOUNDS)


def read_roster(name: str, body: bytes, hands: Hands | None = None) -> Roster:
    """Return the roster a file holds, its columns as `hands` say.

    Raise InvalidInput("roster.no_header") with the required columns that are missing, ("roster.empty"),
    and as `open_roster` does.
    """
    return roster_of(open_roster(name, body), hands)


def roster_of(sheets: Sequence[SheetData], hands: Hands | None = None) -> Roster:
    """Return the roster that opened sheets hold; raise as `read_roster` does."""
    found = [(sheet, tables_of(sheet, hands or {})) for sheet in sheets]
    whole = [table for _sheet, tables in found for table in tables if not table.missing]
    if not whole:
        missing = min(
            (table.missing for _s, tables in found for table in tables), key=len, default=COLUMNS.required
        )
        names = [COLUMNS.title(column) for column in missing]
        raise InvalidInput("roster.no_header", field="file", missing=names)
    gathered = _Gathered()
    for sheet, tables in found:
        for table in tables:
            if not table.missing:
                gathered.read(table)
        gathered.about_sheet(sheet, tables)
    if not gathered.rows and not gathered.refused:
        raise InvalidInput("roster.empty", field="file")
    return Roster(
        tuple(gathered.rows),
        tuple(gathered.refused),
        tuple(gathered.findings),
        tuple(table.heading for table in whole),
        tuple(
            dict.fromkeys(
                use.header for table in whole for use in table.heading.uses if use.header and not use.field
            )
        ),
        tuple(gathered.left),
    )


class _Gathered:
    """What the tables of a file say, one after the other."""

    def __init__(self) -> None:
        self.rows: list[RosterRow] = []
        self.refused: list[RosterRow] = []
        self.findings: list[Finding] = []
        self.left: list[str] = []
        self._order = 0

    def read(self, table: RosterTable) -> None:
        """Take the lines of a table."""
        self.findings += about_columns(table)
        reading, ended = LineCells(table), list[RosterRow]()
        for row, sent in lines_of(table):
            cells = reading.spread(row, sent)
            if (foot := foot_of(row, cells, table)) is not Foot.NONE:
                if foot is not Foot.SILENT:
                    said = next((cell for cell in cells if cell), "")
                    place = Place(table.heading.file, table.heading.sheet, row + 1)
                    self.findings.append(Finding(Severity.HINT, f"roster.{foot.value}", place, said[:80]))
                continue
            self._order += 1
            reader = RowReader(reading.line(row, cells, self._order))
            one = reader.read()
            self.findings += reader.findings
            stopped = any(found.severity is Severity.ERROR for found in reader.findings)
            (self.refused if stopped else self.rows).append(one)
            ended += [one] if one.document_number.endswith(LOST_END) else []
        self._about_ends(ended)

    def _about_ends(self, ended: Sequence[RosterRow]) -> None:
        """Tell of numbers that end as a spreadsheet leaves those it took for a number: in three zeros."""
        valid = [one for one in ended if one.document_type == "resident_id" and one in self.rows]
        damaged = len(ended) > 1 and len(ended) > MOST_ENDED * (len(self.rows) + len(self.refused))
        for one in valid:
            severity = Severity.ERROR if damaged else Severity.HINT
            value = mask_document(one.document_number)
            self.findings.append(
                Finding(severity, "roster.number_zeros", one.place("document_number"), value)
            )
            if damaged:
                self.rows.remove(one)
                self.refused.append(one)

    def about_sheet(self, sheet: SheetData, tables: Sequence[RosterTable]) -> None:
        """Tell of a sheet that holds people and is not read."""
        unread = [table for table in tables if table.missing]
        if not tables or unread:
            if holds_people(sheet) or any(lists_people(sheet, table) for table in unread):
                missing = [
                    COLUMNS.title(name) for name in (unread[0].missing if unread else COLUMNS.required)
                ]
                place = Place("", sheet.name, (unread[0].heading.row if unread else 0) or 1)
                self.findings.append(
                    Finding(Severity.ERROR, "roster.sheet_unread", place, params={"missing": missing})
                )
            elif any(sheet.rows) and len(tables) == len(unread):
                self.left.append(sheet.name)
