"""按新标准重评: answers of an item whose rubric was corrected go to markers who never had them, before two decide.

The corrected rubric is that of a later version of the item in the bank, or the one that was marked by. Its fresh
marks count with the key correction that takes them, and nowhere else.

Source: R-51, R-54, R-99.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import ColumnElement, Select, exists, func, select, update
from sqlalchemy.orm import Session

from cbt.bank.store import contents
from cbt.errors import Conflict
from cbt.items.models import Item, ItemVersion
from cbt.rules.canonical import canonical_json
from cbt.rules.form_score import PeopleMark
from cbt.rules.items.content import ItemContent
from cbt.rules.marking import AnswerState, criteria_of, full_points, people_mark
from cbt.scoring.marking.fresh_marks import BY_RUBRIC, MARKED, ask_each, open_again
from cbt.scoring.marking.models import (
    CountedMark,
    FreshRequest,
    Mark,
    MarkedAnswer,
    MarkingDesk,
    MarkingQueue,
)
from cbt.scoring.marking.store import QueueItem, desk_of_sitting, items_of
from cbt.sittings.models import Sitting


@dataclass(frozen=True, slots=True)
class RubricRound:
    """What is marked anew, and by the rubric of which version of its item."""

    sitting_id: int
    bank_id: int
    item_ref: str
    item_version_id: int
    """The version that was asked."""
    part: int | None
    version: int
    """The version whose rubric it is."""

    @property
    def subject(self) -> str:
        """What its fresh marks are asked for by; the version stands last."""
        part = "" if self.part is None else f"/{self.part}"
        return f"{BY_RUBRIC}{self.sitting_id}/{self.item_version_id}{part}:{self.version}"

    def content(self, session: Session) -> ItemContent:
        """Return what is marked by; raise NotFound("bank.item_unknown"), Conflict("key.rubric_unfit")."""
        whole = contents(session, [(self.item_ref, self.version)], self.bank_id)[self.item_ref, self.version]
        parts: Sequence[ItemContent] = getattr(whole, "parts", ())
        if bool(parts) != (self.part is not None) or (self.part or 0) >= max(len(parts), 1):
            raise Conflict("key.rubric_unfit", version=self.version)
        if not whole.part(self.part).by_people:
            raise Conflict("key.rubric_unfit", version=self.version)
        return whole.part(self.part)

    def queues(self) -> Select[int]:
        """Return a query of the queues that its answers lie in."""
        return (
            select(MarkingQueue.id)
            .join(MarkingDesk, MarkingDesk.id == MarkingQueue.desk_id)
            .where(
                MarkingDesk.sitting_id == self.sitting_id,
                MarkingQueue.item_version_id == self.item_version_id,
                MarkingQueue.part.is_(None) if self.part is None else MarkingQueue.part == self.part,
            )
        )


def item_before(session: Session, queue: MarkingQueue, answer: MarkedAnswer) -> QueueItem:
    """Return what whoever marks an answer goes by: where it waits for a mark by another rubric, by that one."""
    item = items_of(session, [queue])[queue.id]
    subject = session.scalar(
        select(FreshRequest.subject).where(
            FreshRequest.answer_id == answer.id,
            FreshRequest.ended_at.is_(None),
            FreshRequest.subject.startswith(BY_RUBRIC, autoescape=True),
        )
    )
    if subject is None:
        return item
    version = int(subject.rpartition(":")[2])
    bank_id = session.scalars(
        select(Item.bank_id)
        .join(ItemVersion, ItemVersion.item_id == Item.id)
        .where(ItemVersion.id == queue.item_version_id)
    ).one()
    content = contents(session, [(item.item_ref, version)], bank_id)[item.item_ref, version].part(queue.part)
    return item.marked_by(content)


@dataclass(frozen=True, slots=True)
class RoundProgress:
    """How far a round is: answers that were meant, those marked and those that wait; all that wait, company too."""

    asked: int
    marked: int
    waiting: int
    all_waiting: int
    taken: int
    """How many of its marks count already."""

    @property
    def called_off(self) -> int:
        return self.asked - self.marked - self.waiting


def progress_of_round(session: Session, subject: str) -> RoundProgress:
    """Return how far a round is; the database counts."""
    waits, meant = FreshRequest.ended_at.is_(None), ~FreshRequest.is_company
    row = session.execute(
        select(
            _count(meant),
            _count(meant & FreshRequest.mark_id.is_not(None)),
            _count(meant & waits),
            _count(waits),
            _count(FreshRequest.is_taken.is_(True)),
        ).where(FreshRequest.subject == subject)
    ).one()
    return RoundProgress(*map(int, row))


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.count().filter(condition)


def answers_of_round(session: Session, own: RubricRound) -> list[tuple[int, int]]:
    """Return the answers whose marks count, in the order of the mix: id and attempt.

    Raise Conflict("key.fresh_waits") while one of them is marked afresh for something else.
    """
    elsewhere = exists().where(
        FreshRequest.answer_id == MarkedAnswer.id,
        FreshRequest.ended_at.is_(None),
        FreshRequest.subject != own.subject,
    )
    of_it = MarkedAnswer.queue_id.in_(own.queues())
    if session.scalar(select(MarkedAnswer.id).where(of_it, elsewhere).limit(1)):
        raise Conflict("key.fresh_waits")
    rows = session.execute(
        select(MarkedAnswer.id, MarkedAnswer.attempt_id)
        .where(of_it, *_counts())
        .order_by(MarkedAnswer.place, MarkedAnswer.id)
    )
    return [(row.id, row.attempt_id) for row in rows]


def _counts() -> tuple[ColumnElement[bool], ...]:
    """Return the conditions of an answer whose mark counts."""
    return MarkedAnswer.state.in_(MARKED), exists().where(CountedMark.answer_id == MarkedAnswer.id)


def texts_of_round(
    session: Session, own: RubricRound, attempt_ids: Collection[int]
) -> dict[int, list[tuple[str, str]]]:
    """Return of each attempt where its answers to the item stand, and for which texts."""
    rows = session.execute(
        select(MarkedAnswer.attempt_id, MarkedAnswer.position, MarkedAnswer.sha256).where(
            MarkedAnswer.queue_id.in_(own.queues()), MarkedAnswer.attempt_id.in_(attempt_ids), *_counts()
        )
    )
    texts: defaultdict[int, list[tuple[str, str]]] = defaultdict(list)
    for attempt_id, position, sha256 in rows:
        texts[attempt_id].append((str(position), sha256))
    return dict(texts)


def ask_round_piece(
    session: Session,
    sitting: Sitting,
    subject: str,
    answers: Mapping[int, bool],
    *,
    now: datetime,
    actor: str,
) -> int:
    """Have some answers wait for a fresh mark: id -> whether it only goes along. Return how many do now.

    Whoever calls this holds the sitting.
    """
    desk = desk_of_sitting(session, sitting.id, lock=True)
    if desk is None:
        raise Conflict("marking.no_fresh")
    rows = session.scalars(
        select(MarkedAnswer)
        .where(MarkedAnswer.id.in_(answers), MarkedAnswer.state == AnswerState.DONE.value)
        .order_by(MarkedAnswer.id)
        .with_for_update()
    ).all()
    company = {answer_id for answer_id, goes in answers.items() if goes}
    count = ask_each(session, rows, subject, company=company, now=now, actor=actor)
    if count:
        open_again(session, desk, sitting, now=now, actor=actor)
    return count


def waiting_of(session: Session, subject: str) -> list[int]:
    """Return the ids of all answers that wait for one purpose, company too."""
    query = select(FreshRequest.answer_id).where(
        FreshRequest.subject == subject, FreshRequest.ended_at.is_(None)
    )
    return list(session.scalars(query.order_by(FreshRequest.answer_id)))


@dataclass(frozen=True, slots=True)
class _RoundMark:
    request_id: int
    answer_id: int
    text: tuple[str, str]
    mark_ref: str
    points: Decimal
    full: Decimal


def _marks(session: Session, own: RubricRound, attempt_ids: Collection[int]) -> dict[int, list[_RoundMark]]:
    rows = session.execute(
        select(MarkedAnswer, FreshRequest.id, Mark.ref, Mark.points, MarkingQueue.points.label("worth"))
        .join(FreshRequest, FreshRequest.answer_id == MarkedAnswer.id)
        .join(Mark, Mark.id == FreshRequest.mark_id)
        .join(MarkingQueue, MarkingQueue.id == MarkedAnswer.queue_id)
        .where(
            FreshRequest.subject == own.subject,
            ~FreshRequest.is_company,
            MarkedAnswer.attempt_id.in_(attempt_ids),
        )
    ).all()
    rubric = own.content(session).rubric_lines()
    marks: defaultdict[int, list[_RoundMark]] = defaultdict(list)
    for answer, request_id, ref, points, worth in rows:
        full = full_points(criteria_of(rubric, worth))
        text = str(answer.position), answer.sha256
        marks[answer.attempt_id].append(_RoundMark(request_id, answer.id, text, ref, points, full))
    return dict(marks)


def round_marks(
    session: Session, own: RubricRound, attempt_ids: Collection[int]
) -> dict[int, dict[tuple[str, str], PeopleMark]]:
    """Return the fresh marks of a round by attempt, as the score of a paper takes them."""
    return {
        attempt_id: {mark.text: people_mark(mark.points, mark.full, (mark.mark_ref,)) for mark in marks}
        for attempt_id, marks in _marks(session, own, attempt_ids).items()
    }


def take_round(session: Session, own: RubricRound, scores: Mapping[int, int]) -> None:
    """Have the fresh marks of some attempts count with their new scores: attempt -> score."""
    for attempt_id, marks in _marks(session, own, list(scores)).items():
        ids = [mark.request_id for mark in marks]
        session.execute(update(FreshRequest).where(FreshRequest.id.in_(ids)).values(is_taken=True))
        session.add_all(
            CountedMark(
                answer_id=mark.answer_id,
                score_id=scores[attempt_id],
                points=mark.points,
                full=mark.full,
                marks=canonical_json([mark.mark_ref]),
            )
            for mark in marks
        )
