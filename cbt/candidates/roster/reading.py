"""Read a candidate roster: every problem at once as row, column, value, why and how to mend it."""

from __future__ import annotations

from cbt.candidates.roster.columns import COLUMNS
from cbt.candidates.roster.line import Roster, RosterRow, RowReader
from cbt.errors import InvalidInput
from cbt.sheets.cells import SheetData
from cbt.sheets.columns import Heading
from cbt.sheets.findings import Finding, Severity
from cbt.sheets.reading import Bounds, read_csv, read_workbook

MOST_ROWS = 5000
_BOUNDS = Bounds(
    MOST_ROWS,
    200,
    {
        "sheet.too_big": "roster.too_big",
        "sheet.too_long": "roster.too_big",
        "sheet.too_wide": "roster.too_big",
        "sheet.unreadable": "roster.unreadable",
    },
)


def open_roster(name: str, body: bytes) -> list[SheetData]:
    """Return the sheets of a file.

    Raise InvalidInput("roster.kind") for another kind of file, ("roster.unreadable") for a damaged one,
    ("roster.too_big") beyond the limits, ("sheet.locked") behind a password.
    """
    workbook = body[:2] == b"PK"
    if not workbook and not (name.lower().endswith((".csv", ".txt", ".tsv")) and b"\0" not in body[:4096]):
        raise InvalidInput("roster.kind", field="file", name=name)
    try:
        return read_workbook(body, _BOUNDS) if workbook else [read_csv(body, _BOUNDS)]
    except InvalidInput as error:
        raise InvalidInput(error.code, **{**error.params, "field": "file", "name": name}) from error


def read_roster(name: str, body: bytes) -> Roster:
    """Return the roster a file holds.

    Raise InvalidInput("roster.no_header") with the required columns that are missing, ("roster.empty"),
    and as `open_roster` does.
    """
    missing = COLUMNS.required
    for sheet in open_roster(name, body):
        heading = COLUMNS.heading(sheet)
        if heading is not None and not heading.missing:
            return _read(sheet, heading)
        if heading is not None and len(heading.missing) < len(missing):
            missing = heading.missing
    names = [COLUMNS.title(column) for column in missing]
    raise InvalidInput("roster.no_header", field="file", missing=names)


def _read(sheet: SheetData, heading: Heading) -> Roster:
    rows: list[RosterRow] = []
    refused: list[RosterRow] = []
    findings = [
        Finding(
            Severity.HINT, "roster.column_double", place, place.header, params={"name": COLUMNS.title(name)}
        )
        for place, name in heading.doubled
    ]
    places, lost_at = heading.places, frozenset(sheet.lost)
    for number, line in enumerate(sheet.rows[heading.row :], heading.row + 1):
        if not any(line):
            continue
        cells = {column: line[place] for column, place in places.items() if place < len(line)}
        lost = {column for column, place in places.items() if (number - 1, place) in lost_at}
        reader = RowReader(number, cells, lost, heading)
        row = reader.read()
        findings += reader.findings
        (refused if any(found.severity is Severity.ERROR for found in reader.findings) else rows).append(row)
    if not rows and not refused:
        raise InvalidInput("roster.empty", field="file")
    return Roster(tuple(rows), tuple(refused), tuple(findings), heading)
