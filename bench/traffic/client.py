"""A client that costs little: one thread, plain sockets, keep-alive, one request in flight per connection."""

from __future__ import annotations

import gc
import math
import selectors
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cbt.rehearsal.http_client import HOST

READ_SIZE = 65_536
STALLED_SECONDS = 30.0
"""A load that gets no reply for so long is given up."""

OnReply = Callable[[int, bytes], None]


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request as bytes, and what to do with the reply: it is called with the HTTP status and the body."""

    request: bytes
    on_reply: OnReply


@dataclass(slots=True)
class Load:
    """What one run did: how many, in what span; of requests the latency (seconds) of every reply with 200."""

    done: int = 0
    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    refused: int = 0
    cpu_seconds: float = 0.0
    """Processor time of this process: what the load itself cost."""

    @property
    def per_s(self) -> float:
        """What was done per second."""
        return self.done / self.seconds if self.seconds else 0.0


def request_bytes(path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    """Return one POST of a JSON body."""
    lines = [
        f"POST {path} HTTP/1.1",
        f"Host: {HOST}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    ]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def page_bytes(path: str, headers: Mapping[str, str]) -> bytes:
    """Return one GET."""
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: {HOST}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def content_length(head: bytes) -> int:
    """Return the length of the body that the head of a reply announces."""
    lowered = head.lower()
    start = lowered.index(b"content-length:") + 15
    end = lowered.find(b"\r\n", start)
    return int(lowered[start : end if end >= 0 else len(lowered)])


class Line:
    """One connection and the exchanges that go over it."""

    __slots__ = ("buffer", "exchange", "exchanges", "need", "sent_at", "socket")

    def __init__(self, port: int, exchanges: Iterator[Exchange]) -> None:
        self.socket = socket.create_connection((HOST, port), timeout=STALLED_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.exchanges = exchanges
        self.exchange: Exchange | None = None
        self.buffer = b""
        self.need = 0
        self.sent_at = 0.0

    def send_next(self) -> bool:
        """Send the next request; return whether there was one."""
        self.exchange = next(self.exchanges, None)
        if self.exchange is None:
            return False
        self.sent_at = time.perf_counter()
        self.socket.sendall(self.exchange.request)
        return True

    def receive(self) -> tuple[int, bytes] | None:
        """Read what is there; return status and body once the reply is whole."""
        data = self.socket.recv(READ_SIZE)
        if not data:
            raise ConnectionError("the server closed a connection")
        self.buffer = self.buffer + data if self.buffer else data
        if not self.need:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return None
            self.need = end + 4 + content_length(self.buffer[:end])
        if len(self.buffer) < self.need:
            return None
        status = int(self.buffer[9:12])
        body = self.buffer[self.buffer.find(b"\r\n\r\n") + 4 : self.need]
        self.buffer, self.need = b"", 0
        return status, body


def run_load(port: int, sources: Sequence[Iterator[Exchange]], *, seconds: float | None = None) -> Load:
    """Keep one request in flight per source until `seconds` are over, or until the sources are empty.

    A request under way when the time is over is waited for and counted, and so is the time it took. When the
    server stays silent the load is given up, and what it left unanswered counts as refused.
    """
    load = Load()
    watched = (
        selectors.EpollSelector() if hasattr(selectors, "EpollSelector") else selectors.DefaultSelector()
    )
    lines = [Line(port, source) for source in sources]
    gc.collect()
    gc.disable()
    try:
        began, cpu_before = time.perf_counter(), time.process_time()
        until = math.inf if seconds is None else began + seconds
        for line in lines:
            if line.send_next():
                watched.register(line.socket, selectors.EVENT_READ, line)
        _pump(watched, load, until)
        load.seconds = time.perf_counter() - began
        load.cpu_seconds = time.process_time() - cpu_before
        load.done = len(load.latencies)
    finally:
        gc.enable()
        watched.close()
        for line in lines:
            line.socket.close()
    return load


def _pump(watched: selectors.BaseSelector, load: Load, until: float) -> None:
    clock = time.perf_counter
    open_lines = len(watched.get_map())
    while open_lines:
        ready = watched.select(STALLED_SECONDS)
        if not ready:
            load.refused += open_lines
            return
        for key, _ in ready:
            line: Any = key.data
            reply = line.receive()
            if reply is None:
                continue
            now = clock()
            status, body = reply
            if status == 200:
                load.latencies.append(now - line.sent_at)
            else:
                load.refused += 1
            line.exchange.on_reply(status, body)
            if now >= until or not line.send_next():
                watched.unregister(line.socket)
                open_lines -= 1
