"""The scheduler: has what is periodic carried out by the leading process, whatever the wall clock does.

Whoever holds the lock leads. Embedded, the lock is a file's; on PostgreSQL an advisory lock of a connection kept
open.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import flask
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger
from sqlalchemy import text
from sqlalchemy.engine import Engine

from cbt.clock import Agreement, Clock, wall_time
from cbt.http.metrics import JOB
from cbt.storage.engine import files_of
from cbt.storage.private_files import open_private

log = logging.getLogger(__name__)
planner_log = log.getChild("planning")
# A run left out because the one before is not over yet is what a busy machine does once in a while, and the
# next run does the work of both: what would matter, a job that takes long, `run_job` tells.
planner_log.setLevel(logging.ERROR)

SCHEDULER = "cbt_scheduler"
"""Where the leading process keeps its scheduler."""
MARGIN = timedelta(milliseconds=500)
"""A step of the wall clock smaller than this delays a job by no more than that."""
LONG_SECONDS = 10.0
"""A job that takes longer than this is told in the log."""
Periodic = Callable[..., Any]
"""What is done from time to time, told `now`."""


def run_job(app: flask.Flask, job: Periodic, timer: Callable[[], float] = time.monotonic) -> None:
    """Run one job at this instant; a failure is logged and the next run tries again, a long run is told.

    A process whose clock is off the database's time runs none: another node will (R-27). Nor does one whose
    database was moved away or exchanged: it could write nothing, and would say so ten times a second.
    """
    agreement: Agreement = app.extensions["cbt_agreement"]
    files = files_of(app)
    if not agreement.agrees or (files is not None and files.trouble() is not None):
        return
    clock: Clock = app.extensions["cbt_clock"]
    begun = timer()
    with app.app_context():
        flask.g.setdefault(JOB, job.__name__)
        try:
            now: datetime = clock.now()
            job(now=now)
        except Exception:
            log.exception("the job %s failed", job.__name__)
    if (took := timer() - begun) > LONG_SECONDS:
        log.warning("the job %s took %.0f seconds", job.__name__, took)


class Every(IntervalTrigger):  # type: ignore[misc]  # APScheduler brings no types
    """Every so many seconds; all that was missed is one run, however long it was.

    APScheduler goes from one missed run to the next: for a wall clock that is set on by a day that is a hundred
    thousand steps for each job, and for one that had lost its years hours without a heartbeat (R-27, R-28).
    """

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        """Return when the run after the previous one is due: at once when that is over by an interval or more."""
        due: datetime = super().get_next_fire_time(previous_fire_time, now)
        return now if due + self.interval <= now else due


class Scheduler(BackgroundScheduler):  # type: ignore[misc]  # APScheduler brings no types
    """APScheduler, which plans by the wall clock, kept from waiting for a time that was set back (on: see Every).

    Set back by an hour, the wall clock would stop heartbeat and closings for an hour (R-27, R-28).
    """

    def __init__(self, wall: Callable[[], datetime] = wall_time) -> None:
        super().__init__(timezone="UTC", logger=planner_log)
        self._wall = wall

    def keep_time(self) -> None:
        """Have every job run now that is planned further ahead than its own interval."""
        now = self._wall()
        for job in self.get_jobs():
            if job.next_run_time > now + job.trigger.interval + MARGIN:
                job.modify(next_run_time=now)


def start_scheduler(
    app: flask.Flask, jobs: Iterable[tuple[Periodic, float]], *, first: Periodic
) -> Scheduler:
    """Have the leading process do each job every so many seconds, and the `first` at once."""
    scheduler = Scheduler()
    for job, seconds in jobs:
        scheduler.add_job(
            run_job,
            Every(seconds=seconds, timezone="UTC"),
            args=(app, job),
            id=job.__name__,
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
        )
    run_job(app, first)
    scheduler.start()
    app.extensions[SCHEDULER] = scheduler
    return scheduler


try:
    import fcntl
except ImportError:  # Windows serves with one process, which always leads
    fcntl = None  # type: ignore[assignment]  # None says that there is no such lock here

TRY_EVERY_SECONDS = 2.0
END_SECONDS = 2.0
ADVISORY_KEY = 0x6362_7431


class FileLock:
    """The leader's lock on this machine; the kernel frees it when its holder ends, however it ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1

    def take(self) -> bool:
        """Return whether this process holds the lock now."""
        if self._descriptor >= 0 or fcntl is None:
            return True
        try:
            descriptor = open_private(self._path, os.O_RDWR)
        except OSError:
            return False  # the folder is gone; it is tried again
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class AdvisoryLock:
    """The leader's lock in PostgreSQL; it is gone with the connection, and is checked at every try."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Any = None

    def take(self) -> bool:
        """Return whether this process holds the lock now."""
        try:
            if self._connection is None:
                self._connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
                held = self._connection.scalar(text(f"SELECT pg_try_advisory_lock({ADVISORY_KEY})"))
                if not held:
                    self._drop()
                return bool(held)
            self._connection.execute(text("SELECT 1"))
        except Exception:
            self._drop()
            return False
        return True

    def release(self) -> None:
        """Let another process take the lock, at once: the end of a connection alone takes the server a while."""
        if self._connection is not None:
            with contextlib.suppress(Exception):
                self._connection.execute(text(f"SELECT pg_advisory_unlock({ADVISORY_KEY})"))
        self._drop()

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()
            connection.close()


class Candidacy:
    """Tries to lead every two seconds: `start` on winning, its result's `shutdown` on losing.

    While it leads, the result's `keep_time` is called at every try.
    """

    def __init__(
        self,
        lock: FileLock | AdvisoryLock,
        start: Callable[[], Any],
        *,
        may_lead: Callable[[], bool] = lambda: True,
    ) -> None:
        """A process that may not lead (its clock is wrong, R-27) lets go of the lock for another."""
        self._lock = lock
        self._may_lead = may_lead
        self._start = start
        self._running: Any = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="leader", daemon=True)

    def begin(self) -> None:
        self._thread.start()

    def end(self) -> None:
        """Stop trying and stop leading; a try that hangs on a database that is away is not waited for."""
        self._stop.set()
        self._thread.join(END_SECONDS)
        self._settle(leads=False)

    def _loop(self) -> None:
        while True:
            may = self._may_lead()
            leads = may and self._lock.take()
            self._settle(leads=leads and not self._stop.is_set())
            if not may:
                self._lock.release()
            if self._stop.wait(TRY_EVERY_SECONDS):
                return

    def _settle(self, *, leads: bool) -> None:
        if leads and self._running is not None:
            self._running.keep_time()
        elif leads:
            self._running = self._start()
        elif not leads and self._running is not None:
            self._running.shutdown(wait=False)
            self._running = None
