"""An open loop: every candidate sends a save at its own fixed times, whether the server keeps up or not.

The latency of a save counts from when it was due, so a server that stalls is seen by everyone who was due
meanwhile.
"""

from __future__ import annotations

import contextlib
import gc
import resource
import time
from collections import deque
from collections.abc import Callable, Sequence

from bench.installation import Sitter
from bench.traffic.loads import Ledger
from bench.traffic.open_loop import DRAIN_SECONDS, Loop, Paced

SPARE_FILES = 500

Event = tuple[float, Callable[[], None]]
"""At which second of the run to do what; it must not take long, nothing is sent meanwhile."""
Going = Callable[[int], bool]
"""Given how many saves are due and not answered, whether more are to be due; asked all the time."""


def allow_files(wanted: int) -> None:
    """Raise this process's limit of open files (servers started afterwards inherit it).

    Raise RuntimeError when the system does not allow so many.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted += SPARE_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(hard, wanted)))
        except (ValueError, OSError) as error:
            raise RuntimeError(f"the bench needs {wanted} open files: ulimit -n {wanted}") from error


def run_paced(
    port: int,
    sitters: Sequence[Sitter],
    ledger: Ledger,
    *,
    every: float,
    seconds: float,
    events: Sequence[Event] = (),
    going: Going = lambda _pending: True,
    as_pages: bool = False,
) -> Paced:
    """Let every sitter save once per `every` seconds, evenly spread, for `seconds`; then wait for the rest.

    It is over sooner when `going` says so. `as_pages` is as in Loop.
    """
    allow_files(len(sitters))
    paced = Paced()
    loop = Loop(port, sitters, ledger, paced, as_pages=as_pages)
    gc.collect()
    gc.disable()
    try:
        loop.connect_everybody()
        began, cpu_before = time.perf_counter(), time.process_time()
        _run(loop, every=every, seconds=seconds, events=deque(events), going=going)
        paced.began_at = began
        paced.due_at = [at - began for at in paced.due_at]
        paced.turned_away_at = [at - began for at in paced.turned_away_at]
        paced.never_at = [at - began for at in loop.unanswered()]
        paced.seconds = time.perf_counter() - began
        paced.cpu_seconds = time.process_time() - cpu_before
        paced.done, paced.unanswered = len(paced.latencies), loop.pending
    finally:
        gc.enable()
        with contextlib.suppress(OSError):
            loop.close()
    return paced


def _run(loop: Loop, *, every: float, seconds: float, events: deque[Event], going: Going) -> None:
    clock, everybody = time.perf_counter, loop.everybody
    step = every / len(everybody)
    total, sent = round(seconds / step), 0
    began = clock()
    give_up_at = began + seconds + DRAIN_SECONDS
    while sent < total or (loop.pending and clock() < give_up_at):
        now = clock()
        if sent < total and not going(loop.pending):
            total, give_up_at = sent, now + DRAIN_SECONDS
        if events and now >= began + events[0][0]:
            loop.event_at = now
            events.popleft()[1]()
        while sent < total and began + sent * step <= now:
            loop.is_due(everybody[sent % len(everybody)], began + sent * step)
            sent += 1
        loop.retry(now)
        wait = min(began + sent * step - clock(), 0.05) if sent < total else 0.05
        for file, event in loop.epoll.poll(max(wait, 0.0)):
            loop.happened(file, event)
