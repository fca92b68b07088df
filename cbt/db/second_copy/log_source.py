"""The live log of the embedded database, as the copier sees it: never emptied by anybody else."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from cbt.db.raw import open_raw
from cbt.db.second_copy.wal import End, read_end

SALT_BYTES = 16
READERS_MS = 50
"""How long emptying the log waits for readers of it, with the writers waiting behind."""
_kept: list[BinaryIO] = []
"""Open files of databases in use: SQLite's locks on one end when any descriptor of it in the process closes."""


class Broken(Exception):
    """The copy cannot be gone on with as it is; the message says why, for the log."""


class LogSource:
    """One process's view of a database and its log. Everything but `keep_open` runs under the gate."""

    def __init__(
        self,
        database: Path,
        key: bytes | None,
        *,
        before_emptying: Callable[[], None],
        check_files: Callable[[], None],
    ) -> None:
        self.database = database
        self.key = key
        self._before_emptying = before_emptying
        self.check_files = check_files
        """Raises when what was read of the database may be somebody else's."""
        self._opening = threading.Lock()
        self._owner = -1
        self._connection: Any = None
        self._main: BinaryIO | None = None
        self._index: BinaryIO | None = None

    @property
    def open_here(self) -> bool:
        """Return whether this process has opened it; what a parent opened before a fork is not its own."""
        return self._owner == os.getpid()

    def keep_open(self) -> None:
        """Hold a connection of this process open for its life.

        SQLite empties and removes the log when its last connection closes. This one is never closed, so
        nobody but the copier ends a log.
        """
        with self._opening:
            if self.open_here:
                return
            connection = open_raw(self.database, self.key, patience_ms=READERS_MS)
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))
            connection.execute("PRAGMA wal_autocheckpoint = 0")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            self._index = self._main = None
            self._connection = connection
            self._owner = os.getpid()

    def recover(self) -> None:
        """Have SQLite read the log, so that its index is true; raise its error for a damaged database."""
        self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()

    def end(self) -> End | None:
        """Return where the last commit ends; None when the log is empty."""
        path = self.database.with_name(f"{self.database.name}-shm")
        if self._index is None or os.fstat(self._index.fileno()).st_ino != path.stat().st_ino:
            self._index = path.open("rb", buffering=0)
            _kept.append(self._index)
        return read_end(self._index)

    def open_log(self) -> BinaryIO:
        """Open the log's file, on which SQLite holds no lock."""
        return self.database.with_name(f"{self.database.name}-wal").open("rb", buffering=0)

    def main_file(self) -> BinaryIO:
        """Return the database's file, to be left open."""
        if self._main is None:
            self._main = self.database.open("rb", buffering=0)
            _kept.append(self._main)
        return self._main

    def salt(self) -> str:
        """Return the first bytes of the file: an encrypted one keeps its own for life."""
        source = self.main_file()
        source.seek(0)
        return source.read(SALT_BYTES).hex()

    def version(self) -> int:
        """Return user_version, which the product uses for nothing but its copy."""
        return int(self._connection.execute("PRAGMA user_version").fetchone()[0])

    def raise_version(self) -> End:
        """Commit one more user_version and return where the log ends now."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            self._connection.execute(f"PRAGMA user_version = {self.version() + 1}")
            self._connection.execute("COMMIT")
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        end = self.end()
        if end is None:
            raise Broken("the log has no frame after a commit")
        return end

    def empty(self) -> None:
        """Write the log into the database and end it, unless a reader stands in the way of that."""
        self._before_emptying()
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
