"""What is counted, in cells: numbers in memory that the other processes of a server may read too (shared.py).

A step of a request waits for nobody: it is put on a list, and whoever finds that nobody is writing writes what is
on it. So no count is lost under threads, and none goes back.
"""

from __future__ import annotations

import threading
from array import array
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

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
        """Return the first cell that is another's."""
        return self.first + len(self.series) * self.width

    def cell(self, labels: Labels = ()) -> int:
        """Return where the cells of a series begin."""
        return self.cell_at(self.series[labels])

    def cell_at(self, number: int) -> int:
        """Return where the cells of the series of this number begin."""
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
        """Return a new family behind the others."""
        numbered = {labels: number for number, labels in enumerate(series)}
        family = Family(name, text, kind, numbered, self.size, bounds, fold, from_zero)
        self.families.append(family)
        return family

    @property
    def size(self) -> int:
        """Return how many cells all of them take."""
        return self.families[-1].end if self.families else 0

    @property
    def meaning(self) -> str:
        """Return a text that is another when any cell means something else."""
        return repr([(one.name, list(one.series), one.bounds) for one in self.families])


def observed(family: Family, cell: int, value: float) -> Steps:
    """Return the steps that count `value` in the histogram series whose cells begin at `cell`."""
    return (cell + bisect_left(family.bounds, value), 1), (cell + len(family.bounds) + 1, value)


class Cells(Protocol):
    """The cells of one process."""

    def __getitem__(self, cell: int, /) -> float:
        """Return a cell."""
        ...

    def __setitem__(self, cell: int, value: float, /) -> None:
        """Set a cell."""
        ...


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
        """Return the only row there is."""
        return [list(self._cells)]

    def live(self) -> list[Sequence[float]]:
        """Return the only row there is."""
        return self.rows()

    def others(self) -> Sequence[Cells]:
        """Return nothing: there is nobody else."""
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
