"""Hundreds of clients that send one byte a second while others save.

Source: I12.
"""

from __future__ import annotations

import contextlib
import math
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from cbt.torture.ledger import Write
from cbt.torture.load import Load
from cbt.torture.trial import Trial
from cbt.torture.waiting import pause

MEASURED_SECONDS = {False: 2.0, True: 15.0}
WARM_UP_SAVES = 60
HEAD = b"POST /attempts/nobody/answers HTTP/1.1\r\nHost: exam\r\nX-CBT-Lease: none\r\n"
BODY = b"Content-Length: 600\r\n\r\n"


def slow_clients(trial: Trial) -> None:
    """Measure what others wait for their receipts with and without `times` slow sockets, of two kinds.

    Half of them are slow in the headers of a request, half in its body.
    """
    site = trial.site()
    span = MEASURED_SECONDS[trial.long]
    with site.serving() as server, site.load(trial.seed, lambda: server.port, pause=0.05) as load:
        load.wait_for_saves(WARM_UP_SAVES)
        before = _p99(_during(load, span))
        with _crawling(server.port, trial.times):
            trial.injected(trial.times)
            among = _during(load, span)
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
