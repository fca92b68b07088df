"""Which knowledge points of a range can give which types, and whether that is enough."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from cbt.errors import Conflict
from cbt.rules.assembly.drawable import APART, Drawable, RangePlan, apart, apportion, plan_ranges, point_of
from cbt.rules.exam.paper import Paper
from cbt.rules.items.values import ItemType

TRIES = 30

Offers = dict[str, dict[ItemType, list[Drawable]]]


@dataclass(slots=True)
class RangePool:
    """What one range is to give and has to give.

    `offers` holds the items of each point by type, `classes` the importance of every point of the range,
    also of those without items. Where a paper may ask a point more than once, each item stands apart.
    """

    plan: RangePlan
    offers: Offers = field(default_factory=dict)
    classes: dict[str, str] = field(default_factory=dict)

    @property
    def shares(self) -> Counter[str]:
        """How many knowledge points of each importance the range has."""
        return Counter({point_of(place): name for place, name in self.classes.items()}.values())

    @property
    def slots(self) -> list[ItemType]:
        """One entry for each item to draw."""
        return [kind for kind, count in self.plan.counts.items() for _ in range(count)]


@dataclass(frozen=True, slots=True)
class Shortfall:
    """A section, or a unit, that a bank cannot fill from a range: points needed and points there are."""

    section: str
    range: str
    need: int
    have: int


def build_pools(
    paper: Paper, drawables: Sequence[Drawable], weights: Mapping[str, int], importances: Mapping[str, str]
) -> list[RangePool]:
    """Return a pool for each range of the plan; items of other ranges and types are left aside."""
    pools = {plan.range: RangePool(plan) for plan in plan_ranges(weights, paper.sections)}
    kinds = {section.type for section in paper.sections}
    for item in sorted(drawables, key=lambda item: (item.ref, item.version)):
        if item.range in pools and item.type in kinds:
            pool, own = pools[item.range], item if paper.one_per_point else apart(item)
            pool.offers.setdefault(own.point, {}).setdefault(own.type, []).append(own)
            pool.classes[own.point] = importances.get(point_of(own.point), own.importance)
    for point, importance in sorted(importances.items()):
        for code, pool in pools.items():
            if _belongs(point, code):
                pool.classes[point] = importance
    return list(pools.values())


def assign(slots: Sequence[ItemType], points: Sequence[str], offers: Offers) -> dict[str, ItemType]:
    """Give each slot a point that has an item of its type, as many slots as possible; return point -> type.

    Augmenting paths over the given order, so a shuffled order gives a random assignment.
    """
    holder: dict[str, int] = {}

    def place(slot: int, tried: set[str]) -> bool:
        for point in points:
            if point in tried or slots[slot] not in offers[point]:
                continue
            tried.add(point)
            if point not in holder or place(holder[point], tried):
                holder[point] = slot
                return True
        return False

    for slot in range(len(slots)):
        place(slot, set())
    return {point: slots[slot] for point, slot in holder.items()}


def first_choice(pool: RangePool, *, rng: random.Random) -> list[Drawable]:
    """Return a random item for each slot of a range: one a point, importance as in the range.

    Raises Conflict `assembly.importance` where too few points of an importance have items, and
    `assembly.importance_mix` where there are enough but not with the types asked for.

    Source: R-8.
    """
    quotas = apportion(pool.plan.total, pool.shares) if pool.classes else {}
    slots = pool.slots
    for _ in range(TRIES):
        points = sorted(pool.offers)
        rng.shuffle(points)
        points = _new_ones_first(points)
        rng.shuffle(slots)
        chosen: list[str] = []
        taken: Counter[str] = Counter()
        for point in points:
            if taken[pool.classes[point]] < quotas[pool.classes[point]]:
                taken[pool.classes[point]] += 1
                chosen.append(point)
        placed = assign(slots, chosen, pool.offers)
        if len(placed) == len(slots):
            return [rng.choice(pool.offers[point][kind]) for point, kind in placed.items()]
    have = Counter(pool.classes[point] for point in pool.offers)
    for name, need in sorted(quotas.items()):
        if have[name] < need:
            raise Conflict(
                "assembly.importance", range=pool.plan.range, importance=name, need=need, have=have[name]
            )
    raise Conflict("assembly.importance_mix", range=pool.plan.range)


def _new_ones_first(places: list[str]) -> list[str]:
    """Return places so that a point comes again only after every point has come once."""
    if not any(APART in place for place in places):
        return places
    seen: Counter[str] = Counter()
    turns = []
    for place in places:
        turns.append((seen[point_of(place)], place))
        seen[point_of(place)] += 1
    return [place for _, place in sorted(turns, key=lambda turn: turn[0])]


def shortfalls(paper: Paper, drawables: Sequence[Drawable], weights: Mapping[str, int]) -> list[Shortfall]:
    """Return every section and range, or unit, for which a bank has too few knowledge points or cases.

    A point gives a form at most one item, so what counts is points, and a point can serve one section only; where
    the paper may ask a point more than once, items are counted in their place.

    Source: R-8.
    """
    if paper.units:
        cases = cases_by_unit(paper, drawables)
        return [Shortfall(unit.name, "", 1, 0) for unit in paper.units if not cases[unit.number]]
    short: list[Shortfall] = []
    for pool in build_pools(paper, drawables, weights, {}):
        placed = Counter(assign(pool.slots, sorted(pool.offers), pool.offers).values())
        for section in paper.sections:
            need, have = pool.plan.counts[section.type], placed[section.type]
            if have < need:
                short.append(Shortfall(section.name, pool.plan.range, need, have))
    return short


def cases_by_unit(paper: Paper, drawables: Sequence[Drawable]) -> defaultdict[int, list[Drawable]]:
    """Return the cases that fit each unit: made for it, with parts worth exactly its points."""
    fitting: defaultdict[int, list[Drawable]] = defaultdict(list)
    for item in sorted(drawables, key=lambda item: (item.ref, item.version)):
        for unit in paper.units:
            worth = sum(Decimal(part["points"]) for part in item.parts)
            if item.type == ItemType.CASE and item.unit == unit.number and worth == unit.points:
                fitting[unit.number].append(item)
    return fitting


def _belongs(point: str, code: str) -> bool:
    """Whether a point is of a range: A-B-A-001 of A-B-A; in numeric codes 0111 of 011."""
    head, dash, _ = point.rpartition("-")
    return head == code if dash else point.startswith(code)
