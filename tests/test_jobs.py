"""The leader's jobs go on whatever the wall clock does."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from cbt.application.jobs import MARGIN, Scheduler

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
