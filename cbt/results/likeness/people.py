"""Who the people of pairs are: what is kept of a pair are the keys of two attempts."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.candidates.models import AdmissionTicket, Candidate, Registration
from cbt.results.likeness.seats import SeatedAt
from cbt.runner.models import Attempt
from cbt.sittings.models import Room, Seat, SittingRoom


@dataclass(frozen=True, slots=True)
class PairedPerson:
    """One of two people: who, where, when."""

    attempt_id: int
    form_id: int
    registration_id: int
    ref: str
    name: str
    document: str
    """Masked."""
    ticket: str
    room: str
    seated: SeatedAt
    started_at: datetime | None
    closed_at: datetime | None
    violation_code: str | None

    @property
    def seat(self) -> int:
        return self.seated.seat


def people_of(session: Session, attempt_ids: Collection[int]) -> dict[int, PairedPerson]:
    """Return people by the keys of their attempts (one query)."""
    rows = session.execute(
        select(
            Attempt.id,
            Attempt.form_id,
            Registration.id,
            Registration.ref,
            Candidate.name,
            Candidate.document_masked,
            AdmissionTicket.number,
            Room.name,
            SittingRoom.id,
            Seat.number,
            Attempt.started_at,
            Attempt.closed_at,
            Registration.violation_code,
        )
        .join(Registration, Registration.id == Attempt.registration_id)
        .join(Candidate, Candidate.id == Registration.candidate_id)
        .join(AdmissionTicket, AdmissionTicket.id == Registration.ticket_id)
        .join(SittingRoom, SittingRoom.id == Registration.sitting_room_id)
        .join(Room, Room.id == SittingRoom.room_id)
        .join(Seat, Seat.id == Registration.seat_id)
        .where(Attempt.id.in_(attempt_ids))
    )
    return {
        attempt: PairedPerson(
            attempt,
            form,
            registration,
            ref,
            name,
            document,
            ticket,
            room,
            SeatedAt(at, seat),
            start,
            end,
            code,
        )
        for attempt, form, registration, ref, name, document, ticket, room, at, seat, start, end, code in rows
    }
