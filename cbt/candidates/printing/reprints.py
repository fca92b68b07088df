"""Tickets of a batch to be printed again, by sitting, and the note of who had what printed.

A ticket is printed again when something on it changed since.

Source: R-11, R-64.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from cbt.audit import flood_limit
from cbt.candidates.models import AdmissionTicket, Candidate, Registration
from cbt.candidates.printing.occasion import Occasion
from cbt.candidates.tickets import note_printed
from cbt.http.auth.login import Principal
from cbt.rules.roles import Role
from cbt.rules.states.sitting import SittingState
from cbt.sittings.models import Batch, Sitting, SittingRoom
from cbt.sittings.store import batch_by_ref
from cbt.storage.unit_of_work import pieces_of, unit_of_work

PAGE_SIZE = 100


@dataclass(frozen=True, slots=True)
class StaleTicket:
    """A ticket to be printed again, whose it is, and one of its registrations."""

    ticket: AdmissionTicket
    candidate: Candidate
    registration_ref: str


@dataclass(frozen=True, slots=True)
class AgainPage:
    """The sittings of a batch with how many tickets of theirs are to be printed again, and a page of these."""

    batch: Batch
    sittings: list[tuple[Sitting, int]]
    tickets: list[StaleTicket]
    total: int


def again_page(session: Session, batch_ref: str, *, page: int) -> AgainPage:
    """Return which tickets of a batch are to be printed again; a ticket of two sittings counts for each."""
    batch = batch_by_ref(session, batch_ref)
    stale = _stale(batch)
    counted = (
        select(Sitting, func.count(func.distinct(AdmissionTicket.id)))
        .join(Registration, Registration.sitting_id == Sitting.id)
        .join(SittingRoom, SittingRoom.id == Registration.sitting_room_id)
        .join(AdmissionTicket, AdmissionTicket.id == Registration.ticket_id)
        .where(stale)
        .group_by(Sitting.id)
        .order_by(Sitting.planned_start_at, Sitting.id)
    )
    first = (
        select(AdmissionTicket.id, func.min(Registration.ref).label("ref"))
        .join(Registration, Registration.ticket_id == AdmissionTicket.id)
        .join(SittingRoom, SittingRoom.id == Registration.sitting_room_id)
        .where(stale)
        .group_by(AdmissionTicket.id)
        .subquery()
    )
    listed = (
        select(AdmissionTicket, Candidate, first.c.ref)
        .join(first, first.c.id == AdmissionTicket.id)
        .join(Candidate, Candidate.id == AdmissionTicket.candidate_id)
        .order_by(AdmissionTicket.number)
        .limit(PAGE_SIZE)
        .offset((page - 1) * PAGE_SIZE)
    )
    return AgainPage(
        batch=batch,
        sittings=[(sitting, count) for sitting, count in session.execute(counted)],
        tickets=[StaleTicket(*row) for row in session.execute(listed)],
        total=session.scalar(select(func.count()).select_from(first)) or 0,
    )


def _stale(batch: Batch) -> ColumnElement[bool]:
    return and_(
        AdmissionTicket.batch_id == batch.id,
        AdmissionTicket.reprint_since.is_not(None),
        SittingRoom.state != SittingState.CANCELLED.value,
    )


def note_print(
    document: str, occasion: Occasion, *, subject: str, principal: Principal, now: datetime
) -> None:
    """Put on record that a document was made of `subject`, of how many people; a repeat is counted.

    Tickets that an officer has made are with their holders from then on; others look at them. They are
    noted a few at a time: what is not noted yet is there to be printed again.
    """
    stale = {one.id for one in occasion.tickets if one.printed_at is None or one.reprint_since is not None}
    if document == "tickets" and principal.has(Role.OFFICER):
        for piece in pieces_of(sorted(stale)):
            with unit_of_work() as session:
                note_printed(session, piece, now=now)
    with unit_of_work() as session:
        flood_limit.count(
            session,
            at=now,
            actor=principal.logged_as,
            act=f"print.{document}",
            subject=subject,
            people=str(len(occasion.entries)),
        )
