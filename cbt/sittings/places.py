"""Centres, their rooms, the seats in them and the rounds in which machines are bound to these."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.errors import Conflict, InvalidInput, NotFound
from cbt.http.form_values import one_line, required
from cbt.rules.planning.seat_plan import (
    MOST_SEATS,
    DoorCorner,
    RoomPlan,
    SeatNumbering,
    laid_out,
    plan_of,
    read_plan,
)
from cbt.sittings.models import Centre, Room, Seat
from cbt.sittings.store import seats_of_room
from cbt.storage.types import new_ref
from cbt.storage.unit_of_work import unit_of_work

DEFAULT_SEATS = 30
DEFAULT_SPARES = 2
MAX_SEATS = MOST_SEATS
_CODE_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
_CODE_LENGTH = 6
BINDING_ROUND = timedelta(minutes=60)
"""Long enough to walk along the machines of the largest room."""


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
    per_row: int = 0,
    numbering: SeatNumbering = SeatNumbering.ROWS,
    door: DoorCorner = DoorCorner.UNKNOWN,
    now: datetime,
    actor: str,
) -> Room:
    """Add a 考场 with its seats, the last `spares` of them kept free for a machine that fails.

    With `per_row` its plan has rows of so many seats; without it nobody knows its rows. Raise
    InvalidInput("room.seats") unless 1 ≤ seats ≤ 200 and 0 ≤ spares < seats, ("room.plan_size") for rows that are
    none, Conflict("room.taken").

    Source: R-16.
    """
    name = required(name, "room.name", "name", limit=60)
    if not 1 <= seats <= MAX_SEATS or not 0 <= spares < seats:
        raise InvalidInput("room.seats", field="seats", maximum=MAX_SEATS)
    if session.scalar(select(Room.id).where(Room.centre_id == centre.id, Room.name == name)) is not None:
        raise Conflict("room.taken", field="name", name=name)
    plan = RoomPlan(laid_out(seats, per_row, numbering)).text if per_row else ""
    room = Room(
        ref=new_ref("rm", 8),
        centre_id=centre.id,
        name=name,
        room_code=fresh_room_code(session),
        plan=plan,
        door=door,
    )
    session.add(room)
    session.flush()
    session.add_all(
        Seat(room_id=room.id, number=number, spare=number > seats - spares, undelivered=0)
        for number in range(1, seats + 1)
    )
    after = {"name": name, "seats": seats, "spares": spares, "per_row": per_row, "door": door}
    record(session, at=now, actor=actor, act="room.create", subject=f"room:{room.ref}", after=after)
    return room


def fresh_room_code(session: Session) -> str:
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


def unbind_seat(session: Session, seat: Seat, *, now: datetime, actor: str) -> None:
    """Free a seat of its machine, so that another one can be bound.

    Source: R-16.
    """
    seat.machine_hash = seat.machine_address = seat.bound_at = None
    seat.claim_alert_at = seat.claim_hash = seat.claim_address = None
    room = session.get_one(Room, seat.room_id)
    after = {"seat": seat.number}
    record(session, at=now, actor=actor, act="seat.unbind", subject=f"room:{room.ref}", after=after)


def plan_of_room(room: Room, seats: Sequence[Seat]) -> RoomPlan:
    return plan_of(room.plan, room.door, tuple(seat.number for seat in seats))


def set_plan(*, room_ref: str, text: str, door: str, now: datetime, actor: str) -> None:
    """Give a room other rows; a number that is new becomes a seat, one that is gone is one no longer.

    Raise InvalidInput as `read_plan` does and ("room.plan_door"), Conflict("room.seat_bound") for a seat with a
    machine, ("room.seat_used") for one that somebody has or had in a sitting.
    """
    cells = read_plan(text)
    if door not in set(DoorCorner):
        raise InvalidInput("room.plan_door", field="door")
    with unit_of_work() as session:
        room = session.scalar(select(Room).where(Room.ref == room_ref).with_for_update())
        if room is None:
            raise NotFound("room.unknown")
        before = plan_of_room(room, seats_of_room(session, room.id))
        after = RoomPlan(cells, DoorCorner(door))
        _fit_seats(session, room, set(after.numbers))
        room.plan, room.door = after.text, door
        if before != after:
            record(
                session,
                at=now,
                actor=actor,
                act="room.plan",
                subject=f"room:{room.ref}",
                before=_facts(before),
                after=_facts(after),
            )


def _fit_seats(session: Session, room: Room, wanted: set[int]) -> None:
    seats = {seat.number: seat for seat in seats_of_room(session, room.id)}
    for number in sorted(seats.keys() - wanted):
        if seats[number].bound_at is not None:
            raise Conflict("room.seat_bound", field="plan", number=number)
        try:
            session.delete(seats[number])
            session.flush()
        except IntegrityError as error:
            # Whoever sits there is known to later rooms alone.
            raise Conflict("room.seat_used", field="plan", number=number) from error
    session.add_all(
        Seat(room_id=room.id, number=number, spare=False, undelivered=0)
        for number in sorted(wanted - seats.keys())
    )


def _facts(plan: RoomPlan) -> dict[str, object]:
    return {
        "seats": len(plan.numbers),
        "rows": len(plan.cells) if plan.known else 0,
        "columns": plan.columns if plan.known else 0,
        "door": plan.door.value,
        "plan": plan.text,
    }
