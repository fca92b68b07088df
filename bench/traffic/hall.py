"""The connections of those who wait: one epoll for all, and what is to happen when.

A latency counts from when a question was due, so that a server that stalls is seen by everybody who was to ask
meanwhile.
"""

from __future__ import annotations

import heapq
import json
import select
import socket
import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import count

from bench.installation import Sitter
from bench.traffic.client import READ_SIZE, STALLED_SECONDS, content_length, page_bytes
from bench.traffic.open_loop import Paced
from cbt.rehearsal.http_client import HOST

PATH = "/exam/wait/state"
AGAIN_SECONDS = 0.3
Reply = Callable[[int, bytes], None]


class Link:
    """One connection of a browser: what it has asked, and who hears the reply."""

    __slots__ = ("buffer", "due", "heard", "port", "request", "socket")

    def __init__(self, port: int) -> None:
        self.port = port
        self.heard: Reply | None = None
        self.request = b""
        self.due: deque[float] = deque()
        self.connect()

    def connect(self) -> None:
        self.socket = socket.create_connection((HOST, self.port), timeout=STALLED_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def ask(self, request: bytes, heard: Reply) -> None:
        self.request, self.heard = request, heard
        self.socket.sendall(request)

    def receive(self) -> bool:
        """Take what is there; False when the connection is closed."""
        try:
            data = self.socket.recv(READ_SIZE)
        except ConnectionError:
            data = b""
        if not data:
            return False
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end >= 0 and len(self.buffer) >= end + 4 + content_length(self.buffer[:end]):
            status, body, self.buffer = int(self.buffer[9:12]), self.buffer[end + 4 :], b""
            heard, self.heard = self.heard, None
            if heard is not None:
                heard(status, body)
        return True


class WaitingHall:
    """Everybody's connections and what is to happen when."""

    def __init__(self, port: int, sitters: Sequence[Sitter]) -> None:
        self.port, self.sitters = port, sitters
        self.load = Paced()
        self.links: dict[int, Link] = {}
        self.epoll = select.epoll()
        self._later: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()

    def link(self) -> Link:
        """Open a connection."""
        link = Link(self.port)
        self._watch(link)
        return link

    def _watch(self, link: Link) -> None:
        self.links[link.socket.fileno()] = link
        self.epoll.register(link.socket.fileno(), select.EPOLLIN)

    def _broke(self, file: int) -> None:
        """Open a connection again that was closed, and ask again what it had asked, as a browser does."""
        self.load.broken += 1
        link = self.links.pop(file)
        link.socket.close()
        heard = link.heard

        def again() -> None:
            link.connect()
            self._watch(link)
            if heard is not None:
                link.ask(link.request, heard)

        self.at(time.perf_counter() + AGAIN_SECONDS, again)

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
                if not self.links[file].receive():
                    self._broke(file)

    def ask_at_times(self, link: Link, sitter: Sitter, *, first: float, every: float, until: float) -> None:
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
        self, link: Link, sitter: Sitter, goes: Callable[[Sitter, Link, dict[str, object]], None]
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
