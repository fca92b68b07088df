"""Registrations and rooms held while something about them is changed: nobody starts, fills or moves them meanwhile.

Rooms are locked before their sittings and both in the order of their ids, as a start takes them.

Source: R-60.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.candidates.models import AdmissionTicket, Candidate, Registration
from cbt.delivery.models import Attempt
from cbt.delivery.paper.following import attempt_of, is_begun
from cbt.errors import Conflict, InvalidInput, NotFound
from cbt.rules.canonical import canonical_json, digest
from cbt.rules.door.changing import OPEN, RegistrationChange, hindrance
from cbt.rules.states.sitting import SittingState
from cbt.sittings.models import Batch, Room, Seat, Sitting, SittingRoom

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class HeldRoom:
    """A room of a sitting, locked."""

    sitting: Sitting
    sitting_room: SittingRoom
    room: Room


@dataclass(frozen=True, slots=True)
class HeldPaper:
    """A registration, locked with its room, and what belongs to it."""

    registration: Registration
    candidate: Candidate
    ticket: AdmissionTicket
    seat: Seat
    place: HeldRoom
    attempt: Attempt | None

    def hindrance(self, change: RegistrationChange) -> str:
        """Return why this change is not the office's any more; "" when it is."""
        return hindrance(
            change,
            room=SittingState(self.place.sitting_room.state),
            met=is_met(self.registration),
            begun=is_begun(self.attempt),
        )

    def allow(self, change: RegistrationChange) -> None:
        """Raise Conflict("person.…") when this change is not the office's any more."""
        why = self.hindrance(change)
        if why:
            raise Conflict(f"person.{why}", sitting=self.place.sitting.name)


def is_met(registration: Registration) -> bool:
    """Return whether the door has a record of this person: arrived, absent or signed in."""
    facts = (registration.arrived_at, registration.checked_in_at, registration.absent_at)
    return any(at is not None for at in (*facts, registration.signed_in_at))


def hold_rooms(session: Session, batch: Batch, ids: Collection[int]) -> dict[int, HeldRoom]:
    """Lock rooms of a batch by their ids, then their sittings; raise NotFound("sitting.room_unknown")."""
    query = (
        select(SittingRoom)
        .where(SittingRoom.id.in_(ids))
        .order_by(SittingRoom.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    rooms = session.scalars(query).all()
    sittings = {
        one.id: one
        for one in session.scalars(
            select(Sitting)
            .where(Sitting.id.in_({room.sitting_id for room in rooms}), Sitting.batch_id == batch.id)
            .order_by(Sitting.id)
            .with_for_update(key_share=True)
            .execution_options(populate_existing=True)
        )
    }
    if {room.id for room in rooms if room.sitting_id in sittings} != set(ids):
        raise NotFound("sitting.room_unknown")
    return {
        one.id: HeldRoom(sittings[one.sitting_id], one, session.get_one(Room, one.room_id)) for one in rooms
    }


def room_ids(session: Session, batch: Batch, refs: Collection[str]) -> dict[str, int]:
    """Return the ids of rooms of a batch by their refs; one of another batch is not among them."""
    query = (
        select(SittingRoom.ref, SittingRoom.id)
        .join(Sitting, Sitting.id == SittingRoom.sitting_id)
        .where(SittingRoom.ref.in_(refs), Sitting.batch_id == batch.id)
    )
    return {row[0]: row[1] for row in session.execute(query)}


def hold_paper(session: Session, batch: Batch, ref: str, *, target: int | None = None) -> HeldPaper:
    """Lock a registration of a batch with its room, and the room it is to go to.

    Raise NotFound("registration.unknown"), Conflict("person.changed") when it was moved while this waited.
    """
    found = session.execute(
        select(Registration.id, Registration.sitting_room_id)
        .join(Sitting, Sitting.id == Registration.sitting_id)
        .where(Registration.ref == ref, Sitting.batch_id == batch.id)
    ).one_or_none()
    if found is None:
        raise NotFound("registration.unknown")
    rooms = hold_rooms(session, batch, {found.sitting_room_id, target or found.sitting_room_id})
    registration = session.scalar(
        select(Registration)
        .where(Registration.id == found.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if registration is None or registration.sitting_room_id != found.sitting_room_id:
        raise Conflict("person.changed")
    return HeldPaper(
        registration,
        session.get_one(Candidate, registration.candidate_id),
        session.get_one(AdmissionTicket, registration.ticket_id),
        session.get_one(Seat, registration.seat_id),
        rooms[registration.sitting_room_id],
        attempt_of(session, registration.id),
    )


def open_place(place: HeldRoom) -> None:
    """Raise Conflict("person.room_closed") for a room nobody can be given a seat in any more."""
    if SittingState(place.sitting_room.state) not in OPEN:
        raise Conflict("person.room_closed", field="room", sitting=place.sitting.name, room=place.room.name)


def holder_of(session: Session, place: HeldRoom, seat: Seat) -> Registration | None:
    """Return who has a seat of a room in this sitting."""
    return session.scalar(
        select(Registration).where(
            Registration.sitting_room_id == place.sitting_room.id, Registration.seat_id == seat.id
        )
    )


def seat_for(session: Session, place: HeldRoom, number: int | None, *, field: str = "seat") -> Seat:
    """Return a free seat of a locked room: that of this number, else the first that is no spare one.

    Raise InvalidInput("person.no_such_seat"|"person.seat_taken"), Conflict("person.no_seat").

    Source: R-16.
    """
    held = select(Registration.seat_id).where(Registration.sitting_room_id == place.sitting_room.id)
    seats = select(Seat).where(Seat.room_id == place.room.id)
    if number is not None:
        seat = session.scalar(seats.where(Seat.number == number))
        if seat is None:
            raise InvalidInput("person.no_such_seat", field=field, room=place.room.name, number=number)
        if holder_of(session, place, seat) is not None:
            raise InvalidInput("person.seat_taken", field=field, room=place.room.name, number=number)
        return seat
    free = seats.where(Seat.spare.is_(False), Seat.id.not_in(held)).order_by(Seat.number).limit(1)
    first = session.scalar(free)
    if first is None:
        raise Conflict("person.no_seat", field=field, sitting=place.sitting.name, room=place.room.name)
    return first


def seen_of(registration: Registration) -> str:
    """Return what shows, sent back with a form, whether a registration is still as its page showed it."""
    facts = [
        registration.ref,
        registration.blueprint_version_id,
        registration.paper,
        registration.kind,
        str(registration.factor),
        registration.extra // _SECOND,
        registration.accommodation_note,
        registration.tools,
        registration.sitting_room_id,
        registration.seat_id,
    ]
    return digest(canonical_json(facts))[:16]


def still_seen(registration: Registration, seen: str) -> None:
    """Raise Conflict("person.changed") when somebody changed a registration since its page was drawn."""
    if seen != seen_of(registration):
        raise Conflict("person.changed")
