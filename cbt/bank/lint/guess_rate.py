"""The guess rate: how many items are answered right by shapes and words alone, and what gives them away.

A conditional logit, learned on some folds and asked about the others. It is learned in one fixed order with
a step for each feature that grows smaller as it is seen more often (AdaGrad).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from cbt.bank.lint.guess_features import (
    BIAS,
    LONGEST,
    MEASURED,
    Question,
    WordTable,
    questions,
    shapes_of,
    weight,
)
from cbt.items.draft import ItemDraft
from cbt.rules.items.content import ItemType
from cbt.spreadsheets.findings import Finding, Place, Severity

Row = Mapping[str, float]
EPOCHS = 6
STEP = 0.1
DECAY = 5e-3


def learn(trials: Sequence[tuple[Sequence[Row], int]]) -> dict[str, float]:
    """Return the weight of each feature; a trial is its options and the place of the one that was right."""
    weights: defaultdict[str, float] = defaultdict(float)
    grown: defaultdict[str, float] = defaultdict(lambda: 1e-3)
    for _ in range(EPOCHS):
        for options, right in trials:
            for place, (row, share) in enumerate(zip(options, chances(options, weights), strict=True)):
                off = (place == right) - share
                for name, value in row.items():
                    slope = off * value - DECAY * weights[name]
                    grown[name] += slope * slope
                    weights[name] += STEP * slope / math.sqrt(grown[name])
    return dict(weights)


def chances(options: Sequence[Row], weights: Mapping[str, float]) -> list[float]:
    """Return how likely each option is the one."""
    scores = [sum(weights.get(name, 0.0) * value for name, value in row.items()) for row in options]
    top = max(scores)
    grown = [math.exp(score - top) for score in scores]
    total = sum(grown)
    return [value / total for value in grown]


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


TYPES = (ItemType.SINGLE_CHOICE, ItemType.TRUE_FALSE, ItemType.MULTIPLE_CHOICE)
FEWEST = 20
"""A rate of fewer items says nothing."""
LIMITS = {ItemType.SINGLE_CHOICE: 0.35, ItemType.TRUE_FALSE: 0.55}
"""Rates above these are told, where they lie above chance by more than their margin."""
Z = 1.96
TIE = 1e-9


@dataclass(frozen=True, slots=True)
class SureGuess:
    """An item that was guessed, how surely, and what gave it away: names, and whether the key has more of it."""

    name: str
    ref: str
    place: Place
    share: float
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class GuessRate:
    """How many items of a type were guessed, with what gives their keys away; `margin` is half of a 95 % interval.

    `surest` are the items that were guessed, the surest first.
    """

    type: ItemType
    count: int
    rate: float
    margin: float
    chance: float
    telltales: list[Telltale]
    surest: list[SureGuess]

    @property
    def too_high(self) -> bool:
        """Whether the rate lies over its limit, and over chance by more than it may be off."""
        return self.rate > LIMITS.get(self.type, 1.0) and self.rate - self.margin > self.chance


def guess_rates(drafts: Iterable[ItemDraft]) -> list[GuessRate]:
    """Return the rate of each type that has enough items; `drafts` are sound, of one bank or of several."""
    asked = questions(drafts)
    own = {kind: [one for one in asked if one.type is kind] for kind in TYPES}
    return [_rate(kind, found) for kind, found in own.items() if len(found) >= FEWEST]


def guess_findings(rates: Iterable[GuessRate], where: Place) -> list[Finding]:
    """Return a hint for each rate that is too high; `where` is the place of the bank."""
    return [
        Finding(
            Severity.HINT,
            f"guessed_{found.type.value}",
            where,
            params={
                "percent": percents(found.rate),
                "margin": percents(found.margin),
                "chance": percents(found.chance),
                "count": found.count,
            },
        )
        for found in rates
        if found.too_high
    ]


def percents(share: float) -> str:
    """Return a share in per cent to one decimal."""
    return f"{100 * share:.1f}"


def _rate(kind: ItemType, asked: list[Question]) -> GuessRate:
    crossing = Crossing(asked)
    picks = [(pick, _credit(pick)) for pick in crossing.picks()]
    rate = sum(credit for _pick, credit in picks) / len(picks)
    guessed = [_sure(pick) for pick, credit in picks if credit == 1]
    return GuessRate(
        type=kind,
        count=len(picks),
        rate=rate,
        margin=Z * math.sqrt(rate * (1 - rate) / len(picks)),
        chance=sum(one.chance for one in asked) / len(asked),
        telltales=telltales(crossing),
        surest=sorted(guessed, key=lambda one: (-one.share, one.name, one.place)),
    )


def _credit(pick: Pick) -> float:
    """Return 1 for a right guess, 0 for a wrong one; options that seem alike share it."""
    found, right = pick.chances, pick.question.right
    if pick.question.type is ItemType.SINGLE_CHOICE:
        top = max(found)
        tied = {place for place, share in enumerate(found) if share > top - TIE}
        return len(tied & right) / len(tied)
    return math.prod(_yes_or_no(share, place in right) for place, share in enumerate(found))


def _yes_or_no(share: float, right: bool) -> float:
    if abs(share - 1 / 2) <= TIE:
        return 1 / 2
    return float((share > 1 / 2) == right)


def _sure(pick: Pick) -> SureGuess:
    question = pick.question
    shares = [share if place in question.right else 1 - share for place, share in enumerate(pick.chances)]
    single = question.type is ItemType.SINGLE_CHOICE
    sure = pick.chances[min(question.right)] if single else math.prod(shares)
    return SureGuess(question.name, question.ref, question.place, sure, pick.reasons)
