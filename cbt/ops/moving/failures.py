"""What a database or a disk refused in the middle of a move, in words of the move."""

from __future__ import annotations

import psycopg
from sqlalchemy.exc import DBAPIError

from cbt.db.failures import cannot_persist
from cbt.errors import CbtError, Unavailable

DISK_FULL = "53100"
"""What PostgreSQL calls a disk that is full."""
FAILURES = (OSError, DBAPIError, psycopg.Error)


def explained(error: Exception, *, embedded: str, postgres: str, arrives: bool) -> CbtError | None:
    """Return what `error` means, None when it is nobody's but ours.

    `embedded` and `postgres` are the two places; `arrives` says whether the embedded one is filled.
    """
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, psycopg.Error):
        if getattr(cause, "sqlstate", None) == DISK_FULL:
            return Unavailable("move.no_room", place=postgres)
        if cannot_persist(error):
            return Unavailable("move.cut_off", place=postgres, detail=type(cause).__name__)
        return None
    if arrives and (isinstance(error, OSError) or cannot_persist(error)):
        return Unavailable("move.no_room", place=embedded)
    if isinstance(error, DBAPIError) and cannot_persist(error):
        return Unavailable("db.unreadable", detail=type(cause).__name__)
    return None
