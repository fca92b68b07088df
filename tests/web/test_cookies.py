"""A signed cookie holds whatever the wall clock says; how long a login lasts is on its row (R-27)."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from itsdangerous import timed

from tests.world import World

DAY = timedelta(days=1)


@pytest.mark.parametrize("jump", [-DAY, DAY], ids=["a day back", "a day on"])
def test_nobody_is_signed_out_by_a_wall_clock_that_jumps(
    world: World, jump: timedelta, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = world.staff("proctor")
    assert client.get("/staff").status_code == 200

    class Jumped:
        time = staticmethod(lambda: time.time() + jump.total_seconds())

    monkeypatch.setattr(timed, "time", Jumped)
    assert client.get("/staff").status_code == 200


def test_a_login_ends_by_the_servers_own_clock(world: World) -> None:
    client = world.staff("proctor")
    world.clock.advance(timedelta(hours=14))
    assert client.get("/staff").status_code in (302, 303)


def test_a_cookie_that_is_not_ours_is_nobody(world: World) -> None:
    client = world.app.test_client()
    client.set_cookie("cbt", "bm9ib2R5.aaaa.bbbb")
    assert client.get("/staff").status_code in (302, 303)
