"""One process of the deployment runs the scheduler: who holds the lock leads.

Embedded, the lock is a file's; on PostgreSQL an advisory lock of a connection kept open.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.engine import Engine

from cbt.storage.private_files import open_private

try:
    import fcntl
except ImportError:  # Windows serves with one process, which always leads
    fcntl = None  # type: ignore[assignment]  # None says that there is no such lock here

TRY_EVERY_SECONDS = 2.0
END_SECONDS = 2.0
ADVISORY_KEY = 0x6362_7431


class FileLock:
    """The leader's lock on this machine; the kernel frees it when its holder ends, however it ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1

    def take(self) -> bool:
        """Return whether this process holds the lock now."""
        if self._descriptor >= 0 or fcntl is None:
            return True
        try:
            descriptor = open_private(self._path, os.O_RDWR)
        except OSError:
            return False  # the folder is gone; it is tried again
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class AdvisoryLock:
    """The leader's lock in PostgreSQL; it is gone with the connection, and is checked at every try."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Any = None

    def take(self) -> bool:
        """Return whether this process holds the lock now."""
        try:
            if self._connection is None:
                self._connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
                held = self._connection.scalar(text(f"SELECT pg_try_advisory_lock({ADVISORY_KEY})"))
                if not held:
                    self._drop()
                return bool(held)
            self._connection.execute(text("SELECT 1"))
        except Exception:
            self._drop()
            return False
        return True

    def release(self) -> None:
        """Let another process take the lock, at once: the end of a connection alone takes the server a while."""
        if self._connection is not None:
            with contextlib.suppress(Exception):
                self._connection.execute(text(f"SELECT pg_advisory_unlock({ADVISORY_KEY})"))
        self._drop()

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()
            connection.close()


class Candidacy:
    """Tries to lead every two seconds: `start` on winning, its result's `shutdown` on losing.

    While it leads, the result's `keep_time` is called at every try.
    """

    def __init__(
        self,
        lock: FileLock | AdvisoryLock,
        start: Callable[[], Any],
        *,
        may_lead: Callable[[], bool] = lambda: True,
    ) -> None:
        """A process that may not lead (its clock is wrong, R-27) lets go of the lock for another."""
        self._lock = lock
        self._may_lead = may_lead
        self._start = start
        self._running: Any = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="leader", daemon=True)

    def begin(self) -> None:
        self._thread.start()

    def end(self) -> None:
        """Stop trying and stop leading; a try that hangs on a database that is away is not waited for."""
        self._stop.set()
        self._thread.join(END_SECONDS)
        self._settle(leads=False)

    def _loop(self) -> None:
        while True:
            may = self._may_lead()
            leads = may and self._lock.take()
            self._settle(leads=leads and not self._stop.is_set())
            if not may:
                self._lock.release()
            if self._stop.wait(TRY_EVERY_SECONDS):
                return

    def _settle(self, *, leads: bool) -> None:
        if leads and self._running is not None:
            self._running.keep_time()
        elif leads:
            self._running = self._start()
        elif not leads and self._running is not None:
            self._running.shutdown(wait=False)
            self._running = None
