"""A process's databases of PostgreSQL, set back to a moment of the exam for the next test instead of copied anew.

A copy is nine hundred files, and each connection to it begins with nothing in its caches. So a database stays, and
so do connections to it. Before a test gets one, what differs from the moment it asks for is written back; one that
was changed in another way than in its rows (its tables, its rights, who is connected) is dropped and copied anew.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

import psycopg
from psycopg import sql

from tests.databases import PostgresServer
from tests.moments import Moment
from tests.passed_on import CONNECTIONS

MOST_USES = 100
"""Without a vacuum rows that were taken back stay in their pages, and more are read each time."""
NO_ROWS = 21
"""So many bytes PostgreSQL sends of a table without rows."""

_CHANGES = """SELECT oid, relname, relnamespace = 'pg_catalog'::regnamespace,
    pg_stat_get_tuples_inserted(oid) + pg_stat_get_tuples_updated(oid) + pg_stat_get_tuples_deleted(oid)
    FROM pg_class WHERE relkind = 'r' AND NOT relisshared"""
_OTHERS = """SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
    AND backend_type = 'client backend' AND pid <> pg_backend_pid() AND pid <> ALL(%s)"""
_SET_APART = """SELECT count(*) FROM pg_db_role_setting WHERE setdatabase =
    (SELECT oid FROM pg_database WHERE datname = current_database())"""
_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
_SEQUENCES = (
    "SELECT sequencename, coalesce(last_value, start_value), last_value IS NOT NULL FROM pg_sequences"
)


class Contents(NamedTuple):
    """What a database holds at a moment: the rows of each table as PostgreSQL sends them, and its sequences."""

    rows: dict[str, bytes]
    sequences: dict[str, tuple[int, bool]]


class KeptDatabase:
    """One database under a name that stays, and what is known of what it holds."""

    def __init__(self, server: PostgresServer, name: str) -> None:
        self._server = server
        self.name = name
        self._control: psycopg.Connection[Any] | None = None
        self._moment = Moment.EMPTY
        self._counted: dict[int, int] = {}
        self._uses = 0

    def put(self, moment: Moment, template: str, known: dict[Moment, Contents]) -> None:
        """Have it hold what `template` holds; `known` is what each moment is known to hold, and grows."""
        if self._control is not None and self._uses < MOST_USES and moment in known:
            with suppress(psycopg.Error):  # a test may have ended it
                if self._set_back(moment, known):
                    self._uses += 1
                    return
        self.drop()
        self._server.create(self.name, template=template)
        if not self._server.tells_changes:
            return
        self._control = psycopg.connect(
            self._server.plain_url(self.name), **self._server.near, autocommit=True, prepare_threshold=None
        )
        if moment not in known:
            known[moment] = _contents(self._control)
        self._write(sorted(known[moment].rows), known[moment])  # as it will be each time
        self._moment, self._uses = moment, 1
        CONNECTIONS.keep_of(self.name, self._server)

    def drop(self) -> None:
        """Drop it, whoever is still connected."""
        CONNECTIONS.close_of(self.name)
        if self._control is not None:
            self._control.close()
            self._control = None
        self._server.drop(self.name)

    def _changes(self) -> list[tuple[Any, ...]]:
        assert self._control is not None
        return self._control.execute(_CHANGES).fetchall()

    def _set_back(self, moment: Moment, known: dict[Moment, Contents]) -> bool:
        """Write back what differs from `moment`; False where more than rows was changed."""
        control = self._control
        assert control is not None
        (others,) = control.execute(_OTHERS, [CONNECTIONS.servers_of(self.name)]).fetchone() or (1,)
        (apart,) = control.execute(_SET_APART).fetchone() or (1,)
        if others or apart:
            return False
        changed = set()
        for oid, name, of_the_catalogue, count in self._changes():
            if count != self._counted.get(oid):
                if of_the_catalogue:
                    return False
                changed.add(name)
        have, want = known[self._moment], known[moment]
        changed |= {name for name, rows in want.rows.items() if rows != have.rows[name]}
        self._write(sorted(changed), want)
        self._moment = moment
        return True

    def _write(self, names: list[str], want: Contents) -> None:
        """Have these tables hold what is wanted of them, one row after the other as in a database that is new.

        Rows that were taken back would leave room between others, and a query without an order would show it.
        """
        control = self._control
        assert control is not None
        if names:
            tables = [sql.Identifier(name) for name in names]
            control.execute("SET session_replication_role = replica")  # no trigger, no reference is looked at
            control.execute(sql.SQL(";").join(sql.SQL("DELETE FROM {}").format(table) for table in tables))
            control.execute(
                sql.SQL("VACUUM (INDEX_CLEANUP ON, PROCESS_TOAST OFF) {}").format(sql.SQL(", ").join(tables))
            )
        with control.transaction(), control.cursor() as cursor:
            for name in (name for name in names if len(want.rows[name]) > NO_ROWS):
                with cursor.copy(_copy(name, "FROM STDIN")) as copy:
                    copy.write(want.rows[name])
            for name, last, called in cursor.execute(_SEQUENCES).fetchall():
                if (last, called) != want.sequences[name]:
                    cursor.execute(
                        "SELECT setval(%s::regclass, %s, %s)", [f'"{name}"', *want.sequences[name]]
                    )
        control.execute("SELECT pg_stat_force_next_flush()")
        self._counted = {oid: count for oid, _, _, count in self._changes()}


def _copy(name: str, way: str) -> sql.Composed:
    return sql.SQL("COPY {} {} (FORMAT binary)").format(sql.Identifier(name), sql.SQL(way))


def _contents(control: psycopg.Connection[Any]) -> Contents:
    rows = {}
    with control.cursor() as cursor:
        for (name,) in cursor.execute(_TABLES).fetchall():
            with cursor.copy(_copy(name, "TO STDOUT")) as copy:
                rows[name] = b"".join(map(bytes, copy))
        return Contents(
            rows, {name: (last, called) for name, last, called in cursor.execute(_SEQUENCES).fetchall()}
        )


class KeptDatabases:
    """The databases of this process on one server: as many as its tests use at one time."""

    def __init__(self, server: PostgresServer, new_name: Callable[[], str]) -> None:
        self._server = server
        self._new_name = new_name
        self._free: list[KeptDatabase] = []
        self._used: dict[str, KeptDatabase] = {}
        self._known: dict[Moment, Contents] = {}

    def take(self) -> str:
        """Return the name of a database that is nobody's now; it may not be there yet."""
        kept = self._free.pop() if self._free else KeptDatabase(self._server, self._new_name())
        self._used[kept.name] = kept
        return kept.name

    def put(self, name: str, moment: Moment, template: str) -> None:
        """Have the database `name` hold what `template` holds, the one of `moment`; nobody may use it."""
        self._used[name].put(moment, template, self._known)

    def give(self, name: str) -> None:
        """Take back the database `name`."""
        self._free.append(self._used.pop(name))

    def leave(self) -> None:
        """Drop them all."""
        for kept in (*self._free, *self._used.values()):
            kept.drop()
        self._free.clear()
        self._used.clear()
