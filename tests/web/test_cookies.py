"""A signed cookie holds whatever the wall clock says; how long a login lasts is on its row (R-27)."""

from __future__ import annotations

import time
from datetime import timedelta

import flask
import pytest
from itsdangerous import timed

from cbt.http.auth.cookies import CookieOfAnyAge, cookie_signer
from tests.world import World

DAY = timedelta(days=1)


@pytest.mark.parametrize("jump", [-DAY, DAY], ids=["a day back", "a day on"])
def test_nobody_is_signed_out_by_a_wall_clock_that_jumps(
    world: World, jump: timedelta, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = world.staff("proctor")

    class Jumped:
        time = staticmethod(lambda: time.time() + jump.total_seconds())

    monkeypatch.setattr(timed, "time", Jumped)
    assert client.get("/staff").status_code == 200


@pytest.mark.once
@pytest.mark.parametrize("held", [{"_user_id": "a"}, {"seats": ["a"]}], ids=["a text", "a list"])
def test_what_a_view_changes_of_its_session_no_other_sees(app: flask.Flask, held: dict[str, object]) -> None:
    """A cookie that was read before is not read again: what it holds is handed out anew each time."""
    interface = CookieOfAnyAge()
    cookie = cookie_signer(app).dumps(held)
    first = interface.read(app, cookie)
    assert first == held
    first["_user_id"] = "b"
    for one in held.values():
        if isinstance(one, list):
            first["seats"].append("b")
    assert interface.read(app, cookie) == held


@pytest.mark.once
def test_a_cookie_that_was_read_is_nobodys_once_the_key_is_another(app: flask.Flask) -> None:
    interface = CookieOfAnyAge()
    cookie = cookie_signer(app).dumps({"_user_id": "a"})
    assert interface.read(app, cookie) == {"_user_id": "a"}
    app.secret_key = "another"
    assert interface.read(app, cookie) == {}


def test_a_login_ends_by_the_servers_own_clock(world: World) -> None:
    client = world.staff("proctor")
    world.clock.advance(timedelta(hours=14))
    assert client.get("/staff").status_code in (302, 303)


def test_a_cookie_that_is_not_ours_is_nobody(world: World) -> None:
    client = world.app.test_client()
    client.set_cookie("cbt", "bm9ib2R5.aaaa.bbbb")
    assert client.get("/staff").status_code in (302, 303)
