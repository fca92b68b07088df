"""Changes made before the day: centres, rooms and seats, batches, sittings, who runs which room."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cbt.accounts.models import Staff
from cbt.audit.chain import record
from cbt.errors import Conflict, InvalidInput
from cbt.rules.clock import arrival
from cbt.rules.exam.policies import AdmissionPolicy
from cbt.rules.states.sitting import Event, State
from cbt.sittings import store
from cbt.sittings.models import Batch, Centre, Room, RoomStaff, Seat, Sitting, SittingRoom
from cbt.sittings.steps import move_room, refresh_sitting_state
from cbt.web.refs import new_ref
from cbt.web.texts import one_line

DEFAULT_SEATS = 30
DEFAULT_SPARES = 2
MAX_SEATS = 200
DUTIES = ("proctor", "chief_proctor")
_MARKS = ("check_in_opens_at", "report_at", "sign_in_opens_at", "late_cutoff_at")
_CODE_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
_CODE_LENGTH = 6
BINDING_ROUND = timedelta(minutes=60)
"""Long enough to walk along the machines of the largest room."""
_CHANGEABLE = frozenset({State.DRAFT, State.PUBLISHED})
_ATTENDED = frozenset({State.PUBLISHED, State.ADMITTING, State.RUNNING, State.HELD})


def create_centre(
    session: Session,
    *,
    name: str,
    address: str,
    now: datetime,
    actor: str,
    second_by_password: bool = False,
) -> Centre:
    """Add a 考点; raise InvalidInput("centre.name") for an empty or too long name.

    A second person approves in a session of their own unless `second_by_password`.

    Source: R-62.
    """
    centre = Centre(
        ref=new_ref("ce", 8),
        name=required(name, "centre.name", "name"),
        address=one_line(address, "address")[:200],
        second_by_password=second_by_password,
    )
    session.add(centre)
    session.flush()
    record(
        session,
        at=now,
        actor=actor,
        act="centre.create",
        subject=f"centre:{centre.ref}",
        after={"name": name},
    )
    return centre


def create_room(
    session: Session,
    centre: Centre,
    *,
    name: str,
    seats: int = DEFAULT_SEATS,
    spares: int = DEFAULT_SPARES,
    now: datetime,
    actor: str,
) -> Room:
    """Add a 考场 with its seats, the last `spares` of them kept free for a machine that fails.

    Raise InvalidInput("room.seats") unless 1 ≤ seats ≤ 200 and 0 ≤ spares < seats, Conflict("room.taken").

    Source: R-16.
    """
    name = required(name, "room.name", "name", limit=60)
    if not 1 <= seats <= MAX_SEATS or not 0 <= spares < seats:
        raise InvalidInput("room.seats", field="seats", maximum=MAX_SEATS)
    if session.scalar(select(Room.id).where(Room.centre_id == centre.id, Room.name == name)) is not None:
        raise Conflict("room.taken", field="name", name=name)
    room = Room(ref=new_ref("rm", 8), centre_id=centre.id, name=name, room_code=fresh_room_code(session))
    session.add(room)
    session.flush()
    session.add_all(
        Seat(room_id=room.id, number=number, spare=number > seats - spares, undelivered=0)
        for number in range(1, seats + 1)
    )
    after = {"name": name, "seats": seats, "spares": spares}
    record(session, at=now, actor=actor, act="room.create", subject=f"room:{room.ref}", after=after)
    return room


def fresh_room_code(session: Session) -> str:
    """Return a room code no other room has."""
    while True:
        code = "".join(secrets.choice(_CODE_ALPHABET) for _ in range(_CODE_LENGTH))
        if session.scalar(select(Room.id).where(Room.room_code == code)) is None:
            return code


def open_binding(
    session: Session, room: Room, *, now: datetime, actor: str, length: timedelta = BINDING_ROUND
) -> None:
    """Begin a binding round: a fresh code that binds machines to unbound seats for a while.

    One code serves for all seats of the room, for it is typed at thirty machines in turn. It ends when every
    seat has a machine, when the time is over or when a proctor says so, and is never good again.

    Source: R-16.
    """
    room.room_code, room.code_until = fresh_room_code(session), now + length
    after = {"until": room.code_until.isoformat()}
    record(session, at=now, actor=actor, act="room.code", subject=f"room:{room.ref}", after=after)


def close_binding(session: Session, room: Room, *, now: datetime, actor: str) -> None:
    """End a binding round; the code that was used is worth nothing from here on. Source: R-16."""
    room.room_code, room.code_until = fresh_room_code(session), None
    record(session, at=now, actor=actor, act="room.code_closed", subject=f"room:{room.ref}")


def create_batch(session: Session, *, name: str, now: datetime, actor: str) -> Batch:
    """Add a 认定批次; raise InvalidInput("batch.name")."""
    batch = Batch(ref=new_ref("ba", 8), name=required(name, "batch.name", "name"), created_at=now)
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
        state=State.DRAFT.value,
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
        **{mark: getattr(sitting, mark).isoformat() for mark in _MARKS},
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
    _record(session, sitting, act="sitting.add_room", now=now, actor=actor, after={"room": room.name})
    return sitting_room


def assign_staff(
    session: Session, room: SittingRoom, *, staff_id: int, duty: str, now: datetime, actor: str
) -> None:
    """Assign a person to a sitting-room as proctor or chief; a repeat changes the duty.

    Raise InvalidInput("sitting.duty").
    """
    if duty not in DUTIES:
        raise InvalidInput("sitting.duty", field="duty")
    found = session.scalar(
        select(RoomStaff).where(RoomStaff.sitting_room_id == room.id, RoomStaff.staff_id == staff_id)
    )
    if found is None:
        session.add(RoomStaff(sitting_room_id=room.id, staff_id=staff_id, duty=duty))
    else:
        found.duty = duty
    after = {"staff_id": staff_id, "duty": duty}
    record(session, at=now, actor=actor, act="room.assign", subject=f"sitting_room:{room.ref}", after=after)


def release_staff(session: Session, room: SittingRoom, *, staff_id: int, now: datetime, actor: str) -> None:
    """Take a person off a sitting-room; a repeat changes nothing.

    Raise Conflict("sitting.last_proctor") for the last one of a room between publishing and its end.

    Source: R-60.
    """
    # With the sitting locked, publishing sees the person gone, or this sees it published.
    session.get_one(Sitting, room.sitting_id, with_for_update=True)
    session.refresh(room)
    found = session.scalar(
        select(RoomStaff).where(RoomStaff.sitting_room_id == room.id, RoomStaff.staff_id == staff_id)
    )
    if found is not None:
        if State(room.state) in _ATTENDED and not _others(session, room, staff_id):
            raise Conflict("sitting.last_proctor", room=session.get_one(Room, room.room_id).name)
        session.delete(found)
        before = {"staff_id": staff_id, "duty": found.duty}
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


def publish_sitting(session: Session, sitting: Sitting, *, now: datetime, actor: str) -> None:
    """Publish a draft sitting with at least one room; raise Conflict("sitting.no_rooms").

    Whether it is complete (candidates, forms, proctors) is the caller's question: delivery.publishing asks.

    Source: R-60.
    """
    rooms = store.rooms_of_sitting(session, sitting.id)
    if not rooms:
        raise Conflict("sitting.no_rooms")
    for view in rooms:
        move_room(session, view.sitting_room, Event.PUBLISH)
    _record(session, sitting, act="sitting.publish", now=now, actor=actor)


def cancel_sitting(session: Session, sitting: Sitting, *, reason: str, now: datetime, actor: str) -> None:
    """Cancel a sitting that has not started (改期); its candidates get another one.

    Raise InvalidInput("sitting.reason") without a reason, Conflict("sitting.transition") once a room runs.

    Source: R-60.
    """
    reason = required(reason, "sitting.reason", "reason", limit=500)
    for view in store.rooms_of_sitting(session, sitting.id):
        move_room(session, view.sitting_room, Event.CANCEL)
    refresh_sitting_state(session, sitting, without_rooms=Event.CANCEL)
    _record(session, sitting, act="sitting.cancel", now=now, actor=actor, reason=reason)


def arm_room(session: Session, room: SittingRoom, *, armed: bool, now: datetime, actor: str) -> None:
    """Let the schedule start a room at the planned start, or take that back.

    Raise Conflict("sitting.started") once its clock runs.

    Source: R-20.
    """
    if room.started_at is not None or State(room.state) not in {*_CHANGEABLE, State.ADMITTING}:
        raise Conflict("sitting.started")
    room.armed = armed
    act = "room.arm" if armed else "room.disarm"
    record(session, at=now, actor=actor, act=act, subject=f"sitting_room:{room.ref}")


def unbind_seat(session: Session, seat: Seat, *, now: datetime, actor: str) -> None:
    """Free a seat of its machine, so that another one can be bound.

    Source: R-16.
    """
    seat.machine_hash = seat.machine_address = seat.bound_at = None
    seat.claim_alert_at = seat.claim_hash = seat.claim_address = None
    room = session.get_one(Room, seat.room_id)
    after = {"seat": seat.number}
    record(session, at=now, actor=actor, act="seat.unbind", subject=f"room:{room.ref}", after=after)


def required(text: str, code: str, field: str, *, limit: int = 120) -> str:
    """Return the text without outer and doubled spaces.

    Raise InvalidInput(code) when empty or too long, ("text.unseen") as `one_line` does.
    """
    plain = one_line(text, field)
    if not 1 <= len(plain) <= limit:
        raise InvalidInput(code, field=field, maximum=limit)
    return plain


def _changeable(sitting: Sitting) -> None:
    if State(sitting.state) not in _CHANGEABLE:
        raise Conflict("sitting.fixed")


def _record(
    session: Session,
    sitting: Sitting,
    *,
    act: str,
    now: datetime,
    actor: str,
    reason: str = "",
    after: dict[str, object] | None = None,
) -> None:
    record(
        session, at=now, actor=actor, act=act, subject=f"sitting:{sitting.ref}", reason=reason, after=after
    )
