"""How much two papers of one bank have in common on average."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from fractions import Fraction

from cbt.rules.assembly.coverage import Stock, counts_of
from cbt.rules.assembly.pools import RangePool, first_choice
from cbt.rules.items.values import ItemType


def expected_overlap(
    pools: Sequence[RangePool], stock: Iterable[Stock], *, draws: int, rng: random.Random
) -> dict[ItemType, Fraction]:
    """Return how many items of each type two papers have in common on average.

    The points of `draws` papers are drawn as a draw begins; every pair of them is compared, and two papers that ask
    one point with one type have one of its n items in common once in n times. What a draw exchanges afterwards for
    difficulty, true statements and enemies is left out. Raises Conflict as a draw does where no paper can be drawn.

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
