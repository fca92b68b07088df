"""Did a move that was cut off at its very end arrive? The log of the database there says so."""

from __future__ import annotations

from contextlib import closing

from sqlalchemy import inspect, select
from sqlalchemy.engine import Connection

from cbt.audit.models import AuditEntry
from cbt.db.engine import database_path
from cbt.db.private.keys import load_key
from cbt.ops.moving.destination import Destination
from cbt.ops.moving.embedded import connect_file
from cbt.ops.moving.postgres import postgres_database

MOVED = "database.move"
"""The act under which the log of the new database says where it came from."""


def has_arrived(destination: Destination, *, ref: str) -> bool:
    """Return whether the database at `destination` has the move `ref`; raise when it cannot be asked."""
    settings = destination.settings
    if not settings.embedded:
        with postgres_database(destination) as connection:
            return _has(connection, ref)
    path = database_path(settings)
    if not path.exists():
        return False
    key = load_key(settings.keys, "database", may_create=False) if settings.db_encryption else None
    with closing(connect_file(path, key)) as connection:
        return _has(connection, ref)


def _has(connection: Connection, ref: str) -> bool:
    if not inspect(connection).has_table(AuditEntry.__tablename__):
        return False
    entry = select(AuditEntry.id).where(AuditEntry.act == MOVED, AuditEntry.subject == f"move:{ref}")
    return connection.scalar(entry) is not None
