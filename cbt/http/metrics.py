"""The metrics of a server as Prometheus reads them: counts of requests, commits and the gate, and gauges.

They lie in memory that all processes of a server count in and may read. A step of a request waits for nobody: it is
put on a list, and whoever finds that nobody is writing writes what is on it. So no count is lost under threads, and
none goes back.
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
from functools import cache, partial
from pathlib import Path
from typing import Protocol

import flask

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


REQUEST_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
COMMIT_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
HELD_SECONDS = (0.005, 0.02, 0.05, 0.1, 0.25, 1.0, 5.0)
LONG_HOLD = 0.25
"""A transaction that keeps others from writing for so many seconds is one that their saves wait for."""
JOB = "cbt_job"
"""Where the app context of a job keeps its name."""
SAVES, OTHER_ACT = "saves", "other"
"""What is counted of the group commit (saves, ends, starts, parcels), and of what is no request's and no job's."""
STATUSES = {2: "2xx", 3: "3xx", 4: "4xx", 5: "5xx"}
_PLACES = {status: place for place, status in enumerate(STATUSES)}
"""Where a class of statuses stands among them."""
TOO_MANY = 429
NO_ENDPOINT = "none"
"""What a request is counted under that leads nowhere."""


class RequestCounts:
    """Requests by endpoint and by kind, each by the class of its HTTP status."""

    def __init__(self, layout: Layout, kinds: Mapping[str, str]) -> None:
        """`kinds` has the kind of every endpoint, NO_ENDPOINT among them."""
        self._kinds = kinds
        named = sorted(set(kinds.values()))
        self._answered = layout.add(
            "cbt_requests_total",
            "Answered requests by endpoint.",
            "counter",
            [_labels("endpoint", one, status) for one in kinds for status in STATUSES],
            from_zero=False,
        )
        self._seconds = layout.add(
            "cbt_request_seconds",
            "From the moment a request had been read whole to its answer.",
            "histogram",
            [_labels("kind", one, status) for one in named for status in STATUSES],
            bounds=REQUEST_SECONDS,
        )
        throttled = layout.add(
            "cbt_throttled_total", "Requests answered 429.", "counter", [(("kind", one),) for one in named]
        )
        self._throttled = {one: throttled.cell((("kind", one),)) for one in named}
        kind_at = {one: number * len(STATUSES) for number, one in enumerate(named)}
        first, spans, width = self._answered.first, self._seconds.first, self._seconds.width
        self._cells = {
            endpoint: (first + number * len(STATUSES), spans + kind_at[kind] * width)
            for number, (endpoint, kind) in enumerate(kinds.items())
        }

    def steps(self, endpoint: str, status: int, seconds: float) -> Steps:
        """Return the steps that count one answered request."""
        cell, place = self._cells.get(endpoint), _PLACES.get(status // 100)
        if cell is None or place is None:  # counting never breaks a request
            cell, place = self._cells[NO_ENDPOINT], _PLACES[5]
        answered, spans = cell[0] + place, cell[1] + place * self._seconds.width
        bucket = spans + bisect_left(REQUEST_SECONDS, seconds)
        steps = (answered, 1), (bucket, 1), (spans + len(REQUEST_SECONDS) + 1, seconds)
        if status == TOO_MANY and endpoint in self._kinds:
            return *steps, (self._throttled[self._kinds[endpoint]], 1)
        return steps


class CommitCounts:
    """Commits of saves, ends and starts: how many each carried, how long it took, and those that failed."""

    def __init__(self, layout: Layout) -> None:
        self._sizes = layout.add(
            "cbt_save_batch_size", "Saves, ends and starts in one COMMIT.", "histogram", bounds=BATCH_SIZES
        )
        self._seconds = layout.add(
            "cbt_save_commit_seconds", "Length of that COMMIT.", "histogram", bounds=COMMIT_SECONDS
        )
        self._failed = layout.add(
            "cbt_save_commits_failed_total",
            "Batches of saves, ends and starts that were not committed.",
            "counter",
        )

    def steps(self, size: int, seconds: float | None) -> Steps:
        """Return the steps that count one batch; it was not committed when `seconds` is None."""
        if seconds is None:
            return ((self._failed.first, 1),)
        sizes = observed(self._sizes, self._sizes.first, size)
        return *sizes, *observed(self._seconds, self._seconds.first, seconds)


class GateCounts:
    """How long whoever writes to an embedded database kept everybody else from it, by act (I13)."""

    def __init__(self, layout: Layout, acts: Iterable[str]) -> None:
        """`acts` are the endpoints and jobs that may write; OTHER_ACT is for whatever else does."""
        self._seconds = layout.add(
            "cbt_gate_held_seconds",
            "How long one transaction of an act kept others from writing (embedded database).",
            "histogram",
            [_act(one) for one in dict.fromkeys((*acts, OTHER_ACT))],
            bounds=HELD_SECONDS,
            from_zero=False,
        )
        self._cells = {act[0][1]: self._seconds.cell(act) for act in self._seconds.series}
        self._long = layout.add(
            "cbt_gate_long_holds_total", f"Those that lasted longer than {LONG_HOLD} seconds.", "counter"
        )

    def steps(self, act: str, seconds: float) -> Steps:
        steps = observed(self._seconds, self._cells.get(act, self._cells[OTHER_ACT]), seconds)
        return (*steps, (self._long.first, 1)) if seconds > LONG_HOLD else steps


def _current_act() -> str:
    """Return what this thread does: the endpoint of its request, the job it runs, or the saves of a batch."""
    if flask.has_request_context():
        return flask.request.endpoint or OTHER_ACT
    return str(flask.g.get(JOB, OTHER_ACT)) if flask.has_app_context() else SAVES


@cache
def _act(name: str) -> Labels:
    return (("act", name),)


@cache
def _labels(what: str, name: str, status: int) -> Labels:
    return (what, name), ("status", STATUSES[status])


CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def gauge_lines(name: str, text: str, values: Iterable[tuple[Labels, float]]) -> Iterator[str]:
    """Yield the lines of a gauge; one without values has none."""
    lines = [_line(name, labels, value) for labels, value in values]
    if lines:
        yield from _head(name, text, "gauge")
        yield from lines


def family_lines(family: Family, cells: Sequence[float]) -> Iterator[str]:
    """Yield the lines of a counter or a histogram; `cells` are the sums over all processes, by cell."""
    yield from _head(family.name, family.text, family.kind)
    for number, labels in enumerate(family.series):
        begin = family.first + number * family.width
        values = cells[begin : begin + family.width]
        if not family.from_zero and not any(values):
            continue
        if family.bounds:
            yield from _histogram(family, labels, values)
        else:
            yield _line(family.name, labels, values[0])


def _histogram(family: Family, labels: Labels, values: Sequence[float]) -> Iterator[str]:
    reached = 0.0
    for bound, number in zip((*map(str, family.bounds), "+Inf"), values[:-1], strict=True):
        reached += number
        yield _line(f"{family.name}_bucket", (*labels, ("le", bound)), reached)
    yield _line(f"{family.name}_sum", labels, values[-1])
    yield _line(f"{family.name}_count", labels, reached)


def _head(name: str, text: str, kind: str) -> tuple[str, str]:
    return f"# HELP {name} {text}", f"# TYPE {name} {kind}"


def _line(name: str, labels: Labels, value: float) -> str:
    shown = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels)
    return f"{name}{{{shown}}} {_number(value)}" if shown else f"{name} {_number(value)}"


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(float(value)).replace("inf", "+Inf")


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


# What a server counts, as Prometheus reads it: one truth, whichever of its processes answers.
#
# Counters are sums over all processes, of those that ended too, and only grow while the server runs. Gauges
# of a process are told by the processes that run now; gauges of the server are read when somebody asks.

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
        for cell, read in self._told:
            try:
                self._memory.own[cell] = read()
            except Exception as error:
                log.warning("a gauge of this process cannot be read: %s", type(error).__name__)

    def answered(self, endpoint: str, status: int, seconds: float) -> None:
        self._counter.add(self._requests.steps(endpoint, status, seconds))

    def committed(self, size: int, seconds: float | None) -> None:
        """Count one batch of saves, ends and starts, and what its COMMIT took; None when there was none."""
        self._counter.add(self._commits.steps(size, seconds))

    def held(self, seconds: float) -> None:
        """Count one transaction of this thread that kept others from writing for so long."""
        self._counter.add(self._gate.steps(_current_act(), seconds))

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
