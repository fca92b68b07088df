"""Batches and their sittings: drafted, given rooms, published, armed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.errors import Conflict, InvalidInput
from cbt.rules.clock import arrival
from cbt.rules.exam.policies import AdmissionPolicy
from cbt.rules.states.purpose import Purpose
from cbt.rules.states.sitting import SittingEvent, SittingState
from cbt.sittings import store
from cbt.sittings.clock.moving import move_rooms, refresh_sitting_state
from cbt.sittings.models import Batch, Centre, Room, Sitting, SittingRoom
from cbt.web.refs import new_ref
from cbt.web.texts import required

MARKS = ("check_in_opens_at", "report_at", "sign_in_opens_at", "late_cutoff_at")
_CHANGEABLE = frozenset({SittingState.DRAFT, SittingState.PUBLISHED})


def create_batch(session: Session, *, name: str, now: datetime, actor: str) -> Batch:
    """Add a 认定批次; raise InvalidInput("batch.name")."""
    batch = Batch(
        ref=new_ref("ba", 8), name=required(name, "batch.name", "name"), created_at=now, occupation=""
    )
    session.add(batch)
    session.flush()
    record(
        session, at=now, actor=actor, act="batch.create", subject=f"batch:{batch.ref}", after={"name": name}
    )
    return batch


def create_sitting(
    session: Session,
    *,
    batch: Batch,
    centre: Centre,
    name: str,
    planned_start_at: datetime,
    rooms: Sequence[Room] = (),
    mode: str = "machine",
    purpose: Purpose = Purpose.OFFICIAL,
    policy: AdmissionPolicy | None = None,
    now: datetime,
    actor: str,
) -> Sitting:
    """Add a draft 场次 with its marks worked out from the admission policy, and its rooms.

    Raise InvalidInput("sitting.paper_mode") for a sitting on paper (R-5), ("sitting.in_the_past") for a
    start that has passed, ("sitting.name").

    Source: R-5, R-7, R-11.
    """
    policy = policy or AdmissionPolicy()
    if mode == "paper":
        raise InvalidInput("sitting.paper_mode", field="mode")
    if mode != "machine":
        raise InvalidInput("sitting.mode", field="mode")
    if planned_start_at <= now:
        raise InvalidInput("sitting.in_the_past", field="start")
    sitting = Sitting(
        ref=new_ref("si", 8),
        batch_id=batch.id,
        centre_id=centre.id,
        name=required(name, "sitting.name", "name"),
        mode=mode,
        purpose=purpose.value,
        state=SittingState.DRAFT.value,
        planned_start_at=planned_start_at,
        check_in_opens_at=arrival.check_in_opens_at(planned_start_at, policy),
        report_at=arrival.report_at(planned_start_at, policy),
        late_cutoff_at=arrival.late_cutoff_at(planned_start_at, policy),
        sign_in_opens_at=arrival.sign_in_opens_at(planned_start_at, policy),
        sign_in_needs_check_in=policy.sign_in_needs_check_in,
        leave_allowed=policy.leave_allowed,
    )
    session.add(sitting)
    session.flush()
    after: dict[str, object] = {
        "name": name,
        "planned_start_at": planned_start_at.isoformat(),
        "batch": batch.ref,
        "purpose": sitting.purpose,
        **{mark: getattr(sitting, mark).isoformat() for mark in MARKS},
        "sign_in_needs_check_in": sitting.sign_in_needs_check_in,
        "leave_allowed": sitting.leave_allowed,
    }
    record(session, at=now, actor=actor, act="sitting.create", subject=f"sitting:{sitting.ref}", after=after)
    for room in rooms:
        add_room(session, sitting, room, now=now, actor=actor)
    return sitting


def add_room(session: Session, sitting: Sitting, room: Room, *, now: datetime, actor: str) -> SittingRoom:
    """Add a 考场 of the sitting's centre to a sitting that is a draft or published.

    Raise InvalidInput("sitting.other_centre"), Conflict("sitting.fixed"|"sitting.has_room").
    """
    _changeable(sitting)
    if room.centre_id != sitting.centre_id:
        raise InvalidInput("sitting.other_centre", field="room")
    used = select(SittingRoom.id).where(SittingRoom.sitting_id == sitting.id, SittingRoom.room_id == room.id)
    if session.scalar(used) is not None:
        raise Conflict("sitting.has_room", field="room", room=room.name)
    sitting_room = SittingRoom(
        ref=new_ref("sr", 10), sitting_id=sitting.id, room_id=room.id, state=sitting.state, armed=False
    )
    session.add(sitting_room)
    session.flush()
    record(
        session,
        at=now,
        actor=actor,
        act="sitting.add_room",
        subject=sitting.logged_as,
        after={"room": room.name},
    )
    return sitting_room


def publish_sitting(session: Session, sitting: Sitting, *, now: datetime, actor: str) -> None:
    """Publish a draft sitting, which is locked, with at least one room; raise Conflict("sitting.no_rooms").

    Whether it is complete (candidates, forms, proctors) is the caller's question: batches.publishing asks.

    Source: R-60.
    """
    rooms = store.rooms_of_sitting(session, sitting.id)
    if not rooms:
        raise Conflict("sitting.no_rooms")
    move_rooms(session, [view.sitting_room for view in rooms], SittingEvent.PUBLISH)
    refresh_sitting_state(session, sitting)
    record(session, at=now, actor=actor, act="sitting.publish", subject=sitting.logged_as)


def arm_room(session: Session, room: SittingRoom, *, armed: bool, now: datetime, actor: str) -> None:
    """Let the schedule start a room at the planned start, or take that back.

    Raise Conflict("sitting.started") once its clock runs.

    Source: R-20.
    """
    if room.started_at is not None or SittingState(room.state) not in {*_CHANGEABLE, SittingState.ADMITTING}:
        raise Conflict("sitting.started")
    room.armed = armed
    act = "room.arm" if armed else "room.disarm"
    record(session, at=now, actor=actor, act=act, subject=f"sitting_room:{room.ref}")


def _changeable(sitting: Sitting) -> None:
    if SittingState(sitting.state) not in _CHANGEABLE:
        raise Conflict("sitting.fixed")
