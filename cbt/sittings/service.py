"""Use cases of planning: batches and sittings drafted, given rooms and staff, published, armed, cancelled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cbt.accounts.models import Staff
from cbt.accounts.store import staff_by_ref
from cbt.audit.chain import record
from cbt.errors import Conflict, InvalidInput, NotFound
from cbt.http.auth.login import Principal
from cbt.http.form_values import required
from cbt.rules import clock
from cbt.rules.exam import AdmissionPolicy
from cbt.rules.planning.changes import moved_marks
from cbt.rules.planning.seat_plan import DoorCorner, SeatNumbering
from cbt.rules.states import Purpose, SittingEvent, SittingState, next_sitting_state
from cbt.sittings import places, store
from cbt.sittings.models import Batch, Centre, Room, RoomStaff, Seat, Sitting, SittingChange, SittingRoom
from cbt.sittings.room_clock import move_rooms, refresh_sitting_state
from cbt.storage.types import new_ref
from cbt.storage.unit_of_work import unit_of_work

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
        check_in_opens_at=clock.check_in_opens_at(planned_start_at, policy),
        report_at=clock.report_at(planned_start_at, policy),
        late_cutoff_at=clock.late_cutoff_at(planned_start_at, policy),
        sign_in_opens_at=clock.sign_in_opens_at(planned_start_at, policy),
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
        add_sitting_room(session, sitting, room, now=now, actor=actor)
    return sitting


def add_sitting_room(
    session: Session, sitting: Sitting, room: Room, *, now: datetime, actor: str
) -> SittingRoom:
    """Add a 考场 of the sitting's centre to a sitting that is a draft or published.

    Raise InvalidInput("sitting.other_centre"), Conflict("sitting.fixed"|"sitting.has_room").
    """
    _changeable(sitting)
    if room.centre_id != sitting.centre_id:
        raise InvalidInput("sitting.other_centre", field="room")
    used = select(SittingRoom.id).where(SittingRoom.sitting_id == sitting.id, SittingRoom.room_id == room.id)
    if session.scalar(used) is not None:
        raise Conflict("sitting.has_room", field="room", room=room.name)
    # The new row names both, and would lock the room first (cbt/application/lock_order.py).
    of_sitting = select(Sitting.id).where(Sitting.id == sitting.id)
    session.execute(of_sitting.with_for_update(read=True, key_share=True)).all()
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


CHIEF = "chief_proctor"
DUTIES = ("proctor", CHIEF)
_ATTENDED = frozenset(
    {SittingState.PUBLISHED, SittingState.ADMITTING, SittingState.RUNNING, SittingState.HELD}
)


def assign_staff(
    session: Session, room: SittingRoom, *, staff_id: int, duty: str, now: datetime, actor: str
) -> None:
    """Assign a person to a sitting-room as proctor or chief; a repeat changes the duty.

    Raise InvalidInput("sitting.duty"), Conflict("sitting.last_chief") for the only chief of a sitting from
    publishing to its end.

    Source: R-62.
    """
    if duty not in DUTIES:
        raise InvalidInput("sitting.duty", field="duty")
    assignment = session.scalar(
        select(RoomStaff).where(RoomStaff.sitting_room_id == room.id, RoomStaff.staff_id == staff_id)
    )
    if assignment is None:
        session.add(RoomStaff(sitting_room_id=room.id, staff_id=staff_id, duty=duty))
    else:
        if duty != CHIEF:
            _keep_a_chief(session, room, assignment)
        assignment.duty = duty
    after = {"staff": session.get_one(Staff, staff_id).logged_as, "duty": duty}
    record(session, at=now, actor=actor, act="room.assign", subject=f"sitting_room:{room.ref}", after=after)


def release_staff(session: Session, room: SittingRoom, *, staff_id: int, now: datetime, actor: str) -> None:
    """Take a person off a sitting-room; a repeat changes nothing.

    Raise Conflict("sitting.last_proctor") for the last one of a room between publishing and its end, and
    ("sitting.last_chief") for the only chief of a sitting.

    Source: R-60, R-62.
    """
    # With the sitting locked, publishing sees the person gone, or this sees it published.
    session.get_one(Sitting, room.sitting_id, with_for_update=True)
    session.refresh(room)
    assignment = session.scalar(
        select(RoomStaff).where(RoomStaff.sitting_room_id == room.id, RoomStaff.staff_id == staff_id)
    )
    if assignment is not None:
        if SittingState(room.state) in _ATTENDED and not _others(session, room, staff_id):
            raise Conflict("sitting.last_proctor", room=session.get_one(Room, room.room_id).name)
        _keep_a_chief(session, room, assignment)
        session.delete(assignment)
        before = {"staff": session.get_one(Staff, staff_id).logged_as, "duty": assignment.duty}
        record(
            session,
            at=now,
            actor=actor,
            act="room.unassign",
            subject=f"sitting_room:{room.ref}",
            before=before,
        )


def _others(session: Session, room: SittingRoom, staff_id: int) -> int:
    """Return how many others, whose accounts are not disabled, run a room."""
    query = (
        select(func.count())
        .select_from(RoomStaff)
        .join(Staff, Staff.id == RoomStaff.staff_id)
        .where(
            RoomStaff.sitting_room_id == room.id, RoomStaff.staff_id != staff_id, Staff.disabled_at.is_(None)
        )
    )
    return session.scalar(query) or 0


def _keep_a_chief(session: Session, room: SittingRoom, leaving: RoomStaff) -> None:
    """Raise Conflict("sitting.last_chief") when a published sitting would be left without one."""
    if leaving.duty != CHIEF or SittingState(room.state) not in _ATTENDED:
        return
    others = (
        select(RoomStaff.id)
        .join(Staff, Staff.id == RoomStaff.staff_id)
        .join(SittingRoom, SittingRoom.id == RoomStaff.sitting_room_id)
        .where(
            SittingRoom.sitting_id == room.sitting_id,
            RoomStaff.duty == CHIEF,
            RoomStaff.id != leaving.id,
            Staff.disabled_at.is_(None),
        )
    )
    if session.scalar(others.limit(1)) is None:
        raise Conflict("sitting.last_chief")


REASON_LENGTH = 500


def reason_of(text: str) -> str:
    """Return the reason of a change; raise InvalidInput("sitting.reason") without one."""
    return required(text, "sitting.reason", "reason", limit=REASON_LENGTH)


def set_time(sitting: Sitting, start_at: datetime, *, now: datetime) -> None:
    """Plan a sitting for another instant, its marks as far from it as they were.

    Raise InvalidInput("sitting.in_the_past") for one that has passed. Armed rooms, opening doors and whatever else
    waits for a time reads it from here, so it follows.

    Source: R-11, R-20.
    """
    if start_at == sitting.planned_start_at:
        return
    if start_at <= now:
        raise InvalidInput("sitting.in_the_past", field="start")
    former = {name: getattr(sitting, name) for name in MARKS}
    for name, at in moved_marks(former, start=sitting.planned_start_at, to=start_at).items():
        setattr(sitting, name, at)
    sitting.planned_start_at = start_at


def set_room(session: Session, sitting_room: SittingRoom, room: Room) -> None:
    """Hold a room's part of a sitting in another room; its staff and whether it is armed stay with it."""
    sitting_room.room_id = room.id
    session.flush()


def note_change(
    session: Session,
    sitting: Sitting,
    kind: str,
    *,
    reason: str,
    now: datetime,
    actor: str,
    former: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
    former_start_at: datetime | None = None,
    former_name: str = "",
    rooms: str = "",
) -> None:
    """Keep a change of a sitting where its pages and tickets read it, and put it on record."""
    session.add(
        SittingChange(
            sitting_id=sitting.id,
            at=now,
            by=actor,
            kind=kind,
            reason=reason,
            former_start_at=former_start_at,
            former_name=former_name,
            rooms=rooms,
        )
    )
    session.flush()
    record(
        session,
        at=now,
        actor=actor,
        act=f"sitting.{kind}",
        subject=sitting.logged_as,
        reason=reason,
        before=former,
        after=after,
    )


def withdraw_sitting(session: Session, sitting: Sitting, *, reason: str, now: datetime, actor: str) -> None:
    """Make a published sitting a draft again (撤回发布); whether it still may be is the caller's question.

    Raise InvalidInput("sitting.reason") without a reason, Conflict("sitting.transition") for one not published.

    Source: R-60.
    """
    reason = reason_of(reason)
    rooms = store.rooms_of_sitting(session, sitting.id)
    move_rooms(session, [view.sitting_room for view in rooms], SittingEvent.WITHDRAW)
    refresh_sitting_state(session, sitting)
    note_change(session, sitting, "withdraw", reason=reason, now=now, actor=actor)


def may_cancel(session: Session, sitting: Sitting) -> None:
    """Raise Conflict("sitting.transition") where a room of a sitting runs already, or it is off. Source: R-60."""
    for view in store.rooms_of_sitting(session, sitting.id):
        next_sitting_state(SittingState(view.sitting_room.state), SittingEvent.CANCEL)


def cancel_sitting(session: Session, sitting: Sitting, *, reason: str, now: datetime, actor: str) -> None:
    """Cancel a sitting that has not started; its candidates get another one.

    Raise InvalidInput("sitting.reason") without a reason, Conflict("sitting.transition") once a room runs.

    Source: R-60.
    """
    reason = reason_of(reason)
    rooms = store.rooms_of_sitting(session, sitting.id)
    move_rooms(session, [view.sitting_room for view in rooms], SittingEvent.CANCEL)
    refresh_sitting_state(session, sitting, without_rooms=SittingEvent.CANCEL)
    note_change(session, sitting, "cancel", reason=reason, now=now, actor=actor)


def add_centre(*, name: str, address: str, now: datetime, actor: str) -> str:
    """Add a 考点; return its ref."""
    with unit_of_work() as session:
        return places.create_centre(session, name=name, address=address, now=now, actor=actor).ref


def set_second_by_password(*, centre_ref: str, allowed: bool, now: datetime, actor: str) -> None:
    """Allow a second person's password at the first person's browser in this centre, or stop it; R-62."""
    with unit_of_work() as session:
        centre = store.centre_by_ref(session, centre_ref)
        before, centre.second_by_password = centre.second_by_password, allowed
        if before != allowed:
            record(
                session,
                at=now,
                actor=actor,
                act="centre.second",
                subject=f"centre:{centre.ref}",
                before={"by_password": before},
                after={"by_password": allowed},
            )


def add_room(
    *,
    centre_ref: str,
    name: str,
    seats: int,
    spares: int,
    per_row: int,
    numbering: SeatNumbering,
    door: DoorCorner,
    now: datetime,
    actor: str,
) -> str:
    """Add a 考场 with its seats, in rows of so many where they are known; return its ref. Source: R-16."""
    with unit_of_work() as session:
        room = places.create_room(
            session,
            store.centre_by_ref(session, centre_ref),
            name=name,
            seats=seats,
            spares=spares,
            per_row=per_row,
            numbering=numbering,
            door=door,
            now=now,
            actor=actor,
        )
        return room.ref


def open_binding(*, room_ref: str, now: datetime, actor: str) -> None:
    """Begin a binding round with a fresh code; machines already bound stay bound. Source: R-16."""
    with unit_of_work() as session:
        places.open_binding(session, store.room_by_ref(session, room_ref), now=now, actor=actor)


def close_binding(*, room_ref: str, now: datetime, actor: str) -> None:
    """End the binding round of a room. Source: R-16."""
    with unit_of_work() as session:
        places.close_binding(session, store.room_by_ref(session, room_ref), now=now, actor=actor)


def unbind_seat(*, room_ref: str, number: int, now: datetime, actor: str) -> None:
    """Free a seat of its machine; raise NotFound("room.no_seat"). Source: R-16."""
    with unit_of_work() as session:
        places.unbind_seat(session, _seat(session, room_ref, number), now=now, actor=actor)


def set_spare(*, room_ref: str, number: int, spare: bool, now: datetime, actor: str) -> None:
    """Keep a seat free at roster import, or give it back; raise NotFound("room.no_seat"). Source: R-16."""
    with unit_of_work() as session:
        seat = _seat(session, room_ref, number)
        before, seat.spare = seat.spare, spare
        record(
            session,
            at=now,
            actor=actor,
            act="seat.spare",
            subject=f"room:{room_ref}",
            before={"seat": number, "spare": before},
            after={"seat": number, "spare": spare},
        )


def _seat(session: Session, room_ref: str, number: int) -> Seat:
    room = store.room_by_ref(session, room_ref)
    seat = session.scalar(select(Seat).where(Seat.room_id == room.id, Seat.number == number))
    if seat is None:
        raise NotFound("room.no_seat", number=number)
    return seat


def unassign(*, room_ref: str, staff_ref: str, principal: Principal, now: datetime, actor: str) -> None:
    with unit_of_work() as session:
        room = store.room_for(session, room_ref, principal)
        staff = staff_by_ref(session, staff_ref)
        release_staff(session, room, staff_id=staff.id, now=now, actor=actor)


def arm(*, room_ref: str, armed: bool, principal: Principal, now: datetime, actor: str) -> None:
    """Let the schedule start a room, or take that back. Source: R-20."""
    with unit_of_work() as session:
        room = store.room_for(session, room_ref, principal)
        arm_room(session, room, armed=armed, now=now, actor=actor)
