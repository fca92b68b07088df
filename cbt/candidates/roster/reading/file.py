"""Read a candidate roster: every problem at once as row, column, value, why and how to mend it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cbt.candidates.roster.reading.columns import COLUMNS
from cbt.candidates.roster.reading.feet import Foot, foot_of
from cbt.candidates.roster.reading.hands import (
    Hands,
    holds_people,
    lists_people,
    tables_of,
)
from cbt.candidates.roster.reading.line import RowReader
from cbt.candidates.roster.reading.lines import LineCells
from cbt.candidates.roster.reading.remarks import about_columns
from cbt.candidates.roster.reading.row import RosterRow
from cbt.candidates.roster.reading.tables import RosterTable, lines_of
from cbt.errors import InvalidInput
from cbt.rules.door.admission import mask_document
from cbt.sheets.cells import SheetData
from cbt.sheets.columns import Heading
from cbt.sheets.findings import Finding, Place, Severity
from cbt.sheets.reading import LIST_CODES, Bounds, open_list

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
