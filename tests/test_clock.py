"""The clock of a process: wall time at its start plus the monotonic clock (R-27)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

import flask
import pytest

from cbt.clock import SystemClock
from tests.world import World

START = datetime(2026, 11, 24, 1, tzinfo=UTC)


class WallClock(datetime):
    """A wall clock that a test can set."""

    shown = START

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]  # datetime returns its own kind
        """Return what the wall clock shows."""
        return cls.shown


@pytest.mark.parametrize("jump", [timedelta(hours=2), timedelta(days=-1)])
def test_a_wall_clock_that_jumps_moves_no_instant_and_shows_as_drift(
    monkeypatch: pytest.MonkeyPatch, jump: timedelta
) -> None:
    monkeypatch.setattr("cbt.clock.datetime", WallClock)
    clock = SystemClock()
    before = clock.now()
    monkeypatch.setattr(WallClock, "shown", START + jump)
    assert timedelta(0) <= clock.now() - before < timedelta(minutes=1)
    assert abs(clock.drift() - jump) < timedelta(minutes=1)


def test_an_anchor_is_where_the_clock_begins_and_is_no_drift() -> None:
    clock = SystemClock(START)
    assert timedelta(0) <= clock.now() - START < timedelta(minutes=1)
    assert abs(clock.drift()) < timedelta(seconds=2)


def test_staff_see_a_banner_when_the_wall_clock_jumped(world: World) -> None:
    app: flask.Flask = world.app
    client = world.staff("chief_proctor")
    assert "系统时间被改动过" not in client.get("/staff").get_data(as_text=True)
    app.extensions["cbt_clock"].drift = lambda: timedelta(seconds=3)
    assert "系统时间被改动过" in client.get("/staff").get_data(as_text=True)
