"""The selection of items or cases for a form, and how far one is from what a form must be.

A distance of 0 is a form that will do; swaps of items bring a selection nearer to it.

Source: R-8, R-43.
"""

from __future__ import annotations

import math
import random
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import combinations

from cbt.errors import Conflict
from cbt.rules.assembly.exact import DrawGroup, PaperBounds, Refused, Undecided, exact_selection, groups_of
from cbt.rules.assembly.pools import (
    Drawable,
    RangePool,
    build_pools,
    cases_by_unit,
    first_choice,
    shortfalls,
    true_bounds,
)
from cbt.rules.exam import DifficultyMix, Paper
from cbt.rules.items.content import ItemType

# Two forms that are each within half of ± 0.1 of the target differ by at most 0.1 between them.
MEAN_TOLERANCE = 0.1
MIX_SLACK = 0.03
ON_BOUND = 1e-6
"""Keeps a sum that stands exactly on its bound inside it."""

_HARD, _SOFT = 1000.0, 1.0


class Tally:
    """Running counts over the items chosen so far, so that one swap is judged without looking at all.

    Source: R-8.
    """

    def __init__(
        self, items: int, true_false: int, mix: DifficultyMix, enemies: Mapping[str, Collection[str]]
    ) -> None:
        shares = sum(mix.shares)
        self.goals = [items * share / shares for share in mix.shares]
        self.slack = max(1.0, MIX_SLACK * items)
        self.goal_sum = items * float(mix.mean)
        self.sum_slack = items * MEAN_TOLERANCE / 2
        self.true_low, self.true_high = true_bounds(true_false)
        self.enemies = enemies
        self.refs: set[str] = set()
        self.levels = [0, 0, 0, 0, 0]
        self.level_sum = 0
        self.trues = 0
        self.hostile_pairs = 0

    def add(self, item: Drawable) -> None:
        self.hostile_pairs += self._enemies_of(item)
        self.refs.add(item.ref)
        self._count(item, 1)

    def remove(self, item: Drawable) -> None:
        self.refs.discard(item.ref)
        self.hostile_pairs -= self._enemies_of(item)
        self._count(item, -1)

    @property
    def holds(self) -> bool:
        """Whether the items keep everything that a form must keep."""
        return not (self.hostile_pairs or self._true_excess() or self._mean_excess())

    @property
    def bounds(self) -> PaperBounds:
        """What the items must come to for `holds`."""
        low = math.ceil(self.goal_sum - self.sum_slack - ON_BOUND)
        high = math.floor(self.goal_sum + self.sum_slack + ON_BOUND)
        return PaperBounds((self.true_low, self.true_high), (low, high))

    @property
    def cost(self) -> float:
        """Distance from a form that will do: constraints weigh a thousand times what the mix does."""
        hard = self.hostile_pairs + self._true_excess() + self._mean_excess()
        spread = zip(self.levels, self.goals, strict=True)
        soft = sum(max(0.0, abs(count - goal) - self.slack) for count, goal in spread)
        return _HARD * hard + _SOFT * soft

    def _true_excess(self) -> int:
        return max(self.true_low - self.trues, self.trues - self.true_high, 0)

    def _mean_excess(self) -> float:
        excess = abs(self.level_sum - self.goal_sum) - self.sum_slack
        return excess if excess > ON_BOUND else 0.0

    def _enemies_of(self, item: Drawable) -> int:
        return sum(1 for ref in self.enemies.get(item.ref, ()) if ref in self.refs)

    def _count(self, item: Drawable, sign: int) -> None:
        self.levels[item.difficulty - 1] += sign
        self.level_sum += sign * item.difficulty
        self.trues += sign * (item.truth is True)


def mutual_enemies(items: Collection[Drawable]) -> dict[str, frozenset[str]]:
    """Return the enemies of each item that has any; declared on one side it holds for both."""
    mutual: dict[str, set[str]] = {}
    for item in items:
        for ref in sorted(item.enemies):
            mutual.setdefault(item.ref, set()).add(ref)
            mutual.setdefault(ref, set()).add(item.ref)
    return {ref: frozenset(others) for ref, others in mutual.items()}


def replaceable(seen: frozenset[str], items: Collection[Drawable]) -> frozenset[str]:
    """Return those of the seen items whose point has one of the same type that was not seen.

    Without them a bank has as many points of each type as with them.

    Source: R-121.
    """
    fresh = {(item.point, item.type) for item in items if item.ref not in seen}
    return frozenset(item.ref for item in items if item.ref in seen and (item.point, item.type) in fresh)


WORN = 2.0
"""An item that more than so many times as many people answered as its like on average rests.

With 2, more than half of what is alike is always there: the forms of one sitting do not become alike.
"""


def worn(exposure: Mapping[str, int], items: Collection[Drawable]) -> frozenset[str]:
    """Return the items that rest: answered by many more people than those of their point and type.

    `exposure` says by ref how many answered an item in examinations of late; what is not in it, nobody did. Cases
    are held against those of their unit.

    Source: R-97, R-120.
    """
    alike: dict[tuple[object, ItemType], list[str]] = {}
    for item in items:
        alike.setdefault((item.point if item.unit is None else item.unit, item.type), []).append(item.ref)
    resting: set[str] = set()
    for refs in alike.values():
        most = WORN * sum(exposure.get(ref, 0) for ref in refs) / len(refs)
        resting.update(ref for ref in refs if exposure.get(ref, 0) > most)
    return frozenset(resting)


STARTS = 6
SWAPS = 1500
CASE_TRIES = 300
HALF_TOLERANCE = Fraction(1, 20)

Swap = list[tuple[Drawable, Drawable]]  # (out, in)


@dataclass(frozen=True, slots=True)
class ItemOffer:
    """What the items of a bank offer to a paper of sections, the same for every form that is drawn of it."""

    paper: Paper
    pools: list[RangePool]
    enemies: Mapping[str, frozenset[str]]
    points: Mapping[str, str]
    """The knowledge point of each item that stands apart from it, by ref."""

    def at_points(self, items: Iterable[Drawable]) -> list[Drawable]:
        """Return items with their own points again."""
        return [
            replace(item, point=self.points[item.ref]) if item.ref in self.points else item for item in items
        ]


@dataclass(frozen=True, slots=True)
class CaseOffer:
    """The cases that fit each unit of a paper, and the mean difficulty that its forms come near."""

    paper: Paper
    fitting: Mapping[int, list[Drawable]]
    target: Fraction
    enemies: Mapping[str, frozenset[str]]


def offered_items(
    paper: Paper, drawables: Sequence[Drawable], weights: Mapping[str, int], importances: Mapping[str, str]
) -> ItemOffer:
    """Return what a paper of sections is drawn from.

    Raises Conflict `assembly.shortfall` (paper, section, range, need, have, short: points), or where the paper may
    ask a point more than once `assembly.shortfall_items` (items).

    Source: R-8.
    """
    if short := shortfalls(paper, drawables, weights):
        first = short[0]
        raise Conflict(
            "assembly.shortfall" if paper.one_per_point else "assembly.shortfall_items",
            paper=paper.name,
            section=first.section,
            range=first.range,
            need=first.need,
            have=first.have,
            short=first.need - first.have,
        )
    pools = build_pools(paper, drawables, weights, importances)
    points = {} if paper.one_per_point else {item.ref: item.point for item in drawables}
    return ItemOffer(paper, pools, mutual_enemies(drawables), points)


def select_items(offer: ItemOffer, *, rng: random.Random) -> list[Drawable]:
    """Return the items of a theory form, in no particular order.

    Swaps of chance find them first, as forms were always drawn; what these do not find is decided exactly, so that
    a refusal is never one of chance. Raises Conflict `assembly.importance`, `assembly.importance_mix`,
    `assembly.enemies`, `assembly.true_share`, `assembly.difficulty` or `assembly.true_difficulty`, whichever cannot
    be kept, and `assembly.undecided` where that would take too long to say.

    Source: R-8, R-43.
    """
    paper = offer.paper
    true_false = sum(section.count for section in paper.sections if section.type == ItemType.TRUE_FALSE)
    items = sum(section.count for section in paper.sections)
    for _ in range(STARTS):
        tally = Tally(items, true_false, paper.difficulty, offer.enemies)
        chosen = _Choice(offer.pools, tally, rng)
        chosen.improve()
        if tally.holds:
            return offer.at_points(chosen.by_point.values())
    tally = Tally(items, true_false, paper.difficulty, offer.enemies)
    exact = _exactly(paper, groups_of(offer.pools), tally.bounds, offer.enemies, rng)
    chosen = _Choice(offer.pools, tally, rng, exact)
    chosen.improve()
    return offer.at_points(chosen.by_point.values())


def _exactly(
    paper: Paper,
    groups: Sequence[DrawGroup],
    bounds: PaperBounds,
    enemies: Mapping[str, Collection[str]],
    rng: random.Random,
) -> list[Drawable]:
    """Return items that keep everything; raise Conflict as `select_items` does.

    Where a chance gets no answer in time, the same one is followed for every form.
    """
    for chance in (rng, random.Random(0)):
        try:
            exact = exact_selection(groups, bounds, enemies, rng=chance)
        except Undecided:
            continue
        if isinstance(exact, Refused):
            raise Conflict(exact.code, paper=paper.name, **exact.params)
        return exact
    raise Conflict("assembly.undecided", paper=paper.name)


class _Choice:
    """The items chosen for one form, one for each knowledge point, while swaps improve them."""

    def __init__(
        self,
        pools: list[RangePool],
        tally: Tally,
        rng: random.Random,
        begun: Sequence[Drawable] | None = None,
    ) -> None:
        self.pools = {pool.plan.range: pool for pool in pools}
        self.tally = tally
        self.rng = rng
        self.candidates = [
            item
            for pool in pools
            for by_type in pool.offers.values()
            for some in by_type.values()
            for item in some
        ]
        if begun is None:
            begun = [item for pool in pools for item in first_choice(pool, rng=rng)]
        self.by_point = {item.point: item for item in begun}
        for item in self.by_point.values():
            tally.add(item)

    def improve(self) -> None:
        """Try swaps, keeping each that makes nothing worse, until nothing is left to improve."""
        cost = self.tally.cost
        for _ in range(SWAPS):
            if not cost:
                return
            swap = self._swap_towards(self.rng.choice(self.candidates))
            self._apply(swap)
            if self.tally.cost <= cost:
                cost = self.tally.cost
                for out, _in in swap:
                    self.by_point.pop(out.point, None)
                self.by_point.update({new.point: new for _out, new in swap})
            else:
                self._apply([(new, out) for out, new in reversed(swap)])

    def _apply(self, swap: Swap) -> None:
        for out, _in in swap:
            self.tally.remove(out)
        for _out, new in swap:
            self.tally.add(new)

    def _swap_towards(self, new: Drawable) -> Swap:
        """Return how to bring an item in without changing any count of range, type or importance."""
        pool = self.pools[new.range]
        there = self.by_point.get(new.point)
        if there is not None and there.type == new.type:
            return [(there, new)]
        same_type = [
            item
            for point in pool.offers
            if (item := self.by_point.get(point)) is not None and item.type == new.type
        ]
        if there is None:
            importance = pool.classes[new.point]
            givers = [item for item in same_type if pool.classes[item.point] == importance]
            return [(self.rng.choice(givers), new)] if givers else []
        givers = [item for item in same_type if there.type in pool.offers[item.point]]
        if not givers:
            return []
        giver = self.rng.choice(givers)
        return [(there, new), (giver, self.rng.choice(pool.offers[giver.point][there.type]))]


def offered_cases(paper: Paper, drawables: Sequence[Drawable]) -> CaseOffer:
    """Return what a paper of units is drawn from; raise Conflict `assembly.no_case` naming every unit without one.

    Source: R-8.
    """
    fitting = cases_by_unit(paper, drawables)
    if bare := [unit.name for unit in paper.units if not fitting[unit.number]]:
        raise Conflict("assembly.no_case", paper=paper.name, units=bare)
    levels = [Fraction(sum(case.difficulty for case in some), len(some)) for some in fitting.values()]
    target = sum(levels, Fraction(0)) / len(levels)
    return CaseOffer(paper, fitting, target, mutual_enemies(drawables))


def select_cases(
    offer: CaseOffer, *, rng: random.Random, avoid: Mapping[int, frozenset[str]]
) -> list[Drawable]:
    """Return the case of each unit of a skills form.

    A case in `avoid` (what the neighbours got in that unit) is taken only when the bank has no other. All
    forms come within 0.05 of one mean difficulty, which follows from the bank alone. Raises Conflict
    `assembly.enemies`, `assembly.difficulty` or `assembly.undecided`, never by chance.

    Source: R-8.
    """
    paper, enemies = offer.paper, offer.enemies
    free = {
        unit.number: _not_avoided(offer.fitting[unit.number], avoid.get(unit.number, frozenset()))
        for unit in paper.units
    }
    for _ in range(CASE_TRIES):
        cases = [rng.choice(free[unit.number]) for unit in paper.units]
        mean = Fraction(sum(case.difficulty for case in cases), len(cases))
        if any(b.ref in enemies.get(a.ref, ()) for a, b in combinations(cases, 2)):
            continue
        if abs(mean - offer.target) <= HALF_TOLERANCE:
            return cases
    try:
        return _exact_cases(offer, free, rng)
    except Conflict:
        if all(len(free[number]) == len(offer.fitting[number]) for number in free):
            raise
        return _exact_cases(offer, offer.fitting, rng)


def _exact_cases(
    offer: CaseOffer, cases: Mapping[int, Sequence[Drawable]], rng: random.Random
) -> list[Drawable]:
    paper, count = offer.paper, len(offer.paper.units)
    groups = [
        DrawGroup(1, [{ItemType.CASE: [case]} for case in cases[unit.number]], {ItemType.CASE: 1}, ends=True)
        for unit in paper.units
    ]
    low = math.ceil(count * (offer.target - HALF_TOLERANCE))
    high = math.floor(count * (offer.target + HALF_TOLERANCE))
    exact = _exactly(paper, groups, PaperBounds((0, 0), (low, high)), offer.enemies, rng)
    refs = {case.ref for case in exact}
    return [next(case for case in cases[unit.number] if case.ref in refs) for unit in paper.units]


def _not_avoided(cases: list[Drawable], avoid: frozenset[str]) -> list[Drawable]:
    return [case for case in cases if case.ref not in avoid] or cases
