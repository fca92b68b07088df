"""Which errors mean that the database cannot do its work now, whatever was asked of it."""

from __future__ import annotations

import errno
import sqlite3

import psycopg
import sqlcipher3.dbapi2
from sqlalchemy import exc

# The save path talks to the drivers directly, so their own errors come through as well.
_PASSING = (
    exc.OperationalError,
    exc.InterfaceError,
    exc.InternalError,
    exc.TimeoutError,
    sqlite3.OperationalError,
    sqlcipher3.dbapi2.OperationalError,
    psycopg.OperationalError,
)


def cannot_persist(error: BaseException) -> bool:
    """Return whether `error` is the database's: a full or failing disk, a lost connection, a server that ended.

    The same request may be sent again then. Refused values and broken statements are not among them.

    Source: I12.
    """
    return isinstance(error, _PASSING) or type(error) is exc.DatabaseError


_FULL = {"SQLITE_FULL", "ENOSPC", "EDQUOT", "53100"}


def failure_code(error: BaseException) -> str:
    """Return what SQLite, PostgreSQL or the system calls it (`SQLITE_FULL`, `53100`, `ENOSPC`), "" for none."""
    if isinstance(error, OSError):
        return errno.errorcode.get(error.errno or 0, "")
    return str(getattr(error, "sqlite_errorname", None) or getattr(error, "sqlstate", None) or "")


def is_disk_full(error: BaseException) -> bool:
    """Return whether an error says that there is no more room. Source: I12."""
    return failure_code(error) in _FULL
