"""The cells of a table's lines by their fields: merged cells, 同上, columns there twice, numbers with a .0."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cbt.candidates.roster.reading.row import SentLine
from cbt.candidates.roster.reading.tables import RosterTable
from cbt.personal.fields import FIELDS
from cbt.sheets.columns import plain

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
