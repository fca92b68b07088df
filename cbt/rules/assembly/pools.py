"""The pools a form is drawn from: drawable items, how many each range gives, and what a bank lacks.

Source: R-8.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeVar

from cbt.errors import Conflict
from cbt.rules.exam import Paper, Section
from cbt.rules.items.case import Case
from cbt.rules.items.content import ItemContent, ItemType
from cbt.rules.items.true_false import RIGHT, TrueFalse

Key = TypeVar("Key")


@dataclass(frozen=True, slots=True)
class Drawable:
    """One published item version that may be drawn.

    `range` is the code of the third-level range, `importance` X, Y or Z (核心, 一般, 辅助). `shape` says how
    much there is to arrange, as the item's type counts it. `parts` gives the `type`, the shape and the `points`
    of each part of a case. `truth` is what the key of a 判断 says.
    """

    ref: str
    version: int
    sha: str
    type: ItemType
    point: str
    range: str
    importance: str
    difficulty: int
    enemies: frozenset[str] = frozenset()
    shape: Mapping[str, Any] = field(default_factory=dict)
    truth: bool | None = None
    unit: int | None = None
    parts: tuple[Mapping[str, Any], ...] = ()


APART = "\n"


def apart(item: Drawable) -> Drawable:
    """Return an item as one of a point of its own, for a paper that may ask a point more than once."""
    return item if APART in item.point else replace(item, point=f"{item.point}{APART}{item.ref}")


def point_of(place: str) -> str:
    """Return the knowledge point of a place: of itself, or of what was set apart from it."""
    return place.partition(APART)[0]


@dataclass(frozen=True, slots=True)
class RangePlan:
    """How many items of each type a form takes from one range."""

    range: str
    counts: Mapping[ItemType, int]

    @property
    def total(self) -> int:
        """How many items, and so how many knowledge points, the range gives."""
        return sum(self.counts.values())


def drawable_of(
    content: ItemContent, *, ref: str, version: int, sha: str, range_code: str, importance: str
) -> Drawable:
    """Return what assembly needs of an item version: no text, no key but whether a 判断 is right."""
    case = content if isinstance(content, Case) else None
    return Drawable(
        ref=ref,
        version=version,
        sha=sha,
        type=content.type,
        point=content.point,
        range=range_code,
        importance=importance,
        difficulty=content.difficulty,
        enemies=frozenset(content.enemies),
        shape=content.shape(),
        truth=content.answer_key == RIGHT if isinstance(content, TrueFalse) else None,
        unit=case.unit if case else None,
        parts=tuple(
            {"type": part.content.type, **part.content.shape(), "points": part.points} for part in case.parts
        )
        if case
        else (),
    )


def plan_ranges(weights: Mapping[str, int], sections: Sequence[Section]) -> list[RangePlan]:
    """Return how many items each range gives to each section, by 鉴定比重.

    Sums are exact for each section: what whole numbers leave over goes to the largest remainders, ties in
    the order of the codes, so that every form of a paper has the same plan. 5 % of 40 + 60 is 2 + 3.

    Source: R-8.
    """
    shared = {section.type: apportion(section.count, weights) for section in sections}
    return [
        RangePlan(code, {kind: counts[code] for kind, counts in shared.items()}) for code in sorted(weights)
    ]


def apportion(total: int, weights: Mapping[str, int]) -> dict[str, int]:
    """Share a whole number out by weights, largest remainders first; the parts sum to it exactly."""
    whole = sum(weights.values())
    exact = {code: Fraction(total * weights[code], whole) for code in sorted(weights)}
    parts = {code: int(share) for code, share in exact.items()}
    by_remainder = sorted(exact, key=lambda code: (parts[code] - exact[code], code))
    for code in by_remainder[: total - sum(parts.values())]:
        parts[code] += 1
    return parts


def true_bounds(count: int) -> tuple[int, int]:
    """Return the fewest and most true statements among `count`: 40 to 60 %.

    Where no whole number lies in between (1 or 3 items), the neighbouring ones are allowed.

    Source: R-8.
    """
    low, high = -(-2 * count // 5), 3 * count // 5
    return (low, high) if low <= high else (high, low)


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
        return Counter({point_of(place): name for place, name in self.classes.items()}.values())

    @property
    def quotas(self) -> dict[str, int]:
        """How many items it gives of each importance."""
        return apportion(self.plan.total, self.shares) if self.classes else {}

    @property
    def slots(self) -> list[ItemType]:
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


def assign(
    slots: Sequence[ItemType],
    points: Sequence[str],
    offers: Offers,
    classes: Mapping[str, str] | None = None,
    quotas: Mapping[str, int] | None = None,
) -> dict[str, ItemType]:
    """Give each slot a point that has an item of its type, as many slots as possible; return point -> type.

    Of each importance (`classes`) there are `quotas` points at most, where these are given. Augmenting paths over
    the given order, so a shuffled order gives a random assignment; whether a slot is left over, no order changes.
    """
    holder: dict[str, int] = {}
    room = Counter(quotas)

    def place(slot: int, tried: set[str]) -> bool:
        for point in points:
            if point in tried or slots[slot] not in offers[point]:
                continue
            tried.add(point)
            if point in holder:
                free = place(holder[point], tried)
            else:
                free = classes is None or takes_room(classes[point], tried)
            if free:
                holder[point] = slot
                return True
        return False

    def takes_room(name: str, tried: set[str]) -> bool:
        """Have room for another point of an importance: there is some, or a point of it is given up for others."""
        assert classes is not None
        if room[name]:
            room[name] -= 1
            return True
        for point in [point for point in holder if classes[point] == name and point not in tried]:
            tried.add(point)
            if place(holder[point], tried):
                del holder[point]
                return True
        return False

    for slot in range(len(slots)):
        place(slot, set())
    return {point: slots[slot] for point, slot in holder.items()}


def first_choice(pool: RangePool, *, rng: random.Random) -> list[Drawable]:
    """Return a random item for each slot of a range: one a point, importance as in the range.

    Points are tried by chance first, as forms were always drawn; where that comes to nothing, a flow finds them.
    Raises Conflict `assembly.importance` where too few points of an importance have items, and
    `assembly.importance_mix` where there are enough but not with the types asked for.

    Source: R-8.
    """
    quotas, slots = pool.quotas, pool.slots
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
            break
    else:
        placed = assign(slots, points, pool.offers, pool.classes, quotas)
        if len(placed) < len(slots):
            raise _no_choice(pool)
    return [rng.choice(pool.offers[point][kind]) for point, kind in placed.items()]


def _no_choice(pool: RangePool) -> Conflict:
    have = Counter(pool.classes[point] for point in pool.offers)
    for name, need in sorted(pool.quotas.items()):
        if have[name] < need:
            return Conflict(
                "assembly.importance", range=pool.plan.range, importance=name, need=need, have=have[name]
            )
    return Conflict("assembly.importance_mix", range=pool.plan.range)


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
