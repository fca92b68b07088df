"""Clients that send a byte a second, or half a body and then nothing, while others save.

Source: R-21, I12.
"""

from __future__ import annotations

import contextlib
import math
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from torture.browsers.load import Load
from torture.judging.ledger import Write
from torture.sites.waiting import pause
from torture.trial import Trial

MEASURED_SECONDS = {False: 2.0, True: 15.0}
WARM_UP_SAVES = 60
HEAD = b"POST /attempts/nobody/answers HTTP/1.1\r\nHost: exam\r\nX-CBT-Lease: none\r\n"
BODY = b"Content-Length: 600\r\n\r\n"
ADDRESSES = ("127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5")


def slow_clients(trial: Trial) -> None:
    """Measure what others wait for their receipts with and without `times` slow sockets, of two kinds.

    Half of them are slow in the headers of a request, half in its body.
    """
    _measure(trial, lambda port: _crawling(port, trial.times))


def half_sent(trial: Trial) -> None:
    """The same with `times` sockets from four addresses, every one of them inside a body that never ends."""
    _measure(trial, lambda port: half_sent_bodies(port, trial.times))


def _measure(trial: Trial, besieged: Callable[[int], AbstractContextManager[object]]) -> None:
    site = trial.site()
    span = MEASURED_SECONDS[trial.long]
    with site.serving() as server, site.load(trial.seed, lambda: server.port, pause=0.05) as load:
        load.wait_for_saves(WARM_UP_SAVES)
        before = _p99(_during(load, span))
        with besieged(server.port):
            trial.injected(trial.times)
            among = _during(load, span)
            trial.expect(server.healthy(), "I12", "/healthz did not answer")
        trial.expect(bool(among), "I12", "nobody else was served")
        if among and before:
            trial.measure("p99_ms_alone", before * 1000)
            trial.measure("p99_ms_among_slow", _p99(among) * 1000)
            trial.measure("p99_ratio", _p99(among) / before)
        trial.drain(load)
    trial.judge(site)


def _during(load: Load, seconds: float) -> list[Write]:
    """Return the saves that were acknowledged while so many seconds went by."""
    done = len(load.browsers[0].ledger.writes)
    pause(seconds)
    writes = load.browsers[0].ledger.writes[done:]
    return [one for one in writes if one.operation == "answers" and one.status == 200]


def _p99(writes: list[Write]) -> float:
    waits = sorted(one.answered_at - one.sent_at for one in writes)
    return waits[max(0, math.ceil(0.99 * len(waits)) - 1)] if waits else 0.0


@contextmanager
def _crawling(port: int, count: int) -> Iterator[None]:
    """Hold so many sockets open that get one byte a second; one that the server closed is opened again."""
    stop = threading.Event()
    lines: list[socket.socket | None] = [None] * count

    def crawl() -> None:
        while True:
            for number in range(count):
                lines[number] = _creep(lines[number], port, in_body=number % 2 == 1)
            if stop.wait(1.0):
                return

    thread = threading.Thread(target=crawl, daemon=True)
    thread.start()
    try:
        pause(1.0)
        yield
    finally:
        stop.set()
        thread.join()
        for line in lines:
            if line is not None:
                line.close()


def _creep(line: socket.socket | None, port: int, *, in_body: bool) -> socket.socket | None:
    """Send the next byte, over a new connection when there is none."""
    with contextlib.suppress(OSError):
        if line is not None:
            line.send(b"1")
            return line
        line = socket.create_connection(("127.0.0.1", port), timeout=5)
        line.sendall(HEAD + BODY if in_body else HEAD)
        return line
    if line is not None:
        line.close()
    return None


@contextmanager
def half_sent_bodies(port: int, count: int) -> Iterator[None]:
    """Hold so many requests open that stop in the middle of their bodies, from a few addresses.

    What the server lets go is opened again a second later. A process of its own, so that it takes no turns
    with whoever measures.
    """
    command = [sys.executable, "-m", "torture.browsers.half_sent", str(port), str(count), *ADDRESSES]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()  # all of them are there
        try:
            yield
        finally:
            process.stdin.close()
