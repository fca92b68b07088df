"""Queries of the retake ledger: what was released for candidates, and what a batch registers them for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVarTuple

from sqlalchemy import Select, bindparam, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from cbt.candidates.models import AdmissionTicket, Candidate, Registration
from cbt.results.models import Release, Result
from cbt.rules.retake import PaperOutcome, PaperResult
from cbt.rules.states.sitting import SittingState
from cbt.sittings.models import Sitting, SittingRoom
from cbt.sittings.planning.purposes import official_only
from cbt.web.i18n import local_zone

T = TypeVarTuple("T")
_RELEASED_AT = func.coalesce(Result.released_at, Release.released_at)
"""When a result was released: with its sitting, or later, when nothing held it any more (R-90)."""
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


TAKEN = (Registration, Sitting, SittingRoom.state, SittingRoom.started_at, Result, _RELEASED_AT)
"""What a query asks for that `Taken` is made of."""


def joined_taken(query: Select[*T]) -> Select[*T]:
    """Join to registrations with their sittings what became of them; trials, practices and drafts are left out."""
    return (
        query.join(SittingRoom, SittingRoom.id == Registration.sitting_room_id)
        .outerjoin(Result, Result.registration_id == Registration.id)
        .outerjoin(Release, Release.id == Result.release_id)
        .where(Sitting.state != SittingState.DRAFT.value, official_only())
    )


_LEDGERS = (
    joined_taken(select(*TAKEN).join(Sitting, Sitting.id == Registration.sitting_id))
    .where(Registration.candidate_id.in_(bindparam("candidates", expanding=True)))
    .order_by(Sitting.planned_start_at, Registration.id)
)
"""On the day of results everybody asks this: it is put together once."""


def ledger_of(session: Session, candidate_ids: Collection[int]) -> Ledger:
    """Return the ledgers of these candidates, one per level; a trial or practice is no part of them."""
    ledger: Ledger = defaultdict(list)
    for row in session.execute(_LEDGERS, {"candidates": list(candidate_ids)}) if candidate_ids else ():
        taken = Taken(*row)
        ledger[taken.registration.candidate_id, taken.registration.blueprint_ref].append(taken)
    return ledger


def released(taken: Collection[Taken]) -> list[PaperResult]:
    """Return the released results among what a candidate took."""
    return [result for one in taken if (result := one.as_result()) is not None]


@dataclass(frozen=True, slots=True)
class Doubtful:
    """What the retake rules ask of a registration that they may speak against."""

    registration_id: int
    candidate_id: int
    blueprint_ref: str
    version_id: int
    paper: str
    kind: str
    planned_start_at: datetime


def _to_come(query: Select[*T], batch_id: int) -> Select[*T]:
    """Narrow a query of registrations down to those of a batch whose results are still to come."""
    return (
        query.join(Sitting, Sitting.id == Registration.sitting_id)
        .join(SittingRoom, SittingRoom.id == Registration.sitting_room_id)
        .outerjoin(Result, Result.registration_id == Registration.id)
        .where(
            Sitting.batch_id == batch_id,
            official_only(),
            Result.id.is_(None),
            SittingRoom.state.not_in(NOT_EXAMINED),
        )
    )


def count_bookings(session: Session, batch_id: int) -> int:
    """Return how many registrations of a batch have their results still to come."""
    return session.scalar(_to_come(select(func.count()).select_from(Registration), batch_id)) or 0


def doubtful_of(session: Session, batch_id: int) -> list[Doubtful]:
    """Return, by sitting and ticket, the retakes to come and those of candidates with a result of that level."""
    former, told = aliased(Registration), aliased(Result)
    known = (
        exists()
        .where(
            former.candidate_id == Registration.candidate_id,
            former.blueprint_ref == Registration.blueprint_ref,
            told.registration_id == former.id,
        )
        .correlate(Registration)
    )
    query = select(
        Registration.id,
        Registration.candidate_id,
        Registration.blueprint_ref,
        Registration.blueprint_version_id,
        Registration.paper,
        Registration.kind,
        Sitting.planned_start_at,
    ).join(AdmissionTicket, AdmissionTicket.id == Registration.ticket_id)
    query = _to_come(query, batch_id).where(or_(Registration.kind == "retake", known))
    query = query.order_by(Sitting.planned_start_at, AdmissionTicket.number, Registration.id)
    return [Doubtful(*row) for row in session.execute(query)]


def results_before(session: Session, batch_id: int) -> dict[tuple[int, str], list[PaperResult]]:
    """Return what was released before for those of a batch: (candidate, level) -> results by exam date."""
    whose = _to_come(select(Registration.candidate_id), batch_id)
    query = (
        select(
            Registration.candidate_id,
            Registration.blueprint_ref,
            Registration.paper,
            func.coalesce(SittingRoom.started_at, Sitting.planned_start_at),
            _RELEASED_AT,
            Result.outcome,
        )
        .join(Sitting, Sitting.id == Registration.sitting_id)
        .join(SittingRoom, SittingRoom.id == Registration.sitting_room_id)
        .join(Result, Result.registration_id == Registration.id)
        .join(Release, Release.id == Result.release_id)
        .where(
            Registration.candidate_id.in_(whose), Sitting.state != SittingState.DRAFT.value, official_only()
        )
        .order_by(Sitting.planned_start_at, Registration.id)
    )
    zone = local_zone()
    found: defaultdict[tuple[int, str], list[PaperResult]] = defaultdict(list)
    for candidate, level, paper, exam_at, released_at, outcome in session.execute(query):
        found[candidate, level].append(
            PaperResult(
                paper=paper,
                exam_on=exam_at.astimezone(zone).date(),
                released_on=released_at.astimezone(zone).date(),
                outcome=PaperOutcome(outcome),
            )
        )
    return found


def bookings_among(session: Session, registration_ids: Collection[int]) -> list[Booking]:
    """Return registrations with what names them, by sitting and ticket."""
    query = (
        select(Registration, Candidate, AdmissionTicket.number, Sitting)
        .join(Candidate, Candidate.id == Registration.candidate_id)
        .join(AdmissionTicket, AdmissionTicket.id == Registration.ticket_id)
        .join(Sitting, Sitting.id == Registration.sitting_id)
        .where(Registration.id.in_(registration_ids))
        .order_by(Sitting.planned_start_at, AdmissionTicket.number, Registration.id)
    )
    return [Booking(*row) for row in session.execute(query)] if registration_ids else []


def ticket_holder(session: Session, number: str) -> Candidate | None:
    """Return whose 准考证 this is, or None."""
    return session.scalar(_TICKET_HOLDER, {"number": number})


_TICKET_HOLDER = (
    select(Candidate)
    .join(AdmissionTicket, AdmissionTicket.candidate_id == Candidate.id)
    .where(AdmissionTicket.number == bindparam("number"))
)
_WHOSE = (
    select(Candidate, AdmissionTicket.number)
    .join(Registration, Registration.candidate_id == Candidate.id)
    .join(AdmissionTicket, AdmissionTicket.id == Registration.ticket_id)
    .where(Registration.id == bindparam("registration"))
)


def candidate_of(session: Session, registration_id: int) -> tuple[Candidate, str]:
    """Return the candidate of a registration, and the number of its ticket."""
    candidate, number = session.execute(_WHOSE, {"registration": registration_id}).one()
    return candidate, number
