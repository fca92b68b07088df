"""Queries of the retake ledger: what was released for candidates, and what a batch registers them for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.candidates.models import AdmissionTicket, Candidate, Registration
from cbt.results.models import Release, Result
from cbt.rules.retake import PaperOutcome, PaperResult
from cbt.rules.states.sitting import SittingState
from cbt.sittings.models import Sitting, SittingRoom
from cbt.sittings.planning.purposes import official_only
from cbt.web.i18n import local_zone

NOT_EXAMINED = frozenset({SittingState.CANCELLED.value, SittingState.ABORTED.value})
"""States of a room whose candidates get a fresh sitting: nothing of it counts (R-60)."""


@dataclass(frozen=True, slots=True)
class Taken:
    """One registration of a candidate with its sitting, and what was released for it (None: nothing yet)."""

    registration: Registration
    sitting: Sitting
    room_state: str
    started_at: datetime | None
    result: Result | None
    released_at: datetime | None

    @property
    def exam_at(self) -> datetime:
        """When the exam was, or is planned."""
        return self.started_at or self.sitting.planned_start_at

    def as_result(self) -> PaperResult | None:
        """Return the released result as the rules know it, or None; dates are the centre's."""
        if self.result is None or self.released_at is None:
            return None
        zone = local_zone()
        return PaperResult(
            paper=self.registration.paper,
            exam_on=self.exam_at.astimezone(zone).date(),
            released_on=self.released_at.astimezone(zone).date(),
            outcome=PaperOutcome(self.result.outcome),
        )


@dataclass(frozen=True, slots=True)
class Booking:
    """A registration of a batch whose result is still to come."""

    registration: Registration
    candidate: Candidate
    ticket_number: str
    sitting: Sitting


Ledger = dict[tuple[int, str], list[Taken]]
"""(candidate id, blueprint ref) -> everything that candidate took or is registered for, by exam date."""


def ledger_of(session: Session, candidate_ids: Collection[int]) -> Ledger:
    """Return the ledgers of these candidates, one per level; a trial or practice is no part of them."""
    query = (
        select(
            Registration,
            Sitting,
            SittingRoom.state,
            SittingRoom.started_at,
            Result,
            Release.released_at,
        )
        .join(Sitting, Sitting.id == Registration.sitting_id)
        .join(SittingRoom, SittingRoom.id == Registration.sitting_room_id)
        .outerjoin(Result, Result.registration_id == Registration.id)
        .outerjoin(Release, Release.id == Result.release_id)
        .where(
            Registration.candidate_id.in_(candidate_ids),
            Sitting.state != SittingState.DRAFT.value,
            official_only(),
        )
        .order_by(Sitting.planned_start_at, Registration.id)
    )
    ledger: Ledger = defaultdict(list)
    for row in session.execute(query) if candidate_ids else ():
        taken = Taken(*row)
        ledger[taken.registration.candidate_id, taken.registration.blueprint_ref].append(taken)
    return ledger


def released(taken: Collection[Taken]) -> list[PaperResult]:
    """Return the released results among what a candidate took."""
    return [result for one in taken if (result := one.as_result()) is not None]


def bookings_of(session: Session, batch_id: int) -> list[Booking]:
    """Return the registrations of a batch whose results are still to come, by sitting and ticket."""
    query = (
        select(Registration, Candidate, AdmissionTicket.number, Sitting)
        .join(Candidate, Candidate.id == Registration.candidate_id)
        .join(AdmissionTicket, AdmissionTicket.id == Registration.ticket_id)
        .join(Sitting, Sitting.id == Registration.sitting_id)
        .join(SittingRoom, SittingRoom.id == Registration.sitting_room_id)
        .outerjoin(Result, Result.registration_id == Registration.id)
        .where(
            Sitting.batch_id == batch_id,
            official_only(),
            Result.id.is_(None),
            SittingRoom.state.not_in(NOT_EXAMINED),
        )
        .order_by(Sitting.planned_start_at, AdmissionTicket.number)
    )
    return [Booking(*row) for row in session.execute(query)]


def ticket_holder(session: Session, number: str) -> Candidate | None:
    """Return whose 准考证 this is, or None."""
    return session.scalar(
        select(Candidate)
        .join(AdmissionTicket, AdmissionTicket.candidate_id == Candidate.id)
        .where(AdmissionTicket.number == number)
    )


def candidate_of(session: Session, registration_id: int) -> Candidate:
    """Return the candidate of a registration."""
    return session.scalars(
        select(Candidate)
        .join(Registration, Registration.candidate_id == Candidate.id)
        .where(Registration.id == registration_id)
    ).one()
