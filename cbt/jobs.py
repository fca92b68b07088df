"""The table of jobs: job -> service(now=clock.now()). The scheduler only tidies; requests check themselves.

`create_app` never starts it: each server process tries to become the leader, and the leader runs it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

import flask
from apscheduler.schedulers.background import BackgroundScheduler

from cbt.clock import Clock
from cbt.delivery.outage import beat
from cbt.delivery.sweeps import advance_overdue, expire_overdue
from cbt.proctoring.room_service import start_armed_rooms
from cbt.scoring.service import score_closed
from cbt.sittings.service import open_doors

log = logging.getLogger(__name__)

JOBS: tuple[tuple[Callable[..., Any], float], ...] = (
    (beat, 1.0),
    (expire_overdue, 1.0),
    (advance_overdue, 1.0),
    (score_closed, 2.0),
    (open_doors, 5.0),
    (start_armed_rooms, 1.0),
)
"""Each job and how often it runs, in seconds."""


def run_job(app: flask.Flask, job: Callable[..., Any]) -> None:
    """Run one job at this instant; a failure is logged and the next run tries again."""
    clock: Clock = app.extensions["cbt_clock"]
    with app.app_context():
        try:
            now: datetime = clock.now()
            job(now=now)
        except Exception:
            log.exception("the job %s failed", job.__name__)


def start_scheduler(app: flask.Flask) -> BackgroundScheduler:
    """Start the jobs of the leading process."""
    scheduler = BackgroundScheduler(timezone="UTC")
    for job, seconds in JOBS:
        scheduler.add_job(
            run_job,
            "interval",
            args=(app, job),
            seconds=seconds,
            id=job.__name__,
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
        )
    # A new leader beats at once, so that a change of leaders is no gap in the heartbeat.
    run_job(app, beat)
    scheduler.start()
    return scheduler
