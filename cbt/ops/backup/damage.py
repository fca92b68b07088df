"""What a damaged page of the embedded database takes with it: tables, indexes and rows; and the way back.

Every table and index is read by itself. Where a table ends at a page that cannot be read, its rows are read in
halves of what is left until only those remain that cannot be.

Source: I1, I7.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cbt.config import Settings
from cbt.ops.backup.snapshot import database_key
from cbt.ops.preflight import bringing_back, copy_filled
from cbt.ops.salvage import open_rescue
from cbt.storage.engine import database_path
from cbt.storage.raw_connection import DATABASE_ERRORS, open_to_read, quiet

MOST_READS = 5_000
"""Readings of a table after which what was not looked at yet counts as unreadable."""


@dataclass(frozen=True, slots=True)
class DamagedObject:
    """A table or an index that cannot be read to its end; `rows` is how many of a table's rows cannot be.

    None where nothing says how many there are: its last page is damaged, and no index names its rows.
    """

    name: str
    is_table: bool
    rows: int | None = 0
    exact: bool = True
    """Else it is the most that it may be."""


class _Reader:
    """Reads of a database, each by a connection that has met no damaged page before."""

    def __init__(self, path: Path, key: bytes | None) -> None:
        self._path, self._key = path, key
        self._open()

    def _open(self) -> None:
        self._connection: Any = open_to_read(self._path, self._key)
        self._connection.execute("PRAGMA cache_size = 0")

    def ask(self, query: str) -> list[tuple[Any, ...]] | None:
        """Return all rows of a query, None where a page in its way cannot be read, or it makes no sense."""
        try:
            return list(self._connection.execute(query))
        except DATABASE_ERRORS:
            self.close()
            self._open()
            return None

    def count(self, columns: str, source: str) -> int | None:
        """Return how many rows `SELECT columns source` has, read with all that is in them; None as `ask`.

        A damaged page at the end of it comes as zeros, and is told with the next page that is read from the disk:
        so the first row is read again, within the same transaction and without a cache.
        """
        self.ask("BEGIN")
        rows = self.ask(f"SELECT {columns} {source}")
        again = None if rows is None else self.ask(f"SELECT rowid {source} LIMIT 1")
        if rows is None or again is None:
            return None
        self.ask("ROLLBACK")
        return len(rows)

    def close(self) -> None:
        self._connection.close()


def damaged_objects(settings: Settings) -> tuple[int, list[DamagedObject]]:
    """Return how many tables and indexes were read, and those that cannot be; raise one of DATABASE_ERRORS."""
    with quiet(), closing(_Reader(database_path(settings), database_key(settings))) as reader:
        listed = reader.ask("SELECT type, name, tbl_name FROM sqlite_master WHERE rootpage > 0 ORDER BY name")
        objects = [row for row in listed or () if row[0] in ("table", "index")]
        damaged = []
        for kind, name, table in objects:
            if kind == "table" and reader.count("*", _rows_of(name)) is None:
                indexes = [one for sort, one, of in objects if sort == "index" and of == name]
                damaged.append(_damaged_table(reader, name, indexes))
            elif kind == "index" and not _is_read(reader, table, name):
                damaged.append(DamagedObject(name, is_table=False))
    return len(objects), damaged


def _is_read(reader: _Reader, table: str, index: str) -> bool:
    """Return whether an index is read to its end; one that holds a part of the rows only is not gone through."""
    source = _through(table, index)
    is_whole = reader.ask(f"EXPLAIN QUERY PLAN SELECT rowid {source}") is not None
    return not is_whole or reader.count("rowid", source) is not None


def _rows_of(table: str, which: str = "") -> str:
    return f'FROM "{table}" NOT INDEXED {which}'


def _through(table: str, index: str) -> str:
    return f'FROM "{table}" INDEXED BY "{index}"'


def _damaged_table(reader: _Reader, table: str, indexes: list[str]) -> DamagedObject:
    """Return how many rows of a table cannot be read, by those that can and by an index that names all of them."""
    named = (
        reader.ask(f"SELECT count(*), min(rowid), max(rowid) FROM (SELECT rowid {_through(table, one)})")
        for one in indexes
    )
    total, low, high = next((rows[0] for rows in named if rows), (None, None, None))
    low, high = low or _end(reader, table, "ASC") or 1, high or _end(reader, table, "DESC")
    if high is None:
        return DamagedObject(table, is_table=True, rows=None, exact=False)
    left = [(low, high)]
    readable = lost = reads = 0
    while left and reads < MOST_READS:
        first, last = left.pop()
        # A range is read to the row behind it, which may be on a damaged page; a single row is not.
        which = f"rowid = {first}" if first == last else f"rowid BETWEEN {first} AND {last}"
        rows = reader.count("*", _rows_of(table, f"WHERE {which}"))
        reads += 1
        if rows is not None:
            readable += rows
        elif first == last:
            lost += 1
        else:
            middle = (first + last) // 2
            left += [(middle + 1, last), (first, middle)]
    if total is not None:
        return DamagedObject(table, is_table=True, rows=total - readable, exact=not left)
    return DamagedObject(
        table, is_table=True, rows=lost + sum(last - first + 1 for first, last in left), exact=False
    )


def _end(reader: _Reader, table: str, order: str) -> int | None:
    rows = reader.ask(f"SELECT rowid {_rows_of(table)} ORDER BY rowid {order} LIMIT 1")
    return int(rows[0][0]) if rows else None


def way_back(settings: Settings) -> str:
    """Return the shortest way back of a damaged database: from the second copy, a rescue, or the newest backup."""
    if not copy_filled(settings) and open_rescue(settings) is not None:
        return "cbt restore --from-rescue"
    return bringing_back(settings)
