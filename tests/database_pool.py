"""A process's databases of PostgreSQL, set back to a moment of the exam for the next test instead of copied anew.

A copy is nine hundred files. So a database stays. Before a test gets one, what differs from the moment it asks for
is written back; one that was changed in another way than in its rows (its tables, its rights, who is connected) is
dropped and copied anew.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from tests.databases import PostgresServer, give_to_server
from tests.moments import Moment

MOST_USES = 500
"""After so many it costs no more to set one back; long values, which are stored apart, are never vacuumed."""
OFTEN = 2**30
"""From this use on a statement would be prepared unasked; several at once cannot be."""
LEAVING = 20
"""So often it is looked whether everybody has left before a copy is made, which is as good and takes longer."""
NO_ROWS = 21
"""So many bytes PostgreSQL sends of a table without rows."""

_OTHERWISE = """SELECT
    (SELECT count(*) FROM pg_stat_get_activity(NULL) WHERE datid = pg_database.oid
        AND backend_type = 'client backend' AND pid <> pg_backend_pid())
    + (SELECT count(*) FROM pg_db_role_setting WHERE setdatabase = pg_database.oid)
    FROM pg_database WHERE datname = current_database()"""
"""Who else is connected, and what is set for this database alone."""
_STANDING = """SELECT * FROM (
    SELECT relname, relkind = 'S', relnamespace = 'pg_catalog'::regnamespace,
        CASE relkind WHEN 'S' THEN pg_sequence_last_value(oid) ELSE pg_stat_get_tuples_inserted(oid)
            + pg_stat_get_tuples_updated(oid) + pg_stat_get_tuples_deleted(oid) END AS standing
    FROM pg_class WHERE relkind IN ('r', 'S') AND NOT relisshared) AS told WHERE standing <> 0"""
"""The last number of each sequence that gave any, and how often rows of each table were changed."""
_QUIETLY = "-c track_counts=off -c session_replication_role=replica"
"""What is written back counts as no change; no trigger and no reference is looked at."""
_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
_SEQUENCES = (
    "SELECT sequencename, coalesce(last_value, start_value), last_value IS NOT NULL FROM pg_sequences"
)


class Contents(NamedTuple):
    """What a database holds at a moment: the rows of each table as PostgreSQL writes them, and its sequences."""

    folder: Path
    """The server's, with a file for each table."""
    rows: dict[str, bytes]
    sequences: dict[str, tuple[int, bool]]


class KeptDatabase:
    """One database under a name that stays, and what is known of what it holds."""

    def __init__(self, server: PostgresServer, name: str) -> None:
        self._server = server
        self.name = name
        self._control: psycopg.Connection[Any] | None = None
        self._moment = Moment.EMPTY
        self._counted: dict[str, int] = {}
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
            self._server.plain_url(self.name),
            **self._server.near,
            autocommit=True,
            prepare_threshold=OFTEN,
            options=_QUIETLY,
        )
        if moment not in known:
            known[moment] = _contents(self._control, self._server)
        self._write(sorted(known[moment].rows), known[moment], {})  # as it will be each time
        self._moment, self._uses, self._counted = moment, 1, {}

    def drop(self) -> None:
        """Drop it, whoever is still connected."""
        if self._control is not None:
            self._control.close()
            self._control = None
        self._server.drop(self.name)

    def _set_back(self, moment: Moment, known: dict[Moment, Contents]) -> bool:
        """Write back what differs from `moment`; False where more than rows was changed."""
        control = self._control
        assert control is not None
        for _ in range(LEAVING):  # who has just let go is counted until the server has seen them out
            if control.execute(_OTHERWISE, prepare=True).fetchone() == (0,):
                break
            control.execute("SELECT pg_sleep(0.002)")
        else:
            return False
        numbers, counted = {}, {}
        for name, is_sequence, of_the_catalogue, standing in control.execute(_STANDING, prepare=True):
            if of_the_catalogue:
                return False
            (numbers if is_sequence else counted)[name] = standing
        have, want = known[self._moment], known[moment]
        changed = {name for name, _ in counted.items() ^ self._counted.items()}
        changed |= {name for name, rows in want.rows.items() if rows != have.rows[name]}
        self._write(sorted(changed), want, numbers)
        self._moment, self._counted = moment, counted
        return True

    def _write(self, names: list[str], want: Contents, numbers: dict[str, int]) -> None:
        """Have these tables hold what is wanted of them, one row after the other as in a database that is new.

        Rows that were taken back would leave room between others, and a query without an order would show it.
        `numbers` are the last of each sequence.
        """
        control = self._control
        assert control is not None
        if names:
            control.execute("".join(f'DELETE FROM "{name}";' for name in names))
            tables = ", ".join(f'"{name}"' for name in names)
            control.execute(f"VACUUM (INDEX_CLEANUP ON, PROCESS_TOAST OFF) {tables}")
        back = [_copy(name, "FROM", want.folder) for name in names if len(want.rows[name]) > NO_ROWS]
        back += [
            f"SELECT setval('\"{name}\"', {last}, {called})"
            for name, (last, called) in want.sequences.items()
            if numbers.get(name) != (last if called else None)
        ]
        if back:
            control.execute(";".join(back))


def _copy(name: str, way: str, folder: Path) -> str:
    return f"COPY \"{name}\" {way} '{folder / name}' (FORMAT binary)"


def _contents(control: psycopg.Connection[Any], server: PostgresServer) -> Contents:
    folder = Path(tempfile.mkdtemp(prefix="contents-", dir=server.folder))
    give_to_server(folder)
    names = [name for (name,) in control.execute(_TABLES)]
    control.execute(";".join(_copy(name, "TO", folder) for name in names))
    return Contents(
        folder,
        {name: (folder / name).read_bytes() for name in names},
        {name: (last, called) for name, last, called in control.execute(_SEQUENCES)},
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
