"""A worker: the app and front of one server process, and what a service manager is told of its start.

It is told by systemd's notification protocol, where there is somebody to tell.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import threading
from types import FrameType
from typing import Any

import flask

from cbt.application.app import create_app
from cbt.application.jobs import lead
from cbt.clock import Agreement, SystemClock
from cbt.config import Settings, read_settings
from cbt.door.address_watch import keep_comparing
from cbt.errors import Unavailable
from cbt.http.health import WARNINGS
from cbt.http.metrics import Metrics
from cbt.http.server.deferred import Parking
from cbt.http.server.front import Front
from cbt.http.server.lanes import lane_of
from cbt.http.server.proxies import is_among, read_networks
from cbt.http.server.request_body import Bodies, spool
from cbt.jobs.registry import job_kinds_of
from cbt.jobs.scheduler import AdvisoryLock, Candidacy, FileLock
from cbt.ops.host_resources import (
    calm_collector,
    die_with_parent,
    give_memory_back,
    others_serve,
    take_short_turns,
)
from cbt.ops.job_worker import worker_is_kept
from cbt.ops.logs import ignore_hang_up, init_logs, tell_start, tell_stop, unwritten
from cbt.ops.prewarm import warm_up
from cbt.runner.save.journal import Journal
from cbt.storage.engine import begin_pulse
from cbt.storage.migrate import check_migrated
from cbt.storage.server_time import TimeWatch, database_time
from cbt.storage.types import db
from cbt.storage.write_queue.writer_client import can_share

log = logging.getLogger(__name__)


VARIABLE = "NOTIFY_SOCKET"
_ASKED_AGAIN_SECONDS = 0.02


async def tell_when_served(address: str, port: int) -> None:
    """Send `READY=1` to the service manager once somebody can connect to `address` and `port`."""
    while os.environ.get(VARIABLE):
        with contextlib.suppress(OSError):
            _, line = await asyncio.open_connection(address, port)
            line.close()
            tell("READY=1")
            return
        await asyncio.sleep(_ASKED_AGAIN_SECONDS)


def tell(state: str) -> None:
    """Send `state` (`READY=1`) to the service manager; without one, nothing happens."""
    address = os.environ.get(VARIABLE, "")
    if not address:
        return
    name = f"\0{address[1:]}" if address.startswith("@") else address
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.sendto(state.encode(), name)


TOLD_AGAIN_SECONDS = 0.5
WARM_SECONDS = 1.0
"""So long may who stands in for another work out what a hall will ask for, before it serves."""
# For the life of a worker: the references keep the leader's lock and the watch's connection open.
_candidacies: list[Candidacy] = []
_watches: list[TimeWatch] = []


def worker_app() -> flask.Flask:
    """Return the app of one server process, tied to its parent, and let it stand for leader."""
    die_with_parent()
    ignore_hang_up()
    settings = read_settings()
    init_logs(settings)
    app, is_warm = _made(settings)
    app.extensions.setdefault(WARNINGS, []).append(unwritten)
    if settings.embedded:
        lock: FileLock | AdvisoryLock = FileLock(settings.data_dir / "leader.lock")
    else:
        with app.app_context():
            lock = AdvisoryLock(db.engine)
    journal: Journal = app.extensions["cbt_journal"]
    if settings.embedded and can_share():
        journal.write_by(settings.data_dir)
    agreement: Agreement = app.extensions["cbt_agreement"]
    agreement.left_behind = has_other_tables(app)
    clock = app.extensions["cbt_clock"]
    # A clock that was handed in (the tests') does not claim to tell the time.
    if not settings.embedded and isinstance(clock, SystemClock):
        _watches.append(TimeWatch(settings, clock, agreement))
        _watches[-1].begin()
    job_kinds_of(app).worker_is_kept = worker_is_kept()
    metrics: Metrics = app.extensions["cbt_metrics"]
    metrics.share(settings.data_dir, servers=settings.workers)
    begin_pulse(app)
    candidacy = Candidacy(lock, lambda: lead(app), may_lead=lambda: agreement.agrees)
    _candidacies.append(candidacy)
    candidacy.begin()
    threading.Thread(target=keep_comparing, args=(app, clock.now), name="addresses", daemon=True).start()
    calm_collector()
    take_short_turns()
    give_memory_back()
    if not is_warm:
        threading.Thread(target=warm_up, args=(app,), name="warming", daemon=True).start()
    return app


def _made(settings: Settings) -> tuple[flask.Flask, bool]:
    """Return the app of a process, and whether it is warm: where enough others serve it may be before it serves.

    It does not give way meanwhile: behind eight busy neighbours what takes half a second took 27.
    """
    app = create_app(settings, clock=SystemClock(database_time(settings)))
    return app, others_serve() and warm_up(app, within=WARM_SECONDS)


def has_other_tables(app: flask.Flask) -> bool:
    """Return whether the database is of another version: the program was exchanged under a running server.

    One that cannot be read now says nothing about that.
    """
    try:
        with app.app_context():
            check_migrated()
    except Unavailable as error:
        if error.code in ("db.older", "db.newer"):
            log.error("this process serves nobody: %s", error)
            return True
    return False


class _Told(Front):
    """A front whose begin is told to the service manager, and its begin and end to the log.

    A front begins before its process listens: the service manager hears of it when somebody is let in, so that
    what it starts then, or whoever waits for it, is not turned away.

    By then it hears when it is told to end. It leads no longer when it ends: a process on its way out takes no
    more work, and a scheduler that planned jobs until the last would ask for threads nobody gives any more.
    """

    settings: Settings
    ready: asyncio.Task[None]

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__rsgi_init__(loop)
        _send_home_when_told_to_end(loop, self.parking)
        tell_start("worker", self.settings)
        self.ready = loop.create_task(tell_when_served(self.settings.host, self.settings.port))

    def __rsgi_del__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__rsgi_del__(loop)
        self.ready.cancel()
        for candidacy in _candidacies:
            candidacy.end()
        tell_stop("worker")


def _send_home_when_told_to_end(loop: asyncio.AbstractEventLoop, parking: Parking) -> None:
    """Answer the requests that wait as soon as this process is told to end: whoever ends it waits for them.

    Granian has given the loop its own handlers by now; they are called as before. Whoever is told before the loop
    runs would not hear it, so the signal is raised again as long as it does. Signals are the main thread's: a front
    that is served in another is ended by whoever began it, and sends them home then.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    for number in (signal.SIGTERM, signal.SIGINT):
        former = signal.getsignal(number)

        def on_end(number: int, frame: FrameType | None, former: Any = former) -> None:
            loop.call_soon_threadsafe(parking.close)
            loop.call_soon_threadsafe(loop.call_later, TOLD_AGAIN_SECONDS, signal.raise_signal, number)
            if callable(former):
                former(number, frame)

        signal.signal(number, on_end)
        if hasattr(signal, "siginterrupt"):
            signal.siginterrupt(number, False)


def front_of(app: flask.Flask) -> Front:
    """Return the front of one server process, which hands `app` the requests that are there as a whole."""
    settings: Settings = app.extensions["cbt_settings"]
    networks = read_networks(settings.trusted_proxies)
    front = _Told(
        app,
        threads=settings.threads,
        now=app.extensions["cbt_clock"].now,
        sender_of=app.extensions["cbt_sender_of"],
        bodies=Bodies(trusted=lambda address: is_among(address, networks)),
        budget=app.extensions["cbt_body_budget"],
        new_spool=lambda: spool(settings.data_dir),
        parking=app.extensions["cbt_parking"],
        lane=lane_of(app),
        share=app.extensions["cbt_fair_share"],
        strangers=app.extensions["cbt_strangers"],
    )
    front.settings = settings
    return front


def worker() -> Front:
    """Return what a server process serves; one that cannot begin says why in the log and ends."""
    try:
        return front_of(worker_app())
    except Exception:
        log.critical("a server process could not begin", exc_info=True)
        sys.exit(1)
