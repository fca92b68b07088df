"""The cells of metrics: numbers in memory that all processes of a server count in and may read.

A step of a request waits for nobody: it is put on a list, and whoever finds that nobody is writing writes
what is on it. So no count is lost under threads, and none goes back.
"""

from __future__ import annotations

import hashlib
import logging
import mmap
import os
import sys
import threading
from array import array
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

log = logging.getLogger(__name__)


Labels = tuple[tuple[str, str], ...]
Steps = tuple[tuple[int, float], ...]
"""Cells and what is added to each."""
Fold = Callable[[Iterable[float]], float]


@dataclass(frozen=True, slots=True)
class Family:
    """One metric that processes keep in cells: its series, and where the cells of the first begin."""

    name: str
    text: str
    kind: str
    """`counter`, `histogram` or `gauge`, as Prometheus has them."""
    series: Mapping[Labels, int]
    """Each with its number: there is one for every endpoint and class of status, a thousand and more."""
    first: int
    bounds: tuple[float, ...] = ()
    """Upper ends of a histogram's buckets; the last bucket has none."""
    fold: Fold = sum
    """How the values of several processes become one."""
    from_zero: bool = True
    """Whether a series is shown before anything was counted in it."""

    @property
    def width(self) -> int:
        """Return how many cells a series has: a histogram's buckets and its sum, else one."""
        return len(self.bounds) + 2 if self.bounds else 1

    @property
    def end(self) -> int:
        return self.first + len(self.series) * self.width

    def cell(self, labels: Labels = ()) -> int:
        return self.cell_at(self.series[labels])

    def cell_at(self, number: int) -> int:
        return self.first + number * self.width


class Layout:
    """The families of a server and the cells they take, in the order in which they were added."""

    def __init__(self) -> None:
        self.families: list[Family] = []

    def add(
        self,
        name: str,
        text: str,
        kind: str,
        series: Iterable[Labels] = ((),),
        *,
        bounds: tuple[float, ...] = (),
        fold: Fold = sum,
        from_zero: bool = True,
    ) -> Family:
        numbered = {labels: number for number, labels in enumerate(series)}
        family = Family(name, text, kind, numbered, self.size, bounds, fold, from_zero)
        self.families.append(family)
        return family

    @property
    def size(self) -> int:
        return self.families[-1].end if self.families else 0

    @property
    def meaning(self) -> str:
        """Return a text that is another when any cell means something else."""
        return repr([(one.name, list(one.series), one.bounds) for one in self.families])


def observed(family: Family, cell: int, value: float) -> Steps:
    return (cell + bisect_left(family.bounds, value), 1), (cell + len(family.bounds) + 1, value)


class Cells(Protocol):
    """The cells of one process."""

    def __getitem__(self, cell: int, /) -> float: ...

    def __setitem__(self, cell: int, value: float, /) -> None: ...


class Memory(Protocol):
    """Where the cells of the processes of one server lie."""

    own: Cells
    """The cells of this process."""

    def rows(self) -> list[Sequence[float]]:
        """Return the cells of every process, of those that ended too."""
        ...

    def live(self) -> list[Sequence[float]]:
        """Return the cells of the processes that run now."""
        ...

    def others(self) -> Sequence[Cells]:
        """Return the cells of the other processes that run now."""
        ...


class OwnMemory:
    """The cells of a process that counts for itself."""

    def __init__(self, cells: int) -> None:
        self._cells = array("d", [0.0]) * cells
        self.own: Cells = self._cells

    def rows(self) -> list[Sequence[float]]:
        return [list(self._cells)]

    def live(self) -> list[Sequence[float]]:
        return self.rows()

    def others(self) -> Sequence[Cells]:
        return ()


class Counter:
    """Adds to the cells of this process, from any number of threads."""

    def __init__(self, cells: Cells) -> None:
        self.cells = cells
        self._waiting: deque[Steps] = deque()
        self._turn = threading.Lock()

    def add(self, steps: Steps) -> None:
        """Add what `steps` say; return at once, also while another thread adds."""
        waiting, cells, turn = self._waiting, self.cells, self._turn
        waiting.append(steps)
        # Whoever holds the turn looks again after letting go: what was put on the list meanwhile is not left there.
        while waiting and turn.acquire(False):
            try:
                while waiting:
                    for cell, amount in waiting.popleft():
                        cells[cell] += amount
            finally:
                turn.release()


# Memory that all processes of one server count in: a slot for each, so that any of them can tell of all.
#
# On Linux it is memory that the server itself holds open, without a name that could be left behind. On a disk
# the kernel would write it back, and a request that adds to a page on its way to a busy disk waits for it. A
# slot belongs to whoever holds its lock, which the kernel frees with its holder, however that ends; the next
# process takes the slot over and counts on from there.

try:
    import fcntl
except ImportError:  # Windows: each process counts for itself, and the embedded database is served by one
    fcntl = None  # type: ignore[assignment]  # None says that there is no such lock here

NAME = "cbt-metrics"
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
        return [self._row(number).tolist() for number in range(self._slots)]

    def live(self) -> list[Sequence[float]]:
        rows = self.rows()
        return [row for number, row in enumerate(rows) if self._is_held(number)]

    def others(self) -> list[Cells]:
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
