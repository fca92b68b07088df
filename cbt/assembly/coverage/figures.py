"""The figures of the coverage page: what a bank has for one paper, as values that a page only lays out."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

from cbt.bank.taxonomy import Taxonomy
from cbt.errors import Conflict
from cbt.rules.assembly.coverage import LevelCover, RangeCover, Stock, cover, items_apart, levels, stock_pools
from cbt.rules.assembly.form import Drawable, cases_by_unit
from cbt.rules.assembly.overlap import expected_overlap
from cbt.rules.exam.paper import Paper, Section, Unit
from cbt.rules.items.values import ItemType

DRAWS, SEED = 100, 1
"""So many papers are begun to see what two have in common, with the same chance each time."""
KEPT = 16
"""Banks and papers of which a process keeps what their papers have in common."""
LEVELS = (1, 2, 3, 4, 5)

ByLevel = tuple[int, ...]
"""How many items of difficulty 1 to 5."""


@dataclass(frozen=True, slots=True)
class PointRow:
    """One 鉴定点: its items of each type of the paper by difficulty."""

    code: str
    name: str
    importance: str
    counts: Mapping[ItemType, ByLevel]

    @property
    def total(self) -> int:
        """How many items it has for the paper."""
        return sum(sum(found) for found in self.counts.values())


@dataclass(frozen=True, slots=True)
class RangeRow:
    """One 鉴定范围 with its points."""

    name: str
    weight: int
    cover: RangeCover
    points: tuple[PointRow, ...]

    @property
    def code(self) -> str:
        """Its code."""
        return self.cover.range

    @property
    def short(self) -> int:
        """How much it lacks."""
        return sum(lack.short for lack in self.cover.lacks)

    @property
    def write_at(self) -> list[PointRow]:
        """Its points where another item helps, the barest first."""
        codes = dict.fromkeys(code for lack in self.cover.lacks for code in lack.points)
        return sorted(
            (row for row in self.points if row.code in codes), key=lambda row: (row.total, row.code)
        )

    @property
    def bare(self) -> list[PointRow]:
        """Its points without any item for the paper."""
        return [point for point in self.points if not point.total]


@dataclass(frozen=True, slots=True)
class UnitRow:
    """One unit of a skills paper: the cases that fit it, those whose points do not add up to it."""

    unit: Unit
    fitting: tuple[Drawable, ...]
    unfit: tuple[tuple[str, Decimal], ...]
    levels: ByLevel


@dataclass(frozen=True, slots=True)
class SharedRow:
    """What two papers have in common of one section or unit, out of how many."""

    name: str
    count: int
    shared: Fraction


@dataclass(frozen=True, slots=True)
class PaperCover:
    """A bank beside one paper: `ranges` and `levels` for sections, `units` for units; `target` papers are wanted.

    `papers` is how many without a common item there can be at most, `narrow` what allows no more.
    """

    target: int
    items: int
    papers: int
    narrow: tuple[str, ...]
    ranges: tuple[RangeRow, ...] = ()
    levels: tuple[LevelCover, ...] = ()
    units: tuple[UnitRow, ...] = ()
    shared: tuple[SharedRow, ...] = ()

    @property
    def lacks(self) -> list[RangeRow]:
        """The ranges that lack something, the worst first."""
        return sorted((row for row in self.ranges if row.short), key=lambda row: (-row.short, row.code))

    @property
    def empty_units(self) -> list[UnitRow]:
        """The units with fewer cases than papers are wanted, the worst first."""
        short = [row for row in self.units if len(row.fitting) < self.target]
        return sorted(short, key=lambda row: (len(row.fitting), row.unit.number))

    @property
    def thin_levels(self) -> list[LevelCover]:
        """The difficulties there is too little of."""
        return [level for level in self.levels if not level.enough]

    @property
    def bare(self) -> list[PointRow]:
        """The points without any item for the paper."""
        return [point for row in self.ranges for point in row.bare]

    @property
    def points(self) -> int:
        """How many points the ranges have."""
        return sum(len(row.points) for row in self.ranges)

    @property
    def overlap(self) -> Fraction | None:
        """Return the share of a paper that another one has too; None where no paper can be drawn."""
        count = sum(row.count for row in self.shared)
        return sum((row.shared for row in self.shared), Fraction(0)) / count if count else None


def sections_cover(paper: Paper, stock: Sequence[Stock], taxonomy: Taxonomy, *, target: int) -> PaperCover:
    """Return the figures of a paper of sections for `target` papers."""
    kinds = [section.type for section in paper.sections]
    weights, importances = taxonomy.weights, taxonomy.importances
    usable = [one for one in stock if one.type in kinds and one.range in weights]
    found = cover(paper, usable, weights, importances, papers=target)
    asked = [one for one in found if one.papers is not None]
    most = min((one.papers or 0 for one in asked), default=0)
    names = {one.code: (one.name, one.weight) for one in taxonomy.ranges}
    points = {point.code: point.name for point in taxonomy.points}
    by_range = {one.range: [cell for cell in usable if cell.range == one.range] for one in found}
    rows = [
        RangeRow(*names[one.range], one, _point_rows(one, by_range[one.range], kinds, points))
        for one in found
    ]
    return PaperCover(
        target,
        sum(one.count for one in usable),
        most,
        tuple(one.range for one in asked if one.papers == most),
        tuple(rows),
        tuple(levels(paper, usable, papers=target)),
        shared=_shared(
            paper.sections,
            tuple(usable),
            tuple(weights.items()),
            tuple(importances.items()),
            one_per_point=paper.one_per_point,
        )
        if most
        else (),
    )


def _point_rows(
    one: RangeCover, stock: Sequence[Stock], kinds: Sequence[ItemType], names: Mapping[str, str]
) -> tuple[PointRow, ...]:
    counts = {(cell.point, cell.type, cell.difficulty): cell.count for cell in stock}
    return tuple(
        PointRow(
            code,
            names.get(code, ""),
            importance,
            {kind: tuple(counts.get((code, kind, level), 0) for level in LEVELS) for kind in kinds},
        )
        for code, importance in sorted(one.classes.items())
    )


@lru_cache(maxsize=KEPT)
def _shared(
    sections: tuple[Section, ...],
    stock: tuple[Stock, ...],
    weights: tuple[tuple[str, int], ...],
    importances: tuple[tuple[str, str], ...],
    *,
    one_per_point: bool,
) -> tuple[SharedRow, ...]:
    """Return what two papers have in common; kept while the counts are the same, since it takes a while."""
    paper = Paper("", "", timedelta(0), sections=sections, one_per_point=one_per_point)
    kept = stock if one_per_point else items_apart(stock)
    pools = stock_pools(paper, kept, dict(weights), dict(importances))
    try:
        found = expected_overlap(pools, kept, draws=DRAWS, rng=random.Random(SEED))
    except Conflict:  # a draw gives up after so many tries, and would say so
        return ()
    return tuple(SharedRow(one.name, one.count, found.get(one.type, Fraction(0))) for one in sections)


def units_cover(paper: Paper, cases: Sequence[Drawable], *, target: int) -> PaperCover:
    """Return the figures of a paper of units; each of the cases that fit is drawn as often as the others."""
    fitting = cases_by_unit(paper, cases)
    rows = [_unit(unit, fitting[unit.number], cases) for unit in paper.units]
    counts = {row.unit.number: len(row.fitting) for row in rows}
    most = min(counts.values(), default=0)
    shared = [SharedRow(row.unit.name, 1, Fraction(1, len(row.fitting))) for row in rows if row.fitting]
    return PaperCover(
        target,
        sum(counts.values()),
        most,
        tuple(str(number) for number, count in counts.items() if count == most),
        units=tuple(rows),
        shared=tuple(shared) if most else (),
    )


def _unit(unit: Unit, fitting: Sequence[Drawable], cases: Sequence[Drawable]) -> UnitRow:
    refs = {case.ref for case in fitting}
    unfit = [
        (case.ref, sum((Decimal(part["points"]) for part in case.parts), Decimal(0)))
        for case in cases
        if case.unit == unit.number and case.ref not in refs
    ]
    by_level = tuple(sum(case.difficulty == level for case in fitting) for level in LEVELS)
    return UnitRow(unit, tuple(fitting), tuple(unfit), by_level)
