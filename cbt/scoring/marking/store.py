"""Queries of the marking desk."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from sqlalchemy import ColumnElement, Select, exists, func, select
from sqlalchemy.orm import Session, aliased

from cbt.accounts.models import Staff
from cbt.bank.store import contents
from cbt.candidates.models import Registration
from cbt.errors import NotFound
from cbt.items.models import Item, ItemVersion
from cbt.rules.items.content import ItemContent
from cbt.rules.marking import WAITING, AnswerState, Criterion, MarkingTurn, criteria_of, full_points
from cbt.rules.roles import PersonStep
from cbt.rules.states import State
from cbt.runner.models import Attempt
from cbt.scoring.marking.models import (
    CountedMark,
    DeskMarker,
    Mark,
    MarkedAnswer,
    MarkingDesk,
    MarkingQueue,
    SeedPaper,
)
from cbt.scoring.models import Score
from cbt.sittings.models import Sitting

OPEN, ENDED = "open", "ended"


def desk_of_sitting(session: Session, sitting_id: int, *, lock: bool = False) -> MarkingDesk | None:
    query = select(MarkingDesk).where(MarkingDesk.sitting_id == sitting_id)
    return session.scalar(query.with_for_update() if lock else query)


def queue_by_ref(session: Session, ref: str) -> MarkingQueue:
    """Return the queue; raise NotFound("marking.unknown")."""
    return MarkingQueue.by_ref(session, ref, unknown="marking.unknown")


def sitting_of_queue(session: Session, queue: MarkingQueue) -> Sitting:
    """Return the sitting whose answers a queue holds."""
    query = select(Sitting).join(MarkingDesk, MarkingDesk.sitting_id == Sitting.id)
    return session.scalars(query.where(MarkingDesk.id == queue.desk_id)).one()


def papers_that_wait(sitting_id: int) -> Select[int]:
    """Return a query of the attempts of a sitting whose score that counts has no points yet."""
    among = select(Score.attempt_id, func.max(Score.number).label("number")).group_by(Score.attempt_id)
    last = (
        among.join(Attempt, Attempt.id == Score.attempt_id)
        .join(Registration, Registration.id == Attempt.registration_id)
        .where(Registration.sitting_id == sitting_id)
        .subquery()
    )
    return (
        select(Attempt.id)
        .join(last, last.c.attempt_id == Attempt.id)
        .join(Score, (Score.attempt_id == last.c.attempt_id) & (Score.number == last.c.number))
        .where(Attempt.state == State.SCORED, Score.score.is_(None))
        .order_by(Attempt.id)
    )


def marks_in_force(session: Session, answer_ids: Collection[int]) -> dict[int, dict[MarkingTurn, Mark]]:
    """Return the newest mark of each turn: answer id -> turn -> mark."""
    rows = session.scalars(
        select(Mark).where(Mark.answer_id.in_(answer_ids)).order_by(Mark.answer_id, Mark.number)
    )
    marks: defaultdict[int, dict[MarkingTurn, Mark]] = defaultdict(dict)
    for mark in rows:
        marks[mark.answer_id][MarkingTurn(mark.turn)] = mark
    return marks


def markers_of(session: Session, attempt_id: int) -> set[PersonStep]:
    """Return who marked an answer of a paper, and when: they had a part in its result (R-91)."""
    rows = session.execute(
        select(Mark.staff, Mark.given_at)
        .join(MarkedAnswer, MarkedAnswer.id == Mark.answer_id)
        .where(MarkedAnswer.attempt_id == attempt_id)
    )
    seeds = session.execute(
        select(SeedPaper.set_by, SeedPaper.set_at)
        .join(MarkedAnswer, MarkedAnswer.id == SeedPaper.answer_id)
        .where(MarkedAnswer.attempt_id == attempt_id)
    )
    return {PersonStep(who, at) for who, at in (*rows, *seeds)}


@dataclass(frozen=True, slots=True)
class MarkOnRecord:
    """A mark of a paper's answer: at which position, of how many points, whether the score follows from it."""

    mark: Mark
    position: int
    full: Decimal
    counts: bool

    @property
    def by_criterion(self) -> list[str]:
        return [str(one) for one in json.loads(self.mark.criteria)]


def marks_on(session: Session, attempt_id: int | None) -> list[MarkOnRecord]:
    """Return every mark that people gave a paper, the changed ones too, by position in the order given (R-91)."""
    rows = session.execute(
        select(Mark, MarkedAnswer.position, MarkingQueue.full, CountedMark.marks)
        .join(MarkedAnswer, MarkedAnswer.id == Mark.answer_id)
        .join(MarkingQueue, MarkingQueue.id == MarkedAnswer.queue_id)
        .outerjoin(CountedMark, (CountedMark.answer_id == MarkedAnswer.id) & is_newest())
        .where(MarkedAnswer.attempt_id == attempt_id)
        .order_by(MarkedAnswer.position, Mark.id)
    )
    return [
        MarkOnRecord(mark, position, full, mark.ref in json.loads(refs or "[]"))
        for mark, position, full, refs in rows
    ]


def is_newest() -> ColumnElement[bool]:
    """Return the condition of a counted mark that is in force: none of its answer came after it."""
    later = aliased(CountedMark)
    return ~exists().where(later.answer_id == CountedMark.answer_id, later.score_id > CountedMark.score_id)


@dataclass(frozen=True, slots=True)
class QueueItem:
    """What a queue asks, and by what its answers are marked."""

    queue: MarkingQueue
    item_ref: str
    content: ItemContent
    criteria: tuple[Criterion, ...]
    stimulus: str
    """The text of the case that a part belongs to, "" for an item of its own."""
    reference: str
    """What a right answer says, "" for nothing."""

    @property
    def full(self) -> Decimal:
        """What the criteria give."""
        return full_points(self.criteria)

    def marked_by(self, content: ItemContent) -> QueueItem:
        """Return it as it is marked by the rubric and the reference of another version; what was asked stays."""
        criteria = criteria_of(content.rubric_lines(), self.queue.points)
        return replace(self, criteria=criteria, reference=str(content.answer_key or ""))


def items_of(session: Session, queues: Collection[MarkingQueue]) -> dict[int, QueueItem]:
    """Return the items of queues: queue id -> item."""
    rows = session.execute(
        select(ItemVersion.id, Item.bank_id, Item.ref, ItemVersion.number)
        .join(Item, Item.id == ItemVersion.item_id)
        .where(ItemVersion.id.in_({queue.item_version_id for queue in queues}))
    ).all()
    by_bank: defaultdict[int, set[tuple[str, int]]] = defaultdict(set)
    for row in rows:
        by_bank[row.bank_id].add((row.ref, row.number))
    read = {bank_id: contents(session, keys, bank_id) for bank_id, keys in by_bank.items()}
    whole = {row.id: (row.ref, read[row.bank_id][row.ref, row.number]) for row in rows}
    items = {}
    for queue in queues:
        ref, content = whole[queue.item_version_id]
        part = content.part(queue.part)
        criteria = criteria_of(part.rubric_lines(), queue.points)
        stimulus = str(getattr(content, "stimulus", "")) if queue.part is not None else ""
        items[queue.id] = QueueItem(queue, ref, part, criteria, stimulus, str(part.answer_key or ""))
    return items


@dataclass(frozen=True, slots=True)
class QueueProgress:
    """How far a queue is: how many answers wait for each turn, and how many are done."""

    counts: Mapping[str, int]

    @property
    def total(self) -> int:
        return sum(count for state, count in self.counts.items() if state != AnswerState.DROPPED)

    @property
    def done(self) -> int:
        return self.counts.get(AnswerState.DONE, 0)

    @property
    def waiting(self) -> int:
        return sum(self.counts.get(state, 0) for state in WAITING)

    @property
    def is_marked_twice(self) -> bool:
        return bool(self.at(AnswerState.THIRD) or self.done)

    def at(self, state: str) -> int:
        return self.counts.get(state, 0)


def progress_of(session: Session, queue_ids: Collection[int]) -> dict[int, QueueProgress]:
    """Return how far queues are: queue id -> progress; the database counts."""
    counts: dict[int, Counter[str]] = {queue_id: Counter() for queue_id in queue_ids}
    rows = session.execute(
        select(MarkedAnswer.queue_id, MarkedAnswer.state, func.count())
        .where(MarkedAnswer.queue_id.in_(queue_ids))
        .group_by(MarkedAnswer.queue_id, MarkedAnswer.state)
    )
    for queue_id, state, count in rows:
        counts[queue_id][state] = count
    return {queue_id: QueueProgress(count) for queue_id, count in counts.items()}


def markers_at(session: Session, desk_id: int) -> list[tuple[DeskMarker, Staff]]:
    """Return who marks at a desk, or did, by name."""
    rows = session.execute(
        select(DeskMarker, Staff)
        .join(Staff, Staff.id == DeskMarker.staff_id)
        .where(DeskMarker.desk_id == desk_id)
        .order_by(DeskMarker.left_at.is_not(None), Staff.name, Staff.id)
    )
    return [(marker, staff) for marker, staff in rows]


def answer_or_seed(session: Session, ref: str) -> tuple[MarkedAnswer, SeedPaper | None]:
    """Return what a marker knows by this ref: an answer, or a seed paper with its answer.

    Raise NotFound("marking.unknown").
    """
    answer = session.scalar(select(MarkedAnswer).where(MarkedAnswer.ref == ref))
    if answer is not None:
        return answer, None
    seed = session.scalar(select(SeedPaper).where(SeedPaper.ref == ref))
    if seed is None:
        raise NotFound("marking.unknown")
    return session.get_one(MarkedAnswer, seed.answer_id), seed
