"""Copies of the embedded database, made while it is used and encrypted under the same key."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cbt.audit.heads import DIGITS, Head
from cbt.config import Settings
from cbt.db.engine import database_path
from cbt.db.private.keys import load_key
from cbt.db.raw import DATABASE_ERRORS, open_raw
from cbt.db.types import from_micros
from cbt.errors import Unavailable

PAGES_PER_STEP = 64
PAUSE_SECONDS = 0.002
"""A step copies 256 KiB and is followed by a pause, so that the disk is the exam's again."""


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """What a database holds, as one transaction sees it."""

    revision: str
    attempts: int
    journal: int
    head: str
    """The head of the log in it, as `cbt audit head` prints it; "" for an empty log."""

    @property
    def counts(self) -> dict[str, int]:
        """Return the counts a manifest shows."""
        return {"attempts": self.attempts, "journal": self.journal}


def database_key(settings: Settings) -> bytes | None:
    """Return the key of the embedded database, None when it is kept in clear; raise as `load_key`."""
    return load_key(settings.keys, "database", may_create=False) if settings.db_encryption else None


def copy_embedded(settings: Settings, target: Path) -> DatabaseFacts:
    """Copy the database of a running installation to `target` and return what the copy holds.

    The source is read in one transaction, so the copy is one instant's and writers are neither stopped nor
    make it begin again; only the write-ahead log cannot be emptied meanwhile.
    """
    source_path = database_path(settings)
    if not source_path.is_file():
        raise Unavailable("safety.no_database", path=str(source_path))
    key = database_key(settings)
    try:
        with closing(open_raw(source_path, key)) as source, closing(open_raw(target, key)) as copy:
            source.execute("PRAGMA query_only = 1")
            source.execute("BEGIN")
            source.execute("SELECT count(*) FROM sqlite_master").fetchone()  # the snapshot begins here
            source.backup(copy, pages=PAGES_PER_STEP, progress=_pause)
            source.execute("ROLLBACK")
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it
    except DATABASE_ERRORS as error:
        raise Unavailable("db.unreadable", detail=type(error).__name__) from error
    return read_facts(target, key)


def read_facts(path: Path, key: bytes | None) -> DatabaseFacts:
    """Return what a copy holds; raise Unavailable("db.unreadable") for a damaged one or another key."""
    try:
        with closing(open_raw(path, key)) as copy:
            return facts_of(copy)
    except DATABASE_ERRORS as error:
        raise Unavailable("db.unreadable", detail=type(error).__name__) from error


def facts_of(connection: Any) -> DatabaseFacts:
    """Return what a database holds, over any DBAPI connection."""
    return DatabaseFacts(
        revision=str(_first(connection, "SELECT version_num FROM alembic_version")),
        attempts=int(_first(connection, "SELECT count(*) FROM attempt")),
        journal=int(_first(connection, "SELECT count(*) FROM journal")),
        head=_head(connection),
    )


def _head(connection: Any) -> str:
    query = "SELECT id, at, hash FROM audit_entry ORDER BY id DESC LIMIT 1"
    row = connection.execute(query).fetchone()
    if row is None:
        return ""
    at = row[1] if isinstance(row[1], datetime) else from_micros(int(row[1]))
    return str(Head(int(row[0]), at, str(row[2])[:DIGITS]))


def _first(connection: Any, query: str) -> Any:
    row = connection.execute(query).fetchone()
    return "" if row is None else row[0]


def _pause(_step: int, _left: int, _pages: int) -> None:
    time.sleep(PAUSE_SECONDS)
