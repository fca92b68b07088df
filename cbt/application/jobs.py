"""What is periodic: job -> service(now=clock.now()). The scheduler only tidies; requests check themselves.

`create_app` never starts it: each server process tries to become the leader, and the leader runs it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import flask

from cbt.accounts.approvals.decisions import expire_approvals
from cbt.application.backup_hook import send_when_due
from cbt.application.backups import back_up_when_due
from cbt.audit.flood_limit import settle_tallies
from cbt.bank.search import index_waiting
from cbt.batches.applications import complete_applications
from cbt.certificates.look_up import stretch_waiting
from cbt.http.auth.login_store import purge_logins
from cbt.http.auth.rate_limit import purge as purge_counters
from cbt.http.form_posts.idempotency import purge_sent
from cbt.http.form_posts.kept_forms import purge_kept
from cbt.jobs.queue import purge_jobs
from cbt.jobs.registry import job_kinds
from cbt.jobs.scheduler import Scheduler, start_scheduler
from cbt.jobs.worker import run_due
from cbt.proctoring.acts.room_start import start_armed_rooms
from cbt.retention.destruction import want_destructions
from cbt.runner.close.closure import advance_overdue, expire_overdue
from cbt.runner.close.outage import beat
from cbt.runner.start.handler import forget_papers, pack_papers
from cbt.scoring.service import score_closed
from cbt.sittings.room_clock import open_doors
from cbt.storage.unit_of_work import pieces_of

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
    (send_when_due, 10.0),
    (index_waiting, 20.0),
    (stretch_waiting, 10.0),
    (want_due_jobs, 2.0),
    (complete_applications, 300.0),
    (settle_tallies, 30.0),
    (purge_sign_ins, 60.0),
    (forget_papers, 60.0),
)
"""Each job and how often it runs, in seconds."""


def lead(app: flask.Flask) -> Scheduler:
    """Have this process do what is periodic; a change of leaders is no gap in the heartbeat (R-27)."""
    return start_scheduler(app, JOBS, first=beat)
