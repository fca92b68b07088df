"""结束场次 and its gate."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from cbt.rules.states import State
from cbt.runner.close.closure import expire_overdue
from cbt.runner.models import Gap
from cbt.storage.unit_of_work import reading
from tests.proctoring.desk import (
    Desk,
    attempt,
    change,
    done,
    refused,
    registration,
    room,
    running,
)
from tests.proctoring.test_board import board_of
from tests.world import PLANNED, World

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
END = PLANNED + 45 * MINUTE
TIME = {"kind": "site_fault", "minutes": "5", "reason_code": "power"}


def absent(world: World, *names: str) -> None:
    for name in names:
        change(
            world,
            name,
            arrived_at=None,
            checked_in_at=None,
            signed_in_at=None,
            pledged_at=None,
            absent_at=PLANNED,
            absent_cause="not_arrived",
        )


def test_the_end_waits_for_everybody_and_says_for_whom(world: World) -> None:
    running(world, "theory", "skills", "extra")
    absent(world, "factor")
    desk = Desk(world)
    done(desk.act("suspend", "skills", reason="x"))
    done(desk.act("move", "extra", reason="x"))
    assert refused(desk.act("end")) == "proctoring.cannot_end"
    shown = desk.ask("end").text
    for line in ("已登录未开卷 2 人", "作答中 1 人", "暂停中 1 人", "换机中 1 人"):
        assert line in shown
    assert "结束场次</button>" not in shown


def test_a_balanced_room_ends(world: World) -> None:
    pages = running(world, "theory", "skills", "extra", "late")
    absent(world, "factor")
    desk = Desk(world)
    world.clock.advance(31 * MINUTE)
    assert pages["theory"].answer(1, "A").status_code == 200
    assert pages["theory"].submit().status_code == 200
    done(desk.act("force", "skills", reason="x", second="officer"))
    done(desk.act("violation", "late", code="copying", reason="x", second="officer"))
    world.clock.set(PLANNED + 61 * MINUTE)
    with world.app.app_context():
        expire_overdue(now=world.clock.now())
    with world.app.app_context(), reading() as session:
        for gap_id in session.scalars(select(Gap.id)).all():
            done(desk.act("decide", gap=str(gap_id), refuse="1", reason_code="network"))
    shown = desk.ask("end").text
    assert "零作答的答卷" in shown
    assert "赵敏" in shown.split("零作答的答卷")[1].split("</p>")[0]
    done(desk.act("end", reason="正常"))
    assert room(world).state == "ended"
    assert attempt(world, "second").state == State.CLOSED
    line = board_of(world).log[0]
    assert dict(line.params) == {
        "expected": "6",
        "present": "5",
        "absent": "1",
        "reason": "正常",
        "who": "proctor-老师",
    }


def test_who_came_and_wrote_nothing_blocks_the_end_only_while_they_could_still_begin(world: World) -> None:
    running(world)
    absent(world, "skills", "extra", "factor", "late", "second")
    desk = Desk(world)
    world.clock.set(END - SECOND)
    assert refused(desk.act("end")) == "proctoring.cannot_end"
    world.clock.set(END)
    done(desk.act("end"))
    assert registration(world, "theory").absent_at is None
    assert attempt(world, "theory").state == State.CLOSED


def test_an_open_compensation_blocks_the_end(world: World) -> None:
    from tests.proctoring.test_gaps_and_alerts import add_gap

    running(world, "theory")
    absent(world, "skills", "extra", "factor", "late", "second")
    desk = Desk(world)
    world.clock.advance(5 * MINUTE)
    gap = add_gap(world, usable=True)
    done(desk.act("force", "theory", reason="x", second="officer"))
    assert refused(desk.act("end")) == "proctoring.cannot_end"
    done(desk.act("decide", gap=gap, refuse="1", reason_code="network"))
    done(desk.act("end"))


def test_nothing_is_done_in_an_ended_room(world: World) -> None:
    running(world, "theory")
    absent(world, "skills", "extra", "factor", "late", "second")
    desk = Desk(world)
    done(desk.act("force", "theory", reason="x", second="officer"))
    done(desk.act("end"))
    chief = Desk(world, "chief_proctor")
    assert refused(chief.act("reopen", "theory", reason="x", second="proctor")) == "proctoring.none_apply"
    assert refused(desk.act("adjust_room", **TIME)) == "proctoring.not_running"
    assert refused(chief.act("undo_absent", "skills", reason="x")) == "proctoring.none_apply"
    assert refused(desk.act("end")) != ""


@pytest.mark.parametrize(
    ("code", "fields"),
    [
        pytest.param("adjust", TIME, id="补时"),
        pytest.param("move", {"reason": "x"}, id="允许换机"),
        pytest.param("suspend", {"reason": "x"}, id="暂停"),
        pytest.param("leave", {"escort": "x"}, id="临时离场"),
        pytest.param("remind", {"text": "x"}, id="提醒"),
        pytest.param("code", {}, id="登录码"),
        pytest.param("arrive", {}, id="登记到场"),
    ],
)
def test_the_closings_of_an_ended_room_stand(world: World, code: str, fields: dict[str, str]) -> None:
    running(world, "theory")
    absent(world, "skills", "extra", "factor", "late", "second")
    world.clock.set(END + MINUTE)
    with world.app.app_context():
        expire_overdue(now=world.clock.now())
    desk = Desk(world)
    done(desk.act("end"))
    assert refused(desk.act(code, "theory", **fields)) == "proctoring.none_apply"
    assert attempt(world, "theory").state == State.CLOSED
    person = desk.client.get(f"{desk.url}/seats/{world.sitters['theory'].registration_ref}").text
    assert f"/acts/{code}" not in person


def test_a_compensation_decided_after_an_abort_starts_no_clock(world: World) -> None:
    from tests.proctoring.test_gaps_and_alerts import add_gap

    running(world, "theory")
    world.clock.advance(5 * MINUTE)
    gap = add_gap(world, usable=False)
    chief = Desk(world, "chief_proctor")
    done(chief.act("abort", reason="停电", second="proctor"))
    given = chief.act("decide", gap=gap, amount="0:30", reason_code="power")
    assert refused(given) == "attempt.not_running"
    assert (attempt(world, "theory").state, attempt(world, "theory").closes_at) == (State.SUSPENDED, None)
