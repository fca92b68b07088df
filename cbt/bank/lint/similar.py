"""Which texts of a bank say nearly the same, without comparing every pair."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from cbt.bank.lint.words import normal

GRAM = 2
CANDIDATE = 0.5
"""Two texts are compared in full only when their bigrams overlap by this Dice coefficient."""


def similarity(one: str, other: str) -> float:
    """Return the share of characters two texts have in common in the same order, punctuation aside."""
    return _ratio(normal(one), normal(other))


def similar_pairs(texts: Sequence[str], least: float) -> Iterator[tuple[int, int, float]]:
    """Yield every pair of places (earlier, later) whose similarity is `least` or more.

    A pair is looked at only if it shares one of each text's rarest bigrams: with a Dice coefficient of
    `CANDIDATE` or more it must, so nothing that alike is missed.
    """
    plain = [normal(text) for text in texts]
    grams = [_grams(text) for text in plain]
    spread = Counter(gram for own in grams for gram in own)
    rarest = [sorted(own, key=lambda gram: (spread[gram], gram)) for own in grams]
    index: dict[tuple[str, int], list[int]] = defaultdict(list)
    bound = CANDIDATE / (2 - CANDIDATE)
    for later, own in enumerate(rarest):
        prefix = own[: len(own) - math.ceil(len(own) * bound) + 1]
        met: set[int] = set()
        for gram in prefix:
            met.update(index[gram])
            index[gram].append(later)
        for earlier in sorted(met):
            if _dice(grams[earlier], grams[later]) >= CANDIDATE:
                ratio = _ratio(plain[earlier], plain[later])
                if ratio >= least:
                    yield earlier, later, ratio


def _ratio(one: str, other: str) -> float:
    return SequenceMatcher(None, one, other, autojunk=False).ratio()


def _grams(text: str) -> frozenset[tuple[str, int]]:
    """The bigrams of a text, each with its occurrence, so that a set counts repeats."""
    seen: Counter[str] = Counter()
    found = set()
    for start in range(max(1, len(text) - GRAM + 1)):
        gram = text[start : start + GRAM]
        seen[gram] += 1
        found.add((gram, seen[gram]))
    return frozenset(found)


def _dice(one: frozenset[tuple[str, int]], other: frozenset[tuple[str, int]]) -> float:
    return 2 * len(one & other) / (len(one) + len(other))
