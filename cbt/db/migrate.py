"""Bring the database to this version's tables."""

from __future__ import annotations

from typing import cast

import flask
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy.engine import Connection

from cbt.config import Settings
from cbt.db.engine import WRITE, check_readable, database_path
from cbt.db.types import db
from cbt.db.writing.gate import Gate
from cbt.errors import Unavailable
from cbt.paths import migrations_dir


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(migrations_dir()).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def migrate() -> str:
    """Upgrade to the newest revision and return it; a repeat changes nothing.

    Raise Unavailable("db.newer") for a database of a later version, ("db.unreadable") for a damaged one.
    """
    check_readable(db.engine)
    gate = cast(Gate, flask.current_app.extensions["cbt_gate"])
    with gate(), db.engine.execution_options(**{WRITE: True}).begin() as connection:
        current, head = _revisions(connection)
        if current != head:
            upgrade(connection)
    return head


def upgrade(connection: Connection) -> None:
    """Bring the tables to this version's within the transaction of `connection`, which the caller ends."""
    command.upgrade(_config(connection), "head")


def newest_revision() -> str:
    """Return the revision of this version's tables."""
    config = Config()
    config.set_main_option("script_location", str(migrations_dir()).replace("%", "%%"))
    return str(ScriptDirectory.from_config(config).get_current_head())


def check_migrated() -> None:
    """Make sure that the database has this version's tables; store nothing.

    Raise Unavailable("db.not_migrated") when it is empty or of an earlier version, otherwise as `migrate`.
    """
    check_readable(db.engine)
    with db.engine.connect() as connection:
        current, head = _revisions(connection)
    if current != head:
        settings: Settings = flask.current_app.extensions["cbt_settings"]
        place = str(database_path(settings)) if settings.embedded else "CBT_DATABASE_URL"
        raise Unavailable("db.not_migrated", place=place)


def _revisions(connection: Connection) -> tuple[str | None, str]:
    """Return the database's revision and this version's; raise Unavailable("db.newer") for an unknown one."""
    script = ScriptDirectory.from_config(_config(connection))
    current = MigrationContext.configure(connection).get_current_revision()
    if current is not None:
        try:
            script.get_revision(current)
        except CommandError as error:
            raise Unavailable("db.newer", revision=current) from error
    return current, str(script.get_current_head())


def revise(message: str) -> None:
    """Write a new revision from the difference between the tables and the database (for developers)."""
    with db.engine.execution_options(**{WRITE: True}).begin() as connection:
        command.revision(_config(connection), message=message, autogenerate=True)
