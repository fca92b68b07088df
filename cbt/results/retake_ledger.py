"""The retake ledger: what was released for candidates, and what the retake rules say of registrations.

Source: R-4.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import partial
from typing import Any, TypeVarTuple

from sqlalchemy import Select, bindparam, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from cbt.blueprints.store import blueprint_of
from cbt.candidates.models import AdmissionTicket, Candidate, Registration
from cbt.http.i18n import local_zone
from cbt.results.models import Appeal, Release, Result
from cbt.rules.calendar import last_day
from cbt.rules.door import same_name
from cbt.rules.exam import ExamBlueprint, RetakePolicy
from cbt.rules.retake import PaperOutcome, PaperResult, RetakeRefusal, RetakeVerdict, may_retake
from cbt.rules.states import SittingState
from cbt.sittings.models import Batch, Sitting, SittingRoom
from cbt.sittings.store import batch_by_ref, official_only
from cbt.storage.page_span import PageSpan
from cbt.storage.prepared import PreparedEntities
from cbt.storage.unit_of_work import reading

T = TypeVarTuple("T")
_RELEASED_AT = func.coalesce(Result.released_at, Release.released_at)
"""When a result was released: with its sitting, or later, when nothing held it any more (R-90)."""
NOT_EXAMINED = frozenset({SittingState.CANCELLED.value, SittingState.ABORTED.value})
"""States of a room whose candidates get a fresh sitting: nothing of it counts (R-60)."""


@dataclass(frozen=True, slots=True)
class TakenRegistration:
    """One registration of a candidate with its sitting, and what was released for it (None: nothing yet)."""

    registration: Registration
    sitting: Sitting
    room_state: str
    started_at: datetime | None
    result: Result | None
    released_at: datetime | None
    appeal: str | None = None
    """The state of its appeal, where that is asked for."""

    @property
    def exam_at(self) -> datetime:
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


Ledger = dict[tuple[int, str], list[TakenRegistration]]
"""(candidate id, blueprint ref) -> everything that candidate took or is registered for, by exam date."""


TAKEN = (Registration, Sitting, SittingRoom.state, SittingRoom.started_at, Result, _RELEASED_AT)
"""What a query asks for that `TakenRegistration` is made of."""


def joined_taken(query: Select[*T]) -> Select[*T]:
    """Join to registrations with their sittings what became of them; trials, practices and drafts are left out."""
    return (
        query.join(SittingRoom, SittingRoom.id == Registration.sitting_room_id)
        .outerjoin(Result, Result.registration_id == Registration.id)
        .outerjoin(Release, Release.id == Result.release_id)
        .where(Sitting.state != SittingState.DRAFT.value, official_only())
    )


_ALL_TAKEN = joined_taken(select(*TAKEN).join(Sitting, Sitting.id == Registration.sitting_id)).order_by(
    Sitting.planned_start_at, Registration.id
)
_LEDGERS = _ALL_TAKEN.where(Registration.candidate_id.in_(bindparam("candidates", expanding=True)))
_OWN_LEDGER = PreparedEntities(
    _ALL_TAKEN.add_columns(Appeal.state)
    .outerjoin(Appeal, Appeal.registration_id == Registration.id)
    .where(Registration.candidate_id == bindparam("candidate"))
)
"""On the day of results everybody asks for their own."""
_AMONG = aliased(Registration)
_LEDGERS_OF_SITTING = PreparedEntities(
    _ALL_TAKEN.where(
        Registration.candidate_id.in_(
            select(_AMONG.candidate_id).where(_AMONG.sitting_id == bindparam("sitting"))
        )
    )
)


def ledger_of(session: Session, candidate_ids: Collection[int]) -> Ledger:
    """Return the ledgers of these candidates, one per level; a trial or practice is no part of them."""
    if not candidate_ids:
        return {}
    return _by_level(session.execute(_LEDGERS, {"candidates": list(candidate_ids)}))


def fetched_ledgers(session: Session, sitting_id: int) -> Callable[[], Ledger]:
    """Have the ledgers of a sitting's candidates read now; return what puts them together and asks nothing more."""
    return partial(_by_level, _LEDGERS_OF_SITTING.fetch(session, sitting=sitting_id))


def own_ledger(candidate_id: int) -> Ledger:
    """Return the ledgers of one candidate as they are stored now, to be read alone."""
    return _by_level(_OWN_LEDGER.read(candidate=candidate_id))


def _by_level(rows: Iterable[Any]) -> Ledger:
    ledger: Ledger = defaultdict(list)
    for row in rows:
        taken = TakenRegistration(*row)
        ledger[taken.registration.candidate_id, taken.registration.blueprint_ref].append(taken)
    return ledger


def released(taken: Collection[TakenRegistration]) -> list[PaperResult]:
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
    former, former_result = aliased(Registration), aliased(Result)
    earlier = (
        exists()
        .where(
            former.candidate_id == Registration.candidate_id,
            former.blueprint_ref == Registration.blueprint_ref,
            former_result.registration_id == former.id,
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
    query = _to_come(query, batch_id).where(or_(Registration.kind == "retake", earlier))
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
    results: defaultdict[tuple[int, str], list[PaperResult]] = defaultdict(list)
    for candidate, level, paper, exam_at, released_at, outcome in session.execute(query):
        results[candidate, level].append(
            PaperResult(
                paper=paper,
                exam_on=exam_at.astimezone(zone).date(),
                released_on=released_at.astimezone(zone).date(),
                outcome=PaperOutcome(outcome),
            )
        )
    return results


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


def ticket_holder(number: str) -> Candidate | None:
    """Return whose 准考证 this is, to be read alone, or None."""
    rows = _TICKET_HOLDER.read(number=number)
    return rows[0][0] if rows else None


_TICKET_HOLDER = PreparedEntities(
    select(Candidate)
    .join(AdmissionTicket, AdmissionTicket.candidate_id == Candidate.id)
    .where(AdmissionTicket.number == bindparam("number"))
)
_WHOSE = PreparedEntities(
    select(Candidate, AdmissionTicket.number)
    .join(Registration, Registration.candidate_id == Candidate.id)
    .join(AdmissionTicket, AdmissionTicket.id == Registration.ticket_id)
    .where(Registration.id == bindparam("registration"))
)


def candidate_of(registration_id: int) -> tuple[Candidate, str]:
    """Return the candidate of a registration, to be read alone, and the number of its ticket."""
    ((candidate, number),) = _WHOSE.read(registration=registration_id)
    return candidate, number


class RetakeFinding(StrEnum):
    """What is wrong with a registration, given what was released before."""

    PASSED = "passed"
    ABSENT = "absent"
    WINDOW_OVER = "window_over"
    NO_RESULT = "no_result"
    IS_RETAKE = "is_retake"


_REFUSED = {
    RetakeRefusal.PASSED: RetakeFinding.PASSED,
    RetakeRefusal.ABSENT: RetakeFinding.ABSENT,
    RetakeRefusal.WINDOW_OVER: RetakeFinding.WINDOW_OVER,
    RetakeRefusal.NO_RESULT: RetakeFinding.NO_RESULT,
}


@dataclass(frozen=True, slots=True)
class RetakeCheck:
    """A finding with the last day it turns on: of the window, or of the pass that still counts."""

    finding: RetakeFinding
    last_on: date | None = None


def counting(results: Iterable[PaperResult], *, policy: RetakePolicy) -> list[PaperResult]:
    """Return the results that count, by exam date: whoever starts over leaves what lapsed behind.

    A paper taken after its window is a new first result, and so is one taken after its pass lapsed.

    Source: R-4.
    """
    kept: dict[str, list[PaperResult]] = {}
    for result in sorted(results, key=lambda one: (one.exam_on, one.released_on)):
        before = kept.setdefault(result.paper, [])
        if before and _starts_over(before, result, policy):
            before.clear()
        before.append(result)
    return sorted((one for group in kept.values() for one in group), key=lambda one: one.exam_on)


def check_registration(
    paper: str, results: Sequence[PaperResult], *, retake: bool, exam_on: date, policy: RetakePolicy
) -> RetakeCheck | None:
    """Return what is wrong with registering for `paper` in an exam on `exam_on`, or None.

    Whoever starts over (新考 after 缺考 or after the window) may; a passed paper is never taken again while
    its pass counts.

    Source: R-4.
    """
    verdict = may_retake(paper, counting(results, policy=policy), exam_on=exam_on, policy=policy)
    if verdict.reason is RetakeRefusal.PASSED:
        return RetakeCheck(RetakeFinding.PASSED, verdict.last_on)
    if retake:
        return RetakeCheck(_REFUSED[verdict.reason], verdict.last_on) if verdict.reason else None
    within = verdict.allowed and verdict.last_on is not None
    return RetakeCheck(RetakeFinding.IS_RETAKE, verdict.last_on) if within else None


def pass_counts_until(paper: str, results: Iterable[PaperResult], *, policy: RetakePolicy) -> date | None:
    """Return the last day on which the latest pass of a paper can be joined with the other one's.

    Source: R-4.
    """
    passes = [one for one in results if one.paper == paper and one.outcome is PaperOutcome.PASSED]
    if not passes:
        return None
    latest = max(passes, key=lambda one: one.exam_on)
    return last_day(latest.exam_on if policy.window_from == "exam" else latest.released_on, policy.years)


def _starts_over(before: list[PaperResult], result: PaperResult, policy: RetakePolicy) -> bool:
    verdict = may_retake(result.paper, before, exam_on=result.exam_on, policy=policy)
    lapsed_pass = verdict.allowed and verdict.last_on is None
    return lapsed_pass or verdict.reason is RetakeRefusal.WINDOW_OVER


def retake_verdicts(
    session: Session, people: Mapping[str, str], blueprint: ExamBlueprint, exam_on: date
) -> dict[str, dict[str, RetakeVerdict]]:
    """Return what the released results of people say of each paper of a level, by the digests of their numbers.

    `people` are their names by these digests: whose name is another's is unknown, as is who has no result.

    Source: R-4.
    """
    rows = session.execute(
        select(Candidate.id, Candidate.document_index, Candidate.name).where(
            Candidate.document_index.in_(people)
        )
    )
    indexes = {one: index for one, index, name in rows if same_name(name, people[index])}
    ledger = ledger_of(session, indexes)
    verdicts = {}
    for candidate_id, index in indexes.items():
        results = counting(released(ledger.get((candidate_id, blueprint.ref), [])), policy=blueprint.retake)
        if results:
            verdicts[index] = {
                paper: may_retake(paper, results, exam_on=exam_on, policy=blueprint.retake)
                for paper in blueprint.papers
            }
    return verdicts


PAGE = 50


@dataclass(frozen=True, slots=True)
class Objection:
    """A registration that should not be as it is, with the names of its level and paper."""

    booking: Booking
    level: str
    paper: str
    check: RetakeCheck


@dataclass(frozen=True, slots=True)
class BatchCheck:
    """What the retake rules say about a batch: how many registrations were looked at, how many are wrong."""

    batch: Batch
    checked: int
    wrong: int
    objections: list[Objection]
    """A page of them."""
    page: int
    pages: int


def check_batch(batch_ref: str, *, page: int = 1) -> BatchCheck:
    """Return which registrations of a batch the retake rules speak against.

    Looked at are those whose result is still to come, on the date of their exam. Nothing speaks against a first
    registration of somebody who has no result of that level, so only the others are read.

    Source: R-4.
    """
    zone = local_zone()
    with reading() as session:
        batch = batch_by_ref(session, batch_ref)
        results = results_before(session, batch.id)
        wrong: dict[int, RetakeCheck] = {}
        for doubtful in doubtful_of(session, batch.id):
            check = check_registration(
                doubtful.paper,
                results.get((doubtful.candidate_id, doubtful.blueprint_ref), []),
                retake=doubtful.kind == "retake",
                exam_on=doubtful.planned_start_at.astimezone(zone).date(),
                policy=blueprint_of(session, doubtful.version_id).retake,
            )
            if check is not None:
                wrong[doubtful.registration_id] = check
        span = PageSpan(len(wrong), PAGE, page)
        shown = list(wrong)[span.offset :][:PAGE]
        objections = []
        for booking in bookings_among(session, shown):
            registration = booking.registration
            blueprint = blueprint_of(session, registration.blueprint_version_id)
            paper = blueprint.papers[registration.paper].label
            objections.append(Objection(booking, blueprint.level_name, paper, wrong[registration.id]))
        checked = count_bookings(session, batch.id)
        return BatchCheck(batch, checked, len(wrong), objections, span.page, span.pages)
