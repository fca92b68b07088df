"""Everything that writes stands still for ten seconds while everybody goes on: afterwards it is as quick as before.

Source: R-27; I1, I5, I12, I14.
"""

from __future__ import annotations

import fcntl
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import psycopg

from cbt.clock import SystemClock
from cbt.config import Settings
from cbt.runner.models import JournalEntry
from cbt.sittings.models import ServerHeartbeat
from cbt.storage.engine import GATE_NAME
from torture.browsers.driver import tampered
from torture.sites.server import Server
from torture.sites.site import Site
from torture.sites.waiting import pause
from torture.trial import Trial

STALL_SECONDS = 10.0
SAVES_BEFORE, SAVES_AFTER = 60, 60
BACK_SECONDS = 10.0
WRITTEN = f"{JournalEntry.__tablename__}, {ServerHeartbeat.__tablename__}"
Stall = Callable[[Site, Server], AbstractContextManager[None]]


def stall(trial: Trial) -> None:
    """Hold up what writes, each time in another way: by the gate, the writing process, its disk."""
    ways: tuple[Stall, ...] = (_gate_held, _writer_stopped, _disk_stopped)
    if trial.kind == "postgresql":
        ways = (_tables_locked,)
    site, clock = trial.site(), SystemClock()
    with site.serving() as server, site.load(trial.seed, lambda: server.port) as load:
        for number in range(trial.times):
            load.wait_for_saves(SAVES_BEFORE)
            with ways[number % len(ways)](site, server):
                down_at = clock.now()
                pause(STALL_SECONDS)
                site.outages.append((down_at, clock.now()))
            began = time.monotonic()
            trial.injected()
            back = load.wait_for_saves(SAVES_AFTER, BACK_SECONDS)
            trial.expect(back, "I12", f"not back {BACK_SECONDS:.0f} s after a stall")
            trial.measure("saved_again_s", time.monotonic() - began)
        trial.drain(load)
    trial.judge(site)


@contextmanager
def _gate_held(site: Site, _server: Server) -> Iterator[None]:
    gate = os.open(site.settings.data_dir / GATE_NAME, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(gate, fcntl.LOCK_EX)
        yield
    finally:
        os.close(gate)


@contextmanager
def _writer_stopped(_site: Site, server: Server) -> Iterator[None]:
    writer = server.writer()
    if writer is None:
        raise RuntimeError("no process owns the writing")
    os.kill(writer, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(writer, signal.SIGCONT)


@contextmanager
def _disk_stopped(_site: Site, server: Server) -> Iterator[None]:
    """Let every fsync of the server's processes last as long as the stall."""
    writer = server.writer()
    processes = [*server.workers(), *([] if writer is None else [writer])]
    delay = f"delay_enter={round(STALL_SECONDS * 1_000_000)}"
    with tampered(processes, f"fsync:{delay}", f"fdatasync:{delay}", trace="fsync,fdatasync"):
        yield


@contextmanager
def _tables_locked(site: Site, _server: Server) -> Iterator[None]:
    with psycopg.connect(_plain(site.settings)) as connection:
        connection.execute(f"LOCK TABLE {WRITTEN} IN EXCLUSIVE MODE")
        yield


def _plain(settings: Settings) -> str:
    return settings.database_url.replace("postgresql+psycopg://", "postgresql://")
