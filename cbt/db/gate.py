"""The gate every writing transaction passes: one writer at a time, with a fair hand-over.

SQLite's own busy handler sleeps between tries (seconds at p99 under load); a blocking flock hands the
turn over at once. On PostgreSQL the database orders writers itself and the gate is open.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: one process, so the thread lock is the whole gate
    fcntl = None  # type: ignore[assignment]  # None says that there is no such lock here


class Gate:
    """A process-wide lock, then a file lock shared with the other processes of this machine."""

    def __init__(self, path: Path | None) -> None:
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
            if fcntl is None:
                yield
                return
            descriptor = self._file()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(descriptor, fcntl.LOCK_UN)

    def _file(self) -> int:
        # Opened after the fork: a descriptor inherited from the parent would share its lock.
        if self._owner != os.getpid():
            assert self._path is not None
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._owner = os.getpid()
        return self._descriptor
