"""Starting, holding, extending and ending a room, and what racing callers meet."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.audit.models import AuditEntry
from cbt.errors import Conflict, InvalidInput, TooEarly
from cbt.sittings import room_clock
from cbt.sittings.models import Room, RoomAdjustment, RoomHold, SittingRoom
from cbt.sittings.room_clock import (
    abort_room,
    adjust_room,
    admit_if_due,
    end_room,
    hold_room,
    release_sitting,
    resume_room,
    score_room,
    start_room,
)
from cbt.sittings.service import add_sitting_room, arm_room, cancel_sitting, publish_sitting, withdraw_sitting
from cbt.sittings.store import sitting_by_ref
from tests.sittings.conftest import PLANNED, Day

PROCTOR = "staff:proctor"
SECOND = timedelta(seconds=1)


def publish(day: Day) -> None:
    with day.write() as session:
        publish_sitting(session, day.work(session)[0], now=day.clock.now(), actor=PROCTOR)


def open_doors(day: Day, *, ahead: timedelta) -> int:
    with day.app.app_context():
        return room_clock.open_doors(now=PLANNED - ahead)


def start(day: Day) -> None:
    publish(day)
    day.clock.set(PLANNED)
    with day.write() as session:
        start_room(session, day.work(session)[1], now=day.clock.now(), actor=PROCTOR)


def hold(session: Session, day: Day, *, back: timedelta = timedelta(0)) -> RoomHold:
    now = day.clock.now()
    return hold_room(
        session,
        day.work(session)[1],
        from_at=now - back,
        now=now,
        reason_code="power",
        reason="停电",
        actor=PROCTOR,
    )


def states(day: Day) -> tuple[str, str]:
    with day.read() as session:
        sitting, room = day.work(session)
        return sitting.state, room.state


@pytest.mark.parametrize(
    ("before_start", "opened"),
    [
        pytest.param(timedelta(minutes=40) + SECOND, 0, id="a second early"),
        pytest.param(timedelta(minutes=40), 1, id="on the minute"),
    ],
)
def test_the_schedule_opens_the_doors_forty_minutes_ahead(
    day: Day, before_start: timedelta, opened: int
) -> None:
    publish(day)
    assert open_doors(day, ahead=before_start) == opened
    assert states(day)[1] == ("admitting" if opened else "published")
    assert open_doors(day, ahead=before_start) == 0


def test_whoever_comes_first_opens_the_doors(day: Day) -> None:
    publish(day)
    with day.write() as session:
        room = day.work(session)[1]
        assert not admit_if_due(session, room, now=PLANNED - timedelta(minutes=41))
        assert admit_if_due(session, room, now=PLANNED - timedelta(minutes=40))
        assert admit_if_due(session, room, now=PLANNED)


def test_a_room_starts_once(day: Day) -> None:
    start(day)
    day.clock.advance(SECOND)
    with pytest.raises(Conflict) as refused, day.write() as session:
        start_room(session, day.work(session)[1], now=day.clock.now(), actor=PROCTOR)
    assert refused.value.code == "sitting.transition"
    with day.read() as session:
        assert day.work(session)[1].started_at == PLANNED
        assert len(session.scalars(select(AuditEntry).where(AuditEntry.act == "room.start")).all()) == 1


def test_a_caller_who_saw_an_old_state_changes_nothing(day: Day) -> None:
    start(day)
    with day.write() as session:
        stale = day.work(session)[1]
        session.expunge(stale)
        fresh = day.work(session)[1]
        end_room(session, fresh, now=PLANNED, actor=PROCTOR)
        session.expunge(fresh)
        session.add(stale)
        with pytest.raises(Conflict):
            end_room(session, stale, now=PLANNED, actor="staff:other")


def test_a_room_does_not_start_before_its_doors_are_open(day: Day) -> None:
    publish(day)
    with pytest.raises(TooEarly) as refused, day.write() as session:
        start_room(session, day.work(session)[1], now=PLANNED - timedelta(minutes=40) - SECOND, actor=PROCTOR)
    assert refused.value.params["available_at"] == PLANNED - timedelta(minutes=40)


def test_a_draft_is_not_started(day: Day) -> None:
    with pytest.raises(Conflict), day.write() as session:
        start_room(session, day.work(session)[1], now=PLANNED, actor=PROCTOR)


def test_a_hold_may_be_backdated_to_the_start_and_no_further(day: Day) -> None:
    start(day)
    day.clock.set(PLANNED + timedelta(minutes=5))
    with pytest.raises(InvalidInput), day.write() as session:
        hold(session, day, back=timedelta(minutes=5) + SECOND)
    with pytest.raises(InvalidInput), day.write() as session:
        hold(session, day, back=-SECOND)
    with day.write() as session:
        assert hold(session, day, back=timedelta(minutes=5)).from_at == PLANNED
    assert states(day) == ("held", "held")


def test_resuming_closes_the_hold(day: Day) -> None:
    start(day)
    with day.write() as session:
        hold(session, day)
    day.clock.advance(timedelta(minutes=7))
    with day.write() as session:
        resume_room(session, day.work(session)[1], now=day.clock.now(), actor="staff:chief")
    with day.read() as session:
        row = session.scalars(select(RoomHold)).one()
        assert (row.to_at, row.resumed_by) == (day.clock.now(), "staff:chief")
    with pytest.raises(Conflict), day.write() as session:
        resume_room(session, day.work(session)[1], now=day.clock.now(), actor=PROCTOR)


@pytest.mark.parametrize("finish", [pytest.param("end", id="ended"), pytest.param("abort", id="aborted")])
def test_ending_or_aborting_a_held_room_closes_its_hold(day: Day, finish: str) -> None:
    start(day)
    with day.write() as session:
        hold(session, day)
    day.clock.advance(timedelta(minutes=1))
    with day.write() as session:
        room = day.work(session)[1]
        if finish == "end":
            end_room(session, room, now=day.clock.now(), actor=PROCTOR)
        else:
            abort_room(session, room, now=day.clock.now(), reason="停电", actor=PROCTOR)
    with day.read() as session:
        assert session.scalars(select(RoomHold)).one().to_at == day.clock.now()
    assert states(day)[0] == ("ended" if finish == "end" else "aborted")


@pytest.mark.parametrize(
    ("amount", "kind", "code"),
    [
        pytest.param(timedelta(0), "site_fault", "sitting.adjustment", id="nothing"),
        pytest.param(-SECOND, "general", "sitting.adjustment", id="less"),
        pytest.param(timedelta(minutes=5), "gift", "sitting.adjustment", id="unknown kind"),
    ],
)
def test_an_adjustment_gives_time_of_a_known_kind(day: Day, amount: timedelta, kind: str, code: str) -> None:
    start(day)
    with pytest.raises(InvalidInput) as refused, day.write() as session:
        adjust(session, day, amount=amount, kind=kind)
    assert refused.value.code == code


def adjust(session: Session, day: Day, *, amount: timedelta, kind: str) -> RoomAdjustment:
    return adjust_room(
        session, day.work(session)[1], now=day.clock.now(), amount=amount, kind=kind, reason_code="network",
        reason="网络", actor=PROCTOR,
    )  # fmt: skip


def test_an_adjustment_is_a_row_and_an_ended_room_gets_none(day: Day) -> None:
    start(day)
    with day.write() as session:
        adjust(session, day, amount=timedelta(minutes=5), kind="site_fault")
        end_room(session, day.work(session)[1], now=PLANNED, actor=PROCTOR)
    with pytest.raises(Conflict) as refused, day.write() as session:
        adjust(session, day, amount=timedelta(minutes=5), kind="site_fault")
    assert refused.value.code == "sitting.not_timed"
    with day.read() as session:
        assert [row.amount for row in session.scalars(select(RoomAdjustment))] == [timedelta(minutes=5)]


def test_a_sitting_follows_its_rooms_to_the_release(day: Day) -> None:
    start(day)
    with day.write() as session:
        sitting, room = day.work(session)
        end_room(session, room, now=PLANNED, actor=PROCTOR)
        with pytest.raises(Conflict):
            release_sitting(session, sitting, now=PLANNED, actor=PROCTOR)
    with day.write() as session:
        sitting, room = day.work(session)
        score_room(session, room, now=PLANNED, actor="scheduler")
        release_sitting(session, sitting, now=PLANNED, actor=PROCTOR)
        assert (sitting.state, room.state, sitting.released_at) == ("released", "released", PLANNED)


def test_a_running_sitting_is_not_cancelled(day: Day) -> None:
    start(day)
    with pytest.raises(Conflict), day.write() as session:
        cancel_sitting(session, day.work(session)[0], reason="改期", now=PLANNED, actor=PROCTOR)


def test_an_admitting_sitting_is_cancelled_with_a_reason(day: Day) -> None:
    publish(day)
    open_doors(day, ahead=timedelta(minutes=30))
    with pytest.raises(InvalidInput), day.write() as session:
        cancel_sitting(session, day.work(session)[0], reason=" ", now=PLANNED, actor=PROCTOR)
    with day.write() as session:
        cancel_sitting(session, day.work(session)[0], reason="台风", now=PLANNED, actor=PROCTOR)
    assert states(day) == ("cancelled", "cancelled")


def test_a_started_room_is_not_armed_any_more(day: Day) -> None:
    start(day)
    with pytest.raises(Conflict) as refused, day.write() as session:
        arm_room(session, day.work(session)[1], armed=True, now=PLANNED, actor=PROCTOR)
    assert refused.value.code == "sitting.started"


def test_who_finds_the_doors_opened_meanwhile_goes_on(day: Day) -> None:
    """A candidate signs in, a proctor looks at the room and the schedule comes: one of them opens it."""
    publish(day)
    with day.write() as session:
        seen = day.work(session)[1]
        session.expunge(seen)
        assert admit_if_due(session, day.work(session)[1], now=PLANNED)
        session.expunge(day.work(session)[1])
        session.add(seen)
        assert seen.state == "published"
        assert admit_if_due(session, seen, now=PLANNED)
    assert states(day) == ("admitting", "admitting")
    with day.read() as session:
        assert len(session.scalars(select(AuditEntry).where(AuditEntry.act == "room.admit")).all()) == 1


def test_rooms_that_end_in_one_moment_leave_their_sitting_ended(day: Day) -> None:
    """The second waits for the first: each would see the other one running."""
    with day.write() as session:
        sitting = day.work(session)[0]
        other = Room(ref="rm-other", centre_id=sitting.centre_id, name="二号机房", room_code="")
        session.add(other)
        session.flush()
        other_ref = add_sitting_room(session, sitting, other, now=day.clock.now(), actor=PROCTOR).ref
    start(day)
    with day.write() as session:
        start_room(session, SittingRoom.by_ref(session, other_ref, unknown=""), now=PLANNED, actor=PROCTOR)

    def end_other() -> None:
        with day.write() as session:
            end_room(session, SittingRoom.by_ref(session, other_ref, unknown=""), now=PLANNED, actor=PROCTOR)

    ender = threading.Thread(target=end_other)
    with day.write() as session:
        end_room(session, day.work(session)[1], now=PLANNED, actor=PROCTOR)
        session.flush()
        ender.start()
        ender.join(0.3)
        assert ender.is_alive()
    ender.join(10)
    assert states(day) == ("ended", "ended")


def test_a_sitting_withdrawn_while_its_doors_open_is_one_or_the_other(day: Day) -> None:
    """Both lock a room before its sitting: neither waits for what the other one holds."""
    publish(day)

    def open_them() -> None:
        open_doors(day, ahead=timedelta(minutes=40))

    opener = threading.Thread(target=open_them)
    with day.write() as session:
        sitting = sitting_by_ref(session, day.sitting_ref, lock=True)
        opener.start()
        opener.join(0.3)
        withdraw_sitting(session, sitting, reason="改期", now=day.clock.now(), actor=PROCTOR)
    opener.join(10)
    assert states(day) == ("draft", "draft")
