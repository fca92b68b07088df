"""Candidates who wait: they ask whether the room has begun, or let a request wait for it; then they open papers.

One epoll for all of them. A latency counts from when a question was due, so that a server that stalls is seen by
everybody who was to ask meanwhile.
"""

from __future__ import annotations

import gc
import heapq
import json
import select
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count, cycle

from bench.installation import Sitter
from bench.traffic.client import (
    READ_SIZE,
    STALLED_SECONDS,
    Exchange,
    content_length,
    page_bytes,
    request_bytes,
)
from bench.traffic.open_loop import Paced
from cbt.rehearsal.line import HOST

PATH = "/exam/wait/state"
GZIP = {"Accept-Encoding": "gzip"}
SETTLE_SECONDS = 1.0
Reply = Callable[[int, bytes], None]


def polls(sitters: Sequence[Sitter]) -> Iterator[Exchange]:
    """Yield the waiting room's question of each sitter in turn, for ever."""
    for sitter in cycle(sitters):
        yield Exchange(page_bytes(PATH, {"Cookie": sitter.cookie}), lambda _status, _body: None)


class _Link:
    """One connection of a browser: what it has asked, and who hears the reply."""

    __slots__ = ("buffer", "due", "heard", "socket")

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection((HOST, port), timeout=STALLED_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.heard: Reply | None = None
        self.due: deque[float] = deque()

    def ask(self, request: bytes, heard: Reply) -> None:
        self.heard = heard
        self.socket.sendall(request)

    def receive(self) -> None:
        data = self.socket.recv(READ_SIZE)
        if not data:
            raise ConnectionError("the server closed a connection")
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0 or len(self.buffer) < end + 4 + content_length(self.buffer[:end]):
            return
        status, body, self.buffer = int(self.buffer[9:12]), self.buffer[end + 4 :], b""
        heard, self.heard = self.heard, None
        if heard is not None:
            heard(status, body)


class WaitingHall:
    """Everybody's connections and what is to happen when."""

    def __init__(self, port: int, sitters: Sequence[Sitter]) -> None:
        self.port, self.sitters = port, sitters
        self.load = Paced()
        self.links: dict[int, _Link] = {}
        self.epoll = select.epoll()
        self._later: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()

    def link(self) -> _Link:
        """Open a connection."""
        link = _Link(self.port)
        self.links[link.socket.fileno()] = link
        self.epoll.register(link.socket.fileno(), select.EPOLLIN)
        return link

    def at(self, when: float, call: Callable[[], None]) -> None:
        """Have `call` happen at an instant."""
        heapq.heappush(self._later, (when, next(self._order), call))

    def run(self, until: Callable[[], bool], *, longest: float) -> None:
        """Go on until `until` says so, or so many seconds are over."""
        end = time.perf_counter() + longest
        while not until() and time.perf_counter() < end:
            now = time.perf_counter()
            while self._later and self._later[0][0] <= now:
                heapq.heappop(self._later)[2]()
            pause = self._later[0][0] - time.perf_counter() if self._later else 0.05
            for file, _ in self.epoll.poll(min(max(pause, 0.0), 0.05)):
                self.links[file].receive()

    def ask_at_times(self, link: _Link, sitter: Sitter, *, first: float, every: float, until: float) -> None:
        """Ask at fixed times, however long an answer takes; what is due meanwhile is sent after it."""
        request = page_bytes(PATH, {"Cookie": sitter.cookie})

        def due(at: float) -> None:
            link.due.append(at)
            if at + every < until:
                self.at(at + every, lambda: due(at + every))
            if link.heard is None:
                send()

        def send() -> None:
            asked = link.due.popleft()

            def heard(status: int, _body: bytes) -> None:
                self.load.unanswered -= 1
                if status == 200:
                    self.load.latencies.append(time.perf_counter() - asked)
                else:
                    self.load.refused += 1
                if link.due:
                    send()

            self.load.unanswered += 1
            link.ask(request, heard)

        self.at(first, lambda: due(first))

    def listen(
        self, link: _Link, sitter: Sitter, goes: Callable[[Sitter, _Link, dict[str, object]], None]
    ) -> None:
        """Let a request wait, and the next when it is answered, until the room begins."""
        headers = {"Cookie": sitter.cookie}

        def heard(status: int, body: bytes) -> None:
            if status != 200:
                self.load.refused += 1
                return
            told = json.loads(body)
            if told["go"]:
                goes(sitter, link, told)
                return
            again = page_bytes(f"{PATH}?since={told['number']}", headers)
            self.at(time.perf_counter() + 0.05, lambda: link.ask(again, heard))

        link.ask(page_bytes(PATH, headers), heard)

    def close(self) -> None:
        """Close every connection."""
        for link in self.links.values():
            link.socket.close()
        self.epoll.close()


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

        def goes(sitter: Sitter, link: _Link, told: dict[str, object]) -> None:
            opens_at = time.perf_counter() + float(str(told.get("opens_ms", 0))) / 1000
            hall.at(opens_at, lambda: page(sitter, link, str(told["url"])))

        def page(sitter: Sitter, link: _Link, url: str) -> None:
            headers = {"Cookie": sitter.cookie, **GZIP}
            link.ask(page_bytes(url, headers), lambda status, _body: start(sitter, link, status))

        def start(sitter: Sitter, link: _Link, status: int) -> None:
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
