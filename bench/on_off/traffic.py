"""What is measured with and without a mechanism: some seconds of traffic, and the figures it comes to."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from itertools import cycle

from bench import rows
from bench.answer_page.opening import measure_runner_page
from bench.figures import CONNECTIONS
from bench.installation import Installation, Sitter
from bench.look_ups.over import PUBLICATION
from bench.results_day import BY_A_PROXY, Strangers, cpu_of, page
from bench.servers.serve import Server
from bench.traffic import loads, waiting
from bench.traffic.boards import EVERY, run_boards
from bench.traffic.client import STALLED_SECONDS, Exchange, Load, page_bytes, run_load
from bench.traffic.leaving import leaving
from bench.traffic.paced import run_paced
from bench.traffic.pages import answer_pages
from bench.traffic.sign_in import run_sign_ins
from cbt.rehearsal.http_client import percentile_ms

WARM_UP_SHARE = 4
"""A load of so many connections at once is begun this much shorter, which does not count: caches fill."""
SAVES_PER_S = 300
"""So many are sent a second where what is measured is their p99, or what goes on beside them."""
STAFF_CONNECTIONS = 24
FEW_CONNECTIONS = 20
BOARDS_OF_A_ROOM = 4
SIGN_INS_PER_MINUTE = 1500
HAND_INS_PER_S = 300.0
ASKS_SECONDS, BEATS_SECONDS = 2.0, 10.0
"""How often a page of the waiting room asks that cannot wait, and one whose other request waits."""
PREWARM_SECONDS = 4.0
"""By then a process that prewarms has done it beside whatever it answers."""
FIRST_BOARDS = 30
"""So many connections, one after the other, come to all three server processes."""
PAGES_IN_A_BROWSER = 2


class Scene(Enum):
    """The installation that traffic finds."""

    WAITING = "waiting"
    """Everybody is signed in and waits; no room has begun."""
    RUNNING = "running"
    """The rooms have begun: some papers are not open yet, all others are, with an answer at each position."""
    SHOWN = "shown"
    """The sitting is over, its results are shown."""


@dataclass(frozen=True, slots=True)
class Row:
    """A figure that people feel."""

    name: str
    label: str
    unit: str
    more: bool = False
    """Whether more of it is better."""


@dataclass(slots=True)
class Hall:
    """An installation, and who does what in it."""

    built: Installation
    seconds: float
    """Of each load that has no natural end."""
    starters: Sequence[Sitter]
    """Those whose papers are not open before the server is there."""
    savers: Sequence[Sitter]
    """Those whose papers are open by then."""
    ledger: loads.Ledger = field(default_factory=loads.Ledger)
    written: int = 0
    """The last entry of the journal before anything is measured."""
    seqs: Sequence[int] = ()
    """The numbers of the savers' last entries then."""

    def note(self) -> None:
        """Note how papers and journals are now, to `restore` them."""
        self.written, self.seqs = rows.last_entry(), [sitter.seq for sitter in self.savers]

    def restore(self) -> None:
        """Have papers and journals be as they were when they were noted: nobody serves them, and no outage."""
        rows.forget_heartbeat()
        if not self.starters:
            return
        rows.close_papers([sitter.attempt_id for sitter in self.starters])
        rows.take_hand_ins_back([sitter.attempt_id for sitter in self.savers], now=self.built.now())
        rows.forget_journal(after=self.written)
        for sitter, seq in zip(self.savers, self.seqs, strict=True):
            sitter.seq = seq

    def settle(self) -> None:
        """Wait until everybody's end is worked out: a start that was slow is taken for an outage."""
        until = time.monotonic() + STALLED_SECONDS
        while rows.unsettled() and time.monotonic() < until:
            time.sleep(0.1)

    def rooms_of_savers(self) -> list[str]:
        """Return the rooms in which savers sit, but for the one in which others do, too."""
        inside = {sitter.room for sitter in self.savers} - {sitter.room for sitter in self.starters}
        return [self.built.rooms[index] for index in sorted(inside)]


@dataclass(slots=True)
class Served:
    """A hall that is served, without the mechanism `out` where one is named."""

    hall: Hall
    server: Server
    out: str
    refused: int = 0
    """Requests that were not answered with 200."""

    @property
    def port(self) -> int:
        """Where the server listens."""
        return self.server.port

    def per_s(self, source: Callable[[int], Iterator[Exchange]], *, connections: int = CONNECTIONS) -> float:
        """Return how many exchanges a second so many connections get answered; each has a source of its own."""

        def run(seconds: float) -> Load:
            return run_load(self.port, [source(index) for index in range(connections)], seconds=seconds)

        run(self.hall.seconds / WARM_UP_SHARE)
        return self.counted(run(self.hall.seconds)).per_s

    def counted(self, load: Load) -> Load:
        """Count what was refused of a load, and return it."""
        self.refused += load.refused
        return load

    def p99_ms(self, latencies: Sequence[float]) -> float:
        """Return the p99; that of a load which was given up where nothing was answered."""
        return percentile_ms(latencies, 0.99) or STALLED_SECONDS * 1000

    def paced_saves(self, seconds: float, **options: object) -> Load:
        """Let the savers save at their times for so many seconds."""
        hall = self.hall
        every = len(hall.savers) / SAVES_PER_S
        return self.counted(
            run_paced(self.port, hall.savers, hall.ledger, every=every, seconds=seconds, **options)  # type: ignore[arg-type]
        )


Figures = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Traffic:
    """Some seconds of traffic: what it says of each of its rows."""

    rows: tuple[Row, ...]
    measure: Callable[[Served], Figures]
    scene: Scene = Scene.RUNNING
    environ: Mapping[str, str] = field(default_factory=dict)


def _share(people: Sequence[Sitter], index: int, connections: int = CONNECTIONS) -> Sequence[Sitter]:
    return people[index::connections] or people


def _saves(served: Served) -> Figures:
    hall = served.hall
    connections = min(CONNECTIONS, len(hall.savers))
    return (
        served.per_s(
            lambda index: loads.saves(hall.savers[index::connections], hall.ledger), connections=connections
        ),
    )


def _starts(served: Served) -> Figures:
    """Open papers, each once; a few of them first, which do not count."""
    few, many = _warm_up_and_rest(served.hall.starters)
    run_load(served.port, [loads.starts([one]) for one in few])
    shares = [loads.starts(_share(many, index)) for index in range(min(CONNECTIONS, len(many)))]
    return (served.counted(run_load(served.port, shares)).per_s,)


def _warm_up_and_rest(people: Sequence[Sitter]) -> tuple[Sequence[Sitter], Sequence[Sitter]]:
    few = min(20, len(people) // 4)
    return people[:few], people[few:]


def _hand_ins(served: Served) -> Figures:
    """Hand papers in, each once; a few of them first, which do not count."""
    few, many = _warm_up_and_rest(served.hall.savers)
    ledger = loads.Ledger()
    run_load(served.port, [loads.submits([one], ledger) for one in few])
    shares = [loads.submits(_share(many, index), ledger) for index in range(min(CONNECTIONS, len(many)))]
    return (served.counted(run_load(served.port, shares)).per_s,)


def _answer_pages(served: Served) -> Figures:
    return (served.per_s(lambda index: answer_pages(_share(served.hall.savers, index))),)


def _questions(served: Served) -> Figures:
    return (served.per_s(lambda index: waiting.polls(_share(served.hall.savers, index))),)


def _hall_that_waits(served: Served) -> Figures:
    """Return what a hall that waits as its pages do costs the server: ms of processor a second."""
    hall, asking = served.hall, served.out == "parked_requests"
    seconds = 2 * hall.seconds
    every = ASKS_SECONDS if asking else BEATS_SECONDS
    begun = [0.0, 0.0]

    def begins() -> None:
        begun[:] = [cpu_of(served.server), time.perf_counter()]

    waiting.run_waiting(
        served.port, hall.savers, every=every, seconds=seconds, parked=not asking, begins=begins
    )
    cpu, spent = cpu_of(served.server) - begun[0], time.perf_counter() - begun[1]
    return (cpu * 1000 / spent,)


def _boards(served: Served) -> Figures:
    """Return what a poll of a board costs, ms of processor beyond the saves', and the saves' p99 beside the boards.

    The boards are open by then; each asks every two seconds, from a process of their own.
    """
    hall, opening = served.hall, 1.5 * EVERY
    seconds = 2 * hall.seconds
    shown = [room for room in hall.rooms_of_savers() for _ in range(BOARDS_OF_A_ROOM)]
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        pool.submit(_ready).result()
        asking = pool.submit(
            run_boards, served.port, shown, hall.built.proctor, opening, opening + seconds + EVERY
        )
        served.paced_saves(opening)
        beside, spent, load = _cost(served, seconds)
        asked = asking.result()
    alone, _, _ = _cost(served, seconds)
    served.refused += asked.opening.refused + asked.open.refused
    polls = (len(asked.opening.latencies) + asked.open.done) / asked.open.seconds * spent
    return (beside - alone) * 1000 / polls, served.p99_ms(load.latencies)


def _cost(served: Served, seconds: float) -> tuple[float, float, Load]:
    """Let the savers save; return the server's seconds of processor, how long it was, and the load."""
    cpu, began = cpu_of(served.server), time.perf_counter()
    load = served.paced_saves(seconds)
    return cpu_of(served.server) - cpu, time.perf_counter() - began, load


@contextmanager
def _staff(served: Served, seconds: float) -> Iterator[None]:
    """Have staff open one whole board after the other, as fast as they get it, from a process of their own."""
    spawn = multiprocessing.get_context("spawn")
    rooms = served.hall.rooms_of_savers()
    with ProcessPoolExecutor(1, spawn) as pool:
        pool.submit(_ready).result()
        done: Future[Load] = pool.submit(
            _draw_boards, served.port, rooms, served.hall.built.proctor, seconds + 1.0
        )
        time.sleep(1.0)
        yield
        served.counted(done.result())


def _ready() -> None:
    """Nothing: who called knows that the process is there."""


def _draw_boards(port: int, rooms: Sequence[str], cookie: str, seconds: float) -> Load:
    sources = [loads.boards(rooms[index % len(rooms)], cookie) for index in range(STAFF_CONNECTIONS)]
    return run_load(port, sources, seconds=seconds)


def _saves_beside_staff(served: Served) -> Figures:
    seconds = served.hall.seconds
    with _staff(served, seconds):
        load = served.paced_saves(seconds)
    return (served.p99_ms(load.latencies),)


def _pages_beside_staff(served: Served) -> Figures:
    hall = served.hall
    sources = [answer_pages(_share(hall.savers, index, FEW_CONNECTIONS)) for index in range(FEW_CONNECTIONS)]
    with _staff(served, hall.seconds):
        load = served.counted(run_load(served.port, sources, seconds=hall.seconds))
    return (served.p99_ms(load.latencies),)


def _sign_ins(served: Served) -> Figures:
    hall = served.hall
    come = run_sign_ins(
        served.port,
        hall.starters,
        hall.savers,
        hall.ledger,
        per_minute=SIGN_INS_PER_MINUTE,
        seconds=2 * hall.seconds,
    )
    served.refused += come.refused + come.saves.refused
    return served.p99_ms(come.latencies), served.p99_ms(come.saves.latencies)


def _staff_pages(served: Served) -> Figures:
    def source(_index: int) -> Iterator[Exchange]:
        exchange = Exchange(page("/proctor", served.hall.built.proctor), lambda _status, _body: None)
        while True:
            yield exchange

    return (served.per_s(source, connections=FEW_CONNECTIONS),)


def _first_boards(served: Served) -> Figures:
    """Return the longest of the first boards of a server that is there for some seconds."""
    time.sleep(PREWARM_SECONDS)
    longest, rooms = 0.0, served.hall.rooms_of_savers()
    for index in range(FIRST_BOARDS):
        path = f"/proctor/rooms/{rooms[index % len(rooms)]}"
        asked = Exchange(page(path, served.hall.built.proctor), lambda _status, _body: None)
        load = served.counted(run_load(served.port, [iter([asked])]))
        longest = max([longest, *load.latencies])
    return (longest * 1000,)


def _first_items(served: Served) -> Figures:
    # In a thread of its own: whoever else holds a browser in this process has the loop of this thread.
    with ThreadPoolExecutor(1) as pool:
        sitters = served.hall.starters[-PAGES_IN_A_BROWSER:]
        figure = pool.submit(measure_runner_page, served.port, sitters).result()
    return () if figure is None else (float(figure.facts["first_item_ms"]), float(figure.facts["files"]))


def _saves_beside_scoring(served: Served) -> Figures:
    """Return the saves' p99 beside hand-ins, which the server scores as they come."""
    savers = served.hall.savers
    going, staying = savers[: len(savers) // 2], savers[len(savers) // 2 :]
    count = min(len(going), round(HAND_INS_PER_S * served.hall.seconds))
    seconds = 2 * served.hall.seconds
    with leaving(served.port, going, connections=min(CONNECTIONS, count)) as others:
        begun: list[Future[tuple[Load, dict[int, str]]]] = []
        events = [(0.0, lambda: begun.append(others.begin(0, count, per_s=HAND_INS_PER_S)))]
        every = len(staying) / SAVES_PER_S
        saved = run_paced(
            served.port, staying, served.hall.ledger, every=every, seconds=seconds, events=events
        )
        served.counted(begun[0].result()[0])
    served.counted(saved)
    return (served.p99_ms(saved.latencies),)


def _shown_lists(served: Served) -> Figures:
    built = served.hall.built
    strangers = Strangers(built)
    numbers = cycle(range(1, 1 + max(1, len(built.sitters) // 100)))

    def source(_index: int) -> Iterator[Exchange]:
        while True:
            path = f"/publicity/{PUBLICATION}?page={next(numbers)}"
            yield Exchange(page_bytes(path, {"Cookie": strangers.next()}), lambda _status, _body: None)

    return (served.per_s(source),)


def _own_results(served: Served) -> Figures:
    """Ask for the results of those who have not signed in again meanwhile."""

    def source(index: int) -> Iterator[Exchange]:
        for sitter in cycle(_share(served.hall.savers, index)):
            yield Exchange(page("/my/results", sitter.cookie), lambda _status, _body: None)

    return (served.per_s(source),)


TRAFFIC: tuple[tuple[Traffic, ...], ...] = (
    (
        Traffic(
            (Row("wait_poll", "the waiting room's question", "/s", more=True),),
            _questions,
            Scene.WAITING,
        ),
        Traffic(
            (Row("hall", "a hall that waits", "ms of processor a second"),), _hall_that_waits, Scene.WAITING
        ),
    ),
    (
        Traffic(
            (
                Row("first_item", "first item in a browser, processor ÷ 4", "ms"),
                Row("files", "files of the answer page", "files"),
            ),
            _first_items,
        ),
        Traffic((Row("page", "the answer page", "/s", more=True),), _answer_pages),
        Traffic((Row("save", "saves, 100 connections", "/s", more=True),), _saves),
        Traffic((Row("start", "starts", "/s", more=True),), _starts),
        Traffic((Row("submit", "hand-ins", "/s", more=True),), _hand_ins),
    ),
    (
        Traffic((Row("first_board", "the slowest first board of a new server", "ms"),), _first_boards),
        Traffic((Row("staff_page", "a small page of staff", "/s", more=True),), _staff_pages),
        Traffic(
            (
                Row("board", "a poll of an open board", "ms of processor"),
                Row("save_beside_boards", "saves beside open boards", "ms at p99"),
            ),
            _boards,
        ),
        Traffic(
            (Row("save_beside_staff", "saves beside boards that are drawn", "ms at p99"),),
            _saves_beside_staff,
        ),
        Traffic(
            (Row("page_beside_staff", "answer pages beside boards that are drawn", "ms at p99"),),
            _pages_beside_staff,
        ),
    ),
    (
        Traffic(
            (
                Row("sign_in", "signing in at a seat, 25 a second", "ms at p99"),
                Row("save_beside_sign_ins", "saves beside sign-ins", "ms at p99"),
            ),
            _sign_ins,
        ),
        Traffic(
            (Row("save_beside_scoring", "saves beside hand-ins that are scored", "ms at p99"),),
            _saves_beside_scoring,
        ),
    ),
    (
        Traffic(
            (Row("shown_list", "a list of what is shown", "/s", more=True),),
            _shown_lists,
            Scene.SHOWN,
            environ=BY_A_PROXY,
        ),
        Traffic(
            (Row("own_results", "one's own results", "/s", more=True),),
            _own_results,
            Scene.SHOWN,
            environ=BY_A_PROXY,
        ),
    ),
)
"""By family: what is measured of one server, one behind the other. Hand-ins leave no open papers behind."""
ROWS: Mapping[str, Row] = {row.name: row for family in TRAFFIC for one in family for row in one.rows}
