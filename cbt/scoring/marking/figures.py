"""Figures of one queue: how far pairs of markers agree, and how far each is from the seed papers.

The database counts who gave what where another gave what: what is read does not grow with the answers.

Source: R-51, R-96.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import Session, aliased

from cbt.accounts.store import actor_names
from cbt.rules.marking import WAITING, AnswerState, MarkingTurn
from cbt.scoring.marking.models import Mark, MarkedAnswer, MarkingQueue, SeedMark, SeedPaper, SetAside
from cbt.scoring.marking.store import QueueItem, items_of, progress_of
from cbt.statistics.agreement import (
    Differences,
    IntraclassCorrelations,
    Kappa,
    differences,
    intraclass,
    kappa,
)

ENOUGH = 10
"""Of fewer answers no figure is shown (R-96)."""
MOST_SEED_MARKS = 2_000
MOST_ASIDES = 50
Cells = Counter[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class MarkerAgreement:
    """How far one agrees with another, or with all others: `n` answers that both marked."""

    n: int
    exact: float
    """The share of them that were given the same points."""
    mean: float
    """By how much the first gave more on average."""
    kappa: Kappa
    icc: IntraclassCorrelations

    @property
    def is_enough(self) -> bool:
        return self.n >= ENOUGH


def agreement_of(cells: Mapping[tuple[float, float], int]) -> MarkerAgreement:
    told = differences(cells)
    same = sum(count for (first, second), count in cells.items() if first == second)
    return MarkerAgreement(
        told.n, same / told.n if told.n else 0.0, told.mean, kappa(cells), intraclass(cells)
    )


@dataclass(frozen=True, slots=True)
class MarkerPair:
    """Two markers who marked the same answers."""

    first: str
    second: str
    agreement: MarkerAgreement


@dataclass(frozen=True, slots=True)
class MarkerFigures:
    """One marker: against all others, and against the seed papers.

    `drift` is how much further above the agreed points the later half of their seed papers is than the former; None
    for fewer than two of each.
    """

    name: str
    given: int
    mean: float
    agreement: MarkerAgreement
    seeds: Differences
    drift: float | None


@dataclass(frozen=True, slots=True)
class DoubtfulAnswer:
    """An answer that a marker put aside, and what they said of it."""

    ref: str
    name: str
    word: str
    at: datetime


@dataclass(frozen=True, slots=True)
class QueueFigures:
    """What a page says of the markers of one queue."""

    item: QueueItem
    markers: list[MarkerFigures]
    pairs: list[MarkerPair]
    asides: list[DoubtfulAnswer]
    is_fixed: bool
    """Whether the threshold can no longer be changed: an answer was marked twice by it."""


def queue_figures(session: Session, queue: MarkingQueue) -> QueueFigures:
    """Return the figures of a queue by the marks in force; a third mark, which decides, is in no pair."""
    pairs = _pairs(session, queue)
    given = _given(session, queue)
    seeds = _seeds(session, queue)
    asides = _asides(session, queue)
    whose = {*given, *seeds, *(who for pair in pairs for who in pair), *(one.staff for one in asides)}
    names = actor_names(session, whose)

    def name(actor: str) -> str:
        return names.get(actor, actor)

    others: defaultdict[str, Cells] = defaultdict(Counter)
    for (first, second), cells in pairs.items():
        others[first].update(cells)
        others[second].update(_turned(cells))
    return QueueFigures(
        items_of(session, [queue])[queue.id],
        [
            MarkerFigures(
                name(actor),
                *given.get(actor, (0, 0.0)),
                agreement_of(others[actor]),
                *_drift(seeds.get(actor, [])),
            )
            for actor in sorted({*given, *seeds}, key=name)
        ],
        sorted(
            (_pair(name(one), name(other), cells) for (one, other), cells in pairs.items()),
            key=lambda pair: (pair.first, pair.second),
        ),
        [DoubtfulAnswer(one.shown_ref, name(one.staff), one.word, one.at) for one in asides],
        progress_of(session, [queue.id])[queue.id].is_marked_twice,
    )


def _asides(session: Session, queue: MarkingQueue) -> Sequence[SetAside]:
    """Return what of a queue is put aside and still waits, the latest first."""
    waits = exists().where(
        MarkedAnswer.ref == SetAside.shown_ref, MarkedAnswer.state.in_([state.value for state in WAITING])
    )
    query = (
        select(SetAside)
        .where(SetAside.queue_id == queue.id, SetAside.ended_at.is_(None), waits)
        .order_by(SetAside.id.desc())
        .limit(MOST_ASIDES)
    )
    return session.scalars(query).all()


def _pair(one: str, other: str, cells: Cells) -> MarkerPair:
    """Return the figures of a pair, named in the order of their names."""
    if one <= other:
        return MarkerPair(one, other, agreement_of(cells))
    return MarkerPair(other, one, agreement_of(_turned(cells)))


def _turned(cells: Cells) -> Cells:
    return Counter({(other, one): count for (one, other), count in cells.items()})


def _in_force(mark: type[Mark]) -> ColumnElement[bool]:
    later = aliased(Mark)
    return ~exists().where(
        later.answer_id == mark.answer_id, later.turn == mark.turn, later.number > mark.number
    )


def _pairs(session: Session, queue: MarkingQueue) -> dict[tuple[str, str], Cells]:
    first, second = aliased(Mark), aliased(Mark)
    query = (
        select(first.staff, second.staff, first.points, second.points, func.count())
        .join(second, second.answer_id == first.answer_id)
        .join(MarkedAnswer, MarkedAnswer.id == first.answer_id)
        .where(
            MarkedAnswer.queue_id == queue.id,
            MarkedAnswer.state != AnswerState.DROPPED.value,
            first.turn == MarkingTurn.FIRST.value,
            second.turn == MarkingTurn.SECOND.value,
            _in_force(first),
            _in_force(second),
        )
        .group_by(first.staff, second.staff, first.points, second.points)
    )
    pairs: defaultdict[tuple[str, str], Cells] = defaultdict(Counter)
    for one, other, x, y, count in session.execute(query):
        if one <= other:
            pairs[one, other][float(x), float(y)] += count
        else:
            pairs[other, one][float(y), float(x)] += count
    return dict(pairs)


def _given(session: Session, queue: MarkingQueue) -> dict[str, tuple[int, float]]:
    """Return how many answers each marked, and what they gave on average."""
    query = (
        select(Mark.staff, Mark.points, func.count())
        .join(MarkedAnswer, MarkedAnswer.id == Mark.answer_id)
        .where(MarkedAnswer.queue_id == queue.id, _in_force(Mark))
        .group_by(Mark.staff, Mark.points)
    )
    sums: defaultdict[str, tuple[int, Decimal]] = defaultdict(lambda: (0, Decimal(0)))
    for staff, points, count in session.execute(query):
        n, total = sums[staff]
        sums[staff] = n + count, total + points * count
    return {staff: (n, float(total / n)) for staff, (n, total) in sums.items()}


def _seeds(session: Session, queue: MarkingQueue) -> dict[str, list[tuple[float, float]]]:
    """Return what each gave seed papers and what was agreed, in the order in which they marked them."""
    query = (
        select(SeedMark.staff, SeedMark.points, SeedPaper.points)
        .join(SeedPaper, SeedPaper.id == SeedMark.seed_id)
        .where(SeedPaper.queue_id == queue.id)
        .order_by(SeedMark.id.desc())
        .limit(MOST_SEED_MARKS)
    )
    marks: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    for staff, points, agreed in session.execute(query):
        marks[staff].insert(0, (float(points), float(agreed)))
    return dict(marks)


def _drift(marks: list[tuple[float, float]]) -> tuple[Differences, float | None]:
    half = len(marks) // 2
    if half < 2:
        return differences(Counter(marks)), None
    early, late = differences(Counter(marks[:half])), differences(Counter(marks[-half:]))
    return differences(Counter(marks)), late.mean - early.mean
