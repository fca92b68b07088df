"""Connections to an embedded database outside the engine: for copies, and for the log's own keeper."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlcipher3.dbapi2

DATABASE_ERRORS: tuple[type[Exception], ...] = (sqlite3.DatabaseError, sqlcipher3.dbapi2.DatabaseError)


def existing(path: Path) -> str:
    """Return the URI by which SQLite opens a database that is there, and makes none where it is missing."""
    return f"file:{quote(str(path.resolve()))}?mode=rw"


def open_raw(path: Path, key: bytes | None, *, patience_ms: int = 5000) -> Any:
    """Return a DBAPI connection in autocommit; without a key the library the engine uses for it.

    Raise one of DATABASE_ERRORS for a file that is not there.
    """
    return _open(existing(path), key, patience_ms=patience_ms)


def open_to_read(path: Path, key: bytes | None, *, patience_ms: int = 5000) -> Any:
    """Return a connection to a database that is there, which neither writes to it nor empties its log."""
    return _open(f"file:{quote(str(path.resolve()))}?mode=ro", key, patience_ms=patience_ms)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep SQLCipher from writing to the terminal what it thinks of a file or key that is only being tried."""
    with closing(sqlcipher3.dbapi2.connect(":memory:")) as connection:
        connection.execute("PRAGMA cipher_log_level = NONE")
        try:
            yield
        finally:
            connection.execute("PRAGMA cipher_log_level = WARN")


def _open(place: str, key: bytes | None, *, patience_ms: int) -> Any:
    module: Any = sqlite3 if key is None else sqlcipher3.dbapi2
    connection = module.connect(place, uri=True, isolation_level=None, check_same_thread=False)
    if key is not None:
        connection.execute(f"PRAGMA key = \"x'{key.hex()}'\"")
    connection.execute(f"PRAGMA busy_timeout = {patience_ms}")
    return connection
