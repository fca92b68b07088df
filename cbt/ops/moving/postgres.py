"""PostgreSQL as the place a database goes to or comes from.

All that arrives, the tables too, arrives in one transaction: a move that is cut off leaves the database as it was.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from psycopg import sql
from sqlalchemy import Table, create_engine, delete, text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from cbt.db.migrate import upgrade
from cbt.db.private.prints import KeyPrint
from cbt.errors import CbtError, Conflict, InvalidInput, Unavailable
from cbt.ops.moving.destination import Destination
from cbt.ops.moving.rows import Rows, count, tables
from cbt.releases import newest_revision

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


def refusal(found: PostgresFacts, *, place: str, revision: str) -> CbtError | None:
    """Return why nothing may be moved to a database, None when it is empty and ours to fill."""
    if found.encoding != "UTF8":
        return InvalidInput("move.encoding", place=place, encoding=found.encoding)
    if found.only_reads:
        return Unavailable("move.only_reads", place=place)
    if found.revision and found.revision != revision:
        return Conflict("move.revision", place=place, found=found.revision, wanted=revision)
    if found.filled or (found.tables and not found.revision):
        return Conflict("move.not_empty", place=place)
    if not found.may_create:
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
    while who := connected(connection):
        if time.monotonic() > until:
            raise Conflict("move.connected", who=who)
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
            found = _PLACE.match(error.diag.context or "")
            line, column = (found[2], found[3] or "") if found else (str(number), "")
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
        """Keep all of it, at once."""
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
        said = str(error.orig).strip().splitlines() or [""]
        raise Unavailable("move.unreachable", place=destination.place, detail=said[0]) from error
    with connection:
        yield connection


def prepare_postgres(connection: Connection, *, place: str) -> PostgresTarget:
    """Make sure that nothing is there, make this version's tables, and return what is to be filled."""
    found = look(connection)
    refused = refusal(found, place=place, revision=newest_revision())
    if refused is not None:
        raise refused
    if not found.revision:
        upgrade(connection)
    connection.execute(delete(KeyPrint))  # the names of the keys move along
    assert all(count(connection, table) == 0 for table in tables())
    return PostgresTarget(connection)
