"""The two ends of a move: rows read in blocks, and the embedded or PostgreSQL database they go to.

A table of any length takes little memory, and is compared whole.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sqlite3
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import sqlcipher3.dbapi2
from psycopg import sql
from sqlalchemy import LargeBinary, Table, create_engine, delete, event, func, insert, select, text
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.pool import NullPool

from cbt.config import Settings
from cbt.errors import CbtError, Conflict, InvalidInput, Unavailable
from cbt.releases import newest_revision
from cbt.storage.backup_folder import sync_folder
from cbt.storage.crypto import KeyPrint, load_key
from cbt.storage.departure import Departure
from cbt.storage.engine import database_path
from cbt.storage.migrate import upgrade
from cbt.storage.private_files import make_private
from cbt.storage.raw_connection import open_raw
from cbt.storage.types import Base

BLOCK, BLOCK_OF_FILES = 500, 10
"""Rows read at a time; few of a table that holds photos or files."""
Rows = Sequence[Sequence[Any]]


def tables() -> list[Table]:
    """Return the tables whose rows move, each after those it refers to; a departure is said where it happened."""
    return [table for table in Base.metadata.sorted_tables if table.name != Departure.__tablename__]


def count(connection: Connection, table: Table) -> int:
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
        for row in block:
            sealed = hashlib.sha256(repr(tuple(row)).encode("utf-8", "backslashreplace"))
            self._sum += int.from_bytes(sealed.digest(), "big")
        self.rows += len(block)

    @property
    def digest(self) -> str:
        return f"{self._sum % 2**256:064x}"


EMBEDDED = "embedded"
_DRIVER = "postgresql+psycopg"
_NAMED = ("postgresql", "postgres", _DRIVER)


@dataclass(frozen=True, slots=True)
class Destination:
    """The place a database goes to: the installation's settings as they are there."""

    settings: Settings
    changes: dict[str, str | None]
    """The settings to change when the database is there; None: to be taken out. No password is in it."""

    @property
    def place(self) -> str:
        """Return what people call it: a URL without its password, or the path of the database's file."""
        if self.settings.embedded:
            return str(database_path(self.settings).absolute())
        return make_url(self.settings.database_url).render_as_string(hide_password=True)


def read_destination(text: str, settings: Settings) -> Destination:
    """Return where `text` says: a PostgreSQL URL, `embedded` (the data folder of `settings`), or a data folder.

    Raise InvalidInput("move.destination") for what is none of them, ("move.same_kind") when the database of
    `settings` is of that kind already.
    """
    text = text.strip()
    scheme, separator, _ = text.partition("://")
    postgres = bool(separator)
    if not text or (postgres and scheme not in _NAMED):
        raise InvalidInput("move.destination", text=scheme)
    if postgres is not settings.embedded:
        raise InvalidInput("move.same_kind")
    return _on_postgres(text, settings) if postgres else _in_folder(text, settings)


def _on_postgres(text: str, settings: Settings) -> Destination:
    try:
        url = make_url(text).set(drivername=_DRIVER)
    except (ArgumentError, ValueError) as error:
        raise InvalidInput("move.destination", text="postgresql://…") from error
    if not url.database:
        raise InvalidInput("move.destination", text=url.render_as_string(hide_password=True))
    there = replace(settings, database_url=url.render_as_string(hide_password=False), journal_copy_dir=None)
    changes: dict[str, str | None] = {"CBT_DATABASE_URL": url.render_as_string(hide_password=True)}
    if settings.journal_copy_dir is not None:
        changes["CBT_JOURNAL_COPY_DIR"] = None
    return Destination(there, changes)


def _in_folder(text: str, settings: Settings) -> Destination:
    folder = settings.data_dir if text == EMBEDDED else Path(text).expanduser()
    there = replace(settings, database_url="", data_dir=folder, key_dir=settings.keys)
    changes: dict[str, str | None] = {"CBT_DATABASE_URL": None}
    if folder != settings.data_dir:
        changes["CBT_DATA_DIR"] = str(folder.absolute())
        if settings.key_dir is None:
            changes["CBT_KEY_DIR"] = str(settings.keys.absolute())
    return Destination(there, changes)


# The embedded database as the place a database goes to.
#
# It is written beside its place, under a name that nothing opens, and gets its own when all of it is on disk
# and compared. What a move that was cut off left there is ours alone, and the next one begins anew.

_ARRIVING = ".arriving"


class EmbeddedTarget:
    """The file of an embedded database that a move fills."""

    def __init__(self, connection: Connection, arriving: Path, key: bytes | None, path: Path) -> None:
        self.connection = connection
        self._arriving = arriving
        self._key = key
        self._path = path

    def load(self, table: Table, blocks: Iterable[Rows]) -> None:
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
            problems = [row[0] for row in database.execute(pages) if row[0] != "ok"]
        if problems:
            raise Unavailable("db.unreadable", detail=str(problems[0]))
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


# PostgreSQL as the place a database goes to or comes from.
#
# All that arrives, the tables too, arrives in one transaction: a move that is cut off leaves the database
# as it was.

LEAVING_SECONDS = 5.0
LOCK_PATIENCE = "5s"
_PLACE = re.compile(r"^COPY (\w+), line (\d+)(?:, column (\w+))?")


@dataclass(frozen=True, slots=True)
class PostgresFacts:
    """What a database on PostgreSQL says of itself before anything is written to it."""

    encoding: str
    only_reads: bool
    may_create: bool
    """Whether this user may make tables in the schema that the search path leads to."""
    tables: int
    revision: str
    """The revision of its tables, "" when none of the product's are there."""
    filled: bool
    """Whether any of the product's tables has a row."""


def refusal(facts: PostgresFacts, *, place: str, revision: str) -> CbtError | None:
    """Return why nothing may be moved to a database, None when it is empty and ours to fill."""
    if facts.encoding != "UTF8":
        return InvalidInput("move.encoding", place=place, encoding=facts.encoding)
    if facts.only_reads:
        return Unavailable("move.only_reads", place=place)
    if facts.revision and facts.revision != revision:
        return Conflict("move.revision", place=place, found=facts.revision, wanted=revision)
    if facts.filled or (facts.tables and not facts.revision):
        return Conflict("move.not_empty", place=place)
    if not facts.may_create:
        return InvalidInput("move.no_rights", place=place)
    return None


def look(connection: Connection) -> PostgresFacts:
    """Ask a database what `refusal` judges."""
    schema = connection.scalar(text("SELECT current_schema()"))
    may = schema and connection.scalar(text("SELECT has_schema_privilege(current_schema(), 'CREATE')"))
    query = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
    there = set(connection.scalars(text(query)))
    revision = ""
    if "alembic_version" in there:
        revision = str(connection.scalar(text("SELECT version_num FROM alembic_version")) or "")
    named = KeyPrint.__tablename__  # tables that were made name the keys, and hold nothing else yet
    ours = [one for one in tables() if one.name in there and one.name != named] if revision else []
    return PostgresFacts(
        encoding=str(connection.scalar(text("SHOW server_encoding"))),
        only_reads=connection.scalar(text("SHOW transaction_read_only")) != "off",
        may_create=bool(may),
        tables=len(there),
        revision=revision,
        filled=any(connection.scalar(text(f"SELECT EXISTS (SELECT FROM {one.name})")) for one in ours),
    )


def connected(connection: Connection) -> list[str]:
    """Return who else is connected to this database, as `user@address (process)`."""
    query = """
        SELECT usename, coalesce(host(client_addr), 'local') AS address, pid FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
        ORDER BY pid
    """
    return [f"{row.usename}@{row.address} (pid {row.pid})" for row in connection.execute(text(query))]


def refuse_connected(connection: Connection) -> None:
    """Raise Conflict("move.connected") naming who is connected: a node that goes on would serve what was moved.

    Whoever has just closed, as this process has, is there for a moment yet: so long they are waited for.
    """
    until = time.monotonic() + LEAVING_SECONDS
    while others := connected(connection):
        if time.monotonic() > until:
            raise Conflict("move.connected", who=others)
        time.sleep(0.05)
        connection.execute(
            text("SELECT pg_stat_clear_snapshot()")
        )  # else a transaction is told the same again


def hold_still(connection: Connection) -> None:
    """Have nobody write to the database until the transaction ends; raise as `refuse_connected`."""
    refuse_connected(connection)
    connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_PATIENCE}'"))
    names = ", ".join(table.name for table in tables())
    try:
        connection.execute(text(f"LOCK TABLE {names} IN SHARE MODE"))
    except OperationalError as error:
        raise Conflict("move.connected", who=connected(connection)) from error


class PostgresTarget:
    """The database on PostgreSQL that a move fills."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def load(self, table: Table, blocks: Iterable[Rows]) -> None:
        """Write the rows of a table.

        Raise InvalidInput("move.row") for a row that PostgreSQL refuses, by table, number and column: never by
        its values.
        """
        dialect = self.connection.dialect
        bind = [one.type.dialect_impl(dialect).bind_processor(dialect) for one in table.columns]
        columns = sql.SQL(", ").join(sql.Identifier(one.name) for one in table.columns)
        query = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table.name), columns)
        number = 0
        try:
            with (
                self.connection.connection.driver_connection.cursor() as cursor,  # type: ignore[union-attr]  # it is open
                cursor.copy(query) as copy,
            ):
                for block in blocks:
                    for row in block:
                        number += 1
                        values = zip(bind, row, strict=True)
                        copy.write_row([one if made is None else made(one) for made, one in values])
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            match = _PLACE.match(error.diag.context or "")
            line, column = (match[2], match[3] or "") if match else (str(number), "")
            raise InvalidInput("move.row", table=table.name, row=line, column=column) from error

    def settle(self) -> None:
        """Number on after the highest row of each table, and let the planner know what is there."""
        for table in tables():
            column = table.autoincrement_column
            if column is None:
                continue
            self.connection.execute(
                text(
                    f"SELECT setval(pg_get_serial_sequence(:name, :column), max({column.name}))"
                    f" FROM {table.name} HAVING max({column.name}) IS NOT NULL"
                ),
                {"name": table.name, "column": column.name},
            )
        self.connection.execute(text("ANALYZE"))

    def commit(self) -> None:
        self.connection.commit()


@contextmanager
def postgres_database(destination: Destination) -> Iterator[Connection]:
    """Connect to the database for the length of the block; what is not committed in it is undone.

    Raise Unavailable("move.unreachable").
    """
    url = destination.settings.database_url
    # A database of another encoding is to say so in words; without this its texts are bytes to the driver.
    spoken = {"client_encoding": "UTF8"}
    engine = create_engine(url, poolclass=NullPool, hide_parameters=True, connect_args=spoken)
    try:
        connection = engine.connect()
    except OperationalError as error:
        lines = str(error.orig).strip().splitlines() or [""]
        raise Unavailable("move.unreachable", place=destination.place, detail=lines[0]) from error
    with connection:
        yield connection


def prepare_postgres(connection: Connection, *, place: str) -> PostgresTarget:
    """Make sure that nothing is there, make this version's tables, and return what is to be filled."""
    facts = look(connection)
    refused = refusal(facts, place=place, revision=newest_revision())
    if refused is not None:
        raise refused
    if not facts.revision:
        upgrade(connection)
    connection.execute(delete(KeyPrint))  # the names of the keys move along
    assert all(count(connection, table) == 0 for table in tables())
    return PostgresTarget(connection)
