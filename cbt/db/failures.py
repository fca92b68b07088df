"""Which errors mean that the database cannot do its work now, whatever was asked of it."""

from __future__ import annotations

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
