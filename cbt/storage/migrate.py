"""Bring the database to this version's tables."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import cast

import flask
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DatabaseError

from cbt.config import Settings
from cbt.errors import Unavailable
from cbt.paths import migrations_dir
from cbt.releases import newest_revision, product_version, version_of
from cbt.storage.crypto import fingerprint, load_key, name_key, named_keys, write_note
from cbt.storage.engine import WRITE, check_readable, database_path
from cbt.storage.types import db
from cbt.storage.write_queue.write_lock import Gate

INSTALLED, UPGRADED = "system.install", "system.upgrade"
"""The acts under which the log says which version brought the tables to which revision."""
MIGRATION_KEY = 0x6362_7432
"""The advisory lock of whoever changes the tables on PostgreSQL."""
LOCK_PATIENCE_MS = 30_000


def _nobody(_revision: str) -> None:
    """Tell nobody."""


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(migrations_dir()).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def migrate(tell: Callable[[str], None] = _nobody) -> str:
    """Bring the tables to the newest revision in one transaction and return it; a repeat changes nothing.

    Whatever ends it before the last step (a refusal, a kill, a power cut) leaves the former tables and rows. `tell`
    is called with the revision of each step that is done, before the COMMIT.

    A database that does not name its keys yet names the ones this app was made with: who makes an app has asked
    whether they belong to it (`cbt/ops/belonging`).

    Raise Unavailable("db.newer") for a database of a later version, ("db.unreadable") for a damaged one.
    """
    check_readable(db.engine)
    gate = cast(Gate, flask.current_app.extensions["cbt_gate"])
    with gate(), db.engine.execution_options(**{WRITE: True}).begin() as connection:
        _take_turn(connection)
        current, head = _revisions(connection)
        if current != head:
            upgrade(connection, tell)
        if not named_keys(connection):
            name_key(connection, fingerprint(flask.current_app.config["PERSONAL_KEY"]))
    note_keys(flask.current_app.extensions["cbt_settings"])
    return head


def note_keys(settings: Settings) -> None:
    if settings.embedded:
        names = [name for name in ("database", "personal") if (settings.keys / f"{name}.key").is_file()]
        keys = {name: fingerprint(load_key(settings.keys, name, may_create=False)) for name in names}
        write_note(database_path(settings), keys)


def upgrade(connection: Connection, told: Callable[[str], None] = _nobody) -> None:
    """Bring the tables to this version's within the transaction of `connection`, which the caller ends."""
    config = _config(connection)
    config.attributes["told"] = told
    command.upgrade(config, "head")


def begin_or_check() -> bool:
    """Make the tables of an empty database, or make sure that they are this version's; return whether it was empty.

    A database of an earlier version is left as it is: only `cbt upgrade` changes one, after a backup.

    Raise Unavailable("db.older"), and as `migrate`.
    """
    check_readable(db.engine)
    with db.engine.connect() as connection:
        current = check_revision(connection)
    if current is None:
        migrate()
    return current is None


def check_revision(connection: Connection) -> str | None:
    """Return the revision of this version's tables, None of an empty database; raise as `begin_or_check`."""
    current, head = _revisions(connection)
    if current not in (None, head):
        raise older(str(current))
    return current


def check_migrated() -> None:
    """Make sure that the database has this version's tables; store nothing.

    Raise Unavailable("db.not_migrated") when it is empty, ("db.older") when it is of an earlier version,
    otherwise as `migrate`.
    """
    check_readable(db.engine)
    with db.engine.connect() as connection:
        current = check_revision(connection)
    if current is None:
        settings: Settings = flask.current_app.extensions["cbt_settings"]
        place = str(database_path(settings)) if settings.embedded else "CBT_DATABASE_URL"
        raise Unavailable("db.not_migrated", place=place)


def older(revision: str) -> Unavailable:
    return Unavailable(
        "db.older",
        found=f"{version_of(revision)} ({revision})".strip(),
        wanted=f"{product_version()} ({newest_revision()})",
    )


def revisions_after(revision: str) -> list[str]:
    """Return the revisions from `revision` on, without it, to this version's, in their order."""
    names = sorted(path.name.partition("_")[0] for path in (migrations_dir() / "versions").glob("[0-9]*.py"))
    return [name for name in names if name > revision]


def is_known(revision: str) -> bool:
    """Return whether this version knows how to come from `revision` to its own."""
    return bool(list((migrations_dir() / "versions").glob(f"{revision}_*.py")))


def database_revision() -> str | None:
    """Return the revision of the database, None of an empty one, whichever version it is of; raise as `migrate`."""
    check_readable(db.engine)
    with db.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def refuse_newer() -> None:
    """Raise Unavailable("db.newer") when the database is of a later version."""
    with db.engine.connect() as connection:
        _revisions(connection)


def _take_turn(connection: Connection) -> None:
    """Keep a second migration of the same PostgreSQL database waiting, and wait for no lock for ever.

    The embedded database's gate does the same.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SET LOCAL lock_timeout = {LOCK_PATIENCE_MS}"))
        connection.execute(text(f"SELECT pg_advisory_xact_lock({MIGRATION_KEY})"))


def _revisions(connection: Connection) -> tuple[str | None, str]:
    """Return the database's revision and this version's; raise Unavailable("db.newer") for an unknown one."""
    current = MigrationContext.configure(connection).get_current_revision()
    if current is not None and not is_known(current):
        raise newer(connection, current)
    return current, newest_revision()


def newer(connection: Connection, revision: str) -> Unavailable:
    """Return the refusal of a database of a later version, with that version where the log says which it was."""
    query = (
        f"SELECT after FROM audit_entry WHERE act IN ('{INSTALLED}', '{UPGRADED}') ORDER BY id DESC LIMIT 1"
    )
    try:
        facts = json.loads(connection.scalar(text(query)) or "{}")
    except (DatabaseError, ValueError):
        facts = {}
    version = facts.get("version", "") if facts.get("revision") == revision else ""
    return Unavailable("db.newer", revision=f"{version} ({revision})".strip(), version=product_version())


def revise(message: str) -> None:
    """Write a new revision from the difference between the tables and the database (for developers)."""
    with db.engine.execution_options(**{WRITE: True}).begin() as connection:
        command.revision(_config(connection), message=message, autogenerate=True)
