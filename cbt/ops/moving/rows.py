"""Rows on their way: read in blocks, so that a table of any length takes little memory, and compared whole."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Sequence
from typing import Any

from sqlalchemy import LargeBinary, Table, func, select
from sqlalchemy.engine import Connection

from cbt.db.departure import Departure
from cbt.db.types import Base

BLOCK, BLOCK_OF_FILES = 500, 10
"""Rows read at a time; few of a table that holds photos or files."""
Rows = Sequence[Sequence[Any]]


def tables() -> list[Table]:
    """Return the tables whose rows move, each after those it refers to; a departure is said where it happened."""
    return [table for table in Base.metadata.sorted_tables if table.name != Departure.__tablename__]


def count(connection: Connection, table: Table) -> int:
    """Return how many rows a table has."""
    return int(connection.scalar(select(func.count()).select_from(table)) or 0)


def blocks(connection: Connection, table: Table) -> Generator[Rows, None, None]:
    """Yield all rows of a table in blocks, in the order of its key, as values of Python: what the columns mean."""
    size = BLOCK_OF_FILES if any(isinstance(one.type, LargeBinary) for one in table.columns) else BLOCK
    query = select(*table.columns).order_by(*table.primary_key.columns)
    with connection.execute(query, execution_options={"stream_results": True, "yield_per": size}) as result:
        yield from result.partitions()


class RowDigest:
    """The digest of a set of rows, in whatever order they come: databases sort texts each in its own way."""

    def __init__(self) -> None:
        self.rows = 0
        self._sum = 0

    def add(self, block: Rows) -> None:
        """Take in a block of rows."""
        for row in block:
            sealed = hashlib.sha256(repr(tuple(row)).encode("utf-8", "backslashreplace"))
            self._sum += int.from_bytes(sealed.digest(), "big")
        self.rows += len(block)

    @property
    def digest(self) -> str:
        """Return the digest of all rows so far."""
        return f"{self._sum % 2**256:064x}"
