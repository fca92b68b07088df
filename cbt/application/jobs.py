"""The table of jobs: job -> service(now=clock.now()). The scheduler only tidies; requests check themselves.

`create_app` never starts it: each server process tries to become the leader, and the leader runs it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import flask
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from cbt.accounts.approvals.decisions import expire_approvals
from cbt.application.backups import back_up_when_due
from cbt.application.observation import SCHEDULER
from cbt.audit.flood_limit import settle_tallies
from cbt.bank.imports.service import start_checks
from cbt.bank.search import index_waiting
from cbt.batches.applications import complete_applications
from cbt.batches.roster.service import start_rosters
from cbt.certificates.look_up import stretch_waiting
from cbt.clock import Agreement, Clock, wall_time
from cbt.http.auth.login_store import purge_logins
from cbt.http.auth.rate_limit import purge as purge_counters
from cbt.http.form_posts.idempotency import purge_sent
from cbt.http.form_posts.kept_forms import purge_kept
from cbt.http.metrics import JOB
from cbt.jobs.queue import purge_jobs
from cbt.jobs.registry import job_kinds
from cbt.jobs.worker import run_due
from cbt.proctoring.acts.room_start import start_armed_rooms
from cbt.retention.destruction import want_destructions
from cbt.runner.close.closure import advance_overdue, expire_overdue
from cbt.runner.close.outage import beat
from cbt.runner.start.reply import forget_papers, pack_papers
from cbt.scoring.service import score_closed
from cbt.sittings.room_clock import open_doors
from cbt.storage.engine import files_of
from cbt.storage.unit_of_work import pieces_of

log = logging.getLogger(__name__)
planner_log = log.getChild("planning")
# A run left out because the one before is not over yet is what a busy machine does once in a while, and the
# next run does the work of both: what would matter, a job that takes long, `run_job` tells.
planner_log.setLevel(logging.ERROR)

MARGIN = timedelta(milliseconds=500)
"""A step of the wall clock smaller than this delays a job by no more than that."""
LONG_SECONDS = 10.0
"""A job that takes longer than this is told in the log."""
PURGED_AT_ONCE = 1000
"""So many rows of a kind are purged in one run."""
PURGED_TOGETHER = 100
"""So many of them in one unit of work: nobody's save waits for a large deletion."""


def purge_sign_ins(*, now: datetime) -> int:
    """Delete counters whose window is over, login sessions, forms and jobs that are past; return how many.

    Source: R-14.
    """
    purges = (purge_counters, purge_logins, purge_sent, purge_kept, purge_jobs)
    return sum(_purge(purge, now=now) for purge in purges)


def _purge(purge: Callable[..., int], *, now: datetime) -> int:
    """Have something forgotten a few at a time, so that people's saves pass between; return how many."""
    gone = 0
    for _ in pieces_of(range(PURGED_AT_ONCE // PURGED_TOGETHER), size=1):
        some = purge(now=now, most=PURGED_TOGETHER)
        gone += some
        if not some:
            break
    return gone


def want_due_jobs(*, now: datetime) -> int:
    """Have what is due by itself wait for the worker; where none is kept, carry out what waits; return how many."""
    want_destructions(now=now)
    return 0 if job_kinds().worker_is_kept else run_due(now=now)


JOBS: tuple[tuple[Callable[..., Any], float], ...] = (
    (beat, 1.0),
    (expire_overdue, 1.0),
    (advance_overdue, 1.0),
    (score_closed, 2.0),
    (open_doors, 5.0),
    (pack_papers, 5.0),
    (start_armed_rooms, 1.0),
    (expire_approvals, 5.0),
    (back_up_when_due, 10.0),
    (start_checks, 1.0),
    (start_rosters, 1.0),
    (index_waiting, 20.0),
    (stretch_waiting, 10.0),
    (want_due_jobs, 2.0),
    (complete_applications, 300.0),
    (settle_tallies, 30.0),
    (purge_sign_ins, 60.0),
    (forget_papers, 60.0),
)
"""Each job and how often it runs, in seconds."""


def run_job(app: flask.Flask, job: Callable[..., Any], timer: Callable[[], float] = time.monotonic) -> None:
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


def start_scheduler(app: flask.Flask) -> Scheduler:
    """Start the jobs of the leading process."""
    scheduler = Scheduler()
    for job, seconds in JOBS:
        scheduler.add_job(
            run_job,
            Every(seconds=seconds, timezone="UTC"),
            args=(app, job),
            id=job.__name__,
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
        )
    # A new leader beats at once, so that a change of leaders is no gap in the heartbeat.
    run_job(app, beat)
    scheduler.start()
    app.extensions[SCHEDULER] = scheduler
    return scheduler
