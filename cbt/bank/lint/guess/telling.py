"""What gives keys away in a whole bank: words and shapes that keys have more often than chance makes it."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cbt.bank.lint.guess.crossing import Crossing
from cbt.bank.lint.guess.shapes import MEASURED
from cbt.bank.lint.guess.words import weight
from cbt.rules.items.values import ItemType

FEWEST_SEEN = 6
SURE = 2.0
"""Standard deviations off chance."""
MOST = 12
SAME = 0.7
"""A word within another that has so much of its count tells the same."""


@dataclass(frozen=True, slots=True)
class Telltale:
    """A word or shape, in how many keys (true statements) and distractors (wrong ones) it stands.

    `weight` is by how much it moves the log odds of being the key, `off` how many standard deviations it lies
    off chance; both are negative for what gives distractors away.
    """

    name: str
    is_word: bool
    keys: int
    others: int
    weight: float
    off: float


def telltales(crossing: Crossing) -> list[Telltale]:
    """Return the shapes that tell, then the words, what tells most first."""
    shapes = sorted(_shapes(crossing), key=_order)
    return [*shapes, *_distinct(sorted(_words(crossing), key=_order))]


def _order(one: Telltale) -> tuple[float, str]:
    return -abs(one.off), one.name


def _shapes(crossing: Crossing) -> Iterator[Telltale]:
    seen: defaultdict[str, float] = defaultdict(float)
    right: defaultdict[str, float] = defaultdict(float)
    chance: defaultdict[str, float] = defaultdict(float)
    share = crossing.table.share
    for question, options in zip(crossing.asked, crossing.shapes, strict=True):
        if question.negative:
            continue
        prior = question.chance if question.type is ItemType.SINGLE_CHOICE else share
        for place, own in enumerate(options):
            for name in own.keys() - MEASURED:
                seen[name] += 1
                chance[name] += prior
                right[name] += place in question.right
    for name in seen:
        yield from _telling(name, seen[name], right[name], chance[name], is_word=False)


def _words(crossing: Crossing) -> Iterator[Telltale]:
    total = crossing.table.total
    for name, *counted in zip(crossing.table.words, total.seen, total.right, total.chance, strict=True):
        if len(name) > 1:
            yield from _telling(name, *counted, is_word=True)


def _telling(name: str, seen: float, right: float, chance: float, *, is_word: bool) -> Iterator[Telltale]:
    if seen < FEWEST_SEEN or not 0 < chance < seen:
        return
    off = (right - chance) / math.sqrt(chance * (1 - chance / seen))
    if abs(off) >= SURE:
        moved = weight(seen, right, chance)
        yield Telltale(name, is_word, round(right), round(seen - right), moved, off)


def _distinct(words: Sequence[Telltale]) -> list[Telltale]:
    """Leave out what stands in a word listed before, or around it, nearly as often."""
    kept: list[Telltale] = []
    for word in words:
        if len(kept) == MOST:
            break
        if not any(_same(word, other) for other in kept):
            kept.append(word)
    return kept


def _same(one: Telltale, other: Telltale) -> bool:
    counts = one.keys + one.others, other.keys + other.others
    return (one.name in other.name or other.name in one.name) and min(counts) >= SAME * max(counts)
