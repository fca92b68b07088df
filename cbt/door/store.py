"""Queries of the door: from a ticket, a login or a machine to what belongs to it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Select, bindparam, exists, select
from sqlalchemy.orm import Session

from cbt.candidates.models import AdmissionTicket, Candidate, CandidatePhoto, Registration
from cbt.door.admission import Door, SignInPlace
from cbt.door.arrival import OPEN_DOOR
from cbt.errors import NotFound
from cbt.rules.states import SittingState
from cbt.sittings.models import Centre, Room, Seat, Sitting, SittingChange, SittingRoom
from cbt.storage.prepared import PreparedEntities, PreparedSelect
from cbt.storage.types import UtcDateTime


def _doors() -> Select[Registration, Candidate, Sitting, SittingRoom, Seat, Room, Centre, str | None]:
    why_off = (
        select(SittingChange.reason)
        .where(SittingChange.sitting_id == Sitting.id, SittingChange.kind == "cancel")
        .order_by(SittingChange.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    return (
        select(Registration, Candidate, Sitting, SittingRoom, Seat, Room, Centre, why_off)
        .join(Candidate, Candidate.id == Registration.candidate_id)
        .join(Sitting, Sitting.id == Registration.sitting_id)
        .join(SittingRoom, SittingRoom.id == Registration.sitting_room_id)
        .join(Seat, Seat.id == Registration.seat_id)
        .join(Room, Room.id == SittingRoom.room_id)
        .join(Centre, Centre.id == Sitting.centre_id)
    )


_OF_TICKET = (
    _doors()
    .join(AdmissionTicket, AdmissionTicket.id == Registration.ticket_id)
    .where(AdmissionTicket.number == bindparam("number"))
    .order_by(Sitting.planned_start_at, Registration.id)
)
_OF_TICKET_LOCKED = _OF_TICKET.with_for_update(of=Registration).execution_options(populate_existing=True)
_OF_TICKET_READ = PreparedEntities(_OF_TICKET)
_OF_REGISTRATION = _doors().where(Registration.id == bindparam("registration"))
"""Everybody who comes asks these, a page after the other: they are put together once."""
_HAS_SEAT = PreparedSelect(
    select(Registration.id)
    .join(AdmissionTicket, AdmissionTicket.id == Registration.ticket_id)
    .where(AdmissionTicket.number == bindparam("number"), Registration.seat_id == bindparam("seat"))
    .limit(1)
)
_OTHERS_SEAT = PreparedSelect(
    select(Registration.id)
    .where(
        Registration.sitting_room_id == bindparam("room"),
        Registration.seat_id == bindparam("seat"),
        Registration.id != bindparam("registration"),
    )
    .limit(1)
)
_NEXT_SITTING = (
    select(Sitting, SittingRoom)
    .join(SittingRoom, SittingRoom.sitting_id == Sitting.id)
    .where(SittingRoom.room_id == bindparam("room"), SittingRoom.state.in_(OPEN_DOOR))
    .order_by(Sitting.planned_start_at)
    .limit(1)
)
_ROOMS_TO_OPEN = PreparedSelect(
    select(SittingRoom.id)
    .join(Registration, Registration.sitting_room_id == SittingRoom.id)
    .join(AdmissionTicket, AdmissionTicket.id == Registration.ticket_id)
    .join(Sitting, Sitting.id == SittingRoom.sitting_id)
    .where(
        AdmissionTicket.number == bindparam("number"),
        SittingRoom.state == SittingState.PUBLISHED.value,
        Sitting.check_in_opens_at <= bindparam("now", type_=UtcDateTime),
    )
    .order_by(SittingRoom.id)
)
_TICKET = PreparedSelect(
    select(
        AdmissionTicket.number,
        exists().where(CandidatePhoto.candidate_id == bindparam("candidate")).label("has_photo"),
    ).where(AdmissionTicket.id == bindparam("ticket"))
)
_BY_MACHINE = select(Seat).where(Seat.machine_hash == bindparam("hash")).limit(1)
_BY_ADDRESS = select(Seat).where(Seat.machine_address == bindparam("address")).limit(2)
_BY_MACHINE_READ, _BY_ADDRESS_READ = PreparedEntities(_BY_MACHINE), PreparedEntities(_BY_ADDRESS)
_IDS_BY_ADDRESS = PreparedSelect(select(Seat.id).where(Seat.machine_address == bindparam("address")).limit(2))


def doors_of_ticket(session: Session | None, number: str) -> Sequence[Door]:
    """Return every registration of a 准考证 by planned start; none for an unknown number.

    Locked in a unit of work; without one as they are stored now, to be read alone.
    """
    if session is None:
        return [Door(*row) for row in _OF_TICKET_READ.read(number=number)]
    return [Door(*row) for row in session.execute(_OF_TICKET_LOCKED, {"number": number})]


def rooms_to_open(session: Session, number: str, *, now: datetime) -> Sequence[SittingRoom]:
    """Return the rooms of a 准考证 whose doors are due and shut, by id; nothing is locked."""
    return [
        session.get_one(SittingRoom, row.id) for row in _ROOMS_TO_OPEN.rows(session, number=number, now=now)
    ]


def is_seat_of_ticket(seat_id: int, number: str) -> bool:
    return bool(_HAS_SEAT.read(number=number, seat=seat_id))


def doors_of(session: Session, refs: Sequence[str], *, lock: bool = False) -> Sequence[Door]:
    """Return the registrations with these references by planned start; locked where they will change."""
    query = _doors().where(Registration.ref.in_(refs)).order_by(Sitting.planned_start_at, Registration.id)
    if lock:
        query = query.with_for_update(of=Registration)
    return [Door(*row) for row in session.execute(query)]


def door_of(session: Session, registration_id: int) -> Door:
    """Return one registration with its door; raise NotFound."""
    row = session.execute(_OF_REGISTRATION, {"registration": registration_id}).one_or_none()
    if row is None:
        raise NotFound("door.no_registration")
    return Door(*row)


def place_in(session: Session | None, seat: Seat | None, registration: Registration) -> SignInPlace | None:
    """Return the seat somebody sits at, with whether another candidate of their sitting-room has it."""
    if seat is None:
        return None
    if seat.id == registration.seat_id:
        return SignInPlace(seat, taken=False)
    values = {"room": registration.sitting_room_id, "seat": seat.id, "registration": registration.id}
    others = _OTHERS_SEAT.read(**values) if session is None else _OTHERS_SEAT.rows(session, **values)
    return SignInPlace(seat, bool(others))


def ticket_of(session: Session, registration: Registration) -> tuple[str, bool]:
    """Return the number of the registration's 准考证, and whether its person has a photo."""
    values = {"ticket": registration.ticket_id, "candidate": registration.candidate_id}
    ((number, has_photo),) = _TICKET.rows(session, **values)
    return number, bool(has_photo)


def next_sitting(session: Session, room_id: int) -> tuple[Sitting, SittingRoom] | None:
    row = session.execute(_NEXT_SITTING, {"room": room_id}).one_or_none()
    return None if row is None else (row[0], row[1])


def seat_read(machine_hash: str | None, address: str) -> Seat | None:
    """Return the seat that a machine stands at, as it is stored now, to be read alone (see seats.seat_of)."""
    seats = _BY_MACHINE_READ.read(hash=machine_hash) if machine_hash else []
    if not seats:
        seats = _BY_ADDRESS_READ.read(address=address)
    seat: Seat | None = seats[0][0] if len(seats) == 1 else None
    return seat


def seat_by_machine(session: Session, machine_hash: str) -> Seat | None:
    return session.scalar(_BY_MACHINE, {"hash": machine_hash})


def seat_by_address(session: Session, address: str) -> Seat | None:
    """Return the seat bound to an address, when there is exactly one: a proxy's address says nothing."""
    seats = session.scalars(_BY_ADDRESS, {"address": address}).all()
    return seats[0] if len(seats) == 1 else None


def is_address_of_a_seat(session: Session | None, address: str) -> bool:
    seats = (
        _IDS_BY_ADDRESS.read(address=address)
        if session is None
        else _IDS_BY_ADDRESS.rows(session, address=address)
    )
    return len(seats) == 1


def halls_by_code(session: Session, room_code: str, *, now: datetime) -> Sequence[Room]:
    """Return the rooms whose binding round goes by this code, locked: bindings of a room take turns."""
    query = select(Room).where(Room.room_code == room_code, Room.code_until > now)
    return session.scalars(query.with_for_update()).all()


def has_unbound_seat(session: Session, room_id: int) -> bool:
    query = select(exists().where(Seat.room_id == room_id, Seat.machine_hash.is_(None)))
    return bool(session.scalar(query))


def is_bound(session: Session, machine_hash: str) -> bool:
    return bool(session.scalar(select(exists().where(Seat.machine_hash == machine_hash))))


def seat_in(session: Session, room_id: int, number: int) -> Seat | None:
    return session.scalar(select(Seat).where(Seat.room_id == room_id, Seat.number == number))


def unheld_seat_id(session: Session, sitting_room_id: int) -> int | None:
    """Return any seat, of whatever room, that nobody of the sitting-room has."""
    held = select(Registration.seat_id).where(Registration.sitting_room_id == sitting_room_id)
    return session.scalar(select(Seat.id).where(Seat.id.not_in(held)).order_by(Seat.id).limit(1))


def holder_of(session: Session, sitting_room_id: int, seat_id: int) -> Registration | None:
    return session.scalar(
        select(Registration).where(
            Registration.sitting_room_id == sitting_room_id, Registration.seat_id == seat_id
        )
    )
