"""What a server counts, as Prometheus reads it: one truth, whichever of its processes answers.

Counters are sums over all processes, of those that ended too, and only grow while the server runs. Gauges of a
process are told by the processes that run now; gauges of the server are read when somebody asks.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from cbt.web.watching.counted import CommitCounts, GateCounts, RequestCounts
from cbt.web.watching.counting import Counter, Fold, Labels, Layout, Memory, OwnMemory
from cbt.web.watching.exposition import family_lines, gauge_lines
from cbt.web.watching.shared import SharedMemory, shared_path

log = logging.getLogger(__name__)

SERVER, WRITER = "server", "writer"
"""What a process of a server does: it answers requests, or it owns the writing."""
SPARE_SLOTS = 6
"""Beside those of the processes that answer: for the one that writes, and for those on their way out."""
REFRESH_SECONDS = 1.0
"""How old a gauge of another process may be."""
Gauge = Callable[[], Mapping[Labels, float]]


class Metrics:
    """The counters of this process, or of all of a server once they are shared, and the gauges.

    Families are added first; `begin` makes the cells they take.
    """

    def __init__(self, kinds: Mapping[str, str], *, acts: Iterable[str] = ()) -> None:
        """`kinds` has the kind of every endpoint that a request can have; `acts` are what else may write."""
        self._layout = Layout()
        self._requests = RequestCounts(self._layout, kinds)
        self._commits = CommitCounts(self._layout)
        self._gate = GateCounts(self._layout, (*kinds, *acts))
        self._starts = self._layout.add(
            "cbt_process_starts_total", "Processes begun since the server was.", "counter", _roles()
        )
        self._role = SERVER
        self._told: list[tuple[int, Callable[[], float]]] = []
        running = self._layout.add("cbt_processes", "Processes that run.", "gauge", _roles())
        for role in (SERVER, WRITER):
            self._told.append((running.cell((("role", role),)), partial(self._is, role)))
        self._serves = running.cell((("role", SERVER),))
        self._gauges: list[tuple[str, str, Gauge]] = []
        self._memory: Memory
        self._counter: Counter

    def _is(self, role: str) -> int:
        return int(self._role == role)

    def add_process_gauge(
        self, name: str, text: str, read: Callable[[], float], *, fold: Fold = sum, labels: Labels = ()
    ) -> int:
        """Have every process tell what `read` returns, once a second; `fold` makes one value of theirs.

        Return the cell in which each tells it.
        """
        family = self._layout.add(name, text, "gauge", (labels,), fold=fold)
        self._told.append((family.first, read))
        return family.first

    def of_other_servers(self, cells: Sequence[int]) -> list[tuple[float, ...]]:
        """Return what each of the other processes that answer requests told in these cells."""
        others = [row for row in self._memory.others() if row[self._serves]]
        return [tuple(row[cell] for cell in cells) for row in others]

    def add_gauge(self, name: str, text: str, read: Gauge) -> None:
        """Have `read` called at each scrape, by the process that answers it."""
        self._gauges.append((name, text, read))

    def begin(self) -> None:
        """Count from here on, for this process alone."""
        self._memory = OwnMemory(self._layout.size)
        self._counter = Counter(self._memory.own)

    def share(self, folder: Path, *, servers: int, role: str = SERVER, parent: int | None = None) -> None:
        """Count together with the other processes that `parent`, the server of data folder `folder`, has begun.

        `servers` is how many answer requests. Where that cannot be, the process goes on for itself, and says so.
        """
        self._role = role
        try:
            self._memory = SharedMemory(
                shared_path(folder, os.getppid() if parent is None else parent),
                layout=self._layout.meaning,
                cells=self._layout.size,
                slots=servers + SPARE_SLOTS,
            )
        except FileNotFoundError:
            return  # served by something that did not ask for it
        except (OSError, ValueError) as error:
            log.warning("this process counts for itself: %s", error)
            return
        for family in self._layout.families:
            if family.kind == "gauge":
                for cell in range(family.first, family.end):
                    self._memory.own[cell] = 0  # whoever had the slot before is gone
        self._counter = Counter(self._memory.own)
        self._counter.add(((self._starts.cell((("role", role),)), 1),))
        self.refresh()
        threading.Thread(target=self._keep_fresh, name="metrics", daemon=True).start()

    def _keep_fresh(self) -> None:
        pause = threading.Event()
        while not pause.wait(REFRESH_SECONDS):
            self.refresh()

    def refresh(self) -> None:
        """Tell the gauges of this process."""
        for cell, read in self._told:
            try:
                self._memory.own[cell] = read()
            except Exception as error:
                log.warning("a gauge of this process cannot be read: %s", type(error).__name__)

    def answered(self, endpoint: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        self._counter.add(self._requests.steps(endpoint, status, seconds))

    def committed(self, size: int, seconds: float | None) -> None:
        """Count one batch of saves, ends and starts, and what its COMMIT took; None when there was none."""
        self._counter.add(self._commits.steps(size, seconds))

    def held(self, act: str, seconds: float) -> None:
        """Count one transaction that kept others from writing for so long."""
        self._counter.add(self._gate.steps(act, seconds))

    def render(self) -> str:
        """Return the text that Prometheus reads."""
        self.refresh()
        totals = [sum(column) for column in zip(*self._memory.rows(), strict=True)]
        live = self._memory.live()
        lines: list[str] = []
        for family in self._layout.families:
            if family.kind == "gauge":
                values = (
                    (labels, family.fold(row[family.first + number] for row in live))
                    for number, labels in enumerate(family.series)
                )
                lines += gauge_lines(family.name, family.text, values)
            else:
                lines += family_lines(family, totals)
        for name, text, read in self._gauges:
            lines += gauge_lines(name, text, _read(name, read))
        return "\n".join(lines) + "\n"


def _roles() -> Iterator[Labels]:
    return ((("role", role),) for role in (SERVER, WRITER))


def _read(name: str, read: Gauge) -> Iterable[tuple[Labels, float]]:
    try:
        return list(read().items())
    except Exception as error:
        # The other figures are what one looks at while the database is away.
        log.warning("the gauge %s cannot be read: %s", name, type(error).__name__)
        return []
