"""Queries of the door's page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.candidates.models import AdmissionTicket, Candidate, Registration
from cbt.rules.states.sitting import SittingState
from cbt.sittings.models import Room, Seat, Sitting, SittingRoom
from cbt.sittings.store import RoomView

SAME_DAY = timedelta(hours=12)
MOST_ELSEWHERE = 4


@dataclass(frozen=True, slots=True)
class ExpectedElsewhere:
    """Another room at this centre where somebody is expected."""

    room: str
    seat: int
    planned_start_at: datetime


def refs_by_document(session: Session, sitting_room_id: int, index: str) -> Sequence[str]:
    """Return the registrations of a room whose registered document has this digest."""
    query = (
        select(Registration.ref)
        .join(Candidate, Candidate.id == Registration.candidate_id)
        .where(Registration.sitting_room_id == sitting_room_id, Candidate.document_index == index)
    )
    return session.scalars(query).all()


def expected_elsewhere(
    session: Session, view: RoomView, *, ticket: str, index: str, now: datetime
) -> tuple[ExpectedElsewhere, ...]:
    """Return where else at this centre somebody is expected about now, by the whole ticket or document number.

    Nothing tells who it is.
    """
    query = (
        select(Room.name, Seat.number, Sitting.planned_start_at)
        .select_from(Registration)
        .join(AdmissionTicket, AdmissionTicket.id == Registration.ticket_id)
        .join(Candidate, Candidate.id == Registration.candidate_id)
        .join(SittingRoom, SittingRoom.id == Registration.sitting_room_id)
        .join(Sitting, Sitting.id == SittingRoom.sitting_id)
        .join(Room, Room.id == SittingRoom.room_id)
        .join(Seat, Seat.id == Registration.seat_id)
        .where(
            (AdmissionTicket.number == ticket) | (Candidate.document_index == index),
            SittingRoom.id != view.sitting_room.id,
            Room.centre_id == view.centre.id,
            SittingRoom.state.not_in([SittingState.DRAFT, SittingState.CANCELLED]),
            Sitting.planned_start_at.between(now - SAME_DAY, now + SAME_DAY),
        )
        .order_by(Sitting.planned_start_at, Registration.id)
        .limit(MOST_ELSEWHERE)
    )
    return tuple(ExpectedElsewhere(*row) for row in session.execute(query))
