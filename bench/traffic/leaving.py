"""Hand-ins from a process of their own, at a rate or as fast as they are answered, while others save."""

from __future__ import annotations

import gc
import multiprocessing
import selectors
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager

from bench.installation import Sitter
from bench.traffic.client import STALLED_SECONDS, Exchange, Line, Load, run_load
from bench.traffic.loads import Ledger, submits

Left = tuple[Load, dict[int, str]]
"""How it went, and the receipt of each attempt that was handed in."""
_sitters: list[Sitter] = []
"""Of the other process: who can hand in."""


class Leaving:
    """Hands papers in from another process, which costs the savers nothing but what the server does."""

    def __init__(self, pool: ProcessPoolExecutor, port: int, connections: int) -> None:
        self._pool, self._port, self._connections = pool, port, connections
        pool.submit(_ready).result()

    def begin(self, first: int, last: int, *, per_s: float | None) -> Future[Left]:
        """Begin to hand in, each of the sitters from `first` up to `last` once.

        `per_s` None: as fast as they are answered. It takes no time, for the process knows them: to tell it of a
        thousand would hold up the savers', who are this process's.
        """
        return self._pool.submit(_hand_in, self._port, first, last, self._connections, per_s)


@contextmanager
def leaving(port: int, sitters: Sequence[Sitter], *, connections: int) -> Iterator[Leaving]:
    """Have such a process, which knows `sitters`, for the length of the block."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawn, initializer=_know, initargs=(list(sitters),)) as pool:
        yield Leaving(pool, port, connections)


def _know(sitters: Sequence[Sitter]) -> None:
    _sitters.extend(sitters)
    gc.collect()
    gc.freeze()


def _ready() -> None:
    """Nothing: who called knows that the process is there."""


def _hand_in(port: int, first: int, last: int, connections: int, per_s: float | None) -> Left:
    sitters, ledger = _sitters[first:last], Ledger()
    if per_s is None:
        load = run_load(port, [submits(sitters[index::connections], ledger) for index in range(connections)])
    else:
        load = _at_rate(port, submits(sitters, ledger), connections, len(sitters), per_s)
    return load, ledger.receipts


def _at_rate(port: int, exchanges: Iterator[Exchange], connections: int, count: int, per_s: float) -> Load:
    """Send `count` exchanges evenly spread, over whichever connection is free; latencies count from when due."""
    load, clock = Load(), time.perf_counter
    waiting: deque[tuple[float, Exchange]] = deque()
    watched = selectors.DefaultSelector()
    lines = [Line(port, iter(())) for _ in range(connections)]
    for line in lines:
        watched.register(line.socket, selectors.EVENT_READ, line)
    free, due_at = list(lines), dict.fromkeys(lines, 0.0)
    gc.disable()
    began, cpu_before, sent, done = clock(), time.process_time(), 0, 0
    last = began
    while done < count and clock() - last < STALLED_SECONDS:
        while sent < count and began + sent / per_s <= clock():
            waiting.append((began + sent / per_s, next(exchanges)))
            sent += 1
        while free and waiting:
            line = free.pop()
            due_at[line], line.exchange = waiting.popleft()
            line.socket.sendall(line.exchange.request)
        pause = began + sent / per_s - clock() if sent < count else 0.05
        for key, _ in watched.select(max(pause, 0.0)):
            line = key.data
            reply = line.receive()
            if reply is None:
                continue
            last = clock()
            done += 1
            if reply[0] == 200:
                load.latencies.append(last - due_at[line])
            else:
                load.refused += 1
            line.exchange.on_reply(*reply)
            free.append(line)
    gc.enable()
    load.refused += count - done
    load.done, load.seconds = len(load.latencies), clock() - began
    load.cpu_seconds = time.process_time() - cpu_before
    for line in lines:
        line.socket.close()
    return load
