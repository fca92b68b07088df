"""Candidates who wait: they ask whether the room has begun, or let a request wait for it; then they open papers."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle

from bench.installation import Sitter
from bench.traffic.client import STALLED_SECONDS, Exchange, page_bytes, request_bytes
from bench.traffic.hall import PATH, Link, WaitingHall
from bench.traffic.open_loop import Paced

GZIP = {"Accept-Encoding": "gzip"}
SETTLE_SECONDS = 1.0


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


def run_waiting(port: int, sitters: Sequence[Sitter], *, every: float, seconds: float, parked: bool) -> Paced:
    """Let everybody wait for `seconds` and ask once per `every`, evenly spread; return what the questions took.

    `parked`: as a page does, a second request of each waits meanwhile for what happens.
    """
    with _hall(port, sitters) as hall:
        asking = [(sitter, hall.link()) for sitter in sitters]
        if parked:
            for sitter in sitters:
                hall.listen(hall.link(), sitter, lambda *_: None)
            hall.run(lambda: False, longest=SETTLE_SECONDS + len(sitters) / 1000)
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


def run_opening(port: int, sitters: Sequence[Sitter], begin: Callable[[], float]) -> Paced:
    """Let everybody wait, have `begin` start their rooms, and open every paper: the page, then its start.

    `begin` returns when the rooms had begun, by `time.perf_counter`; a latency is from then to the paper of one.
    """
    with _hall(port, sitters) as hall:
        begun = [0.0]

        def goes(sitter: Sitter, link: Link, told: dict[str, object]) -> None:
            opens_at = time.perf_counter() + float(str(told.get("opens_ms", 0))) / 1000
            hall.at(opens_at, lambda: page(sitter, link, str(told["url"])))

        def page(sitter: Sitter, link: Link, url: str) -> None:
            headers = {"Cookie": sitter.cookie, **GZIP}
            link.ask(page_bytes(url, headers), lambda status, _body: start(sitter, link, status))

        def start(sitter: Sitter, link: Link, status: int) -> None:
            if status != 200:
                hall.load.refused += 1
                return
            path = f"/attempts/{sitter.attempt_ref}/start"
            headers = {"Cookie": sitter.cookie, "X-CSRFToken": sitter.csrf_token, **GZIP}
            link.ask(request_bytes(path, b"{}", headers), opened)

        def opened(status: int, _body: bytes) -> None:
            if status == 200:
                hall.load.latencies.append(time.perf_counter() - begun[0])
            else:
                hall.load.refused += 1

        for sitter in sitters:
            hall.listen(hall.link(), sitter, goes)
        hall.run(lambda: False, longest=SETTLE_SECONDS + len(sitters) / 1000)
        begun[0] = begin()
        load, cpu_before = hall.load, time.process_time()
        hall.run(lambda: len(load.latencies) + load.refused >= len(sitters), longest=STALLED_SECONDS)
        load.done, load.cpu_seconds = len(load.latencies), time.process_time() - cpu_before
        load.seconds = max(load.latencies, default=0.0)
        load.unanswered = len(sitters) - load.done - load.refused
        return load
