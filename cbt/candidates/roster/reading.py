"""Read a candidate roster: every problem at once as row, column, value, why and how to mend it."""

from __future__ import annotations

from collections.abc import Sequence

from cbt.candidates.roster import columns
from cbt.candidates.roster.file import FileLine, open_roster
from cbt.candidates.roster.line import RowReader
from cbt.candidates.roster.rows import Problem, Roster, RosterRow
from cbt.errors import InvalidInput

HEADER_WITHIN = 10


def read_roster(name: str, body: bytes) -> Roster:
    """Return the roster a file holds.

    Raise InvalidInput("roster.no_header") with the required columns that are missing, ("roster.empty"),
    and as `open_roster` does.
    """
    missing: list[str] = list(columns.REQUIRED)
    for sheet in open_roster(name, body):
        for index, line in enumerate(sheet[:HEADER_WITHIN]):
            headers = _headers(line)
            lacking = [column for column in columns.REQUIRED if column not in headers.values()]
            if not lacking:
                return _read(line, headers, sheet[index + 1 :])
            if len(headers) >= 2 and len(lacking) < len(missing):
                missing = lacking
    names = [columns.COLUMNS[column][0] for column in missing]
    raise InvalidInput("roster.no_header", field="file", missing=names)


def _headers(line: FileLine) -> dict[int, str]:
    found: dict[int, str] = {}
    for place, cell in enumerate(line.cells):
        column = columns.column_of(cell.text)
        if column is not None and column not in found.values():
            found[place] = column
    return found


def _read(header: FileLine, places: dict[int, str], lines: Sequence[FileLine]) -> Roster:
    names = {column: header.cells[place].text for place, column in places.items()}
    rows: list[RosterRow] = []
    refused: list[RosterRow] = []
    problems: list[Problem] = []
    total = 0
    for line in lines:
        cells = {column: line.cells[place] for place, column in places.items() if place < len(line.cells)}
        if not any(cell.text for cell in line.cells):
            continue
        total += 1
        reader = RowReader(line.number, cells, names)
        row = reader.read()
        problems += reader.problems
        (refused if any(problem.stop for problem in reader.problems) else rows).append(row)
    if not total:
        raise InvalidInput("roster.empty", field="file")
    known = set(places)
    ignored = [cell.text for place, cell in enumerate(header.cells) if place not in known and cell.text]
    return Roster(tuple(rows), tuple(refused), tuple(problems), names, tuple(ignored), total)
