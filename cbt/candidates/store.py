"""Queries of the candidates room."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, bindparam, func, select
from sqlalchemy.orm import Session

from cbt.candidates.models import AdmissionTicket, Candidate, CandidatePhoto, Registration
from cbt.db.known.selects import KnownSelect
from cbt.errors import NotFound
from cbt.rules.states.sitting import SittingState
from cbt.sittings.models import Room, Seat, Sitting, SittingRoom
from cbt.sittings.store import visible_rooms
from cbt.web.who.login import Principal

_STARTED = (SittingState.RUNNING, SittingState.HELD, SittingState.ENDED, SittingState.SCORED)


@dataclass(frozen=True, slots=True)
class Registered:
    """A registration with what identifies it at the door: who, which ticket, which seat of which room."""

    registration: Registration
    candidate: Candidate
    ticket: AdmissionTicket
    seat: Seat
    room: Room
    sitting_room: SittingRoom


_PRINCIPAL = KnownSelect(
    select(Registration.id, Registration.ref, Candidate.name)
    .join(Candidate, Candidate.id == Registration.candidate_id)
    .where(Registration.ref == bindparam("ref"))
)
"""Every request of a candidate asks this."""


def candidate_principal(session: Session, ref: str) -> Principal | None:
    """Return the principal of a registration: a candidate signs in to one paper of one sitting."""
    row = next(iter(_PRINCIPAL.rows(session, ref=ref)), None)
    if row is None:
        return None
    return Principal(kind="candidate", subject_id=row.id, subject_ref=row.ref, name=row.name)


def _entries() -> Select[Registration, Candidate, AdmissionTicket, Seat, Room, SittingRoom]:
    return (
        select(Registration, Candidate, AdmissionTicket, Seat, Room, SittingRoom)
        .join(Candidate, Candidate.id == Registration.candidate_id)
        .join(AdmissionTicket, AdmissionTicket.id == Registration.ticket_id)
        .join(Seat, Seat.id == Registration.seat_id)
        .join(SittingRoom, SittingRoom.id == Registration.sitting_room_id)
        .join(Room, Room.id == SittingRoom.room_id)
    )


def entries_of_sitting(session: Session, sitting_id: int) -> list[Registered]:
    """Return every registration of a sitting, by room and seat: for a file of all, not for a page."""
    return entries_where(session, Registration.sitting_id == sitting_id)


def entries_where(
    session: Session, *conditions: ColumnElement[bool], limit: int | None = None, offset: int = 0
) -> list[Registered]:
    """Return the registrations that meet some conditions, by room and seat, so many of them from `offset` on."""
    query = _entries().where(*conditions).order_by(Room.name, Seat.number, Registration.id)
    return [Registered(*row) for row in session.execute(query.limit(limit).offset(offset))]


def count_where(session: Session, *conditions: ColumnElement[bool]) -> int:
    """Return how many registrations meet conditions that `entries_where` takes."""
    found = _entries().with_only_columns(func.count(), maintain_column_froms=True).where(*conditions)
    return session.scalar(found) or 0


def entries_of_batch(session: Session, batch_id: int) -> list[Registered]:
    """Return every registration of a batch in sittings that are not cancelled, by start, room and seat."""
    query = (
        _entries()
        .join(Sitting, Sitting.id == Registration.sitting_id)
        .where(Sitting.batch_id == batch_id, Sitting.state != SittingState.CANCELLED.value)
        .order_by(Sitting.planned_start_at, Sitting.id, Room.name, Seat.number)
    )
    return [Registered(*row) for row in session.execute(query)]


def entries_of_room(session: Session, sitting_id: int, room_ref: str) -> list[Registered]:
    """Return the registrations of one room of a sitting, by seat; none for a room of another one."""
    query = _entries().where(Registration.sitting_id == sitting_id, SittingRoom.ref == room_ref)
    return [Registered(*row) for row in session.execute(query.order_by(Seat.number))]


def entry_for(session: Session, ref: str, principal: Principal) -> Registered:
    """Return the registration when this person may see its room; raise NotFound otherwise.

    Source: R-62.
    """
    query = _entries().where(Registration.ref == ref, SittingRoom.id.in_(visible_rooms(principal)))
    row = session.execute(query).one_or_none()
    if row is None:
        raise NotFound("registration.unknown")
    return Registered(*row)


def photo_of(session: Session, candidate_id: int) -> CandidatePhoto | None:
    """Return the photo of a candidate, or None (照片待补)."""
    return session.get(CandidatePhoto, candidate_id)


def with_photo(session: Session, candidate_ids: Iterable[int]) -> set[int]:
    """Return which of the candidates have a photo, without reading the images."""
    wanted = list(candidate_ids)
    query = select(CandidatePhoto.candidate_id).where(CandidatePhoto.candidate_id.in_(wanted))
    return set(session.scalars(query)) if wanted else set()


def photos_of(session: Session, candidate_ids: Iterable[int]) -> dict[int, bytes]:
    """Return the photos of candidates by their id; who has none is not among them."""
    query = select(CandidatePhoto.candidate_id, CandidatePhoto.image)
    return {
        row[0]: row[1] for row in session.execute(query.where(CandidatePhoto.candidate_id.in_(candidate_ids)))
    }


def has_started(session: Session, candidate_id: int) -> bool:
    """Return whether a sitting-room of a candidate was started and its results are not released."""
    query = (
        select(SittingRoom.id)
        .join(Registration, Registration.sitting_room_id == SittingRoom.id)
        .where(Registration.candidate_id == candidate_id, SittingRoom.state.in_(_STARTED))
    )
    return session.scalar(query.limit(1)) is not None
