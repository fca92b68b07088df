"""Whether a paper can be drawn at all, decided without chance, and the items of one where it can.

Which points give the items of a range, by type and importance, is a flow (`pools.assign`). What a whole paper keeps
beside that is decided here: the share of true statements, the mean difficulty, and that no two items exclude each
other. Place by place, all sums that the items chosen so far can have are kept as the bits of a number; where a
choice holds two items that exclude each other, both ways to part them are followed. Steps are counted, and what
takes more than `MOST_STEPS` is left undecided: `Undecided`, which is neither yes nor no.

Source: R-8.
"""

from __future__ import annotations

import math
import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from cbt.rules.assembly.pools import Drawable, RangePool
from cbt.rules.items.content import ItemType

MOST_STEPS = 1_500_000
"""So many sums are worked out for one paper, some seconds; with a type or two to a range it takes far fewer."""
DIGIT = 16
"""Bits of a count within the number that says how many of each type are chosen."""
_MASK = (1 << DIGIT) - 1

Table = dict[int, int]
"""By how many of each type are chosen of a range: the sums that choices can have, a bit each."""


class Undecided(Exception):
    """The steps are used up."""


@dataclass(frozen=True, slots=True)
class PaperBounds:
    """What the items of a paper come to together, both ends included: true statements, sum of the difficulties."""

    trues: tuple[int, int]
    levels: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Refused:
    """Why no choice of items will do: the code of the error, and the numbers that tell it."""

    code: str
    params: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class DrawGroup:
    """Places of which exactly `take` give an item: those of one importance in a range, or the cases of a unit.

    `counts` is what the whole range takes of each type; `ends` where its last group is.
    """

    take: int
    places: Sequence[Mapping[ItemType, Sequence[Drawable]]]
    counts: Mapping[ItemType, int]
    ends: bool


def groups_of(pools: Sequence[RangePool]) -> list[DrawGroup]:
    """Return the groups of the ranges of a paper of sections, as `first_choice` fills them."""
    groups = []
    for pool in pools:
        quotas = {name: take for name, take in sorted(pool.quotas.items()) if take}
        for number, (name, take) in enumerate(quotas.items(), 1):
            places = [offer for point, offer in pool.offers.items() if pool.classes[point] == name]
            groups.append(DrawGroup(take, places, pool.plan.counts, number == len(quotas)))
    return groups


def exact_selection(
    groups: Sequence[DrawGroup],
    bounds: PaperBounds,
    enemies: Mapping[str, Collection[str]],
    *,
    rng: random.Random,
    steps: int = MOST_STEPS,
) -> list[Drawable] | Refused:
    """Return items that keep everything, some by chance where there are several ways, or why there are none.

    Whether there are any is no matter of chance. Raises Undecided after `steps`.

    Source: R-8.
    """
    search = _Search(groups, bounds, enemies, rng, steps)
    first = search.choice(frozenset())
    if isinstance(first, Refused):
        return first
    return search.parted(first, frozenset()) or Refused("assembly.enemies", {})


@dataclass(frozen=True, slots=True)
class _Option:
    """An item of one type and with one weight that a place can give: what it adds, and which items these are."""

    digit: int
    most: int
    weight: int
    items: Sequence[Drawable]


@dataclass(frozen=True, slots=True)
class _Place:
    """A place with what it can give; after it `fewest` to `most` items of its range are chosen.

    `full` is how a range stands that is whole, after its last place.
    """

    options: Sequence[_Option]
    fewest: int
    most: int
    total: int
    full: int | None


class _Search:
    def __init__(
        self,
        groups: Sequence[DrawGroup],
        bounds: PaperBounds,
        enemies: Mapping[str, Collection[str]],
        rng: random.Random,
        steps: int,
    ) -> None:
        self.groups = groups
        self.bounds = bounds
        self.enemies = enemies
        self.rng = rng
        self.left = steps
        self.items = sum(group.take for group in groups)
        self.width = 4 * self.items + 1
        """Bits of the sums of one number of true statements: difficulty counts from 0."""

    def parted(self, chosen: list[Drawable], without: frozenset[str]) -> list[Drawable] | None:
        """Return a choice without two items that exclude each other, begun from one; None where there is none."""
        refs = {item.ref for item in chosen}
        foes = {ref: len(refs & self._enemies_of(ref)) for ref in refs}
        worst = max(sorted(refs), key=lambda ref: foes[ref])
        if not foes[worst]:
            return chosen
        # A paper does without the item, or it has it and none of its enemies.
        for left_out in (frozenset({worst}), self._enemies_of(worst)):
            further = self.choice(without | left_out)
            if isinstance(further, list) and (found := self.parted(further, without | left_out)):
                return found
        return None

    def _enemies_of(self, ref: str) -> frozenset[str]:
        return frozenset(self.enemies.get(ref, ())) - {ref}

    def choice(self, without: frozenset[str]) -> list[Drawable] | Refused:
        """Return items that keep all but their enemies."""
        places = list(self._places(without))
        size = math.isqrt(len(places)) + 1
        parts = [places[start : start + size] for start in range(0, len(places), size)]
        tables: list[Table] = [{0: 1}]
        for part in parts:
            tables.append(self._after(tables[-1], part)[-1])
        # A range that cannot be filled leaves no way to stand.
        sums = tables[-1].get(0, 0)
        target = self._target(sums)
        if target is None:
            return self._refused(sums)
        chosen: list[Drawable] = []
        state = 0
        for before, part in zip(reversed(tables[:-1]), reversed(parts), strict=True):
            state, target = self._back(self._after(before, part), part, state, target, chosen)
        return chosen

    def _places(self, without: frozenset[str]) -> Iterator[_Place]:
        before = 0
        for group in self.groups:
            kinds = [kind for kind, count in group.counts.items() if count]
            whole = sum(group.counts[kind] << DIGIT * digit for digit, kind in enumerate(kinds))
            for number, offer in enumerate(group.places, 1):
                options = [
                    _Option(digit, group.counts[kind], weight, items)
                    for digit, kind in enumerate(kinds)
                    for weight, items in self._weighed(offer.get(kind, ()), without)
                ]
                at_end = number == len(group.places)
                yield _Place(
                    options,
                    fewest=before + max(0, group.take - (len(group.places) - number)),
                    most=before + group.take,
                    total=DIGIT * len(kinds),
                    full=whole + ((before + group.take) << DIGIT * len(kinds))
                    if at_end and group.ends
                    else None,
                )
            before = 0 if group.ends else before + group.take

    def _weighed(
        self, items: Sequence[Drawable], without: frozenset[str]
    ) -> list[tuple[int, list[Drawable]]]:
        weighed: dict[int, list[Drawable]] = {}
        for item in items:
            if item.ref not in without:
                weight = self.width * (item.truth is True) + item.difficulty - 1
                weighed.setdefault(weight, []).append(item)
        return list(weighed.items())

    def _after(self, table: Table, places: Sequence[_Place]) -> list[Table]:
        """Return the tables before each of some places and after the last."""
        tables = [table]
        for place in places:
            tables.append(self._next(tables[-1], place))
        return tables

    def _next(self, table: Table, place: _Place) -> Table:
        self.left -= len(table) * (1 + len(place.options))
        if self.left < 0:
            raise Undecided
        after: Table = {}
        for state, sums in table.items():
            chosen = state >> place.total
            if chosen >= place.fewest:
                after[state] = after.get(state, 0) | sums
            if place.fewest <= chosen + 1 <= place.most:
                for option in place.options:
                    if state >> DIGIT * option.digit & _MASK < option.most:
                        further = _with(state, option, place)
                        after[further] = after.get(further, 0) | sums << option.weight
        return after if place.full is None else {0: after.get(place.full, 0)}

    def _back(
        self,
        tables: Sequence[Table],
        places: Sequence[_Place],
        state: int,
        target: int,
        chosen: list[Drawable],
    ) -> tuple[int, int]:
        """Go back from a state and a sum over some places to where they began, and note what was chosen."""
        for table, place in zip(reversed(tables[:-1]), reversed(places), strict=True):
            if place.full is not None:
                state = place.full
            ways = [
                (option, before, sums)
                for option, before, sums in _ways_to(place, state, target)
                if sums >= 0 and table.get(before, 0) >> sums & 1
            ]
            option, state, target = self.rng.choice(ways)
            if option is not None:
                chosen.append(self._peaceful(option.items, chosen))
        return state, target

    def _peaceful(self, items: Sequence[Drawable], chosen: Sequence[Drawable]) -> Drawable:
        """Return one of some items, one that excludes nothing chosen where there is one."""
        refs = {item.ref for item in chosen}
        free = [item for item in items if refs.isdisjoint(self.enemies.get(item.ref, ()))]
        return self.rng.choice(free or items)

    def _rows(self, sums: int) -> Iterator[tuple[int, list[int]]]:
        """Yield how many true statements there can be, and the sums of difficulties with so many."""
        for trues in range(sums.bit_length() // self.width + 1):
            row = sums >> trues * self.width & (1 << self.width) - 1
            if row:
                yield trues, [place + self.items for place in range(row.bit_length()) if row >> place & 1]

    def _target(self, sums: int) -> int | None:
        """Return the sum that is nearest to the middle of both bounds; None where none is within."""
        (fewest, most), (low, high) = self.bounds.trues, self.bounds.levels
        within = [
            (abs(2 * trues - fewest - most) + abs(2 * level - low - high), trues, level)
            for trues, levels in self._rows(sums)
            if fewest <= trues <= most
            for level in levels
            if low <= level <= high
        ]
        if not within:
            return None
        _far, trues, level = min(within)
        return trues * self.width + level - self.items

    def _refused(self, sums: int) -> Refused:
        """Return which bound cannot be kept, and what comes nearest to it."""
        rows = dict(self._rows(sums))
        if not rows:
            return Refused("assembly.enemies", {})
        (fewest, most), (low, high) = self.bounds.trues, self.bounds.levels
        share = {"low": fewest, "high": most, "near": min(rows, key=lambda one: _away(one, fewest, most))}
        if not any(fewest <= trues <= most for trues in rows):
            return Refused("assembly.true_share", share)
        every = [level for trues, levels in rows.items() for level in levels]
        fitting = [level for trues, levels in rows.items() if fewest <= trues <= most for level in levels]
        code = (
            "assembly.true_difficulty" if any(low <= one <= high for one in every) else "assembly.difficulty"
        )
        near = min(fitting, key=lambda one: _away(one, low, high))
        figures = {"low": low, "high": high, "near": near}
        return Refused(code, {name: self._mean(levels) for name, levels in figures.items()})

    def _mean(self, levels: int) -> str:
        return f"{levels / self.items:.2f}"


def _with(state: int, option: _Option, place: _Place) -> int:
    return state + (1 << DIGIT * option.digit) + (1 << place.total)


def _ways_to(place: _Place, state: int, target: int) -> Iterator[tuple[_Option | None, int, int]]:
    """Yield how a place may have led to a state and a sum: passed over, or with an option; and from where."""
    yield None, state, target
    for option in place.options:
        yield option, state - _with(0, option, place), target - option.weight


def _away(value: int, low: int, high: int) -> int:
    return max(low - value, value - high, 0)
