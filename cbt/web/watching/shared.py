"""Memory that all processes of one server count in: a slot for each, so that any of them can tell of all.

On Linux it is memory that the server itself holds open, without a name that could be left behind. On a disk the
kernel would write it back, and a request that adds to a page on its way to a busy disk waits for it. A slot belongs
to whoever holds its lock, which the kernel frees with its holder, however that ends; the next process takes the
slot over and counts on from there.
"""

from __future__ import annotations

import hashlib
import logging
import mmap
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cbt.web.watching.counting import Cells

try:
    import fcntl
except ImportError:  # Windows: each process counts for itself, and the embedded database is served by one
    fcntl = None  # type: ignore[assignment]  # None says that there is no such lock here

NAME = "cbt-metrics"
log = logging.getLogger(__name__)
HEAD_BYTES = 32
CELL_BYTES = 8


def shared_path(folder: Path, server: int) -> Path:
    """Return the file in which the processes of a server count: its process id, and its data folder.

    Raise OSError when that server has none, or does not show it.
    """
    if sys.platform != "linux":
        return folder / NAME
    for opened in Path(f"/proc/{server}/fd").iterdir():
        try:
            if str(opened.readlink()) == f"/memfd:{NAME} (deleted)":
                return opened
        except FileNotFoundError:
            continue  # it was closed meanwhile
    raise FileNotFoundError(NAME)


@contextmanager
def counted_together(folder: Path) -> Iterator[None]:
    """Have the processes that this one starts within the block count together, each time from zero."""
    try:
        held = None if fcntl is None else _made(folder)
    except OSError as error:
        log.warning("processes count each for itself: %s", error.strerror)
        held = None
    try:
        yield
    finally:
        if held is not None:
            os.close(held)
            if sys.platform != "linux":
                (folder / NAME).unlink(missing_ok=True)


def _made(folder: Path) -> int:
    if sys.platform == "linux":
        return os.memfd_create(NAME)
    (folder / NAME).unlink(missing_ok=True)
    return os.open(folder / NAME, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)


class SharedMemory:
    """The cells of all processes of a server, of which this one holds a slot until it ends."""

    def __init__(self, path: Path, *, layout: str, cells: int, slots: int) -> None:
        """Take a slot in the file at `path`, which the server made; `layout` says what each cell means.

        Raise OSError when there is no such file, or no slot is free, and ValueError when it was laid out by another
        version.
        """
        self._row_bytes = cells * CELL_BYTES
        self._slots = slots
        self._look = threading.Lock()
        self._file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            self._map = self._opened(hashlib.sha256(f"{layout}/{cells}/{slots}".encode()).digest())
            self._number = self._claim()
        except BaseException:
            os.close(self._file)
            raise
        self.own: Cells = self._row(self._number)

    def _opened(self, head: bytes) -> mmap.mmap:
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

    def others(self) -> list[Cells]:
        """Return the cells of the other processes that run now, to be read."""
        numbers = (number for number in range(self._slots) if number != self._number)
        return [self._row(number) for number in numbers if self._is_held(number)]

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
