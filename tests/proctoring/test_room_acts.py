"""The whole room: extension, hold, evacuation, abort."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from cbt.demo.world import Premises, plan_sitting
from cbt.proctoring.board.live import LOG_LINES
from cbt.proctoring.desk import log_incident
from cbt.proctoring.models import Incident
from cbt.proctoring.record_papers import room_record
from cbt.rules.states import SittingState, State
from cbt.runner.close.closure import expire_overdue
from cbt.runner.models import AttemptLive
from cbt.scoring.service import score_closed, verify_sitting
from cbt.sittings.models import Batch, Centre, Room, RoomHold, SittingRoom
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.proctoring.desk import (
    Desk,
    attempt,
    audited,
    done,
    log_kinds,
    refused,
    room,
    running,
)
from tests.proctoring.test_board import board_of, more_sitters
from tests.proctoring.test_record import record_of, told_at
from tests.world import PLANNED, World

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
END = PLANNED + 45 * MINUTE
TIME = {"kind": "site_fault", "minutes": "5", "reason_code": "power"}


@pytest.mark.parametrize(
    ("minutes", "second", "code"),
    [
        pytest.param("10", "", "", id="ten minutes by one person"),
        pytest.param("11", "", "second.needed", id="beyond ten by one person"),
        pytest.param("11", "officer", "", id="beyond ten by two"),
    ],
)
def test_an_extension_of_the_room_beyond_ten_minutes_takes_two(
    world: World, minutes: str, second: str, code: str
) -> None:
    running(world, "theory", "extra")
    answer = Desk(world).act("adjust_room", second=second, **{**TIME, "minutes": minutes})
    assert (answer.status_code == 303) if not code else (refused(answer) == code)
    given = timedelta(0) if code else int(minutes) * MINUTE
    assert attempt(world, "theory").closes_at == END + given
    assert attempt(world, "extra").closes_at == END + 15 * MINUTE + given


def test_two_short_extensions_are_counted_together(world: World) -> None:
    running(world, "theory")
    desk = Desk(world)
    done(desk.act("adjust_room", **{**TIME, "minutes": "6"}))
    assert refused(desk.act("adjust_room", **TIME)) == "second.needed"


@pytest.mark.parametrize(
    ("kind", "comes_back"),
    [pytest.param("site_fault", True, id="补时"), pytest.param("general", False, id="延时")],
)
def test_time_for_the_room_after_a_power_cut_at_minute_44_reopens_what_the_deadline_closed(
    world: World, kind: str, comes_back: bool
) -> None:
    pages = running(world, "theory", "second", "skills")
    world.clock.set(PLANNED + 31 * MINUTE)
    assert pages["second"].submit().status_code == 200
    world.clock.set(PLANNED + 50 * MINUTE)
    with world.app.app_context():
        assert expire_overdue(now=world.clock.now()) == 1
        assert score_closed(now=world.clock.now()) == 2
    done(Desk(world).act("adjust_room", **{**TIME, "kind": kind, "minutes": "10"}))
    theory = attempt(world, "theory")
    assert (theory.state == State.INTERACTING) == comes_back
    assert theory.closes_at == (END + 10 * MINUTE if comes_back else END)
    assert (pages["theory"].answer(2, "B").status_code == 200) == comes_back
    assert attempt(world, "second").closed_by == "candidate"
    assert attempt(world, "skills").closes_at == PLANNED + 70 * MINUTE
    assert verified(world)
    told = [("09:45:00", "01 王小明 到时收卷"), ("09:50:00", "01 王小明 恢复作答（已补时）")]
    assert told_at(world, ("到时收卷", "恢复作答")) == told[: 1 + comes_back]


def verified(world: World) -> bool:
    """Return whether every score still follows from its journal."""
    with world.app.app_context():
        return all(one.ok for one in verify_sitting(world.sitting_ref))


def test_an_extension_into_the_next_sitting_is_warned_of(world: World) -> None:
    running(world, "theory")
    with world.app.app_context(), unit_of_work() as session:
        premises = Premises(
            session.scalars(select(Centre)).one(),
            [session.get_one(Room, world.room_id)],
            session.scalars(select(Batch)).one(),
        )
        plan_sitting(session, premises, name="第 2 场", at=PLANNED + 90 * MINUTE, now=PLANNED)
    desk = Desk(world)
    # The longest paper is 45 minutes × 1.5, until 10:07:30.
    assert "10:30 的下一场" not in desk.ask("adjust_room", minutes="7").text
    assert "10:30 的下一场" in desk.ask("adjust_room", minutes="8").text


def test_a_hold_stops_everybody_and_gives_all_the_time_back(world: World) -> None:
    pages = running(world, "theory")
    desk = Desk(world)
    world.clock.advance(10 * MINUTE)
    done(desk.act("hold", since="now", reason_code="power"))
    assert pages["theory"].answer(1, "A").status_code == 423
    world.clock.advance(7 * MINUTE)
    assert refused(desk.act("hold", since="now", reason_code="power")) == "sitting.transition"
    done(desk.act("resume_room", reason="供电恢复"))
    assert attempt(world, "theory").closes_at == END + 7 * MINUTE
    assert refused(desk.act("resume_room", reason="供电恢复")) == "sitting.transition"
    assert log_kinds(world) == ["hold", "resume_room"]


def test_a_backdated_hold_brings_back_what_the_deadline_closed_meanwhile(world: World) -> None:
    running(world, "theory")
    world.clock.set(END + 5 * SECOND)
    with world.app.app_context():
        expire_overdue(now=world.clock.now())
    assert attempt(world, "theory").state == State.CLOSED
    world.clock.set(END + MINUTE)
    desk = Desk(world)
    done(desk.act("hold", since="at", from_at="09:44:00", reason_code="power"))
    assert attempt(world, "theory").state == State.SUSPENDED
    world.clock.advance(5 * MINUTE)
    done(desk.act("resume_room", reason="供电恢复"))
    assert attempt(world, "theory").closes_at == END + 7 * MINUTE


@pytest.mark.parametrize(
    ("from_at", "code"),
    [
        pytest.param("09:20:00", "", id="ten minutes back"),
        pytest.param("09:19:59", "second.needed", id="more than ten minutes back"),
        pytest.param("08:59:59", "sitting.hold_from", id="before the start"),
        pytest.param("09:30:01", "proctoring.clock_time", id="in the future"),
        pytest.param("", "proctoring.clock_time", id="nothing typed"),
    ],
)
def test_how_far_a_hold_may_be_backdated(world: World, from_at: str, code: str) -> None:
    running(world, "theory")
    world.clock.set(PLANNED + 30 * MINUTE)
    answer = Desk(world).act("hold", since="at", from_at=from_at, reason_code="power")
    assert (answer.status_code == 303) if not code else (refused(answer) == code)


def test_a_hold_never_begins_before_the_start(world: World) -> None:
    running(world, "theory")
    world.clock.set(PLANNED + 30 * MINUTE)
    answer = Desk(world).act("hold", since="at", from_at="08:59:59", reason_code="power", second="officer")
    assert refused(answer) == "sitting.hold_from"


def test_a_mass_loss_suggests_the_last_good_moment(world: World) -> None:
    everybody = ("theory", "skills", "extra", "factor", "late", "second")
    running(world, *everybody)
    world.clock.set(PLANNED + 20 * MINUTE)
    with world.app.app_context(), unit_of_work() as session:
        for index, name in enumerate(everybody):
            live = session.get_one(AttemptLive, world.sitters[name].attempt_id)
            live.seen_at = world.clock.now() - (40 * SECOND if index < 3 else SECOND)
    desk = Desk(world)
    assert board_of(world).lost_since == PLANNED + 20 * MINUTE - 40 * SECOND
    assert "一键全场暂停（自 09:19:20 起）" in desk.page()
    assert 'value="09:19:20"' in desk.ask("hold").text


def test_evacuation_takes_one_person_and_stops_every_clock(world: World) -> None:
    pages = running(world, "theory")
    desk = Desk(world)
    world.clock.advance(10 * MINUTE)
    done(desk.act("evacuate"))
    assert pages["theory"].answer(1, "A").status_code == 423
    assert room(world).state == "held"
    assert refused(desk.act("evacuate")) == "proctoring.evacuated"
    assert "紧急疏散待主考签认" in desk.page()
    assert refused(desk.act("countersign", reason="情况属实")) == "second.needed"
    assert refused(desk.act("countersign", reason="情况属实", second="officer")) == "proctoring.chief_needed"
    done(Desk(world, "chief_proctor").act("countersign", reason="情况属实"))
    assert "紧急疏散待主考签认" not in desk.page()
    assert refused(Desk(world, "chief_proctor").act("countersign", reason="又一次")) == (
        "proctoring.nothing_to_countersign"
    )


def test_going_on_after_an_evacuation_takes_two(world: World) -> None:
    running(world, "theory")
    desk = Desk(world)
    done(desk.act("evacuate"))
    world.clock.advance(15 * MINUTE)
    assert refused(desk.act("resume_room", reason="险情解除")) == "second.needed"
    done(desk.act("resume_room", reason="险情解除", second="chief_proctor"))
    assert attempt(world, "theory").closes_at == END + 15 * MINUTE


def test_an_evacuation_stays_to_be_countersigned_after_it_is_over_and_is_on_the_record(world: World) -> None:
    running(world, "theory")
    desk = Desk(world)
    done(desk.act("evacuate"))
    world.clock.advance(15 * MINUTE)
    done(desk.act("resume_room", reason="险情解除", second="officer"))
    record = f"/proctor/rooms/{world.room_ref}/record"
    assert "紧急疏散待主考签认" in desk.page()
    assert "紧急疏散还没有主考签认" in desk.client.get(record).text
    assert happened(world, "紧急疏散").endswith("主考尚未签认")
    with (
        world.app.app_context(),
        unit_of_work() as session,
    ):  # so many lines after it that the board shows it no more
        seen = session.scalars(select(Incident).where(Incident.kind == "evacuate")).one()
        for second in range(3 * LOG_LINES):
            at, params = world.clock.now() + second * SECOND, {"who": "", "reason": ""}
            log_incident(
                session,
                sitting_room_id=seen.sitting_room_id,
                kind="resume_room",
                at=at,
                by=seen.by,
                params=params,
            )
        session.execute(update(SittingRoom).values(state=SittingState.RELEASED))
    assert board_of(world).needs_countersign
    done(desk.act("countersign", reason="现场情况属实", second="chief_proctor"))
    assert not board_of(world).needs_countersign
    assert "紧急疏散还没有主考签认" not in desk.client.get(record).text
    assert "现场情况属实" in happened(world, "紧急疏散")


def happened(world: World, what: str) -> str:
    """Return what the room's record says of something that happened."""
    with world.app.test_request_context():
        return dict(room_record(record_of(world))["happened"])[what]


def test_a_held_room_can_be_evacuated(world: World) -> None:
    running(world, "theory")
    desk = Desk(world)
    done(desk.act("hold", since="now", reason_code="power"))
    world.clock.advance(MINUTE)
    done(desk.act("evacuate"))
    with world.app.app_context(), reading() as session:
        holds = session.scalars(select(RoomHold).order_by(RoomHold.id)).all()
    assert [(hold.reason_code, hold.to_at is None) for hold in holds] == [
        ("power", False),
        ("evacuation", True),
    ]
    assert holds[0].to_at == holds[1].from_at


def test_a_room_that_has_not_started_can_be_evacuated(world: World) -> None:
    world.admit_all()
    done(Desk(world).act("evacuate"))
    assert room(world).state == "admitting"
    assert "room.evacuate" in audited(world)


def test_an_evacuated_room_is_closed_as_it_stood_and_ended(world: World) -> None:
    running(world, "theory", "skills")
    desk = Desk(world)
    world.clock.advance(10 * MINUTE)
    left_at = world.clock.now()
    done(desk.act("evacuate"))
    world.clock.advance(30 * MINUTE)
    assert refused(desk.act("evacuate_close", reason="无法继续")) == "second.needed"
    done(desk.act("evacuate_close", reason="无法继续", second="chief_proctor"))
    assert (attempt(world, "theory").closed_by, attempt(world, "theory").closed_at) == ("evacuation", left_at)
    done(desk.act("end"))
    assert room(world).state == "ended"


def test_an_aborted_room_keeps_its_papers_where_they_are(world: World) -> None:
    pages = running(world, "theory")
    desk = Desk(world)
    assert refused(desk.act("abort", reason="停电")) == "second.needed"
    assert refused(desk.act("abort", reason="停电", second="officer")) == "proctoring.chief_needed"
    done(desk.act("abort", reason="停电", second="chief_proctor"))
    assert room(world).state == "aborted"
    world.clock.set(END + 10 * MINUTE)
    with world.app.app_context():
        assert expire_overdue(now=world.clock.now()) == 0
    assert attempt(world, "theory").state == State.SUSPENDED
    assert pages["theory"].answer(1, "A").status_code == 423


def test_a_hundred_seats_are_previewed_and_extended_in_one_go(world: World) -> None:
    running(world, "theory")
    more_sitters(world, 94)
    desk = Desk(world)
    assert len(board_of(world).seats) == 100
    done(desk.act("adjust_room", **TIME))
    assert 'class="seats dense num"' in desk.page()
