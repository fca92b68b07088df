"""The gate every writing transaction passes: one writer at a time, with a fair hand-over.

SQLite's own busy handler sleeps between tries (seconds at p99 under load); a blocking flock hands the
turn over at once. On PostgreSQL the database orders writers itself and the gate is open.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime
from pathlib import Path
from typing import Protocol

from cbt.db.private.files import open_private
from cbt.db.writing.occupancy import Occupancy

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


class Files(Protocol):
    """What knows whether the files of the database are those that everybody has open."""

    def check(self) -> None:
        """Raise when they are not."""
        ...

    def enter(self, gate: int) -> None:
        """Be called with the descriptor of the gate's file before a transaction begins; raise to keep it out."""
        ...

    def committed(self) -> None:
        """Be called after a commit, before a copy follows it; raise to keep it from being copied."""
        ...

    def leave(self, gate: int) -> None:
        """Be called after the end of a transaction that was let in."""
        ...


class Gate:
    """A process-wide lock, then a file lock shared with the other processes of this machine."""

    def __init__(
        self, path: Path | None, *, files: Files | None = None, occupancy: Occupancy | None = None
    ) -> None:
        self.copy: Follower | None = None
        self.occupancy = occupancy
        self.held: Callable[[float], None] | None = None
        """Is told after each hold how many seconds it lasted, by the thread that held it."""
        self._files = files
        self._path = path
        self._lock = threading.Lock()
        self._descriptor = -1
        self._owner = -1
        self._id = (-1, -1)

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Hold the gate for the length of the block; an open gate (no path) costs nothing."""
        if self._path is None:
            yield
            return
        with self._lock:
            if fcntl is None:
                with self._timed(), self._followed(), self._noted():
                    yield
                return
            descriptor = self._lock_file()
            try:
                with self._timed(), self._entered(descriptor), self._followed(), self._noted():
                    yield
            finally:
                fcntl.flock(descriptor, fcntl.LOCK_UN)

    @contextmanager
    def _timed(self) -> Iterator[None]:
        begun = time.perf_counter()
        try:
            yield
        finally:
            if self.held is not None:
                self.held(time.perf_counter() - begun)

    @contextmanager
    def _entered(self, descriptor: int) -> Iterator[None]:
        if self._files is None:
            yield
            return
        self._files.enter(descriptor)
        try:
            yield
        finally:
            self._files.leave(descriptor)

    def committing(self) -> None:
        """Be called within the gate right before a COMMIT."""
        if self.occupancy is not None:
            self.occupancy.committing()

    def _noted(self) -> AbstractContextManager[None]:
        return nullcontext() if self.occupancy is None else self.occupancy.work()

    @contextmanager
    def _followed(self) -> Iterator[None]:
        if self.copy is not None:
            self.copy.ready()
        yield
        if self.copy is not None:
            if self._files is not None:
                self._files.committed()
            self.copy.follow()

    def _lock_file(self) -> int:
        """Lock the file that lies at the path: when it was removed meanwhile, all go on with a new one."""
        while True:
            descriptor = self._file()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if self._lies_there():
                return descriptor
            os.close(descriptor)
            self._owner = -1

    def _lies_there(self) -> bool:
        assert self._path is not None
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return False
        return (found.st_dev, found.st_ino) == self._id

    def _file(self) -> int:
        # Opened after the fork: a descriptor inherited from the parent would share its lock.
        if self._owner != os.getpid():
            assert self._path is not None
            if self._files is not None:
                self._files.check()  # nothing is made where the whole folder is gone
            self._descriptor = open_private(self._path, os.O_RDWR)
            opened = os.fstat(self._descriptor)
            self._id = (opened.st_dev, opened.st_ino)
            self._owner = os.getpid()
        return self._descriptor
