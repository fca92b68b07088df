"""Cross-validation: each item is guessed by what the items of the other folds teach."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cbt.bank.lint.guess.asked import Question
from cbt.bank.lint.guess.learning import Row, chances, learn
from cbt.bank.lint.guess.shapes import BIAS, shapes_of
from cbt.bank.lint.guess.words import LONGEST, WordTable
from cbt.rules.items.values import ItemType

FOLDS, FOLDS_OF_MANY = 10, 5
MANY = 2_000
ENOUGH = 2_000
"""So many items teach all there is to learn about shapes; words are counted in all of them."""
SCALE = 0.5
"""Brings the sums of words to the size of shapes, so that one step suits both."""
REASONS = 3

Reason = tuple[str, bool]

_WORDS = tuple(f"words_{length}" for length in range(1, LONGEST + 1))
_NOTHING: Row = {}


@dataclass(frozen=True, slots=True)
class Pick:
    """How likely each option of a question is right, as those say that have not seen it.

    `reasons` are the words and shapes that speak most for what was picked, and whether it has more of them
    than the others (of a 判断: than none) or less.
    """

    question: Question
    chances: tuple[float, ...]
    reasons: tuple[Reason, ...]


class Crossing:
    """Questions of one type, what each option has, and the fold each belongs to."""

    def __init__(self, asked: Sequence[Question]) -> None:
        """Look at all questions once."""
        self.asked = asked
        self.folds = FOLDS if len(asked) <= MANY else FOLDS_OF_MANY
        self.places = [question.fold % self.folds for question in asked]
        self.table = WordTable(asked, self.places, self.folds)
        self.shapes = [shapes_of(question) for question in asked]

    def picks(self) -> Iterator[Pick]:
        """Guess every question, fold by fold."""
        for fold in range(self.folds):
            others = [number for number, place in enumerate(self.places) if place != fold]
            learned = learn([lesson for number in others[:ENOUGH] for lesson in self._lessons(number, fold)])
            for number, place in enumerate(self.places):
                if place == fold:
                    yield self._pick(number, learned)

    def _rows(self, number: int, fold: int) -> list[Row]:
        """What each option of a question has, its words weighed by neither its own fold nor `fold`."""
        weights = self.table.without(self.places[number], fold)
        sign = SCALE * self.asked[number].sign
        return [
            own
            | {
                name: sign * sum(weights[gram] for gram in grams)
                for name, grams in zip(_WORDS, sorts, strict=True)
            }
            for own, sorts in zip(self.shapes[number], self.table.found[number], strict=True)
        ]

    def _lessons(self, number: int, fold: int) -> Iterator[tuple[Sequence[Row], int]]:
        """Yield one choice among the options of a 单选, and a yes or no for each option of any other."""
        question, rows = self.asked[number], self._rows(number, fold)
        if question.type is ItemType.SINGLE_CHOICE:
            yield rows, min(question.right)
        else:
            for place, row in enumerate(rows):
                yield (row, _NOTHING), 0 if place in question.right else 1

    def _pick(self, number: int, learned: Mapping[str, float]) -> Pick:
        question, rows = self.asked[number], self._rows(number, self.places[number])
        if question.type is ItemType.SINGLE_CHOICE:
            found = tuple(chances(rows, learned))
        else:
            found = tuple(chances((row, _NOTHING), learned)[0] for row in rows)
        return Pick(question, found, self._reasons(number, found, learned))

    def _reasons(
        self, number: int, found: Sequence[float], learned: Mapping[str, float]
    ) -> tuple[Reason, ...]:
        """Return what sets the likeliest option apart from the mean of the others."""
        top = max(range(len(found)), key=found.__getitem__)
        shares = [1.0 if place == top else -1 / (len(found) - 1) for place in range(len(found))]
        fold, sign = self.places[number], SCALE * self.asked[number].sign
        weights = self.table.without(fold, fold)
        more: defaultdict[str, float] = defaultdict(float)
        speaks: defaultdict[str, float] = defaultdict(float)
        for share, own, sorts in zip(shares, self.shapes[number], self.table.found[number], strict=True):
            for name, value in own.items():
                more[name] += share * value
                speaks[name] += share * value * learned.get(name, 0.0)
            for name, grams in zip(_WORDS, sorts, strict=True):
                for gram in grams:
                    more[self.table.words[gram]] += share
                    speaks[self.table.words[gram]] += share * sign * weights[gram] * learned.get(name, 0.0)
        side = -1 if len(found) == 1 and found[0] < 1 / 2 else 1
        first = sorted(speaks, key=lambda name: (-side * speaks[name], name))
        telling = [name for name in first if side * speaks[name] > 0 and name != BIAS]
        return tuple((name, more[name] > 0) for name in telling[:REASONS])
