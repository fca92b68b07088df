"""The embedded database as the place a database goes to.

It is written beside its place, under a name that nothing opens, and gets its own when all of it is on disk and
compared. What a move that was cut off left there is ours alone, and the next one begins anew.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import sqlcipher3.dbapi2
from sqlalchemy import Table, create_engine, event, insert
from sqlalchemy.engine import Connection
from sqlalchemy.pool import NullPool

from cbt.db.copies import sync_folder
from cbt.db.engine import database_path
from cbt.db.migrate import upgrade
from cbt.db.private.files import make_private
from cbt.db.private.keys import load_key
from cbt.db.raw import open_raw
from cbt.errors import Conflict, Unavailable
from cbt.ops.moving.destination import Destination
from cbt.ops.moving.rows import Rows

_ARRIVING = ".arriving"


class EmbeddedTarget:
    """The file of an embedded database that a move fills."""

    def __init__(self, connection: Connection, arriving: Path, key: bytes | None, path: Path) -> None:
        self.connection = connection
        self._arriving = arriving
        self._key = key
        self._path = path

    def load(self, table: Table, blocks: Iterable[Rows]) -> None:
        """Write the rows of a table."""
        names = [one.name for one in table.columns]
        for block in blocks:
            self.connection.execute(insert(table), [dict(zip(names, row, strict=True)) for row in block])

    def settle(self) -> None:
        """Let the planner know what is there; a new row gets the number after the highest by itself."""
        self.connection.exec_driver_sql("ANALYZE")

    def commit(self) -> None:
        """Keep all of it: every page is read once more on disk, then the file gets its name.

        Raise Unavailable("db.unreadable") when the disk did not keep what was written.
        """
        self.connection.commit()
        self.connection.close()
        with self._arriving.open("rb+") as handle:
            os.fsync(handle.fileno())
        with closing(open_raw(self._arriving, self._key)) as database:
            pages = "PRAGMA cipher_integrity_check" if self._key is not None else "PRAGMA quick_check"
            said = [row[0] for row in database.execute(pages) if row[0] != "ok"]
        if said:
            raise Unavailable("db.unreadable", detail=str(said[0]))
        self._arriving.rename(self._path)
        sync_folder(self._path.parent)


@contextmanager
def embedded_database(destination: Destination, *, needed: int) -> Iterator[EmbeddedTarget]:
    """Make a new file for the length of the block, with this version's tables; uncommitted, it goes again.

    `needed` is about how many bytes it will take. Raise Conflict("move.there") when there is a database already,
    Unavailable("move.no_room") when the folder cannot take it, and ("db.key_missing") as `load_key` does.
    """
    path = database_path(destination.settings)
    settings = destination.settings
    if path.exists() or path.with_name(f"{path.name}-wal").exists():
        raise Conflict("move.there", place=str(path), other=f"{path.parent.absolute()}-2")
    if shutil.disk_usage(path.parent).free < needed:
        raise Unavailable("move.no_room", place=str(path.parent))
    key = load_key(settings.keys, "database", may_create=True) if settings.db_encryption else None
    arriving = path.with_name(path.name + _ARRIVING)
    _clear(arriving)
    connection = None
    try:
        make_private(arriving)
        connection = connect_file(arriving, key)
        # Nobody waits for a file that has no name yet; it is forced to disk once, before it gets one.
        connection.connection.driver_connection.execute("PRAGMA synchronous = OFF")  # type: ignore[union-attr]  # it is open
        upgrade(connection)
        yield EmbeddedTarget(connection, arriving, key, path)
    finally:
        if connection is not None:
            connection.close()
        _clear(arriving)


def connect_file(path: Path, key: bytes | None) -> Connection:
    """Connect to a file of an embedded database that nobody serves; what is not committed is undone."""
    engine = create_engine(
        "sqlite://",
        creator=partial(open_raw, path, key),
        module=sqlite3 if key is None else sqlcipher3.dbapi2,
        poolclass=NullPool,
        hide_parameters=True,
    )

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine.connect()


def _clear(arriving: Path) -> None:
    for path in (arriving, arriving.with_name(f"{arriving.name}-journal")):
        path.unlink(missing_ok=True)
