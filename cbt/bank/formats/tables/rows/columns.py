"""One column without a header, by what stands in its cells."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from cbt.bank.formats.tables.cells.keys import looks_like_key, numbers_in
from cbt.bank.formats.tables.cells.kinds import named_type
from cbt.bank.formats.tables.rows.sheet import Table

SAMPLE = 400
MOST = 0.8
SENTENCE = re.compile(r"[？?。]\s*$")


@dataclass(frozen=True, slots=True)
class GuessedColumn:
    """What stands in one column."""

    place: int
    values: Sequence[str]
    rows: int

    def share(self, test: object) -> float:
        assert callable(test)
        return sum(bool(test(text)) for text in self.values) / len(self.values) if self.values else 0.0

    @property
    def filled(self) -> float:
        return len(self.values) / max(self.rows, 1)

    @property
    def length(self) -> float:
        return sum(map(len, self.values)) / len(self.values) if self.values else 0.0

    @property
    def varied(self) -> bool:
        return len(set(self.values)) > 1 or len(self.values) < 4

    @property
    def counts(self) -> bool:
        """Whether it counts its rows."""
        numbers = [int(text) for text in self.values if text.isdigit() and len(text) < 7]
        steps = sum(b - a == 1 for a, b in pairwise(numbers))
        return len(numbers) >= MOST * len(self.values) > 0 and steps >= 0.7 * max(len(numbers) - 1, 1)


def set_column(table: Table, name: str, column: GuessedColumn | None) -> None:
    if column is not None and name not in table.columns:
        table.columns[name] = column.place
        table.guessed[column.place] = name


def is_figure(text: str) -> bool:
    return len(text) <= 16 and (numbers_in(text) is not None or looks_like_key(text))


def is_kind(text: str) -> bool:
    """Return whether a cell names a type."""
    return len(text) <= 12 and bool(named_type(text))


def explains(table: Table, run: Sequence[GuessedColumn]) -> bool:
    """Return whether the last of the columns behind a stem says why: it speaks where the others are silent."""
    *others, last = run
    rows = [
        row
        for row in range(table.start, min(table.end, table.start + SAMPLE))
        if table.page.cell(row, last.place)
    ]
    alone = sum(not table.page.cell(row, others[-1].place) for row in rows)
    usual = sum(one.length for one in others) / len(others)
    return alone > 0.1 * len(rows) or last.length > max(2.5 * usual, 12)
