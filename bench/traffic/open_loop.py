"""The browsers of an open loop: each with its connection, the saves that are due, the one in flight.

One epoll for all of them. A connection that breaks is opened again and the save sent again, as a browser does: it
carries the same sequence number, so nothing is stored twice.
"""

from __future__ import annotations

import errno
import heapq
import random
import select
import socket
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

from bench.installation import Sitter
from bench.traffic.client import HOST, READ_SIZE, Load, content_length, request_bytes
from bench.traffic.loads import Ledger, save_body, under_lease
from cbt.rules.overload import PAGE_PATIENCE

DRAIN_SECONDS = 20.0
"""What is still unanswered so long after the last save was due is given up and counted."""
RETRY_SECONDS = (0.2, 0.8)
PAGE_RETRY = (0.5, 3.0)
"""What the answer page waits before it comes again (static/runner/save/outbox.js)."""
_RETRY_AFTER = b"retry-after:"


@dataclass(slots=True)
class Paced(Load):
    """A load with what broke: connections, saves never answered, and after each event how long until an
    answer came over a connection made since."""

    broken: int = 0
    unanswered: int = 0
    ready_seconds: list[float] = field(default_factory=list)
    began_at: float = 0.0
    """When the first save was due, by `time.perf_counter`."""
    due_at: list[float] = field(default_factory=list)
    """Of each latency: at which second of the run the save was due."""
    turned_away_at: list[float] = field(default_factory=list)
    """At which seconds of the run a save was answered with 503, to be sent again."""
    never_at: list[float] = field(default_factory=list)
    """At which seconds of the run the saves were due that were never answered."""
    given_up: int = 0
    """Requests whose answer a page did not wait for."""


class _Candidate:
    """One browser: its keep-alive connection, what is due, the save in flight."""

    __slots__ = (
        "asked_at",
        "buffer",
        "connected_at",
        "due",
        "in_flight",
        "link",
        "numbers",
        "open",
        "sitter",
        "waiting",
    )

    def __init__(self, sitter: Sitter) -> None:
        self.sitter = sitter
        self.link: socket.socket | None = None
        self.open = False
        self.connected_at = 0.0
        self.due: deque[float] = deque()
        self.in_flight: tuple[Sequence[float], bytes] | None = None
        """When what it carries was due, and the request."""
        self.numbers: Sequence[tuple[int, int]] = ()
        self.asked_at = 0.0
        self.buffer = b""
        self.waiting = False
        """Whether a new try of its connection or its save is on the clock already."""


class Loop:
    """Everybody's connections; what each run of the loop does is said by `run_paced`."""

    def __init__(
        self, port: int, sitters: Sequence[Sitter], ledger: Ledger, paced: Paced, *, as_pages: bool = False
    ) -> None:
        """`as_pages`: they do as the answer page does. A request carries all that waits, is given up after some
        seconds, and comes again when the server says."""
        self.port, self.ledger, self.paced, self.as_pages = port, ledger, paced, as_pages
        self.asked: deque[tuple[float, _Candidate]] = deque()
        self.epoll = select.epoll()
        self.everybody = [_Candidate(sitter) for sitter in sitters]
        self.by_file: dict[int, _Candidate] = {}
        self.retries: list[tuple[float, int, _Candidate]] = []
        self.order = count()
        self.rng = random.Random(1)
        self.pending = 0
        self.event_at: float | None = None

    def connect_everybody(self) -> None:
        """Open all connections before the clock begins."""
        for one in self.everybody:
            link = socket.create_connection((HOST, self.port), timeout=DRAIN_SECONDS)
            self._keep(one, link)
            self._opened(one)

    def _keep(self, one: _Candidate, link: socket.socket) -> None:
        link.setblocking(False)
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        one.link, one.buffer = link, b""
        self.by_file[link.fileno()] = one

    def _opened(self, one: _Candidate) -> None:
        assert one.link is not None
        one.open, one.connected_at = True, time.perf_counter()
        self.epoll.register(one.link.fileno(), select.EPOLLIN)

    def _connect(self, one: _Candidate) -> None:
        link = socket.socket()
        link.setblocking(False)
        state = link.connect_ex((HOST, self.port))
        if state not in (0, errno.EINPROGRESS):
            link.close()
            self._later(one)
            return
        self._keep(one, link)
        if state == 0:
            self._opened(one)
            self._send(one)
        else:
            self.epoll.register(link.fileno(), select.EPOLLOUT)

    def _later(self, one: _Candidate, *, after: float = 0.0) -> None:
        """Try again after a pause of its own, as browsers do, and not before `after` seconds are over."""
        if not one.waiting:
            one.waiting = True
            pause = max(after, self.rng.uniform(*(PAGE_RETRY if self.as_pages else RETRY_SECONDS)))
            heapq.heappush(self.retries, (time.perf_counter() + pause, next(self.order), one))

    def retry(self, now: float) -> None:
        """Give up what took too long, and carry out the new tries whose time has come."""
        while self.asked and self.asked[0][0] <= now - PAGE_PATIENCE:
            asked_at, one = self.asked.popleft()
            if one.in_flight is not None and one.asked_at == asked_at and one.open and not one.waiting:
                self.paced.given_up += 1
                self._hang_up(one)
        while self.retries and self.retries[0][0] <= now:
            one = heapq.heappop(self.retries)[2]
            one.waiting = False
            if one.link is None:
                self._connect(one)
            elif one.open:
                self._send(one)

    def is_due(self, one: _Candidate, at: float) -> None:
        """A save of this candidate is due."""
        self.pending += 1
        one.due.append(at)
        self.next_of(one)

    def next_of(self, one: _Candidate) -> None:
        """Send what is due when nothing is in flight."""
        if one.in_flight is not None or not one.due:
            return
        sitter = one.sitter
        due = [one.due.popleft() for _ in range(len(one.due) if self.as_pages else 1)]
        body = save_body(sitter, len(due))
        one.numbers = [(sitter.epoch, sitter.seq - earlier) for earlier in range(len(due))]
        path = f"/attempts/{sitter.attempt_ref}/answers"
        one.in_flight = (due, request_bytes(path, body, under_lease(sitter)))
        if one.link is None:
            if not one.waiting:
                self._connect(one)
        elif one.open:
            self._send(one)

    def _send(self, one: _Candidate) -> None:
        if one.in_flight is None:
            self.next_of(one)
            return
        assert one.link is not None
        try:
            one.link.sendall(one.in_flight[1])
        except OSError:
            self._broke(one)
            return
        one.asked_at = time.perf_counter()
        if self.as_pages:
            self.asked.append((one.asked_at, one))

    def _broke(self, one: _Candidate) -> None:
        self.paced.broken += 1
        self._hang_up(one)

    def _hang_up(self, one: _Candidate) -> None:
        assert one.link is not None
        self.by_file.pop(one.link.fileno(), None)
        one.link.close()
        one.link, one.open, one.buffer = None, False, b""
        if one.in_flight is not None:
            self._later(one)

    def happened(self, file: int, event: int) -> None:
        """Take what one connection has for us."""
        one = self.by_file.get(file)
        if one is None or one.link is None:
            return
        if not one.open:
            if one.link.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                self._broke(one)
                return
            self.epoll.unregister(file)
            self._opened(one)
            self._send(one)
            return
        try:
            data = one.link.recv(READ_SIZE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._broke(one)
            return
        one.buffer += data
        end = one.buffer.find(b"\r\n\r\n")
        if end >= 0 and len(one.buffer) >= end + 4 + content_length(one.buffer[:end]):
            self._answered(one, int(one.buffer[9:12]), _retry_after(one.buffer[:end]))

    def _answered(self, one: _Candidate, status: int, after: float) -> None:
        assert one.in_flight is not None
        one.buffer = b""
        now = time.perf_counter()
        if status == 503:  # not stored: the same save goes again
            self.paced.turned_away_at.append(now)
            self._later(one, after=after if self.as_pages else 0.0)
            return
        due, _ = one.in_flight
        one.in_flight = None
        self.pending -= len(due)
        if status == 200:
            self.paced.latencies += [now - at for at in due]
            self.paced.due_at += due
            self.ledger.saved[one.sitter.attempt_id].update(one.numbers)
            if self.event_at is not None and one.connected_at > self.event_at:
                self.paced.ready_seconds.append(now - self.event_at)
                self.event_at = None
        else:
            self.paced.refused += 1
        self.next_of(one)

    def unanswered(self) -> list[float]:
        """Return when the saves were due that nobody has answered."""
        return [at for one in self.everybody for at in (*(one.in_flight or ((),))[0], *one.due)]

    def close(self) -> None:
        """Close every connection."""
        for one in self.everybody:
            if one.link is not None:
                one.link.close()
        self.epoll.close()


def _retry_after(head: bytes) -> float:
    """Return in how many seconds the server wants to be asked again; 0 where it does not say."""
    _, named, rest = head.lower().partition(_RETRY_AFTER)
    return float(rest.partition(b"\r\n")[0]) if named else 0.0
