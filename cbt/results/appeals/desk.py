"""The desk of appeals (成绩复核): the list by state with what is due, and one appeal with all its evidence.

Source: R-91.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cbt.accounts.store import actor_names
from cbt.audit.models import AuditEntry
from cbt.blueprints.store import blueprint_of
from cbt.candidates.models import AdmissionTicket, Candidate, Registration
from cbt.enrolment.office_decisions import holidays_of
from cbt.errors import CbtError
from cbt.http.i18n import local_day
from cbt.results.appeals.decision import DECIDED, CountedAppeal, bar_of, counted
from cbt.results.appeals.fresh_mark import fresh_subject
from cbt.results.appeals.request import AppealablePaper, appealable, is_corrected
from cbt.results.models import Appeal, Result, ViolationRuling
from cbt.results.rulings import rulings_of
from cbt.rules.appeals import AppealEvent, AppealFinding, AppealState, MarkLine, Recount
from cbt.rules.calendar import Holidays, working_days_until
from cbt.runner.models import JournalEntry
from cbt.runner.save.digest import answers_in
from cbt.scoring.late_answers import approved_answers, late_rulings_of
from cbt.scoring.marking.fresh_marks import CompanyMarks, company_marks
from cbt.scoring.marking.store import MarkOnRecord, marks_on
from cbt.scoring.models import LateRuling, RuledAttempt, Score
from cbt.sittings.models import Batch, Sitting
from cbt.storage.page_span import PageSpan

PAGE = 50
MOST_SAVES = 500
"""So many of the journal's last answers are listed; how many there are is said."""
STATES = tuple(state.value for state in AppealState)
ANSWER = "answer"


@dataclass(frozen=True, slots=True)
class Due:
    """Until when an appeal is to be decided, and how many working days that is from a day; 0: today, or over."""

    on: date
    days: int
    is_over: bool


def due_of(appeal: Appeal, holidays: Holidays, *, on: date) -> Due:
    return Due(appeal.due_on, working_days_until(on, appeal.due_on, holidays), on > appeal.due_on)


@dataclass(frozen=True, slots=True)
class AppealLine:
    """An appeal in the list."""

    appeal: Appeal
    candidate: Candidate
    ticket_number: str
    sitting: Sitting
    paper: str
    due: Due
    to_correct: bool
    """Whether it was decided to be changed, and what was released does not say so yet."""

    @property
    def scopes(self) -> list[str]:
        return self.appeal.scope.split(",")


@dataclass(frozen=True, slots=True)
class AppealList:
    """A page of the appeals in a state, with how many there are in each."""

    state: str
    lines: list[AppealLine]
    counts: Mapping[str, int]
    page: int
    pages: int


def counts_by_state(session: Session) -> dict[str, int]:
    rows = session.execute(select(Appeal.state, func.count()).group_by(Appeal.state))
    return dict.fromkeys(STATES, 0) | dict(rows.all())


def appeal_list(session: Session, *, state: str, page: int, on: date) -> AppealList:
    """Return a page of the appeals in a state: open ones by what is due, others by their end, latest first."""
    counts = counts_by_state(session)
    span = PageSpan(counts[state], PAGE, page)
    order = (Appeal.due_on,) if state == AppealState.OPEN else (Appeal.ended_at.desc(),)
    query = (
        select(Appeal, Registration, Candidate, AdmissionTicket.number, Sitting, Result)
        .join(Registration, Registration.id == Appeal.registration_id)
        .join(Candidate, Candidate.id == Registration.candidate_id)
        .join(AdmissionTicket, AdmissionTicket.id == Registration.ticket_id)
        .join(Sitting, Sitting.id == Registration.sitting_id)
        .join(Result, Result.registration_id == Registration.id)
        .where(Appeal.state == state)
        .order_by(*order, Appeal.id)
        .limit(PAGE)
        .offset(span.offset)
    )
    holidays = holidays_of(session)
    lines = [
        AppealLine(
            appeal,
            candidate,
            ticket,
            sitting,
            blueprint_of(session, registration.blueprint_version_id).paper_title(registration.paper),
            due_of(appeal, holidays, on=on),
            appeal.state == AppealState.CHANGED and not is_corrected(appeal, result),
        )
        for appeal, registration, candidate, ticket, sitting, result in session.execute(query)
    ]
    return AppealList(state, lines, counts, span.page, span.pages)


# One appeal, with its evidence.


@dataclass(frozen=True, slots=True)
class RecountedAnswer:
    """A position of the recount, with the answer that counts there."""

    line: MarkLine
    answer: str | None
    is_late: bool
    """Whether it came after the deadline and two people approved it (R-29)."""


@dataclass(frozen=True, slots=True)
class AppealPage:
    """One appeal with everything that led to its verdict."""

    of: AppealablePaper
    appeal: Appeal
    batch: Batch
    ticket_number: str
    due: Due
    counted: CountedAppeal | None
    """None where the paper cannot be counted: `unreadable` says why."""
    unreadable: CbtError | None
    bar: CbtError | None
    """Why whoever looks may not decide it."""
    answers: Sequence[RecountedAnswer]
    marks: Sequence[MarkOnRecord]
    """What people gave its answers, the changed marks too."""
    if_taken: Recount | None
    """The recount with every fresh mark in the candidate's favour, where there is one."""
    company: CompanyMarks | None
    """What the answers that went along with them were given."""
    saves: Sequence[JournalEntry]
    """The last answers of the journal with the instants of their receipts, in the order of their receipt."""
    entries: int
    """How many entries the journal has."""
    scores: Sequence[Score]
    late: Sequence[tuple[LateRuling, RuledAttempt]]
    rulings: Sequence[ViolationRuling]
    corrections: Sequence[tuple[AuditEntry, Mapping[str, Any], Mapping[str, Any]]]
    names: Mapping[str, str]

    @property
    def scopes(self) -> list[str]:
        return self.appeal.scope.split(",")

    @property
    def found(self) -> list[str]:
        """What was found not to be in order: as decided, or while it is open, by the recount."""
        if self.appeal.state in DECIDED:
            return [one for one in self.appeal.findings.split(",") if one]
        recount = None if self.counted is None else self.counted.recount
        return [] if recount is None else [one.value for one in AppealFinding if one in recount.findings]

    @property
    def carried(self) -> str:
        """Which outcome the recount carries: `keep`, `change`, or "" for none."""
        if self.counted is None:
            return ""
        events = (AppealEvent.KEEP, AppealEvent.CHANGE)
        return next((one.value for one in events if self.counted.refusal(one) is None), "")

    @property
    def differing(self) -> list[RecountedAnswer]:
        return [one for one in self.answers if one.line.differs]

    @property
    def newly_passes(self) -> bool:
        """Whether a fail became a pass, so that a make-up to come is closed (R-4)."""
        return self.appeal.before_outcome == "failed" and self.appeal.after_outcome == "passed"

    def name_of(self, actor: str) -> str:
        return self.names.get(actor, actor)


def appeal_page(session: Session, ref: str, *, actor: str, now: datetime) -> AppealPage:
    """Return an appeal with its evidence as it stands now; raise NotFound("appeal.unknown")."""
    appeal = Appeal.by_ref(session, ref, unknown="appeal.unknown")
    registration = session.get_one(Registration, appeal.registration_id)
    on = local_day(now)
    recounted, unreadable = _recounted(session, ref)
    attempt_id = None if recounted is None else recounted.attempt.id
    late = late_rulings_of(session, attempt_id)
    rulings = rulings_of(session, registration.id)
    corrections = session.scalars(
        select(AuditEntry)
        .where(AuditEntry.subject == registration.logged_as, AuditEntry.act == "results.correct")
        .order_by(AuditEntry.id)
    ).all()
    sitting = session.get_one(Sitting, registration.sitting_id)
    people = {appeal.asked_by, appeal.ended_by, *(one.decided_by for one in rulings)}
    people |= {who for ruling, _case in late for who in (ruling.by, ruling.second)}
    marks = marks_on(session, attempt_id)
    better = [] if recounted is None or appeal.state in DECIDED else _better(recounted)
    people |= {one.mark.staff for one in marks}
    after = [json.loads(one.after) for one in corrections]
    people |= {one.actor for one in corrections} | {one["second"] for one in after}
    return AppealPage(
        of=appealable(session, registration, on=on),
        appeal=appeal,
        batch=session.get_one(Batch, sitting.batch_id),
        ticket_number=session.get_one(AdmissionTicket, registration.ticket_id).number,
        due=due_of(appeal, holidays_of(session), on=on),
        counted=recounted,
        unreadable=unreadable,
        bar=None if recounted is None else bar_of(session, recounted, actor, now=now),
        answers=[] if recounted is None else _answers(session, recounted),
        marks=marks,
        if_taken=counted(session, ref, take=better).recount if better else None,
        company=company_marks(session, fresh_subject(appeal)),
        saves=_saves(session, attempt_id),
        entries=session.scalar(
            select(func.count()).select_from(JournalEntry).where(JournalEntry.attempt_id == attempt_id)
        )
        or 0,
        scores=session.scalars(
            select(Score).where(Score.attempt_id == attempt_id).order_by(Score.number)
        ).all(),
        late=late,
        rulings=rulings,
        corrections=[
            (entry, json.loads(entry.before), told) for entry, told in zip(corrections, after, strict=True)
        ],
        names=actor_names(session, people),
    )


def _better(found: CountedAppeal) -> list[str]:
    """Return the fresh marks that are above what counts."""
    return [one.mark.ref for one in found.marked if one.mark is not None and one.mark.points > one.points]


def _recounted(session: Session, ref: str) -> tuple[CountedAppeal | None, CbtError | None]:
    try:
        return counted(session, ref), None
    except CbtError as error:
        return None, error


def _answers(session: Session, found: CountedAppeal) -> list[RecountedAnswer]:
    given = answers_in(found.plain.journal)
    late = approved_answers(session, [found.attempt.id]).get(found.attempt.id, {})
    answers = {**given, **{str(place): value or "" for place, value in late.items()}}
    return [
        RecountedAnswer(line, answers.get(str(line.position)) or None, line.position in late)
        for line in found.recount.marks
    ]


def _saves(session: Session, attempt_id: int | None) -> list[JournalEntry]:
    query = (
        select(JournalEntry)
        .where(JournalEntry.attempt_id == attempt_id, JournalEntry.kind == ANSWER)
        .order_by(JournalEntry.lease_epoch.desc(), JournalEntry.seq.desc())
        .limit(MOST_SAVES)
    )
    return list(session.scalars(query))[::-1]
