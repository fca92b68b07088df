"""Queries of the delivery room."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cbt.candidates.models import AdmissionTicket, Candidate, Registration
from cbt.delivery.models import Attempt, Message
from cbt.delivery.moving import OVER
from cbt.door.admission import PaperState
from cbt.sittings.models import Seat, Sitting, SittingRoom


def journal_state(rows: Iterable[tuple[str, int, str | None, int]]) -> tuple[dict[str, Any], int]:
    """Return what a page needs to come back unchanged, and the largest sequence number seen (R-42).

    `rows` are (kind, position, value, seq) of an attempt's journal in the order of (lease_epoch, seq). The
    first result holds answers, flags, strikes, notes, marks and settings; the browser's next number must be larger
    than the second.
    """
    latest: dict[tuple[str, int], str | None] = {}
    highest = 0
    for kind, position, value, seq in rows:
        highest = max(highest, seq)
        if kind != "event":
            latest[kind, position] = value
    state: dict[str, Any] = {
        "answers": {},
        "flags": [],
        "strikes": {},
        "notes": {},
        "marks": {},
        "settings": {},
    }
    names = {"answer": "answers", "strike": "strikes", "note": "notes", "mark": "marks"}
    for (kind, position), value in latest.items():
        if value is None:
            continue
        if kind == "flag":
            state["flags"].append(position)
        elif kind == "setting":
            state["settings"] = json.loads(value)
        else:
            state[names[kind]][str(position)] = json.loads(value)
    state["flags"].sort()
    return state, highest


def unread_messages(session: Session, attempt_id: int) -> list[Message]:
    """Return the reminders the candidate has not confirmed."""
    return list(
        session.scalars(
            select(Message)
            .where(
                Message.attempt_id == attempt_id, Message.read_at.is_(None), Message.withdrawn_at.is_(None)
            )
            .order_by(Message.id)
        )
    )


def is_out(session: Session, registration_id: int) -> bool:
    """Return whether the candidate is out of the room under escort (R-13)."""
    query = select(Registration.left_at).where(Registration.id == registration_id)
    return session.scalar(query) is not None


@dataclass(frozen=True, slots=True)
class SeatCard:
    """Who sits where with which paper, for the shell of the answer page."""

    attempt_ref: str
    attempt_state: str
    candidate_name: str
    candidate_id: int
    ticket_number: str
    seat_number: int
    registration: Registration
    purpose: str
    """What its sitting is held for."""
    room_ref: str
    room_started_at: datetime | None
    evacuated: bool
    receipt: str | None
    closed_by: str | None
    closed_at: datetime | None


def seat_card(session: Session, registration_id: int) -> SeatCard | None:
    """Return the card of one registration, or None while its form is not drawn (one query)."""
    row = session.execute(
        select(
            Attempt,
            Registration,
            Candidate,
            AdmissionTicket.number,
            Seat.number,
            SittingRoom,
            Sitting.purpose,
        )
        .join(Registration, Registration.id == Attempt.registration_id)
        .join(Candidate, Candidate.id == Registration.candidate_id)
        .join(AdmissionTicket, AdmissionTicket.id == Registration.ticket_id)
        .join(Seat, Seat.id == Registration.seat_id)
        .join(SittingRoom, SittingRoom.id == Registration.sitting_room_id)
        .join(Sitting, Sitting.id == Registration.sitting_id)
        .where(Registration.id == registration_id)
    ).one_or_none()
    if row is None:
        return None
    attempt, registration, person, ticket, seat, room, purpose = row
    return SeatCard(
        attempt_ref=attempt.ref,
        attempt_state=attempt.state,
        candidate_name=person.name,
        candidate_id=person.id,
        ticket_number=ticket,
        seat_number=seat,
        registration=registration,
        purpose=purpose,
        room_ref=room.ref,
        room_started_at=room.started_at,
        evacuated=room.evacuated_at is not None,
        receipt=attempt.receipt,
        closed_by=attempt.closed_by,
        closed_at=attempt.closed_at,
    )


def paper_states(session: Session, registration_ids: Collection[int]) -> dict[int, PaperState]:
    """Return what the door must know of the papers of these registrations: closed, moving, or open."""
    rows = session.execute(
        select(Attempt.registration_id, Attempt.state, Attempt.move_allowed_at).where(
            Attempt.registration_id.in_(registration_ids)
        )
    )
    states = {}
    for registration_id, state, move_allowed_at in rows:
        if state in OVER:
            states[registration_id] = PaperState.CLOSED
        else:
            states[registration_id] = PaperState.MOVING if move_allowed_at is not None else PaperState.OPEN
    return states


def count_without_form(
    session: Session, *, sitting_id: int | None = None, sitting_room_id: int | None = None
) -> int:
    """Return how many registrations of a sitting, or of one of its rooms, have no form. Source: R-43."""
    query = (
        select(func.count())
        .select_from(Registration)
        .outerjoin(Attempt, Attempt.registration_id == Registration.id)
        .where(Attempt.id.is_(None))
    )
    if sitting_id is not None:
        query = query.where(Registration.sitting_id == sitting_id)
    if sitting_room_id is not None:
        query = query.where(Registration.sitting_room_id == sitting_room_id)
    return session.scalar(query) or 0
