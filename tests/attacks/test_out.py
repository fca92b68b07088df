"""Out is out: while 临时离场 is recorded the server neither sends the paper nor takes an answer (R-13)."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from cbt.proctoring.board.seat_state import SeatState
from cbt.proctoring.models import UndoableAct
from cbt.runner.attempt_changes import send_message
from cbt.runner.close.closure import advance_overdue, expire_overdue
from cbt.runner.models import Attempt, JournalEntry, LateEntry, Message, UnitDone
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.delivery.driver import Page
from tests.delivery.starts import by_the_view
from tests.proctoring.desk import Desk, attempt, done, refused, running
from tests.proctoring.test_board import board_of
from tests.world import PLANNED, World

pytestmark = pytest.mark.once

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
Knock = Callable[[Page], TestResponse]


@pytest.fixture
def page(world: World) -> Page:
    """李娜 answers unit 1 of the skills paper and is then let out under escort."""
    page = running(world, "skills")["skills"]
    world.clock.advance(5 * SECOND)
    assert page.answer(1, "A").status_code == 200
    leave(world)
    return page


def leave(world: World, name: str = "skills") -> None:
    done(Desk(world).act("leave", name, escort="李敏"))


def come_back(world: World, name: str = "skills") -> None:
    done(Desk(world).act("return", name))


def undo_last(world: World) -> None:
    with world.app.app_context(), reading() as session:
        ref = session.scalars(select(UndoableAct.ref).order_by(UndoableAct.id.desc())).first()
    done(Desk(world).act("undo", undo=str(ref)))


def kept(world: World, table: Any = JournalEntry) -> int:
    with world.app.app_context(), reading() as session:
        return len(session.scalars(select(table)).all())


def away(reply: TestResponse) -> None:
    assert reply.status_code == 423, reply.text
    body = reply.get_json()
    assert body["code"] == "attempt.away"
    assert "paper" not in body
    assert "lease" not in body
    assert not body.get("receipts")


def read_first_message(page: Page) -> TestResponse:
    return page.client.post(
        f"/attempts/{page.ref}/messages/1/read", json={}, headers={"X-CBT-Lease": page.lease}
    )


KNOCKS = [
    pytest.param(lambda page: page.start(), id="the paper, by the short way"),
    pytest.param(by_the_view, id="the paper, by the view"),
    pytest.param(lambda page: page.send(), id="a heartbeat"),
    pytest.param(lambda page: page.answer(1, "B"), id="an answer"),
    pytest.param(lambda page: page.answer(1, None), id="an answer taken back"),
    pytest.param(lambda page: page.answer(1, True, "flag"), id="a flag"),
    pytest.param(lambda page: page.answer(1, "A", "strike"), id="a strike"),
    pytest.param(lambda page: page.answer(1, "auf dem Gang", "note"), id="a note"),
    pytest.param(lambda page: page.answer(0, {"size": "large"}, "setting"), id="a setting"),
    pytest.param(lambda page: page.answer(0, {"type": "usable"}, "event"), id="an event"),
    pytest.param(lambda page: page.advance(1, completed=True), id="a unit's end, by the candidate"),
    pytest.param(lambda page: page.advance(1, completed=False), id="a unit's end, by time"),
    pytest.param(
        lambda page: page.advance(1, completed=True, entries=(page.entry(1, "B"),)),
        id="a unit's end with an answer",
    ),
    pytest.param(lambda page: page.submit(), id="a hand-in"),
    pytest.param(lambda page: page.submit(page.entry(1, "B")), id="a hand-in with an answer"),
    pytest.param(read_first_message, id="a reminder confirmed"),
]


@pytest.mark.parametrize("knock", KNOCKS)
def test_nothing_is_sent_and_nothing_taken(page: Page, world: World, knock: Knock) -> None:
    before, rows = attempt(world, "skills"), kept(world)
    world.clock.advance(2 * SECOND)
    away(knock(page))
    assert (kept(world), kept(world, LateEntry), kept(world, UnitDone)) == (rows, 0, 0)
    after = attempt(world, "skills")
    assert (after.state, after.open_unit, after.lease_epoch) == (
        before.state,
        before.open_unit,
        before.lease_epoch,
    )


@pytest.mark.parametrize("knock", KNOCKS)
def test_coming_back_opens_each_of_them_again(page: Page, world: World, knock: Knock) -> None:
    if knock is read_first_message:
        with world.app.app_context(), unit_of_work() as session:
            found = session.get_one(Attempt, world.sitters["skills"].attempt_id)
            send_message(session, found, now=world.clock.now(), text="请安静", actor="staff:test")
    away(knock(page))
    come_back(world)
    world.clock.advance(31 * MINUTE)
    assert knock(page).get_json().get("code") != "attempt.away"


def test_what_was_typed_before_leaving_and_arrives_while_out_is_sent_again_after_the_return(
    page: Page, world: World
) -> None:
    typed = page.entry(1, "C")
    away(page.send(typed))
    come_back(world)
    reply = page.send(typed)
    assert reply.status_code == 200
    assert [one["seq"] for one in reply.get_json()["receipts"]] == [typed["seq"]]
    with world.app.app_context(), reading() as session:
        last = session.scalars(select(JournalEntry).order_by(JournalEntry.seq.desc())).first()
    assert last is not None
    assert (last.value, last.seq) == ('"C"', typed["seq"])


def test_a_repeat_of_what_is_saved_gets_no_receipt_while_out_and_its_first_after_the_return(
    page: Page, world: World
) -> None:
    again = {"seq": page.seq, "kind": "answer", "position": 1, "value": "A"}
    away(page.send(again))
    come_back(world)
    world.clock.advance(MINUTE)
    (receipt,) = page.send(again).get_json()["receipts"]
    assert receipt["at"] == "2026-11-24T01:00:05Z"


def test_an_answer_in_the_grace_of_the_end_is_not_taken_either(page: Page, world: World) -> None:
    world.clock.set(PLANNED + 60 * MINUTE + SECOND)
    away(page.answer(1, "B"))


def test_after_the_end_it_is_evidence_as_anybodys(page: Page, world: World) -> None:
    world.clock.set(PLANNED + 60 * MINUTE + 4 * SECOND)
    assert page.answer(1, "B").status_code == 410
    assert kept(world, LateEntry) == 1


def test_the_deadline_closes_the_paper_of_somebody_who_is_out(page: Page, world: World) -> None:
    world.clock.set(PLANNED + 61 * MINUTE)
    with world.app.app_context():
        assert expire_overdue(now=world.clock.now()) == 1
    assert attempt(world, "skills").closed_by == "deadline"
    assert page.start().status_code == 410


def test_a_unit_that_time_opens_meanwhile_is_sent_only_after_the_return(page: Page, world: World) -> None:
    world.clock.set(PLANNED + 21 * MINUTE)
    with world.app.app_context():
        assert advance_overdue(now=world.clock.now()) == 1
    away(page.start())
    away(page.advance(1, completed=False))
    come_back(world)
    opened = page.start().get_json()["paper"]
    assert [unit["number"] for unit in opened["units"] if unit["state"] == "open"] == [2]


def test_the_page_itself_holds_nothing_of_the_paper(page: Page, world: World) -> None:
    shell = page.client.get(f"/exam/{page.ref}").text
    stems = [item["stem"] for item in page.opened["paper"]["items"]]
    assert stems
    assert not any(stem in shell or json.dumps(stem)[1:-1] in shell for stem in stems)


def test_the_clock_is_told_and_no_reminder_is_called_delivered(page: Page, world: World) -> None:
    with world.app.app_context(), unit_of_work() as session:
        found = session.get_one(Attempt, world.sitters["skills"].attempt_id)
        send_message(session, found, now=world.clock.now(), text="请安静", actor="staff:test")
    asked = page.client.get(f"/attempts/{page.ref}/clock", headers={"X-CBT-Lease": page.lease})
    assert asked.status_code == 200
    clock = asked.get_json()["clock"]
    assert (clock["away"], clock["messages"]) == (True, [])
    with world.app.app_context(), reading() as session:
        assert session.scalars(select(Message.delivered_at)).one() is None
    come_back(world)
    assert [one["text"] for one in page.send().get_json()["clock"]["messages"]] == ["请安静"]


def test_a_page_that_is_heard_while_out_is_not_shown_as_lost(page: Page, world: World) -> None:
    for _ in range(6):
        world.clock.advance(10 * SECOND)
        away(page.send())
    seat = next(one for one in board_of(world).seats if one.name == "李娜")
    assert seat.state is SeatState.ANSWERING
    assert "away" in seat.badges
    assert "offline" not in seat.alerts
    assert board_of(world).lost_since is None


def test_another_browser_gets_nothing_by_a_move_either(page: Page, world: World) -> None:
    done(Desk(world).act("move", "skills", reason="机器故障"))
    other = Page(world, "skills", machine="seat-8")
    away(other.start())
    come_back(world)
    assert other.start().status_code == 200


def test_a_room_that_is_held_meanwhile_says_that_it_is_held(page: Page, world: World) -> None:
    done(Desk(world).act("hold", reason_code="power", reason="停电"))
    assert page.answer(1, "B").get_json()["code"] == "attempt.suspended"


def test_a_leave_taken_back_opens_the_paper_again(page: Page, world: World) -> None:
    undo_last(world)
    assert page.answer(1, "B").status_code == 200


def test_a_return_taken_back_closes_it(page: Page, world: World) -> None:
    come_back(world)
    assert page.answer(1, "B").status_code == 200
    undo_last(world)
    away(page.answer(1, "C"))


def test_nobody_else_is_touched(world: World) -> None:
    pages = running(world, "theory", "skills")
    leave(world)
    assert pages["theory"].answer(1, "A").status_code == 200
    away(pages["skills"].answer(1, "A"))


def test_a_foreign_lease_learns_nothing_of_it(page: Page, world: World) -> None:
    lease, page.lease = page.lease, "guessed"
    assert page.answer(1, "B").get_json()["code"] == "lease.lost"
    page.lease = lease
    away(page.answer(1, "B"))


def test_who_is_out_cannot_be_let_out_twice(page: Page, world: World) -> None:
    assert refused(Desk(world).act("leave", "skills", escort="李敏")) == "proctoring.none_apply"
