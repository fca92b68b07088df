"""The words of what can be picked, and how much each says that it is the key."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from cbt.bank.lint.guess.asked import Question
from cbt.rules.items.values import ItemType

LONGEST = 3
OPENS, CLOSES = "⟨", "⟩"
"""Stand before the first and after the last character, so that a word at an end is one of its own."""
FEWEST = 3
"""A word of fewer items says nothing."""
CAUTION = 3.0
"""So many picks as chance makes them are added to those seen of each word."""
_DIGIT = re.compile(r"\d")

Sorted = tuple[list[int], ...]
"""The words of one option by their length, each as its number in the table."""


@dataclass(slots=True)
class WordCounts:
    """Of each word: in how many options it stood, how many of these were right, how many by chance."""

    seen: list[float] = field(default_factory=list)
    right: list[float] = field(default_factory=list)
    chance: list[float] = field(default_factory=list)

    @classmethod
    def empty(cls, size: int) -> WordCounts:
        """Return counts of nothing."""
        return cls([0.0] * size, [0.0] * size, [0.0] * size)

    def add(self, other: WordCounts, sign: int = 1) -> None:
        """Add what is counted elsewhere, or with -1 take it off."""
        for own, more in ((self.seen, other.seen), (self.right, other.right), (self.chance, other.chance)):
            own[:] = [one + sign * two for one, two in zip(own, more, strict=True)]


class WordTable:
    """How often each word stood in keys against how often by chance, fold by fold."""

    def __init__(self, asked: Sequence[Question], places: Sequence[int], folds: int) -> None:
        """Count the words of all questions, of which `places` has the folds; what is too rare is dropped."""
        sets = [[_grams(text) for text in question.options] for question in asked]
        spread = Counter(gram for options in sets for gram in frozenset().union(*options))
        self.words = sorted(gram for gram, count in spread.items() if count >= FEWEST)
        number = {gram: place for place, gram in enumerate(self.words)}
        self.found = [_numbered(options, number) for options in sets]
        self._folds = [WordCounts.empty(len(self.words)) for _ in range(folds)]
        self.share = sum(len(one.right) for one in asked) / max(1, sum(len(one.options) for one in asked))
        for question, options, fold in zip(asked, self.found, places, strict=True):
            # Where a stem asks for what does not hold, a word speaks for the opposite: it is not counted.
            if not question.negative:
                single = question.type is ItemType.SINGLE_CHOICE
                _count(self._folds[fold], question, options, question.chance if single else self.share)
        self.total = WordCounts.empty(len(self.words))
        for own in self._folds:
            self.total.add(own)
        self._weights: dict[tuple[int, int], list[float]] = {}

    def without(self, one: int, other: int) -> list[float]:
        """Return the weight of each word as all folds but these two have it."""
        pair = (min(one, other), max(one, other))
        if pair not in self._weights:
            counted = WordCounts.empty(len(self.words))
            counted.add(self.total)
            for fold in sorted(set(pair)):
                counted.add(self._folds[fold], -1)
            self._weights[pair] = list(map(weight, counted.seen, counted.right, counted.chance))
        return self._weights[pair]


def weight(seen: float, right: float, chance: float) -> float:
    """Return by how much a word moves the log odds of an option that has it, cautiously."""
    if seen < 1 or not 0 < chance < seen:
        return 0.0
    prior = chance / seen
    share = (right + CAUTION * prior) / (seen + CAUTION)
    return math.log(share / (1 - share)) - math.log(prior / (1 - prior))


def _count(counts: WordCounts, question: Question, options: Sequence[Sorted], chance: float) -> None:
    for place, sorts in enumerate(options):
        right = place in question.right
        for grams in sorts:
            for gram in grams:
                counts.seen[gram] += 1
                counts.chance[gram] += chance
                counts.right[gram] += right


def _grams(text: str) -> frozenset[str]:
    plain = _DIGIT.sub("0", unicodedata.normalize("NFKC", text).casefold().rstrip("。"))
    ended = f"{OPENS}{plain}{CLOSES}"
    return frozenset(
        ended[start : start + length]
        for length in range(1, LONGEST + 1)
        for start in range(len(ended) - length + 1)
    )


def _numbered(options: Sequence[frozenset[str]], number: dict[str, int]) -> list[Sorted]:
    """Return the words of each option; what all of them have tells none apart."""
    everywhere = frozenset.intersection(*options) if len(options) > 1 else frozenset()
    found = []
    for own in options:
        sorts: Sorted = tuple([] for _ in range(LONGEST))
        for gram in own - everywhere:
            if gram in number:
                sorts[len(gram) - 1].append(number[gram])
        for places in sorts:
            places.sort()  # a set has another order in every process, and sums of floats hang on theirs
        found.append(sorts)
    return found
