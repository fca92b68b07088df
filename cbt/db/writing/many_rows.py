"""Rows of one table that are written together, on the cursor of whatever transaction writes.

The driver lets the interpreter go at each statement, and gets it back behind whichever thread computes: a row at a
time, that would be hundreds of turns. So the embedded database takes many rows by one statement.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

AT_ONCE = 64
"""So many rows by one statement: with a dozen columns each they have fewer values than any SQLite takes."""


def insert_rows(cursor: Any, dialect: str, insert: str, rows: Sequence[Sequence[Any]]) -> None:
    """Write rows, at least one, by `insert`, which names table and columns up to VALUES."""
    if dialect == "postgresql":
        cursor.executemany(f"{insert} VALUES {_places(rows[0], '%s')}", rows)
        return
    one = _places(rows[0], "?")
    whole = len(rows) - len(rows) % AT_ONCE
    together = f"{insert} VALUES {', '.join([one] * AT_ONCE)}" if whole else ""
    for start in range(0, whole, AT_ONCE):
        cursor.execute(together, tuple(chain.from_iterable(rows[start : start + AT_ONCE])))
    if whole < len(rows):
        cursor.executemany(f"{insert} VALUES {one}", rows[whole:])


def _places(row: Sequence[Any], place: str) -> str:
    return f"({', '.join([place] * len(row))})"
