"""Use cases of the sittings room: planning an exam day; each one is one unit of work."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.accounts.store import staff_by_ref
from cbt.audit.chain import record
from cbt.errors import NotFound
from cbt.http.auth.login import Principal
from cbt.rules.planning.room_plan import DoorCorner, SeatNumbering
from cbt.sittings import store
from cbt.sittings.models import Seat
from cbt.sittings.planning import places, sittings
from cbt.sittings.planning.sittings import release_staff
from cbt.storage.unit_of_work import unit_of_work


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
    """Take a person off a sitting-room."""
    with unit_of_work() as session:
        room = store.room_for(session, room_ref, principal)
        staff = staff_by_ref(session, staff_ref)
        release_staff(session, room, staff_id=staff.id, now=now, actor=actor)


def arm(*, room_ref: str, armed: bool, principal: Principal, now: datetime, actor: str) -> None:
    """Let the schedule start a room, or take that back. Source: R-20."""
    with unit_of_work() as session:
        room = store.room_for(session, room_ref, principal)
        sittings.arm_room(session, room, armed=armed, now=now, actor=actor)
