"""What a seat page may ask about answers left on its machine."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from cbt.delivery.sweeps import expire_overdue
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


def ask(world: World, *keys: tuple[str, int, int], attempts: tuple[str, ...] = ()) -> Any:
    """Ask as the seat page does, signed in as nobody."""
    body = {
        "keys": [{"attempt": ref, "epoch": epoch, "seq": seq} for ref, epoch, seq in keys],
        "attempts": list(attempts),
    }
    reply = world.app.test_client().post("/exam/held", json=body)
    assert reply.status_code == 200
    return reply.get_json()


def test_an_acknowledged_and_a_late_answer_are_held_and_nothing_else(page: Page, world: World) -> None:
    assert ask(world, (page.ref, 1, 1), (page.ref, 1, 2), (page.ref, 2, 1), ("at_nobody", 1, 1)) == {
        "held": [True, False, False, False],
        "over": [],
    }
    world.clock.set(END + timedelta(seconds=10))
    assert page.answer(2, "B").status_code == 410
    assert ask(world, (page.ref, 1, 2))["held"] == [True]


def test_an_attempt_is_over_when_it_is_closed(page: Page, world: World) -> None:
    assert ask(world, attempts=(page.ref,))["over"] == []
    world.clock.set(END + timedelta(minutes=1))
    with world.app.app_context():
        expire_overdue(now=world.clock.now())
    assert ask(world, attempts=(page.ref, "at_nobody"))["over"] == [page.ref]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(None, id="nothing"),
        pytest.param({"keys": []}, id="half"),
        pytest.param(
            {"keys": [{"attempt": 1, "epoch": 1, "seq": 1}], "attempts": []}, id="a number for a ref"
        ),
        pytest.param(
            {"keys": [{"attempt": "a", "epoch": "1", "seq": 1}], "attempts": []}, id="a text for a number"
        ),
        pytest.param({"keys": [], "attempts": ["a\0b"]}, id="a NUL"),
        pytest.param({"keys": [], "attempts": ["a"] * 1001}, id="too many"),
    ],
)
def test_what_no_page_sends_is_refused(page: Page, world: World, body: object) -> None:
    assert world.app.test_client().post("/exam/held", json=body).status_code == 422
