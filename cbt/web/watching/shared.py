"""Memory that all processes of one server count in: a slot for each, so that any of them can tell of all.

It is a file in the system's memory where there is such a place. On a disk the kernel would write it back, and a
request that adds to a page on its way to a busy disk waits for it. A slot belongs to whoever holds its lock, which
the kernel frees with its holder, however that ends; the next process takes the slot over and counts on from there.
"""

from __future__ import annotations

import hashlib
import logging
import mmap
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cbt.web.watching.counting import Cells

try:
    import fcntl
except ImportError:  # Windows: each process counts for itself, and the embedded database is served by one
    fcntl = None  # type: ignore[assignment]  # None says that there is no such lock here

IN_MEMORY = Path("/dev/shm")
HEAD_BYTES = 32
CELL_BYTES = 8
log = logging.getLogger(__name__)


def shared_path(folder: Path) -> Path:
    """Return the file in which the processes of the server of data folder `folder` count."""
    found = folder.stat()
    name = hashlib.sha256(f"{found.st_dev}/{found.st_ino}".encode()).hexdigest()[:24]
    in_memory = IN_MEMORY.is_dir() and os.access(IN_MEMORY, os.W_OK)
    return (IN_MEMORY if in_memory else folder) / f"cbt-metrics-{_user()}-{name}"


@contextmanager
def counted_together(folder: Path) -> Iterator[None]:
    """Have the processes that are started within the block count together, each time from zero."""
    if fcntl is None:
        yield
        return
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = shared_path(folder)
    try:
        path.unlink(missing_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except OSError as error:
        log.warning("processes count each for itself: %s cannot be made: %s", path, error.strerror)
        yield
        return
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


class SharedMemory:
    """The cells of all processes of a server, of which this one holds a slot until it ends."""

    def __init__(self, path: Path, *, layout: str, cells: int, slots: int) -> None:
        """Take a slot in the file at `path`, which the server made; `layout` says what each cell means.

        Raise OSError when there is no such file, or none of ours, or no slot is free, and ValueError when it was
        laid out by another version.
        """
        self._row_bytes = cells * CELL_BYTES
        self._slots = slots
        self._look = threading.Lock()
        self._file = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            self._map = self._opened(hashlib.sha256(f"{layout}/{cells}/{slots}".encode()).digest())
            self._number = self._claim()
        except BaseException:
            os.close(self._file)
            raise
        self.own: Cells = self._row(self._number)

    def _opened(self, head: bytes) -> mmap.mmap:
        if os.fstat(self._file).st_uid != _user():
            raise PermissionError("the file belongs to somebody else")
        size = HEAD_BYTES + self._slots * self._row_bytes
        fcntl.lockf(self._file, fcntl.LOCK_EX, 1, 0)
        try:
            if os.fstat(self._file).st_size == 0:
                # Written, not only made longer: a page that memory has no room for would end the process later.
                os.write(self._file, head + bytes(size - HEAD_BYTES))
            elif os.pread(self._file, HEAD_BYTES, 0) != head:
                raise ValueError("another version laid it out")
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, 0)
        return mmap.mmap(self._file, size)

    def _claim(self) -> int:
        for number in range(self._slots):
            try:
                fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 1 + number)
            except OSError:
                continue
            return number
        raise BlockingIOError("no slot is free")

    def _row(self, number: int) -> memoryview[float]:
        begin = HEAD_BYTES + number * self._row_bytes
        return memoryview(self._map)[begin : begin + self._row_bytes].cast("d")

    def rows(self) -> list[Sequence[float]]:
        """Return the cells of every process, of those that ended too."""
        return [self._row(number).tolist() for number in range(self._slots)]

    def live(self) -> list[Sequence[float]]:
        """Return the cells of the processes that run now."""
        rows = self.rows()
        return [row for number, row in enumerate(rows) if self._is_held(number)]

    def _is_held(self, number: int) -> bool:
        if number == self._number:
            return True  # a process is not told of its own locks
        with self._look:
            os.lseek(self._file, 1 + number, os.SEEK_SET)
            try:
                os.lockf(self._file, os.F_TEST, 1)
            except OSError:
                return True
        return False


def _user() -> int:
    return os.getuid() if hasattr(os, "getuid") else 0
