"""What the rows of a table hold, item by item: one row each, several rows, or a row for each choice."""

from __future__ import annotations

from dataclasses import dataclass, field

from cbt.bank.formats.tables.rows.sheet import Table
from cbt.sheets.findings import Place


@dataclass(slots=True)
class SheetItem:
    """One item as its cells say it; `rows` are those it stands in (from 0), `lines` what no column places."""

    table: Table
    rows: list[int]
    number: str = ""
    type: str = ""
    stem: str = ""
    choices: list[str] = field(default_factory=list)
    cells: list[str] = field(default_factory=list)
    answer: str = ""
    explanation: str = ""
    difficulty: str = ""
    consistency: str = ""
    point: str = ""
    blanks: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    rights: list[str] = field(default_factory=list)
    heading: str = ""
    beyond: int = -1

    @property
    def row(self) -> int:
        """The row (from 0) it begins in."""
        return self.rows[0]

    def place(self, name: str = "") -> Place:
        """Return where a field stands."""
        return self.table.place(self.row, name)


@dataclass(slots=True)
class Records:
    """The items of a table, and the rows that are none: (row, code of a finding)."""

    items: list[SheetItem] = field(default_factory=list)
    left_out: list[tuple[int, str]] = field(default_factory=list)
    several_rows: bool = False
    carried_types: int = 0
