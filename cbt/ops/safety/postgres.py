"""Copies of a PostgreSQL database through its own tools, pg_dump and pg_restore."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from cbt.config import Settings
from cbt.db.private.files import make_private
from cbt.errors import Conflict, Unavailable
from cbt.ops.safety.embedded import DatabaseFacts, facts_of

_TABLES = "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()"


def dump_postgres(settings: Settings, target: Path) -> DatabaseFacts:
    """Write the database to `target` in pg_dump's custom format and return what the copy holds.

    What is counted and what is dumped is one snapshot. Raise Unavailable("safety.tool_missing") or
    ("safety.tool_failed") about pg_dump, ("safety.unreachable") about the server.
    """
    tool = _tool("pg_dump")
    with _connect(settings) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        row = connection.execute("SELECT pg_export_snapshot()").fetchone()
        assert row is not None
        try:
            facts = facts_of(connection)
        except psycopg.Error as error:
            raise Unavailable("safety.no_database", path=_name(settings)) from error
        make_private(target)
        options = ["--format=custom", "--no-owner", "--no-privileges", f"--snapshot={row[0]}"]
        _run([tool, *options, f"--file={target}"], settings)
    return facts


def restore_postgres(settings: Settings, source: Path) -> DatabaseFacts:
    """Load a dump into the empty database of `settings`, all or nothing, and return what it holds then.

    Raise Conflict("safety.not_empty") when there is a table in it, and as `dump_postgres`.
    """
    tool = _tool("pg_restore")
    with _connect(settings) as connection:
        row = connection.execute(_TABLES).fetchone()
    if row is not None and row[0]:
        raise Conflict("safety.not_empty", path=_name(settings))
    options = ["--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction"]
    _run([tool, *options, str(source)], settings)
    with _connect(settings) as connection:
        return facts_of(connection)


def _plain_url(settings: Settings) -> str:
    return settings.database_url.replace("postgresql+psycopg://", "postgresql://")


def _name(settings: Settings) -> str:
    return str(conninfo_to_dict(_plain_url(settings)).get("dbname", ""))


def _connect(settings: Settings) -> psycopg.Connection:
    try:
        return psycopg.connect(_plain_url(settings), connect_timeout=10)
    except psycopg.OperationalError as error:
        raise Unavailable("safety.unreachable", path=_name(settings)) from error


def _tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise Unavailable("safety.tool_missing", tool=name)
    return found


def _run(command: list[str], settings: Settings) -> None:
    # The password goes by the environment: a command line can be read by everybody on the machine.
    parts = conninfo_to_dict(_plain_url(settings))
    password = parts.pop("password", None)
    environment = os.environ | ({"PGPASSWORD": str(password)} if password else {})
    done = subprocess.run(
        [*command, f"--dbname={make_conninfo('', **parts)}"],
        env=environment,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()
        # The first line names the cause; later ones may quote rows.
        raise Unavailable("safety.tool_failed", tool=Path(command[0]).name, said=said[0] if said else "")
