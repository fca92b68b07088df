"""The leader's jobs go on whatever the wall clock does."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from cbt.jobs import NOTICED_JUMP, Scheduler
from cbt.torture.waiting import wait_for
from tests.helpers import FakeClock

DAY = timedelta(days=1)


class Drifting(FakeClock):
    """A clock beside a wall clock that a test moves."""

    wall = timedelta(0)

    def drift(self) -> timedelta:
        """Return how far the wall clock was moved."""
        return self.wall


@pytest.fixture
def clock() -> Drifting:
    """The clock of the scheduler."""
    return Drifting(datetime(2026, 11, 24, 1, tzinfo=UTC))


def test_a_wall_clock_set_back_stops_no_job(clock: Drifting) -> None:
    """The next run lies a day ahead then, as it does for a scheduler whose wall clock was set back by a day."""
    ran = threading.Event()
    scheduler = Scheduler(clock)
    scheduler.add_job(ran.set, "interval", seconds=3600, id="beat", next_run_time=datetime.now(UTC) + DAY)
    scheduler.start()
    try:
        scheduler.keep_time()
        assert not ran.is_set()
        clock.wall = -DAY
        scheduler.keep_time()
        assert ran.wait(20)
        later = scheduler.get_job("beat").next_run_time
        scheduler.keep_time()
        assert scheduler.get_job("beat").next_run_time == later, "one jump is made up for once"
    finally:
        scheduler.shutdown(wait=True)


def test_a_wall_clock_set_forward_puts_no_job_off(clock: Drifting) -> None:
    """The scheduler itself ran what was due and planned on from the new time."""
    scheduler = Scheduler(clock)
    scheduler.add_job(print, "interval", seconds=3600, id="beat", next_run_time=datetime.now(UTC) + DAY)
    scheduler.start(paused=True)
    try:
        planned = scheduler.get_job("beat").next_run_time
        clock.wall = DAY
        scheduler.keep_time()
        assert scheduler.get_job("beat").next_run_time == planned
        clock.wall = DAY - timedelta(hours=1)
        scheduler.keep_time()
        assert scheduler.get_job("beat").next_run_time == planned - timedelta(hours=1)
    finally:
        scheduler.shutdown(wait=True)


def test_small_steps_are_left_alone_and_add_up(clock: Drifting) -> None:
    scheduler = Scheduler(clock)
    scheduler.add_job(print, "interval", seconds=3600, id="beat", next_run_time=datetime.now(UTC) + DAY)
    scheduler.start(paused=True)
    try:
        planned = scheduler.get_job("beat").next_run_time
        clock.wall = -NOTICED_JUMP * 0.6
        scheduler.keep_time()
        assert scheduler.get_job("beat").next_run_time == planned
        clock.wall *= 2
        scheduler.keep_time()
        assert wait_for(lambda: scheduler.get_job("beat").next_run_time == planned + clock.wall)
    finally:
        scheduler.shutdown(wait=True)
