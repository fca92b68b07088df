"""A sheet with its cells cleaned, and the tables found on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from cbt.bank.formats.tables.cells.dirt import clean
from cbt.errors import InvalidInput
from cbt.sheets.cells import SheetData
from cbt.sheets.columns import letter
from cbt.sheets.findings import Place
from cbt.sheets.merged import Merged

LONGEST_CELL = 12_000


class Page:
    """One sheet: its cells cleaned, and what a merged cell says wherever it reaches."""

    def __init__(self, data: SheetData, file: str) -> None:
        self.name, self.file = data.name, file
        self.rows = [[clean(cell) if cell else "" for cell in row] for row in data.rows]
        for number, line in enumerate(self.rows, 1):
            if any(len(cell) > LONGEST_CELL for cell in line):
                raise InvalidInput("bank.cell_long", sheet=self.name, row=number, limit=LONGEST_CELL)
        self.shown = [(row, column, one) for row, column, one, _words in data.shown]
        self.lost = data.pictures
        self.unshown = set(data.unshown)
        merged = Merged(self.rows, data.merged)
        self._over, self.across = merged.over, merged.across

    @property
    def is_csv(self) -> bool:
        """Whether it came out of a text, where a cell too many moves all after it."""
        return self.name == ""

    def cell(self, row: int, column: int) -> str:
        """Return the text of a cell (from 0), "" beyond the end."""
        line = self.rows[row] if 0 <= row < len(self.rows) else []
        return line[column] if 0 <= column < len(line) else ""

    def spread(self, row: int, column: int) -> str:
        """Return the text of a cell, or of the merged cell that covers it from above."""
        return self.cell(row, column) or self._over.get((row, column), "")

    def filled(self, row: int, left: int = 0, right: int = 1_000) -> list[int]:
        """Return the columns of a row that say something."""
        line = self.rows[row][: right + 1]
        return [place for place in range(left, len(line)) if line[place]]


@dataclass(slots=True)
class Table:
    """One table of a sheet: where its items stand (rows from 0, `end` excluded) and what its columns are.

    `head` is the row (from 1) of its headers, 0 for none. `guessed` are the columns that were known by what
    stands in them alone, `skipped` rows that say the headers again, `joined` those that go on with an item.
    """

    page: Page
    head: int
    start: int
    end: int
    left: int
    right: int
    columns: dict[str, int]
    headers: dict[int, str] = field(default_factory=dict)
    meanings: dict[int, str] = field(default_factory=dict)
    guessed: dict[int, str] = field(default_factory=dict)
    doubled: list[tuple[int, str]] = field(default_factory=list)
    two_rows: bool = False
    skipped: set[int] = field(default_factory=set)
    joined: set[int] = field(default_factory=set)

    def text(self, row: int, name: str) -> str:
        """Return what stands in the column of a field."""
        return self.page.cell(row, self.columns[name]) if name in self.columns else ""

    def spread(self, row: int, name: str) -> str:
        """Return what stands in the column of a field, or in the merged cell that reaches into it from above."""
        return self.page.spread(row, self.columns[name]) if name in self.columns else ""

    def place(self, row: int, name: str = "") -> Place:
        """Return the place of a field in a row (from 0); without a letter where there is no such column."""
        column = self.columns.get(name)
        if column is None:
            return Place(self.page.file, self.page.name, row + 1)
        return Place(self.page.file, self.page.name, row + 1, letter(column), self.headers.get(column, ""))

    def has(self, *names: str) -> bool:
        """Return whether there is a column for one of the fields."""
        return any(name in self.columns for name in names)

    def of(self, prefix: str) -> list[str]:
        """Return the fields of a kind (`choice_`, `blank_`) in their order."""
        found = [name for name in self.columns if name.startswith(prefix)]
        return sorted(found, key=lambda name: (len(name), name))

    def values(self, column: int) -> Sequence[str]:
        """Return what stands in a column, without what is empty."""
        return [text for row in range(self.start, self.end) if (text := self.page.cell(row, column))]
