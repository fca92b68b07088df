"""What a seat page may ask about answers left on its machine."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from cbt.http.auth.machine import MACHINE_COOKIE
from cbt.runner.close.closure import expire_overdue
from tests.delivery.driver import Page
from tests.proctoring.desk import running
from tests.world import PLANNED, World

END = PLANNED + timedelta(minutes=45)


@pytest.fixture
def page(world: World) -> Page:
    """A paper with one saved answer."""
    found = running(world, "theory")["theory"]
    assert found.answer(1, "A").status_code == 200
    return found


def ask(page: Page, *keys: tuple[int, int], ref: str = "") -> Any:
    """Ask as the seat page of the paper's machine does, signed in as nobody."""
    client = page.world.app.test_client()
    cookie = page.client.get_cookie(MACHINE_COOKIE)
    assert cookie is not None
    client.set_cookie(MACHINE_COOKIE, cookie.value)
    body = {"attempt": ref or page.ref, "keys": [{"epoch": epoch, "seq": seq} for epoch, seq in keys]}
    reply = client.post("/exam/held", json=body)
    assert reply.status_code == 200
    return reply.get_json()


def test_an_acknowledged_and_a_late_answer_are_held_and_nothing_else(page: Page, world: World) -> None:
    assert ask(page, (1, 1), (1, 2), (2, 1)) == {"held": [True, False, False], "over": False}
    assert ask(page, (1, 1), ref="at_nobody") == {"held": [False], "over": False}
    world.clock.set(END + timedelta(seconds=10))
    assert page.answer(2, "B").status_code == 410
    assert ask(page, (1, 2))["held"] == [True]


def test_an_attempt_is_over_when_it_is_closed(page: Page, world: World) -> None:
    assert not ask(page)["over"]
    world.clock.set(END + timedelta(minutes=1))
    with world.app.app_context():
        expire_overdue(now=world.clock.now())
    assert ask(page)["over"]
    assert not ask(page, ref="at_nobody")["over"]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(None, id="nothing"),
        pytest.param({"keys": []}, id="half"),
        pytest.param({"attempt": 1, "keys": [{"epoch": 1, "seq": 1}]}, id="a number for a ref"),
        pytest.param({"attempt": "a", "keys": [{"epoch": "1", "seq": 1}]}, id="a text for a number"),
        pytest.param({"attempt": "a\0b", "keys": []}, id="a NUL"),
        pytest.param({"attempt": "a", "keys": [{"epoch": 1, "seq": 1}] * 1001}, id="too many"),
    ],
)
def test_what_no_page_sends_is_refused(page: Page, world: World, body: object) -> None:
    assert world.app.test_client().post("/exam/held", json=body).status_code == 422
