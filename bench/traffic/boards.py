"""Boards that are open while candidates save: each asks every two seconds at its own times, as its page does.

They ask in a process of their own, so that what they cost the client does not count as the candidates' delay.
"""

from __future__ import annotations

import multiprocessing
import re
import selectors
import socket
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from bench.traffic.client import READ_SIZE, STALLED_SECONDS, content_length, page_bytes
from bench.traffic.open_loop import Paced
from cbt.rehearsal.http_client import HOST

EVERY = 2.0
ASKS = {"Accept": "application/json, text/html;q=0.9", "Accept-Encoding": "gzip", "HX-Request": "true"}
_TAG = re.compile(rb'\r\netag: *("[^"]*")', re.IGNORECASE)


class OpenBoard:
    """One board: its connection, the version it shows, when its next question is due."""

    def __init__(self, port: int, room_ref: str, cookie: str) -> None:
        self.path = f"/proctor/rooms/{room_ref}/live"
        self.headers = {"Cookie": cookie, **ASKS}
        self.socket = socket.create_connection((HOST, port), timeout=STALLED_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.due_at: float | None = None
        """When what it has asked was due; None while it has asked nothing."""
        self.next_at = 0.0
        self.buffer = b""

    def ask(self) -> None:
        """Send the question that is due."""
        self.due_at, self.next_at = self.next_at, self.next_at + EVERY
        self.socket.sendall(page_bytes(self.path, self.headers))

    def receive(self) -> int:
        """Take what is there; return the status of a whole answer, else 0."""
        data = self.socket.recv(READ_SIZE)
        if not data:
            raise ConnectionError("the server closed a board's connection")
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return 0
        status, head = int(self.buffer[9:12]), self.buffer[: end + 2]
        if status != 304 and len(self.buffer) < end + 4 + content_length(head):
            return 0
        tag = _TAG.search(head)
        if tag is not None:
            self.headers["If-None-Match"] = tag[1].decode()
        self.buffer = b""
        return status


Done = TypeVar("Done")


@dataclass(slots=True)
class Asked:
    """What the boards heard: first while they were opened, drawn from nothing, and then as open ones."""

    opening: Paced = field(default_factory=Paced)
    open: Paced = field(default_factory=Paced)


def with_boards(
    port: int,
    rooms: Sequence[str],
    cookie: str,
    *,
    opening: float,
    seconds: float,
    meanwhile: Callable[[], Done],
) -> tuple[Asked, Done]:
    """Open a board of each of `rooms` and keep it open while `meanwhile` is done; return what both came to."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        asked: Future[Asked] = process.submit(run_boards, port, list(rooms), cookie, opening, seconds)
        done = meanwhile()
        return asked.result(), done


def run_boards(port: int, rooms: Sequence[str], cookie: str, opening: float, seconds: float) -> Asked:
    """Open a board of each room within EVERY, ask for `seconds`; a latency counts from when the question was due.

    What was due in the first `opening` seconds is kept apart.
    """
    asked, watched = Asked(), selectors.DefaultSelector()
    boards = [OpenBoard(port, room, cookie) for room in rooms]
    began, cpu_before = time.perf_counter(), time.process_time()
    for index, board in enumerate(boards):
        board.next_at = began + EVERY * index / len(boards)
        watched.register(board.socket, selectors.EVENT_READ, board)
    until, give_up_at = began + seconds, began + seconds + STALLED_SECONDS
    while (now := time.perf_counter()) < until or any(board.due_at is not None for board in boards):
        if now > give_up_at:
            break
        for board in boards:
            if board.due_at is None and board.next_at <= min(now, until):
                board.ask()
        for key, _ in watched.select(0.005):
            board = key.data
            early = board.due_at is not None and board.due_at < began + opening
            _heard(board, asked.opening if early else asked.open)
    load = asked.open
    load.seconds, load.cpu_seconds = time.perf_counter() - began, time.process_time() - cpu_before
    load.unanswered = sum(board.due_at is not None for board in boards)
    load.done = len(load.latencies)
    watched.close()
    for board in boards:
        board.socket.close()
    return asked


def _heard(board: OpenBoard, load: Paced) -> None:
    status = board.receive()
    if not status or board.due_at is None:
        return
    if status in (200, 304):
        load.latencies.append(time.perf_counter() - board.due_at)
    else:
        load.refused += 1
    board.due_at = None
