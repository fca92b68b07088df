"""Candidates who wait: they ask whether the room has begun, or let a request wait for it; then they open papers."""

from __future__ import annotations

import gc
import json
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import cycle

from bench.installation import Sitter
from bench.traffic import loads
from bench.traffic.client import STALLED_SECONDS, Exchange, page_bytes, request_bytes
from bench.traffic.hall import PATH, Link, WaitingHall
from bench.traffic.open_loop import Paced

GZIP = {"Accept-Encoding": "gzip"}
SETTLE_SECONDS = 1.0
AHEAD = "/exam/wait/paper"
COME_PER_SECOND = 250
ASKED_PER_SECOND = 500
"""So many ask for the first time, before anything is measured: a hall comes in over a quarter of an hour."""
WARM = 20
FIRST_SAVE_SECONDS = (2.0, 6.0)
"""When a page says that its paper is there: it goes along with the first answer, or then."""
_PAPER_THERE = '{{"seq":{seq},"kind":"event","position":0,"value":{{"type":"paper_loaded"}}}}'


def polls(sitters: Sequence[Sitter]) -> Iterator[Exchange]:
    """Yield the waiting room's question of each sitter in turn, for ever."""
    for sitter in cycle(sitters):
        yield Exchange(page_bytes(PATH, {"Cookie": sitter.cookie}), lambda _status, _body: None)


@contextmanager
def _hall(port: int, sitters: Sequence[Sitter]) -> Iterator[WaitingHall]:
    hall = WaitingHall(port, sitters)
    gc.collect()
    gc.disable()
    try:
        yield hall
    finally:
        gc.enable()
        hall.close()


def run_waiting(
    port: int,
    sitters: Sequence[Sitter],
    *,
    every: float,
    seconds: float,
    parked: bool,
    begins: Callable[[], object] = lambda: None,
) -> Paced:
    """Let everybody wait for `seconds` and ask once per `every`, evenly spread; return what the questions took.

    `parked`: as a page does, a second request of each waits meanwhile for what happens. `begins` is called when
    everybody has come in.
    """
    with _hall(port, sitters) as hall:
        asking = [(sitter, hall.link()) for sitter in sitters]
        _come_in(hall, asking)
        if parked:
            for sitter in sitters:
                hall.listen(hall.link(), sitter, lambda *_: None)
            hall.run(lambda: False, longest=SETTLE_SECONDS + len(sitters) / 1000)
        begins()
        began, cpu_before = time.perf_counter(), time.process_time()
        until = began + seconds
        for index, (sitter, link) in enumerate(asking):
            hall.ask_at_times(
                link, sitter, first=began + every * index / len(asking), every=every, until=until
            )
        hall.run(
            lambda: time.perf_counter() >= until and not hall.load.unanswered,
            longest=seconds + STALLED_SECONDS,
        )
        hall.load.seconds = time.perf_counter() - began
        hall.load.cpu_seconds = time.process_time() - cpu_before
        hall.load.done = len(hall.load.latencies)
        return hall.load


def _come_in(hall: WaitingHall, asking: Sequence[tuple[Sitter, Link]]) -> None:
    """Let each ask once: its server process knows it from then on."""
    came, known = time.perf_counter(), []

    def ask(sitter: Sitter, link: Link) -> None:
        link.ask(page_bytes(PATH, {"Cookie": sitter.cookie}), lambda _status, _body: known.append(1))

    for index, one in enumerate(asking):
        hall.at(came + index / ASKED_PER_SECOND, partial(ask, *one))
    hall.run(lambda: len(known) == len(asking), longest=STALLED_SECONDS)


def run_opening(port: int, sitters: Sequence[Sitter], begin: Callable[[], float]) -> Paced:
    """Let everybody come in and wait, have `begin` start their rooms, and open every paper.

    As a browser does it: what the answer page is made of is fetched while its candidate waits, and is not asked for
    again; whoever was not given it asks for the page first. Behind its start the page lets a request wait for news
    and says, a little later, that its paper is there. `begin` returns when the rooms had begun, by
    `time.perf_counter`; a latency is from then to the paper of one.
    """
    with _hall(port, sitters) as hall:
        begun = [0.0]
        load, opening = hall.load, Opening(hall, begun)
        came = time.perf_counter()
        for index, sitter in enumerate(sitters):
            hall.at(came + index / COME_PER_SECOND, partial(opening.come_in, sitter))
        hall.run(lambda: False, longest=SETTLE_SECONDS + 2 * len(sitters) / COME_PER_SECOND)
        begun[0], cpu_before = begin(), time.process_time()
        hall.run(lambda: len(load.latencies) + load.refused >= len(sitters), longest=STALLED_SECONDS)
        load.done, load.cpu_seconds = len(load.latencies), time.process_time() - cpu_before
        load.seconds = max(load.latencies, default=0.0)
        load.unanswered = len(sitters) - load.done - load.refused
        return load


class Opening:
    """What each page does from coming in to its paper."""

    def __init__(self, hall: WaitingHall, begun: list[float]) -> None:
        self._hall = hall
        self._begun = begun
        self._shells: dict[str, int] = {}
        self._rng = random.Random(1)

    def come_in(self, sitter: Sitter) -> None:
        """Ask what the answer page is made of, then wait."""
        link = self._hall.link()
        headers = {"Cookie": sitter.cookie, "Accept": "application/json"}

        def heard(status: int, body: bytes) -> None:
            shell = json.loads(body).get("shell") if status == 200 else None
            times = self._shells.get(shell, 0) if shell else WARM
            wait = partial(self._hall.listen, link, sitter, partial(self._goes, ahead=bool(shell)))
            if (
                times < WARM
            ):  # every machine keeps it: a few fetch it here, so that all processes have made it
                self._shells[str(shell)] = times + 1
                link.ask(page_bytes(str(shell), {**headers, **GZIP}), lambda _status, _body: wait())
            else:
                wait()

        link.ask(page_bytes(AHEAD, headers), heard)

    def _goes(self, sitter: Sitter, link: Link, told: dict[str, object], *, ahead: bool) -> None:
        opens_at = time.perf_counter() + float(str(told.get("opens_ms", 0))) / 1000
        if ahead:
            self._hall.at(opens_at, lambda: self._start(sitter, link, 200))
            return
        page = page_bytes(str(told["url"]), {"Cookie": sitter.cookie, **GZIP})
        self._hall.at(
            opens_at, lambda: link.ask(page, lambda status, _body: self._start(sitter, link, status))
        )

    def _start(self, sitter: Sitter, link: Link, status: int) -> None:
        if status != 200:
            self._hall.load.refused += 1
            return
        start = next(loads.starts([sitter]))

        def opened(status: int, body: bytes) -> None:
            if status != 200:
                self._hall.load.refused += 1
                return
            self._hall.load.latencies.append(time.perf_counter() - self._begun[0])
            start.on_reply(status, body)
            headers = loads.under_lease(sitter)
            path = f"/attempts/{sitter.attempt_ref}"
            link.ask(page_bytes(f"{path}/news?since={sitter.number}", headers), lambda _status, _body: None)
            later = time.perf_counter() + self._rng.uniform(*FIRST_SAVE_SECONDS)
            self._hall.at(later, lambda: self._say(sitter))

        link.ask(start.request, opened)

    def _say(self, sitter: Sitter) -> None:
        """Send the first save over a connection of its own: the other has a request that waits."""
        sitter.seq += 1
        event = _PAPER_THERE.format(seq=sitter.seq)
        body = f'{{"epoch":{sitter.epoch},"at":1,"entries":[{event}]}}'.encode()
        path, headers = f"/attempts/{sitter.attempt_ref}/answers", loads.under_lease(sitter)
        self._hall.link().ask(request_bytes(path, body, headers), lambda _status, _body: None)
