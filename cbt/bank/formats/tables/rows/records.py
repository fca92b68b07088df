"""What the rows of a table hold, item by item: one row each, several rows, or a row for each choice."""

from __future__ import annotations

from dataclasses import dataclass, field

from cbt.bank.formats.tables.rows.sheet import Table
from cbt.sheets.findings import Place


@dataclass(slots=True)
class SheetItem:
    """One item as its cells say it; `rows` are those it stands in (from 0), `lines` what no column places.

    `at` gives the place of a choice by its row, where each has one. `shown` are the pictures behind the stem,
    `lost` the cells of those that could not be read.
    """

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
    at: dict[int, int] = field(default_factory=dict)
    shown: str = ""
    lost: list[tuple[int, int]] = field(default_factory=list)

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

    table: Table
    items: list[SheetItem] = field(default_factory=list)
    left_out: list[tuple[int, str]] = field(default_factory=list)
    several_rows: bool = False
    keys_elsewhere: bool = False
    carried_types: int = 0


def item_at(table: Table, row: int, *, kind: str, heading: str) -> SheetItem:
    """Return the item that begins in a row."""
    item = SheetItem(
        table,
        [row],
        number=table.text(row, "number"),
        type=kind,
        stem=table.text(row, "stem"),
        choices=[table.text(row, name) for name in table.of("choice_")],
        cells=[text] if (text := table.text(row, "choices")) else [],
        answer=table.text(row, "answer"),
        explanation=table.text(row, "explanation"),
        difficulty=table.spread(row, "difficulty"),
        consistency=table.text(row, "consistency"),
        point=table.spread(row, "point"),
        blanks=[text for name in table.of("blank_") if (text := table.text(row, name))],
        heading=heading,
    )
    if table.page.is_csv:
        last = max((column for column, text in table.headers.items() if text), default=table.right)
        item.beyond = next((column for column in table.page.filled(row) if column > last), -1)
    return item
