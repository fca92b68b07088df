"""复评: an answer whose mark counts is marked once more, by somebody who never had it and does not know why.

It goes to the markers by its item like any other, among some that only go along. The marks before it stay; its own
counts where a decision takes it, with the score that this makes. The desk is open as long as that takes.

Source: R-51, R-64, R-91.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import ColumnElement, exists, func, insert, select, update
from sqlalchemy.orm import Session

from cbt.accounts.models import Staff
from cbt.audit.chain import record
from cbt.errors import Conflict
from cbt.rules.canonical import canonical_json
from cbt.rules.form_score import PeopleMark
from cbt.rules.marking import COMPANY, AnswerState, people_mark
from cbt.rules.roles import PersonStep
from cbt.rules.states import SittingState
from cbt.scoring.marking.models import (
    CountedMark,
    DeskMarker,
    FreshRequest,
    Mark,
    MarkedAnswer,
    MarkingDesk,
    MarkingQueue,
    SeedMark,
    SeedPaper,
)
from cbt.scoring.marking.store import ENDED, OPEN, desk_of_sitting, is_newest, papers_that_wait
from cbt.sittings.models import Sitting

BY_RUBRIC = "key:"
"""What the subject of marks by a corrected rubric begins with (`rubric_round`)."""
MARKED = (AnswerState.DONE.value, AnswerState.FRESH.value)


@dataclass(frozen=True, slots=True)
class CountedAnswer:
    """An answer of a paper whose points people gave, and what counts of it."""

    answer: MarkedAnswer
    points: Decimal
    full: Decimal
    request: FreshRequest | None
    """What asks, or asked, for a fresh mark of it for one purpose; None for nothing."""
    mark: Mark | None
    """The fresh mark."""
    free: int
    """How many of those named at the desk never had it."""

    @property
    def waits(self) -> bool:
        return self.request is not None and self.request.ended_at is None

    @property
    def by(self) -> Decimal | None:
        """By how much the fresh mark is above what counts."""
        return None if self.mark is None else self.mark.points - self.points

    @property
    def text(self) -> tuple[str, str]:
        """Where it stands in the paper, and for which text."""
        return str(self.answer.position), self.answer.sha256

    def as_people_mark(self) -> PeopleMark:
        """Return the fresh mark as the score of the paper takes it."""
        if self.mark is None:
            raise RuntimeError(f"answer {self.answer.ref} has no fresh mark")
        return people_mark(self.mark.points, self.full, (self.mark.ref,))


def counted_answers(
    session: Session, attempt_id: int, subject: str, *, until: int | None = None
) -> list[CountedAnswer]:
    """Return the answers of a paper that people marked, by position, with what was asked of each for one purpose.

    `until` is a score: the points are those that counted when it was made.
    """
    of_score = CountedMark.score_id <= until if until is not None else is_newest()
    rows = session.execute(
        select(MarkedAnswer, CountedMark.points, CountedMark.full, FreshRequest, Mark)
        .join(CountedMark, CountedMark.answer_id == MarkedAnswer.id)
        .outerjoin(
            FreshRequest, (FreshRequest.answer_id == MarkedAnswer.id) & (FreshRequest.subject == subject)
        )
        .outerjoin(Mark, Mark.id == FreshRequest.mark_id)
        .where(MarkedAnswer.attempt_id == attempt_id, MarkedAnswer.state.in_(MARKED), of_score)
        .order_by(MarkedAnswer.position, CountedMark.score_id)
    ).all()
    newest = {
        answer.id: (answer, points, full, request, mark) for answer, points, full, request, mark in rows
    }
    free = _free_markers(session, list(newest))
    return [CountedAnswer(*one, free[answer_id]) for answer_id, one in newest.items()]


def _free_markers(session: Session, answer_ids: Sequence[int]) -> dict[int, int]:
    """Return of each answer how many who are named at its desk never had it before them."""
    account = "staff:" + Staff.ref
    had = exists().where(Mark.answer_id == MarkedAnswer.id, Mark.staff == account)
    asked = exists().where(
        FreshRequest.answer_id == MarkedAnswer.id,
        FreshRequest.asked_by == account,
        FreshRequest.ended_at.is_(None),
    )
    rows = session.execute(
        select(MarkedAnswer.id, func.count())
        .join(MarkingQueue, MarkingQueue.id == MarkedAnswer.queue_id)
        .join(DeskMarker, DeskMarker.desk_id == MarkingQueue.desk_id)
        .join(Staff, Staff.id == DeskMarker.staff_id)
        .where(
            MarkedAnswer.id.in_(answer_ids),
            DeskMarker.left_at.is_(None),
            Staff.disabled_at.is_(None),
            ~had,
            ~asked,
        )
        .group_by(MarkedAnswer.id)
    )
    return dict.fromkeys(answer_ids, 0) | dict(rows.all())


def waits_for(session: Session, subject: str) -> set[int]:
    """Return the ids of the answers that wait for the fresh mark meant by one purpose."""
    query = (
        select(FreshRequest.answer_id)
        .join(MarkedAnswer, MarkedAnswer.id == FreshRequest.answer_id)
        .where(
            FreshRequest.subject == subject,
            ~FreshRequest.is_company,
            FreshRequest.ended_at.is_(None),
            MarkedAnswer.state == AnswerState.FRESH.value,
        )
    )
    return set(session.scalars(query))


@dataclass(frozen=True, slots=True)
class CompanyMarks:
    """What the answers that went along were given, against what counts of them."""

    count: int
    mean: Decimal
    """By how much the fresh marks are above what counts, on average."""


def company_marks(session: Session, subject: str) -> CompanyMarks | None:
    """Return how the fresh marks of the company of one purpose stand to what counts; None where it has none."""
    rows = session.execute(
        select(Mark.points, CountedMark.points)
        .join(FreshRequest, FreshRequest.mark_id == Mark.id)
        .join(CountedMark, CountedMark.answer_id == FreshRequest.answer_id)
        .where(FreshRequest.subject == subject, FreshRequest.is_company, is_newest())
    ).all()
    if not rows:
        return None
    return CompanyMarks(len(rows), sum((fresh - counted for fresh, counted in rows), Decimal(0)) / len(rows))


def steps_before_fresh(session: Session, answer: MarkedAnswer) -> set[PersonStep]:
    """Return who else may not mark an answer afresh: whoever asked for that, or had it as a seed."""
    asked = select(FreshRequest.asked_by, FreshRequest.asked_at).where(
        FreshRequest.answer_id == answer.id, FreshRequest.ended_at.is_(None)
    )
    seed = SeedPaper.answer_id == answer.id
    given = select(SeedMark.staff, SeedMark.given_at).join(SeedPaper, SeedPaper.id == SeedMark.seed_id)
    made = select(SeedPaper.set_by, SeedPaper.set_at)
    return {
        PersonStep(who, at)
        for query in (asked, given.where(seed), made.where(seed))
        for who, at in session.execute(query)
    }


# Asked, marked, at its end. Whoever calls these holds the sitting; of the desk's rows the desk is locked first.


def request_marks(
    session: Session,
    sitting: Sitting,
    answer_refs: Collection[str],
    subject: str,
    *,
    attempt_id: int,
    now: datetime,
    actor: str,
) -> list[int]:
    """Have answers of a paper marked afresh, among others; return their positions. The desk is open again.

    Raise Conflict("marking.no_fresh") where one of them is none that counts, waits already or has its fresh mark.

    Source: R-51, R-91.
    """
    desk = desk_of_sitting(session, sitting.id, lock=True)
    answers = session.scalars(
        select(MarkedAnswer)
        .where(
            MarkedAnswer.ref.in_(answer_refs),
            MarkedAnswer.attempt_id == attempt_id,
            MarkedAnswer.state.in_(MARKED),
            exists().where(CountedMark.answer_id == MarkedAnswer.id),
        )
        .order_by(MarkedAnswer.id)
        .with_for_update()
    ).all()
    if desk is None or not answers or len(answers) != len(set(answer_refs)):
        raise Conflict("marking.no_fresh")
    for answer in answers:
        if not ask_each(session, [answer], subject, now=now, actor=actor):
            raise Conflict("marking.no_fresh")
        others = _company_of(session, answer)
        ask_each(session, others, subject, company={one.id for one in others}, now=now, actor=actor)
    open_again(session, desk, sitting, now=now, actor=actor)
    return [answer.position for answer in answers]


def open_again(session: Session, desk: MarkingDesk, sitting: Sitting, *, now: datetime, actor: str) -> None:
    """Open a locked desk for fresh marks where it had ended."""
    if desk.state != OPEN:
        desk.state = OPEN
        record(session, at=now, actor=actor, act="marking.open", subject=sitting.logged_as)


def ask_each(
    session: Session,
    answers: Sequence[MarkedAnswer],
    subject: str,
    *,
    company: Collection[int] = (),
    now: datetime,
    actor: str,
) -> int:
    """Have answers wait for a fresh mark, the `company` by their ids; return how many do now and did not before.

    The statements of it are as many for a piece of answers as for a single one.
    """
    rows = session.scalars(
        select(FreshRequest).where(
            FreshRequest.answer_id.in_([answer.id for answer in answers]),
            (FreshRequest.subject == subject) | _waits_by_rubric(),
        )
    ).all()
    # What waits for a mark by another rubric is left out: that mark is of no use elsewhere.
    elsewhere = {row.answer_id for row in rows if row.subject != subject}
    known = {row.answer_id: row for row in rows if row.subject == subject}
    fresh: list[dict[str, object]] = []
    count = 0
    for answer in answers:
        request = known.get(answer.id)
        if answer.id in elsewhere or (
            request is not None and (request.ended_at is None or request.mark_id is not None)
        ):
            continue
        if request is None:
            own = {"answer_id": answer.id, "is_company": answer.id in company}
            fresh.append(own | {"subject": subject, "asked_at": now, "asked_by": actor, "is_taken": False})
        else:
            request.is_company, request.ended_at = answer.id in company, None
            request.asked_at, request.asked_by = now, actor
        answer.state = AnswerState.FRESH.value
        count += 1
    session.flush()
    if fresh:
        session.execute(insert(FreshRequest), fresh)
    return count


def _waits_by_rubric() -> ColumnElement[bool]:
    return FreshRequest.ended_at.is_(None) & FreshRequest.subject.startswith(BY_RUBRIC, autoescape=True)


def _company_of(session: Session, answer: MarkedAnswer) -> Sequence[MarkedAnswer]:
    """Return the next in the mix of its queue, round to its beginning: others' answers that count."""
    found: list[MarkedAnswer] = []
    for side in (MarkedAnswer.place > answer.place, MarkedAnswer.place < answer.place):
        query = (
            select(MarkedAnswer)
            .where(
                MarkedAnswer.queue_id == answer.queue_id,
                MarkedAnswer.state == AnswerState.DONE.value,
                MarkedAnswer.attempt_id != answer.attempt_id,
                exists().where(CountedMark.answer_id == MarkedAnswer.id),
                side,
            )
            .order_by(MarkedAnswer.place, MarkedAnswer.id)
            .limit(COMPANY - len(found))
            .with_for_update()
        )
        found += session.scalars(query).all() if len(found) < COMPANY else []
    return found


def end_requests(session: Session, answer: MarkedAnswer, mark_ref: str, *, now: datetime) -> None:
    """Give the fresh mark of an answer to whatever asked for it."""
    session.flush()
    mark_id = select(Mark.id).where(Mark.ref == mark_ref).scalar_subquery()
    session.execute(
        update(FreshRequest)
        .where(FreshRequest.answer_id == answer.id, FreshRequest.ended_at.is_(None))
        .values(mark_id=mark_id, ended_at=now)
    )


def end_purpose(
    session: Session,
    sitting: Sitting,
    subject: str,
    *,
    now: datetime,
    actor: str,
    among: Collection[int] | None = None,
) -> None:
    """Call off what of one purpose still waits, or those `among` it, by the ids of the answers.

    The desk of a sitting whose papers are all scored ends where nothing else waits there.
    """
    desk = desk_of_sitting(session, sitting.id, lock=True)
    if desk is None:
        return
    of_it = [FreshRequest.subject == subject, FreshRequest.ended_at.is_(None)]
    if among is not None:
        of_it.append(FreshRequest.answer_id.in_(among))
    answers = session.scalars(
        select(MarkedAnswer)
        .where(exists().where(FreshRequest.answer_id == MarkedAnswer.id, *of_it))
        .order_by(MarkedAnswer.id)
        .with_for_update()
    ).all()
    session.execute(update(FreshRequest).where(*of_it).values(ended_at=now))
    of_subject = select(FreshRequest.answer_id).where(FreshRequest.subject == subject)
    asked = select(FreshRequest.answer_id).where(
        FreshRequest.answer_id.in_(of_subject), FreshRequest.ended_at.is_(None)
    )
    still = set(session.scalars(asked))
    for answer in answers:
        if answer.id in still:
            continue
        answer.state, answer.held_by, answer.held_until = AnswerState.DONE.value, "", None
    session.flush()
    queues = select(MarkingQueue.id).where(MarkingQueue.desk_id == desk.id)
    waiting = exists().where(MarkedAnswer.queue_id.in_(queues), MarkedAnswer.state == AnswerState.FRESH.value)
    if desk.state != OPEN or session.scalar(select(waiting)):
        return
    if sitting.state == SittingState.RELEASED or not session.scalar(papers_that_wait(sitting.id).limit(1)):
        desk.state, desk.ended_at, desk.ended_by = ENDED, now, actor
        record(session, at=now, actor=actor, act="marking.end", subject=sitting.logged_as)


def take_marks(session: Session, taken: Sequence[CountedAnswer], score_id: int) -> None:
    """Have fresh marks count from a score on that follows from them; the former ones stay on record."""
    for one in taken:
        if one.mark is None or one.request is None:
            raise RuntimeError(f"answer {one.answer.ref} has no fresh mark")
        session.execute(update(FreshRequest).where(FreshRequest.id == one.request.id).values(is_taken=True))
        session.add(
            CountedMark(
                answer_id=one.answer.id,
                score_id=score_id,
                points=one.mark.points,
                full=one.full,
                marks=canonical_json([one.mark.ref]),
            )
        )
