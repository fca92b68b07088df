"""The coverage of a paper by a bank: what is short, for how many papers it lasts, what two have in common.

Source: R-8.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import combinations, count

from cbt.errors import Conflict
from cbt.rules.assembly.form import draw_form
from cbt.rules.assembly.pools import (
    APART,
    Drawable,
    RangePool,
    build_pools,
    first_choice,
    point_of,
)
from cbt.rules.assembly.selection import MIX_SLACK
from cbt.rules.exam import Paper
from cbt.rules.items.content import ItemType

Kinds = tuple[ItemType, ...]
Counts = Mapping[tuple[str, ItemType], int]
"""Items that may be drawn, by point and type."""


@dataclass(frozen=True, slots=True)
class Stock:
    """How many items of one point, type and difficulty may be drawn; `range` is the lowest range of the point."""

    point: str
    range: str
    type: ItemType
    difficulty: int
    count: int


@dataclass(frozen=True, slots=True)
class Lack:
    """What a range lacks for so many papers without a common item.

    `kind` is "points" (the table has too few of them), "types" (too few items of these types, on different points),
    "importance" (too few points of the class have items) or "mix" (enough of each, but not of both together).
    `points` are those where another item helps, the barest first.
    """

    kind: str
    range: str
    types: Kinds
    importance: str
    need: int
    have: int
    points: tuple[str, ...]

    @property
    def short(self) -> int:
        return self.need - self.have


@dataclass(frozen=True, slots=True)
class RangeCover:
    """One range: what a paper takes of each type, what there is, what is missing.

    It lasts for `papers` papers without a common item; None where a paper takes nothing of it.
    `classes` gives the importance of each of its points.
    """

    range: str
    need: Mapping[ItemType, int]
    have: Mapping[ItemType, int]
    papers: int | None
    lacks: tuple[Lack, ...]
    classes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class LevelCover:
    """One difficulty: about how many items of it a paper wants, and how many there are for `papers` papers."""

    difficulty: int
    want: Fraction
    have: int
    enough: bool


def cover(
    paper: Paper,
    stock: Iterable[Stock],
    weights: Mapping[str, int],
    importances: Mapping[str, str],
    *,
    papers: int = 1,
) -> list[RangeCover]:
    """Return every range of a paper of sections, in the order of the codes, with what `papers` papers lack of it.

    `weights` and `importances` as for a draw. Points, types and importance count; difficulty, true statements and
    enemies do not, so a draw may reach less than the number of papers.

    Source: R-8.
    """
    kept = list(stock) if paper.one_per_point else items_apart(stock)
    counts = counts_of(kept)
    return [_cover(pool, counts, papers) for pool in stock_pools(paper, kept, weights, importances)]


def items_apart(stock: Iterable[Stock]) -> list[Stock]:
    """Return a stock in which every item stands for a point of its own: a paper may ask a point more than once."""
    numbers = count()
    return [
        replace(one, point=f"{one.point}{APART}{next(numbers)}", count=1)
        for one in stock
        for _ in range(one.count)
    ]


def stock_pools(
    paper: Paper, stock: Iterable[Stock], weights: Mapping[str, int], importances: Mapping[str, str]
) -> list[RangePool]:
    """Return the pools a draw would make, with one item standing for all of a point and type."""
    cells = {(one.point, one.type): one for one in stock if one.count > 0}
    standing = [
        Drawable(
            f"{point} {kind.value}", 1, "", kind, point, one.range, importances.get(point_of(point), ""), 3
        )
        for (point, kind), one in cells.items()
    ]
    return build_pools(paper, standing, weights, importances)


def counts_of(stock: Iterable[Stock]) -> Counter[tuple[str, ItemType]]:
    counts: Counter[tuple[str, ItemType]] = Counter()
    for entry in stock:
        counts[entry.point, entry.type] += entry.count
    return counts


def _cover(pool: RangePool, counts: Counts, papers: int) -> RangeCover:
    need = pool.plan.counts
    have = {kind: sum(counts.get((point, kind), 0) for point in pool.classes) for kind in need}
    ranged = _Range(pool, counts)
    return RangeCover(
        pool.plan.range,
        need,
        have,
        ranged.most_papers(have) if pool.plan.total else None,
        tuple(ranged.lacks(papers)) if pool.plan.total else (),
        {point_of(place): name for place, name in pool.classes.items()},
    )


class _Range:
    """Counts of one range under the rule of a draw: a point gives a paper one item, importance as in the range.

    So many papers without a common item exist exactly when every set of types finds enough: with points as one
    side and the places of a paper as the other this is Hall's condition, and a flow that fills all papers at once
    splits into them.
    """

    def __init__(self, pool: RangePool, counts: Counts) -> None:
        self.pool = pool
        self.counts = counts
        self.kinds = tuple(kind for kind, count in pool.plan.counts.items() if count)
        self.quotas = pool.quotas
        self.apart = any(APART in place for place in pool.classes)

    def most_papers(self, have: Mapping[ItemType, int]) -> int:
        """Return how many papers without a common item there can be."""
        enough, most = 0, min(have[kind] // self.pool.plan.counts[kind] for kind in self.kinds)
        while enough < most:
            tried = (enough + most + 1) // 2
            if any(self.missing(kinds, tried) for kinds in _sets(self.kinds)):
                most = tried - 1
            else:
                enough = tried
        return enough

    def missing(self, kinds: Kinds, papers: int) -> int:
        there = self.usable(kinds, papers)
        filled = sum(min(papers * quota, there[name]) for name, quota in self.quotas.items())
        return max(0, papers * sum(self.pool.plan.counts[kind] for kind in kinds) - filled)

    def usable(self, kinds: Kinds, papers: int) -> Counter[str]:
        """Return how many items of `kinds` can be used, by importance: of each point one a paper."""
        there: Counter[str] = Counter()
        for point, name in self.pool.classes.items():
            there[name] += min(papers, self.of(point, kinds))
        return there

    def of(self, point: str, kinds: Kinds) -> int:
        return sum(self.counts.get((point, kind), 0) for kind in kinds)

    def lacks(self, papers: int) -> Iterator[Lack]:
        """Yield what is missing for `papers` papers; the numbers add up to what has to be written at least."""
        total, code = self.pool.plan.total, self.pool.plan.range
        if total > len(self.pool.classes) and not self.apart:
            yield Lack("points", code, self.kinds, "", total, len(self.pool.classes), ())
            return
        missing = {kinds: self.missing(kinds, papers) for kinds in _sets(self.kinds)}
        worst = max(missing.values())
        alone: list[Kinds] = [(kind,) for kind in self.kinds if missing[(kind,)]]
        if not worst:
            return
        if sum(missing[kinds] for kinds in alone) == worst:
            chosen = alone
        else:
            chosen = [min((kinds for kinds in missing if missing[kinds] == worst), key=len)]
        for kinds in chosen:
            yield from self._lack(kinds, missing[kinds], papers)

    def _lack(self, kinds: Kinds, short: int, papers: int) -> Iterator[Lack]:
        code, need = self.pool.plan.range, papers * sum(self.pool.plan.counts[kind] for kind in kinds)
        there = self.usable(kinds, papers)
        wanting = {name for name, quota in self.quotas.items() if there[name] < papers * quota}
        if sum(there.values()) < need:
            yield Lack("types", code, kinds, "", need, need - short, self._bare(kinds, wanting, papers))
        elif len(kinds) == len(self.kinds):
            for name in sorted(wanting):
                places = self._bare(kinds, {name}, papers)
                yield Lack("importance", code, kinds, name, papers * self.quotas[name], there[name], places)
        else:
            yield Lack("mix", code, kinds, "", need, need - short, self._bare(kinds, wanting, papers))

    def _bare(self, kinds: Kinds, names: set[str], papers: int) -> tuple[str, ...]:
        pairs = [(self.of(point, kinds), point) for point, name in self.pool.classes.items() if name in names]
        few = (point_of(point) for count, point in sorted(pairs) if count < papers)
        return tuple(dict.fromkeys(few))


def _sets(kinds: Kinds) -> list[Kinds]:
    return [some for size in range(1, len(kinds) + 1) for some in combinations(kinds, size)]


def levels(paper: Paper, stock: Iterable[Stock], *, papers: int = 1) -> list[LevelCover]:
    """Return each difficulty beside the shares the blueprint asks for; `stock` is what the paper could use.

    A draw keeps the mean and comes near the shares: too few of a difficulty is not refused but shows in the papers.

    Source: R-8.
    """
    items = sum(section.count for section in paper.sections)
    have: Counter[int] = Counter()
    for entry in stock:
        have[entry.difficulty] += entry.count
    shares, slack = paper.difficulty.shares, max(1.0, MIX_SLACK * items)
    covers = []
    for level, share in enumerate(shares, 1):
        want = Fraction(items * share, sum(shares))
        covers.append(LevelCover(level, want, have[level], have[level] >= papers * (want - Fraction(slack))))
    return covers


def expected_overlap(
    pools: Sequence[RangePool], stock: Iterable[Stock], *, draws: int, rng: random.Random
) -> dict[ItemType, Fraction]:
    """Return how many items of each type two papers have in common on average.

    The points of `draws` papers are drawn as a draw begins; every pair of them is compared, and two papers that ask
    one point with one type have one of its n items in common once in n times. What a draw exchanges afterwards for
    difficulty, true statements and enemies is left out. Raises Conflict as `first_choice` does.

    Source: R-8.
    """
    counts = counts_of(stock)
    used: Counter[tuple[str, ItemType]] = Counter()
    for _ in range(draws):
        for pool in pools:
            if pool.plan.total:
                used.update((item.point, item.type) for item in first_choice(pool, rng=rng))
    shared: dict[ItemType, Fraction] = {}
    for (point, kind), times in used.items():
        pairs = Fraction(times * (times - 1), draws * (draws - 1) * counts[point, kind])
        shared[kind] = shared.get(kind, Fraction(0)) + pairs
    return shared


def papers_reached(
    paper: Paper,
    drawables: Sequence[Drawable],
    weights: Mapping[str, int],
    importances: Mapping[str, str],
    *,
    most: int,
    attempts: int,
    rng: random.Random,
) -> int:
    """Return how many papers could be drawn, each from what the ones before left over, `most` at most.

    Everything a draw keeps is kept: difficulty, true statements and enemies, too. Which paper comes first decides
    how far it goes, so the best of `attempts` counts; more may be possible.

    Source: R-8.
    """
    best = 0
    for _ in range(attempts):
        best = max(best, _one_after_another(paper, drawables, weights, importances, most=most, rng=rng))
        if best >= most:
            break
    return best


def _one_after_another(
    paper: Paper,
    drawables: Sequence[Drawable],
    weights: Mapping[str, int],
    importances: Mapping[str, str],
    *,
    most: int,
    rng: random.Random,
) -> int:
    left, reached = list(drawables), 0
    while reached < most:
        try:
            form = draw_form(paper, left, weights, importances, rng=rng)
        except Conflict:
            break
        used = {place["item"] for place in form["positions"]}
        left = [item for item in left if item.ref not in used]
        reached += 1
    return reached
