"""The leader's jobs go on whatever the wall clock does."""

from __future__ import annotations

import itertools
import logging
import threading
from datetime import UTC, datetime, timedelta

import flask
import pytest
from apscheduler.events import EVENT_JOB_MAX_INSTANCES

from cbt.application.jobs import JOBS, lead
from cbt.jobs.scheduler import LONG_SECONDS, MARGIN, Every, Scheduler, run_job
from tests.world import World

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def planned(scheduler: Scheduler) -> datetime:
    """Return when the job runs next."""
    at: datetime = scheduler.get_job("beat").next_run_time
    return at


def test_a_wall_clock_set_back_stops_no_job() -> None:
    """The next run lies a day ahead then, as it does for a scheduler whose wall clock was set back by a day."""
    ran = threading.Event()
    scheduler = Scheduler()
    scheduler.add_job(ran.set, "interval", seconds=3600, id="beat", next_run_time=datetime.now(UTC) + DAY)
    scheduler.start()
    try:
        assert not ran.is_set()
        scheduler.keep_time()
        assert ran.wait(20)
    finally:
        scheduler.shutdown(wait=True)


@pytest.mark.parametrize(
    ("set_back", "moved"),
    [
        pytest.param(timedelta(0), False, id="a clock that stands right"),
        pytest.param(MARGIN, False, id="a small step"),
        pytest.param(MARGIN + timedelta(milliseconds=1), True, id="a little more"),
        pytest.param(DAY, True, id="a day"),
        pytest.param(-DAY, False, id="set forward: the job is due by itself"),
    ],
)
def test_a_job_runs_now_that_is_planned_beyond_its_interval(set_back: timedelta, moved: bool) -> None:
    at = datetime.now(UTC) + DAY
    now = at - HOUR - set_back
    scheduler = Scheduler(lambda: now)
    scheduler.add_job(print, "interval", seconds=3600, id="beat", next_run_time=at)
    scheduler.start(paused=True)
    try:
        for _ in range(2):
            scheduler.keep_time()
            assert planned(scheduler) == (now if moved else at)
    finally:
        scheduler.shutdown(wait=True)


@pytest.mark.parametrize(
    ("set_on", "steps"),
    [
        pytest.param(timedelta(seconds=0.5), [1.0], id="not yet due"),
        pytest.param(timedelta(seconds=1.5), [1.0, 2.0], id="half an interval late"),
        pytest.param(timedelta(seconds=2), [2.0, 3.0], id="an interval late"),
        pytest.param(7000 * DAY, [7000 * 86400.0, 7000 * 86400.0 + 1], id="a clock that had lost its years"),
    ],
)
def test_a_wall_clock_set_on_is_one_missed_run_however_far(set_on: timedelta, steps: list[float]) -> None:
    every, at = Every(seconds=1, timezone="UTC"), datetime(2026, 11, 24, 1, tzinfo=UTC)
    found, now = [at], at + set_on
    while len(found) <= len(steps) and found[-1] <= now:
        found.append(every.get_next_fire_time(found[-1], now))
    assert [(one - at).total_seconds() for one in found[1:]] == steps
    assert found[-1] > now


@pytest.mark.once
def test_every_job_is_planned_so(world: World) -> None:
    scheduler = lead(world.app)
    try:
        assert {type(job.trigger) for job in scheduler.get_jobs()} == {Every}
        assert {job.id: job.trigger.interval.total_seconds() for job in scheduler.get_jobs()} == {
            job.__name__: seconds for job, seconds in JOBS
        }
    finally:
        scheduler.shutdown(wait=True)


def test_a_run_left_out_is_no_news(caplog: pytest.LogCaptureFixture) -> None:
    """The job is held until its next run was left out; the log, which people read, says nothing of it."""
    skipped, over = threading.Event(), threading.Event()
    scheduler = Scheduler()
    scheduler.add_listener(lambda event: skipped.set(), EVENT_JOB_MAX_INSTANCES)
    scheduler.add_job(over.wait, "interval", (60,), seconds=0.05, id="beat")
    scheduler.start()
    try:
        assert skipped.wait(20)
    finally:
        over.set()
        scheduler.shutdown(wait=True)
    assert not caplog.records


@pytest.mark.parametrize(("seconds", "told"), [(LONG_SECONDS, False), (LONG_SECONDS + 1, True)])
def test_a_job_that_takes_long_is_told(
    app: flask.Flask, caplog: pytest.LogCaptureFixture, seconds: float, told: bool
) -> None:
    def beat(*, now: datetime) -> None:
        pass

    readings = itertools.count(0.0, seconds)
    with caplog.at_level(logging.WARNING, "cbt.jobs.scheduler"):
        run_job(app, beat, lambda: next(readings))
    assert [record.getMessage() for record in caplog.records] == (
        ["the job beat took 11 seconds"] if told else []
    )
