"""What is told of the columns of a table before its lines are read."""

from __future__ import annotations

from collections.abc import Iterator

from cbt.candidates.roster.reading.columns import COLUMNS
from cbt.candidates.roster.reading.hands import doubtful_of, likely_of, unread_place
from cbt.candidates.roster.reading.tables import RosterTable
from cbt.sheets.findings import Finding, Place, Severity


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
