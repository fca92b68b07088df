"""The plan of a room: its rows and columns, made and changed while no seat that is in use goes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.db.unit_of_work import unit_of_work
from cbt.errors import Conflict, InvalidInput, NotFound
from cbt.rules.planning.room_plan import DoorCorner, RoomPlan, plan_of, read_plan
from cbt.sittings.models import Room, Seat
from cbt.sittings.store import seats_of_room


def plan_of_room(room: Room, seats: Sequence[Seat]) -> RoomPlan:
    """Return where the seats of a room stand."""
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
