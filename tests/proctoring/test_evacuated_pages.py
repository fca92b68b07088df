"""紧急疏散 reaches every candidate's page as what it is, before the start and after it (R-25, R-62)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from cbt.candidates.models import Registration
from cbt.proctoring.acts.room_start import start_armed_rooms
from cbt.sittings.models import SittingRoom
from cbt.storage.unit_of_work import unit_of_work
from tests.delivery.driver import Page
from tests.delivery.starts import by_the_view
from tests.proctoring.desk import Desk, attempt, audited, done, refused, room, running
from tests.proctoring.test_board import board_of
from tests.world import PLANNED, World

pytestmark = pytest.mark.once

MINUTE = timedelta(minutes=1)


@pytest.fixture
def page(world: World) -> Page:
    """王小明 answers, and the room is evacuated."""
    page = running(world, "theory")["theory"]
    assert page.answer(1, "A").status_code == 200
    done(Desk(world).act("evacuate"))
    return page


@pytest.fixture
def waiting(world: World) -> World:
    """Everybody is in the waiting room, and the room is evacuated before the start."""
    world.admit_all()
    done(Desk(world).act("evacuate"))
    return world


KNOCKS = [
    pytest.param(lambda page: page.send(), id="a heartbeat"),
    pytest.param(lambda page: page.answer(2, "A"), id="an answer"),
    pytest.param(lambda page: page.submit(), id="a hand-in"),
    pytest.param(lambda page: page.start(), id="a start"),
    pytest.param(by_the_view, id="a start by the view"),
]


@pytest.mark.parametrize("knock", KNOCKS)
def test_every_refusal_says_that_the_room_is_left(page: Page, knock: object) -> None:
    reply = knock(page)  # type: ignore[operator]  # one of KNOCKS
    body = reply.get_json()
    assert (reply.status_code, body["code"]) == (423, "attempt.evacuated")
    assert body["fix"] == "请立即听从监考员撤离，作答已保存。"
    if "clock" in body:
        assert (body["clock"]["state"], body["clock"]["evacuated"]) == ("suspended", True)


def test_the_clock_says_it_too(page: Page) -> None:
    asked = page.client.get(f"/attempts/{page.ref}/clock", headers={"X-CBT-Lease": page.lease})
    assert asked.get_json()["clock"]["evacuated"] is True


def test_a_hold_that_is_no_evacuation_is_told_as_a_pause(world: World) -> None:
    page = running(world, "theory")["theory"]
    done(Desk(world).act("hold", reason_code="power", reason="停电"))
    body = page.send().get_json()
    assert (body["code"], body["clock"]["evacuated"]) == ("attempt.suspended", False)


def test_a_held_room_that_is_evacuated_changes_what_its_pages_say(world: World) -> None:
    page = running(world, "theory")["theory"]
    done(Desk(world).act("hold", reason_code="power", reason="停电"))
    done(Desk(world).act("evacuate"))
    assert page.send().get_json()["code"] == "attempt.evacuated"


def test_another_room_goes_on(world: World) -> None:
    pages = running(world, "theory", "elsewhere")
    done(Desk(world).act("evacuate"))
    assert pages["elsewhere"].answer(1, "A").status_code == 200


def test_what_was_answered_is_kept_and_the_time_given_back(page: Page, world: World) -> None:
    world.clock.advance(20 * MINUTE)
    done(Desk(world).act("resume_room", reason="警报解除", second="chief_proctor"))
    assert room(world).evacuated_at is None
    opened = page.start()
    assert opened.status_code == 200
    assert opened.get_json()["journal"]["answers"] == {"1": "A"}
    assert attempt(world, "theory").closes_at == PLANNED + 65 * MINUTE
    assert page.send().get_json()["clock"]["evacuated"] is False


def test_the_waiting_room_is_told_before_the_start(waiting: World) -> None:
    client = waiting.candidate("theory")
    assert client.get("/exam/wait/state").get_json()["evacuated"] is True
    shown = client.get("/exam/wait").text
    assert 'id="wait-evacuated" role="alert">' in shown
    assert 'id="wait-room" hidden' in shown


def test_the_pages_before_the_waiting_room_are_told(waiting: World) -> None:
    with waiting.app.app_context(), unit_of_work() as session:
        session.execute(update(Registration).values(pledged_at=None))
    assert "请立即听从监考员撤离" in waiting.candidate("theory").get("/exam/notice").text


def test_nobody_starts_a_room_that_is_outside(waiting: World) -> None:
    waiting.clock.set(PLANNED)
    assert refused(Desk(waiting).act("start")) == "sitting.evacuated"
    with waiting.app.app_context():
        with unit_of_work() as session:
            session.execute(update(SittingRoom).values(armed=True))
        start_armed_rooms(now=PLANNED + MINUTE)
    assert room(waiting).started_at is None


def test_going_back_in_takes_two_and_the_start_goes_on_as_usual(waiting: World) -> None:
    assert board_of(waiting).head.evacuated
    assert board_of(waiting).needs_countersign
    desk = Desk(waiting)
    assert "开考已暂缓" in desk.page()
    assert refused(desk.act("evacuate")) == "proctoring.evacuated"
    assert refused(desk.act("resume_room", reason="警报解除")) == "second.needed"
    done(desk.act("resume_room", reason="警报解除", second="chief_proctor"))
    assert "room.reenter" in audited(waiting)
    assert waiting.candidate("theory").get("/exam/wait/state").get_json()["evacuated"] is False
    waiting.clock.set(PLANNED)
    done(desk.act("start"))
    assert room(waiting).started_at == PLANNED


def test_a_room_that_was_not_evacuated_is_not_entered_again(world: World) -> None:
    world.admit_all()
    assert refused(Desk(world).act("resume_room", reason="x")) == "sitting.not_evacuated"
