"""The tables of an empty embedded database, made as they are in the end: sixty steps lead there one by one.

For files that begin many installations, and whose subject is neither the steps nor what they leave.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection

from cbt.storage import migrate as steps

_upgrade = steps.upgrade
_in_the_end: list[tuple[str, Sequence[Any]]] = []
"""What makes the tables and what the steps leave in them, as the first who took the steps found it."""


def make_tables_at_once(patched: pytest.MonkeyPatch) -> None:
    """Have the steps taken once in this process for all empty databases that are migrated."""
    patched.setattr(steps, "upgrade", _upgrade_again)


def _upgrade_again(connection: Connection, told: Callable[[str], None] = steps._nobody) -> None:
    empty = MigrationContext.configure(connection).get_current_revision() is None
    if not empty or connection.dialect.name != "sqlite" or not _in_the_end:
        _upgrade(connection, told)
        if empty and connection.dialect.name == "sqlite":
            _in_the_end[:] = _what_is_there(connection)
        return
    for statement, values in _in_the_end:
        connection.exec_driver_sql(statement, tuple(values))


def _what_is_there(connection: Connection) -> list[tuple[str, Sequence[Any]]]:
    kinds = {name: kind for _, name, kind, *_ in connection.exec_driver_sql("PRAGMA table_list")}
    master = "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid"
    # Tables of an index for searching come with it.
    made = [one for one in connection.exec_driver_sql(master).all() if kinds.get(one[0]) != "shadow"]
    found: list[tuple[str, Sequence[Any]]] = [(sql, ()) for _, sql in made]
    for name in (name for name, _ in made if kinds.get(name) == "table"):
        for row in connection.exec_driver_sql(f'SELECT * FROM "{name}"'):
            marks = ", ".join("?" * len(row))
            found.append((f'INSERT INTO "{name}" VALUES ({marks})', tuple(row)))
    return found
