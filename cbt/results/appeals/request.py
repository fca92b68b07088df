"""An appeal (成绩复核) as it is asked: by the candidate or at the office for them, once a paper, and taken back.

Source: R-91.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.blueprints.store import blueprint_of
from cbt.candidates.models import Candidate, Registration
from cbt.enrolment.body import body
from cbt.enrolment.office_decisions import holidays_of
from cbt.errors import CbtError, Conflict, InvalidInput, NotFound
from cbt.http.form_values import one_line, required
from cbt.http.i18n import local_day
from cbt.results.appeals.fresh_mark import fresh_subject
from cbt.results.models import Appeal, Release, Result
from cbt.rules.appeals import (
    AppealEvent,
    AppealRefusal,
    AppealScope,
    AppealState,
    AppealWindow,
    answer_due,
    appeal_refusal,
    appeal_window,
    next_appeal_state,
)
from cbt.rules.exam import ExamBlueprint, Paper
from cbt.rules.retake import PaperOutcome
from cbt.scoring.marking.fresh_marks import end_purpose
from cbt.sittings.models import Sitting
from cbt.sittings.store import hold_sitting, require_official
from cbt.storage.types import new_ref
from cbt.storage.unit_of_work import unit_of_work

LONGEST_WORDS = 500
LONGEST_GROUNDS = 2000


@dataclass(frozen=True, slots=True)
class AppealForm:
    """What is to be looked at, and what the candidate says to it."""

    scope: Collection[str]
    words: str


@dataclass(frozen=True, slots=True)
class AppealablePaper:
    """A registration whose result may be appealed against, or why not; `appeal` is the one there is."""

    registration: Registration
    candidate: Candidate
    sitting: Sitting
    blueprint: ExamBlueprint
    result: Result | None
    window: AppealWindow | None
    appeal: Appeal | None
    refused: AppealRefusal | None

    @property
    def paper(self) -> Paper:
        return self.blueprint.papers[self.registration.paper]

    @property
    def title(self) -> str:
        return f"{self.blueprint.occupation_name} {self.blueprint.level_name} {self.paper.label}"

    @property
    def is_corrected(self) -> bool:
        """Whether what was released is no longer what the appeal was about: two people corrected it (R-54)."""
        return self.appeal is not None and self.result is not None and is_corrected(self.appeal, self.result)

    @property
    def is_settled(self) -> bool:
        """Whether the candidate may be told: it was kept, or what it found stands in their result."""
        state = None if self.appeal is None else self.appeal.state
        return state == AppealState.KEPT or (state == AppealState.CHANGED and self.is_corrected)

    def refusal(self) -> CbtError | None:
        """Return why it cannot be asked, as an error; None where it can."""
        last = "" if self.window is None else self.window.last_on.isoformat()
        return None if self.refused is None else Conflict(f"appeal.{self.refused}", last=last)


def is_corrected(appeal: Appeal, result: Result) -> bool:
    return (result.outcome, result.score) != (appeal.before_outcome, appeal.before_score)


def appealable(session: Session, registration: Registration, *, on: date) -> AppealablePaper:
    """Return how a registration stands to an appeal on a day.

    Source: R-91.
    """
    result, window = _released_result(session, registration)
    appeal = appeal_of(session, registration.id)
    return AppealablePaper(
        registration=registration,
        candidate=session.get_one(Candidate, registration.candidate_id),
        sitting=session.get_one(Sitting, registration.sitting_id),
        blueprint=blueprint_of(session, registration.blueprint_version_id),
        result=result,
        window=window,
        appeal=appeal,
        refused=appeal_refusal(
            None if result is None else PaperOutcome(result.outcome),
            window,
            scored=result is not None and result.score_id is not None,
            asked=appeal is not None,
            on=on,
        ),
    )


def appeal_of(session: Session, registration_id: int) -> Appeal | None:
    return session.scalar(select(Appeal).where(Appeal.registration_id == registration_id))


def _released_result(
    session: Session, registration: Registration
) -> tuple[Result | None, AppealWindow | None]:
    """Return what was released of a registration, and until when it may be appealed against."""
    row = session.execute(
        select(Result, Release.released_at)
        .join(Release, Release.id == Result.release_id)
        .where(Result.registration_id == registration.id)
    ).first()
    if row is None:
        return None, None
    result, released_at = row
    on = local_day(result.released_at or released_at)
    return result, appeal_window(on, holidays_of(session), days=body(session).appeal_days)


def own_paper(session: Session, registration_ref: str, candidate_id: int, *, on: date) -> AppealablePaper:
    """Return how a candidate's own registration stands to an appeal.

    Raise NotFound("registration.unknown") for another's, Conflict("appeal.withheld") where the paper's policy shows
    no result here: that is asked for at the office.
    """
    registration = Registration.by_ref(session, registration_ref, unknown="registration.unknown")
    if registration.candidate_id != candidate_id:
        raise NotFound("registration.unknown")
    paper = appealable(session, registration, on=on)
    if paper.paper.release == "none":
        raise Conflict("appeal.withheld")
    return paper


def ask(
    registration_ref: str, form: AppealForm, *, now: datetime, actor: str, whose: int | None = None
) -> str:
    """Put an appeal against a released result on record; return its ref.

    `whose` is the candidate who asks for it on their own page.

    Raise InvalidInput("appeal.scope"|"appeal.words"), NotFound("registration.unknown"), Conflict(
    "appeal.unreleased"|"appeal.no_score"|"appeal.asked"|"appeal.over"), and like `own_paper`
    and `require_official`.

    Source: R-91.
    """
    scope = [one.value for one in AppealScope if one.value in form.scope]
    if not scope:
        raise InvalidInput("appeal.scope", field="scope")
    words = one_line(form.words, "words")
    if len(words) > LONGEST_WORDS:
        raise InvalidInput("appeal.words", field="words", maximum=LONGEST_WORDS)
    on = local_day(now)
    try:
        with unit_of_work() as session:
            registration = Registration.by_ref(session, registration_ref, unknown="registration.unknown")
            require_official(hold_sitting(session, registration.sitting_id))
            paper = (
                appealable(session, registration, on=on)
                if whose is None
                else own_paper(session, registration_ref, whose, on=on)
            )
            refused = paper.refusal()
            if refused is not None or paper.result is None or paper.window is None:
                raise refused or Conflict("appeal.unreleased")
            made = Appeal(
                ref=new_ref("ap"),
                registration_id=registration.id,
                scope=",".join(scope),
                words=words,
                asked_at=now,
                asked_by=actor,
                last_on=paper.window.last_on,
                due_on=answer_due(on, holidays_of(session), days=body(session).appeal_answer_days).day,
                state=AppealState.OPEN.value,
                before_outcome=paper.result.outcome,
                before_score=paper.result.score,
                after_outcome="",
                findings="",
                evidence="",
                grounds="",
                ended_by="",
            )
            session.add(made)
            session.flush()
            after = {"appeal": made.ref, "scope": made.scope, "due_on": made.due_on.isoformat()}
            record(
                session, at=now, actor=actor, act="appeal.ask", subject=registration.logged_as, after=after
            )
            return made.ref
    except IntegrityError as error:  # two at once: one was quicker
        raise Conflict(f"appeal.{AppealRefusal.ASKED}", last="") from error


def withdraw(ref: str, *, now: datetime, actor: str, reason: str | None = None) -> None:
    """Take an appeal back before it is decided; it is not asked for again. The office says a `reason`.

    Raise NotFound("appeal.unknown"), InvalidInput("appeal.reason"), Conflict("appeal.transition").

    Source: R-91.
    """
    why = "" if reason is None else required(reason, "appeal.reason", "reason", limit=LONGEST_WORDS)
    with unit_of_work() as session:
        appeal = Appeal.by_ref(session, ref, unknown="appeal.unknown")
        registration = session.get_one(Registration, appeal.registration_id)
        sitting = hold_sitting(session, registration.sitting_id)
        reached = next_appeal_state(AppealState(appeal.state), AppealEvent.WITHDRAW)
        taken = session.scalar(
            update(Appeal)
            .where(Appeal.id == appeal.id, Appeal.state == AppealState.OPEN.value)
            .values(state=reached.value, grounds=why, ended_at=now, ended_by=actor)
            .returning(Appeal.id)
        )
        if taken is None:
            raise Conflict("appeal.changed_meanwhile")
        end_purpose(session, sitting, fresh_subject(appeal), now=now, actor=actor)
        record(
            session,
            at=now,
            actor=actor,
            act="appeal.withdraw",
            subject=registration.logged_as,
            reason=why,
            after={"appeal": ref},
        )
