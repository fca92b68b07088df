"""Connections to an embedded database outside the engine: for copies, and for the log's own keeper."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import sqlcipher3.dbapi2

DATABASE_ERRORS: tuple[type[Exception], ...] = (sqlite3.DatabaseError, sqlcipher3.dbapi2.DatabaseError)


def open_raw(path: Path, key: bytes | None, *, patience_ms: int = 5000) -> Any:
    """Return a DBAPI connection in autocommit; without a key the library the engine uses for it."""
    module: Any = sqlite3 if key is None else sqlcipher3.dbapi2
    connection = module.connect(str(path), isolation_level=None, check_same_thread=False)
    if key is not None:
        connection.execute(f"PRAGMA key = \"x'{key.hex()}'\"")
    connection.execute(f"PRAGMA busy_timeout = {patience_ms}")
    return connection
