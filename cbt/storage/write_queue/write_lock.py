"""The write lock: the gate every writing transaction passes, and for how long own work kept it from others.

A stall by this product's own work is one that nobody outside has made. Every process that passes the gate
notes here what it did within it for a second or longer, before it lets the next one in; the leader reads it
when it finds its heartbeat old. Only work counts: not the COMMIT, which waits for the disk, and not while the
process itself was stopped.

Source: R-27; I15.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from cbt.rules.clock import Interval, without
from cbt.storage.private_files import open_private

FILE_NAME = "write.held"
LONG = timedelta(seconds=1)
"""What kept others out for less is not noted: it makes no gap in a heartbeat."""
MOST_BYTES = 64 * 1024
"""With more in it the file begins anew: what counts is of the last minute."""
PULSE_SECONDS = 0.5
STOPPED_AFTER = timedelta(seconds=1.5)
"""A pulse that comes so late says that the process stood still."""
MOST_STOPS = 64


class Pulse:
    """Notices that this process was stopped, as the whole machine may be: it did no work then."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._at: datetime | None = None
        self._stops: deque[Interval] = deque(maxlen=MOST_STOPS)

    def begin(self) -> None:
        """Feel it twice a second from now on, in a thread of its own."""
        threading.Thread(target=self._run, name="pulse", daemon=True).start()

    def _run(self) -> None:
        pause = threading.Event()
        while True:
            self.beat()
            pause.wait(PULSE_SECONDS)

    def beat(self) -> None:
        """Note a stop that is over, when there was one."""
        now = self._now()
        self._stops.extend(self._missed(now))
        self._at = now

    def stops(self) -> list[Interval]:
        """Return when this process stood still, the stop included of which the pulse has not told yet."""
        return [*self._stops, *self._missed(self._now())]

    def _missed(self, now: datetime) -> list[Interval]:
        at = self._at
        return [Interval(at, now)] if at is not None and now - at >= STOPPED_AFTER else []


class Occupancy:
    """What this process does within the gate, and what all processes of the installation did there of late.

    One thread at a time is within the gate. Instants are those of the product's clock.
    """

    def __init__(self, folder: Path, now: Callable[[], datetime]) -> None:
        """`folder` is the data folder, which all processes share."""
        self._path = folder / FILE_NAME
        self._now = now
        self._since: datetime | None = None
        self.pulse = Pulse(now)

    @contextmanager
    def work(self) -> Iterator[None]:
        """Count the block as work within the gate, until it commits."""
        self._since = self._now()
        try:
            yield
        finally:
            self.committing()

    def committing(self) -> None:
        """Be called right before a COMMIT, where the work ends: from here on the disk is waited for."""
        since, self._since = self._since, None
        if since is not None and (until := self._now()) - since >= LONG:
            self._note(without([Interval(since, until)], self.pulse.stops()))

    def own_work(self) -> list[Interval]:
        """Return when work kept everybody out, without what this process cannot know: it stood still itself."""
        try:
            lines = self._path.read_text("ascii").splitlines()
        except (OSError, ValueError):
            return []
        return without([span for line in lines for span in _read(line)], self.pulse.stops())

    def _note(self, spans: list[Interval]) -> None:
        lines = "".join(f"{one.from_at.isoformat()} {one.to_at.isoformat()}\n" for one in spans)
        with suppress(OSError):  # then it counts as an outage
            begin_anew = self._path.exists() and self._path.stat().st_size > MOST_BYTES
            file = open_private(self._path, os.O_WRONLY | os.O_APPEND | (os.O_TRUNC if begin_anew else 0))
            try:
                os.write(file, lines.encode("ascii"))
            finally:
                os.close(file)


def _read(line: str) -> list[Interval]:
    try:
        from_at, to_at = map(datetime.fromisoformat, line.split())
    except ValueError:  # torn by a power cut
        return []
    return [Interval(from_at, to_at)]


# The gate every writing transaction passes: one writer at a time, with a fair hand-over.
#
# SQLite's own busy handler sleeps between tries (seconds at p99 under load); a blocking flock hands the
# turn over at once. On PostgreSQL the database orders writers itself and the gate is open.

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
            status = self._path.stat()
        except FileNotFoundError:
            return False
        return (status.st_dev, status.st_ino) == self._id

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
