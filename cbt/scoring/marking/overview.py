"""What the pages of marking show, each gathered in one reading; nothing of them says whose an answer is.

Source: R-51, R-62.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import Session

from cbt.accounts.models import Staff
from cbt.errors import Conflict, NotFound
from cbt.http.auth.login import Principal
from cbt.items.markup import to_html
from cbt.rules.canonical import digest
from cbt.rules.marking import LEAST_MARKERS, WAITING, AnswerState, is_held
from cbt.rules.states import SittingState
from cbt.runner.save.digest import answers_in, journal_texts
from cbt.scoring.late_answers import approved_answers
from cbt.scoring.marking.desk import may_mark, sitting_to_mark
from cbt.scoring.marking.models import (
    DeskMarker,
    Mark,
    MarkedAnswer,
    MarkingDesk,
    MarkingQueue,
    SeedMark,
    SeedPaper,
    SetAside,
)
from cbt.scoring.marking.rubric_round import item_before
from cbt.scoring.marking.store import (
    OPEN,
    QueueItem,
    QueueProgress,
    answer_or_seed,
    desk_of_sitting,
    items_of,
    markers_at,
    papers_that_wait,
    progress_of,
    queue_by_ref,
)
from cbt.scoring.marking.turns import marker_at, own_mark
from cbt.scoring.score_sheets import with_approved
from cbt.sittings.models import Batch, Sitting
from cbt.sittings.store import sitting_by_ref
from cbt.storage.page_span import ListPage, PageSpan

PAGE = 50
OWN_MARKS = 30
"""So many of somebody's last marks are listed, to be changed."""


@dataclass(frozen=True, slots=True)
class DeskLine:
    """A desk in the list."""

    desk: MarkingDesk
    sitting: Sitting
    batch: Batch
    progress: QueueProgress


def desk_list(session: Session, *, page: int, staff_id: int | None = None) -> ListPage[DeskLine]:
    """Return a page of the desks, the latest first; those where somebody marks, where `staff_id` says who."""
    own = exists().where(
        DeskMarker.desk_id == MarkingDesk.id, DeskMarker.staff_id == staff_id, DeskMarker.left_at.is_(None)
    )
    conditions = [] if staff_id is None else [own, MarkingDesk.state == OPEN]
    count = session.scalar(select(func.count()).select_from(MarkingDesk).where(*conditions)) or 0
    span = PageSpan(count, PAGE, page)
    query = (
        select(MarkingDesk, Sitting, Batch)
        .join(Sitting, Sitting.id == MarkingDesk.sitting_id)
        .join(Batch, Batch.id == Sitting.batch_id)
        .where(*conditions)
        .order_by(MarkingDesk.id.desc())
    )
    rows = session.execute(span.cut(query)).all()
    desks = {desk.id: desk for desk, _sitting, _batch in rows}
    pairs = session.execute(
        select(MarkingQueue.id, MarkingQueue.desk_id).where(MarkingQueue.desk_id.in_(desks))
    ).all()
    by_queue = progress_of(session, [queue_id for queue_id, _desk in pairs])
    lines = [
        DeskLine(desk, sitting, batch, _sum([by_queue[queue] for queue, of in pairs if of == desk.id]))
        for desk, sitting, batch in rows
    ]
    return ListPage(lines, count, span.page, span.pages)


def _sum(parts: Sequence[QueueProgress]) -> QueueProgress:
    counts: dict[str, int] = {}
    for part in parts:
        for state, count in part.counts.items():
            counts[state] = counts.get(state, 0) + count
    return QueueProgress(counts)


@dataclass(frozen=True, slots=True)
class QueueLine:
    """A queue on the page of its desk."""

    item: QueueItem
    progress: QueueProgress
    seeds: int
    stem: str
    is_fixed: bool
    """Whether its threshold can no longer be changed: somebody's answer was marked twice by it."""

    @property
    def queue(self) -> MarkingQueue:
        return self.item.queue


@dataclass(frozen=True, slots=True)
class DeskPage:
    """The desk of a sitting; `desk` is None before it is opened, `papers` how many wait for people."""

    sitting: Sitting
    desk: MarkingDesk | None
    papers: int
    queues: ListPage[QueueLine]
    whole: QueueProgress
    markers: list[tuple[DeskMarker, Staff]]
    offered: Sequence[Staff]

    @property
    def is_open(self) -> bool:
        return self.desk is not None and self.desk.state == OPEN

    @property
    def is_released(self) -> bool:
        """Whether its results are out: the desk is open for fresh marks alone."""
        return self.sitting.state == SittingState.RELEASED

    @property
    def lacks_markers(self) -> bool:
        return self.is_open and len([one for one, _ in self.markers if one.left_at is None]) < LEAST_MARKERS


def desk_page(session: Session, sitting_ref: str, *, page: int) -> DeskPage:
    """Return the desk of a sitting; raise like `sitting_to_mark` for one that never had any."""
    sitting = sitting_by_ref(session, sitting_ref)
    desk = desk_of_sitting(session, sitting.id)
    if desk is None:
        sitting_to_mark(session, sitting_ref)
    waiting = papers_that_wait(sitting.id).order_by(None).subquery()
    papers = session.scalar(select(func.count()).select_from(waiting)) or 0
    if desk is None:
        return DeskPage(sitting, None, papers, ListPage([], 0, 1, 1), QueueProgress({}), [], [])
    ids = session.scalars(
        select(MarkingQueue.id).where(MarkingQueue.desk_id == desk.id).order_by(MarkingQueue.id)
    ).all()
    by_queue = progress_of(session, ids)
    span = PageSpan(len(ids), PAGE, page)
    shown = ids[span.offset : span.offset + PAGE]
    query = select(MarkingQueue).where(MarkingQueue.id.in_(shown)).order_by(MarkingQueue.id)
    queues = session.scalars(query).all()
    markers = markers_at(session, desk.id)
    named = {staff.id for marker, staff in markers if marker.left_at is None}
    return DeskPage(
        sitting,
        desk,
        papers,
        ListPage(_lines(session, queues, by_queue), len(ids), span.page, span.pages),
        _sum(list(by_queue.values())),
        markers,
        [staff for staff in may_mark(session) if staff.id not in named],
    )


def _lines(
    session: Session, queues: Sequence[MarkingQueue], by_queue: dict[int, QueueProgress]
) -> list[QueueLine]:
    items = items_of(session, queues)
    seeds = dict(
        session.execute(
            select(SeedPaper.queue_id, func.count())
            .where(SeedPaper.queue_id.in_([queue.id for queue in queues]))
            .group_by(SeedPaper.queue_id)
        ).all()
    )
    return [
        QueueLine(
            items[queue.id],
            by_queue[queue.id],
            seeds.get(queue.id, 0),
            to_html(items[queue.id].content.stem),
            by_queue[queue.id].is_marked_twice,
        )
        for queue in queues
    ]


# What a marker sees.


@dataclass(frozen=True, slots=True)
class OwnMark:
    """One of somebody's own marks."""

    mark: Mark
    answer_ref: str
    item_ref: str


@dataclass(frozen=True, slots=True)
class AsideLine:
    """A doubtful answer that one put aside."""

    aside: SetAside
    item_ref: str


@dataclass(frozen=True, slots=True)
class OwnDesk:
    """A desk as its marker sees it: the queues, how much they did, and their last marks."""

    sitting: Sitting
    marker: DeskMarker
    queues: ListPage[QueueLine]
    marks: list[OwnMark]
    asides: list[AsideLine]


def own_desk(session: Session, sitting_ref: str, principal: Principal, *, page: int) -> OwnDesk:
    """Return an open desk for somebody who marks there; raise like `marker_at`, NotFound("marking.unknown")."""
    sitting = sitting_by_ref(session, sitting_ref)
    desk = desk_of_sitting(session, sitting.id)
    if desk is None:
        raise NotFound("marking.unknown")
    marker = marker_at(session, desk.id, principal)
    ids = session.scalars(
        select(MarkingQueue.id).where(MarkingQueue.desk_id == desk.id).order_by(MarkingQueue.id)
    ).all()
    span = PageSpan(len(ids), PAGE, page)
    shown = ids[span.offset : span.offset + PAGE]
    queues = session.scalars(
        select(MarkingQueue).where(MarkingQueue.id.in_(shown)).order_by(MarkingQueue.id)
    ).all()
    rows = session.execute(
        select(Mark, MarkedAnswer.ref, MarkedAnswer.queue_id)
        .join(MarkedAnswer, MarkedAnswer.id == Mark.answer_id)
        .join(MarkingQueue, MarkingQueue.id == MarkedAnswer.queue_id)
        .where(Mark.staff == principal.logged_as, MarkingQueue.desk_id == desk.id)
        .order_by(Mark.id.desc())
        .limit(OWN_MARKS)
    ).all()
    lines = _lines(session, queues, progress_of(session, shown))
    refs = {line.queue.id: line.item.item_ref for line in lines}
    marks = [OwnMark(mark, ref, refs.get(queue_id, "")) for mark, ref, queue_id in rows]
    found = session.scalars(
        select(SetAside)
        .where(
            SetAside.staff == principal.logged_as, SetAside.queue_id.in_(shown), SetAside.ended_at.is_(None)
        )
        .order_by(SetAside.id.desc())
        .limit(OWN_MARKS)
    )
    asides = [AsideLine(aside, refs[aside.queue_id]) for aside in found]
    return OwnDesk(sitting, marker, ListPage(lines, len(ids), span.page, span.pages), marks, asides)


@dataclass(frozen=True, slots=True)
class AnswerPage:
    """One answer before whoever marks it: what was asked, by what it is marked, what was written."""

    ref: str
    sitting: Sitting
    item: QueueItem
    progress: QueueProgress
    stem: str
    stimulus: str
    reference: list[str]
    text: str
    given: Sequence[str] = ()
    """What was given before, by criterion, where it is changed."""
    remark: str = ""


def answer_page(session: Session, ref: str, principal: Principal, *, now: datetime) -> AnswerPage:
    """Return an answer that somebody holds, or a seed paper they have not marked, which looks the same.

    Raise NotFound("marking.unknown"), Conflict("marking.not_held"|"marking.text_changed"), and like `marker_at`.
    """
    answer, seed = answer_or_seed(session, ref)
    queue = session.get_one(MarkingQueue, answer.queue_id)
    marker_at(session, queue.desk_id, principal)
    actor = principal.logged_as
    if seed is not None:
        done = exists().where(SeedMark.seed_id == seed.id, SeedMark.staff == actor)
        if session.scalar(select(done)) or seed.set_by == actor:
            raise Conflict("marking.not_held")
    elif answer.held_by != actor or not is_held(answer.held_until, now=now) or answer.state not in WAITING:
        raise Conflict("marking.not_held")
    return _shown(session, ref, answer, queue)


def mark_page(session: Session, mark_ref: str, principal: Principal) -> AnswerPage:
    """Return the answer of one's own mark, to change it; raise like `own_mark` and `marker_at`."""
    mark, answer = own_mark(session, mark_ref, principal)
    queue = session.get_one(MarkingQueue, answer.queue_id)
    marker_at(session, queue.desk_id, principal)
    return _shown(session, mark_ref, answer, queue, tuple(json.loads(mark.criteria)), mark.remark)


def seed_page(session: Session, queue_ref: str, answer_ref: str) -> AnswerPage:
    """Return an answer that may become a seed paper: the one of this ref, else the first of the mix that is none.

    Raise NotFound("marking.unknown"), Conflict("marking.no_seed") where none is left.
    """
    queue = queue_by_ref(session, queue_ref)
    query = select(MarkedAnswer).where(*_may_be_seed(queue))
    after = session.scalar(select(MarkedAnswer).where(MarkedAnswer.ref == answer_ref)) if answer_ref else None
    if after is not None and after.queue_id == queue.id:
        query = query.where(MarkedAnswer.place >= after.place)
    answer = session.scalar(query.order_by(MarkedAnswer.place, MarkedAnswer.id).limit(1))
    if answer is None:
        raise Conflict("marking.no_seed")
    return _shown(session, answer.ref, answer, queue)


def next_answer(session: Session, queue_ref: str, answer_ref: str) -> str:
    """Return the ref of the answer after one in the mix of a queue that may be a seed paper; "" after the last."""
    queue = queue_by_ref(session, queue_ref)
    answer = MarkedAnswer.by_ref(session, answer_ref, unknown="marking.unknown")
    query = (
        select(MarkedAnswer.ref)
        .where(*_may_be_seed(queue), MarkedAnswer.place > answer.place)
        .order_by(MarkedAnswer.place, MarkedAnswer.id)
        .limit(1)
    )
    return session.scalar(query) or ""


def _may_be_seed(queue: MarkingQueue) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions of an answer of a queue that counts and is no seed paper yet."""
    return (
        MarkedAnswer.queue_id == queue.id,
        MarkedAnswer.state != AnswerState.DROPPED.value,
        ~exists().where(SeedPaper.answer_id == MarkedAnswer.id),
    )


def _shown(
    session: Session,
    ref: str,
    answer: MarkedAnswer,
    queue: MarkingQueue,
    given: Sequence[str] = (),
    remark: str = "",
) -> AnswerPage:
    is_seed = ref != answer.ref
    item = items_of(session, [queue])[queue.id] if is_seed else item_before(session, queue, answer)
    desk = session.get_one(MarkingDesk, queue.desk_id)
    return AnswerPage(
        ref,
        session.get_one(Sitting, desk.sitting_id),
        item,
        progress_of(session, [queue.id])[queue.id],
        to_html(item.content.stem),
        to_html(item.stimulus) if item.stimulus else "",
        [item.reference] if item.reference else [],
        _text(session, answer),
        given,
        remark,
    )


def _text(session: Session, answer: MarkedAnswer) -> str:
    """Return what was written; raise Conflict("marking.text_changed") where another text counts by now."""
    journal = journal_texts(session, [answer.attempt_id])[answer.attempt_id]
    approved = approved_answers(session, [answer.attempt_id]).get(answer.attempt_id)
    canonical = with_approved(answers_in(journal), approved).get(str(answer.position), "")
    if digest(canonical) != answer.sha256:
        raise Conflict("marking.text_changed")
    return str(json.loads(canonical))


def open_desks_of(session: Session, staff_id: int) -> tuple[int, int]:
    """Return at how many open desks somebody marks, and how many answers wait there for anybody."""
    desks = (
        select(MarkingDesk.id)
        .join(DeskMarker, DeskMarker.desk_id == MarkingDesk.id)
        .where(DeskMarker.staff_id == staff_id, DeskMarker.left_at.is_(None), MarkingDesk.state == OPEN)
    )
    count = session.scalar(select(func.count()).select_from(desks.subquery())) or 0
    if not count:
        return 0, 0
    queues = select(MarkingQueue.id).where(MarkingQueue.desk_id.in_(desks))
    waiting = session.scalar(
        select(func.count())
        .select_from(MarkedAnswer)
        .where(MarkedAnswer.queue_id.in_(queues), MarkedAnswer.state.in_([one.value for one in WAITING]))
    )
    return count, waiting or 0
