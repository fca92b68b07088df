"""The gate every writing transaction passes: one writer at a time, with a fair hand-over.

SQLite's own busy handler sleeps between tries (seconds at p99 under load); a blocking flock hands the
turn over at once. On PostgreSQL the database orders writers itself and the gate is open.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Protocol

from cbt.db.private.files import open_private

try:
    import fcntl
except ImportError:  # Windows: one process, so the thread lock is the whole gate
    fcntl = None  # type: ignore[assignment]  # None says that there is no such lock here


class Follower(Protocol):
    """What follows every commit under the gate: the second copy of the journal."""

    @property
    def behind(self) -> bool:
        """Return whether it lacks something that is saved."""
        ...

    @property
    def behind_since(self) -> datetime | None:
        """Return since when, by the wall clock."""
        ...

    def ready(self) -> None:
        """Be called before a transaction begins; raise to keep it from beginning."""
        ...

    def follow(self) -> None:
        """Be called after its end, before anything is acknowledged; raise and nothing is."""
        ...


class Gate:
    """A process-wide lock, then a file lock shared with the other processes of this machine."""

    def __init__(self, path: Path | None) -> None:
        self.copy: Follower | None = None
        self._path = path
        self._lock = threading.Lock()
        self._descriptor = -1
        self._owner = -1

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Hold the gate for the length of the block; an open gate (no path) costs nothing."""
        if self._path is None:
            yield
            return
        with self._lock:
            descriptor = -1
            if fcntl is not None:
                descriptor = self._file()
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            try:
                if self.copy is not None:
                    self.copy.ready()
                yield
                if self.copy is not None:
                    self.copy.follow()
            finally:
                if fcntl is not None:
                    fcntl.flock(descriptor, fcntl.LOCK_UN)

    def _file(self) -> int:
        # Opened after the fork: a descriptor inherited from the parent would share its lock.
        if self._owner != os.getpid():
            assert self._path is not None
            self._descriptor = open_private(self._path, os.O_RDWR)
            self._owner = os.getpid()
        return self._descriptor
