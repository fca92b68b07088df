"""What a list of people says: its rows as registration forms, and all that is wrong with each, at its cell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cbt.enrolment.workbook.columns import COLUMNS
from cbt.enrolment.workbook.lines import SHOWN, LineReader, ListedPerson
from cbt.errors import InvalidInput
from cbt.rules.exam.blueprint import ExamBlueprint
from cbt.sheets.cells import SheetData
from cbt.sheets.columns import ColumnUse, Heading, letter
from cbt.sheets.findings import Finding, Severity
from cbt.sheets.merged import filled
from cbt.sheets.reading import LIST_CODES, Bounds, open_list

MOST_ROWS = 2_000
MOST_SIGNS = 1_000_000
HEADER_WITHIN = 30
_BOUNDS = Bounds(MOST_ROWS, 100, LIST_CODES)


@dataclass(frozen=True, slots=True)
class ReadList:
    """What a list says: its people, what is found about the list itself, the headers that are left out."""

    people: tuple[ListedPerson, ...]
    headings: tuple[Heading, ...]
    findings: tuple[Finding, ...]
    left_out: tuple[str, ...]


def open_people(name: str, body: bytes) -> list[SheetData]:
    """Return the sheets of a list; raise as `open_list` does, and InvalidInput("roster.no_header")."""
    sheets = open_list(name, body, _BOUNDS)
    if sum(len(cell) for sheet in sheets for row in sheet.rows for cell in row) > MOST_SIGNS:
        raise InvalidInput("roster.too_big", field="file", rows=MOST_ROWS, name=name)
    if not any(_heading(sheet) for sheet in sheets):
        missing = [COLUMNS.title(column) for column in COLUMNS.required]
        raise InvalidInput("roster.no_header", field="file", missing=missing)
    return [filled(sheet) for sheet in sheets]


def read_people(sheets: Sequence[SheetData], blueprint: ExamBlueprint) -> ReadList:
    """Return what the sheets of a list say of people who apply for a level. Source: R-74, R-75."""
    headings, people, findings = list[Heading](), list[ListedPerson](), list[Finding]()
    for sheet in sheets:
        heading = _heading(sheet)
        if heading is None:
            continue
        headings.append(heading)
        for place, meant in heading.doubled:
            findings.append(
                Finding(
                    Severity.HINT,
                    "roster.column_double",
                    place,
                    place.header,
                    params={"name": COLUMNS.title(meant)},
                )
            )
        for row, cells in _lines(sheet, heading):
            if _is_person(cells):
                lost = (row - 1, heading.places["document_number"]) in sheet.lost
                people.append(LineReader(heading, row, cells, blueprint).read(lost=lost))
            else:
                said = next(iter(cells.values()))
                place = heading.place(row, next(iter(cells)))
                findings.append(Finding(Severity.HINT, "roster.line_remark", place, said[:SHOWN]))
    left = [
        use.header for one in headings for use in one.uses if use.header and not COLUMNS.meant(use.header)
    ]
    return ReadList(tuple(people), tuple(headings), tuple(findings), tuple(dict.fromkeys(left)))


def _heading(sheet: SheetData) -> Heading | None:
    """Return the first row that names whom it is about; what one means comes once."""
    for row, cells in enumerate(sheet.rows[:HEADER_WITHIN]):
        uses, known = list[ColumnUse](), set[str]()
        for place, header in enumerate(cells):
            meant = COLUMNS.meant(header[:SHOWN])
            uses.append(ColumnUse(sheet.name, letter(place), header, "" if meant in known else meant))
            known.add(meant)
        if known.issuperset(COLUMNS.required):
            return Heading(COLUMNS, "", sheet.name, row + 1, uses)
    return None


def _lines(sheet: SheetData, heading: Heading) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the rows (from 1) below the heading with what they say, by field; a number alone is none."""
    for index, cells in enumerate(sheet.rows[heading.row :], heading.row + 1):
        said = {
            field: cells[place].strip()
            for field, place in heading.places.items()
            if place < len(cells) and cells[place].strip()
        }
        if said.keys() - {"number"}:
            yield index, said


def _is_person(cells: Mapping[str, str]) -> bool:
    """Say whether a row is somebody's: sums, seals and remarks below a list have one cell and no number."""
    return "document_number" in cells or len(cells.keys() - {"number"}) > 1
