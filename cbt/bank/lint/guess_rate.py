"""The guess rate: how many items are answered right by the shapes and words of their options alone."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

from cbt.items.draft import ItemDraft
from cbt.items.exam_prose import is_negative, normal
from cbt.rules.items.content import LETTERS, ItemType
from cbt.spreadsheets.findings import Finding, Place, Severity


@dataclass(frozen=True, slots=True)
class ChoiceQuestion:
    """One thing that is asked by picking: an item, or part `part` of a case (0 for an item).

    `options` are what can be picked, for a 判断 the statement alone; `right` are the places of the key in it,
    none for a statement that is wrong. `fold` is fixed by the ref, and the same for what is asked twice.
    """

    ref: str
    part: int
    type: ItemType
    stem: str
    options: tuple[str, ...]
    right: frozenset[int]
    negative: bool
    fold: int
    place: Place

    @property
    def name(self) -> str:
        return f"{self.ref}#{self.part}" if self.part else self.ref

    @property
    def sign(self) -> int:
        """Return -1 where the stem asks for what does not hold: there a word speaks for the opposite."""
        return -1 if self.negative else 1

    @property
    def chance(self) -> float:
        """Return how often a blind guess is right."""
        if self.type is ItemType.TRUE_FALSE:
            return 1 / 2
        if self.type is ItemType.SINGLE_CHOICE:
            return 1 / len(self.options)
        # Two or more of the choices are right.
        return 1 / (2.0 ** len(self.options) - len(self.options) - 1)


def questions(drafts: Iterable[ItemDraft]) -> list[ChoiceQuestion]:
    """Return what can be guessed of sound items, in an order that hangs on their refs alone."""
    guessable = [question for draft in drafts for question in _of(draft)]
    first: dict[tuple[str, ...], int] = {}
    for question in guessable:
        text = _text(question)
        first[text] = min(first.get(text, question.fold), question.fold)
    guessable = [replace(question, fold=first[_text(question)]) for question in guessable]
    return sorted(guessable, key=lambda one: (one.fold, one.name, one.place))


def _text(question: ChoiceQuestion) -> tuple[str, ...]:
    """Return what is the same for a question that comes again, also with its options in another order."""
    return (normal(question.stem), *sorted(map(normal, question.options)))


def _of(draft: ItemDraft) -> Iterator[ChoiceQuestion]:
    fold = int.from_bytes(sha256(draft.label.encode()).digest()[:4])
    in_case = draft.data.get("type") == ItemType.CASE
    for part, (prefix, data) in enumerate(draft.parts(), 1):
        if data.get("type") in _READ:
            options, right = _READ[data["type"]](data)
            stem = str(data["stem"])
            yield ChoiceQuestion(
                ref=draft.label,
                part=part if in_case else 0,
                type=ItemType(data["type"]),
                stem=stem,
                options=options,
                right=right,
                negative=data["type"] != ItemType.TRUE_FALSE and is_negative(stem),
                fold=fold,
                place=draft.place(prefix.rstrip(".")),
            )


def _statement(data: Mapping[str, Any]) -> tuple[tuple[str, ...], frozenset[int]]:
    return (str(data["stem"]),), frozenset({0} if data["answer"] else ())


def _choices(data: Mapping[str, Any]) -> tuple[tuple[str, ...], frozenset[int]]:
    return tuple(data["choices"]), frozenset(LETTERS.index(letter) for letter in data["answer"])


_READ = {
    ItemType.TRUE_FALSE: _statement,
    ItemType.SINGLE_CHOICE: _choices,
    ItemType.MULTIPLE_CHOICE: _choices,
}


Shapes = dict[str, float]

BIAS = "bias"
"""What every option has that is right or wrong by itself: how often such options are right."""
MEASURED = frozenset({BIAS, "length", "echo", "alike", "twin"})
"""Shapes that every option has more or less of; the others are there or not."""
SHORT, TYPICAL, LONG = 22, 30, 38
"""Characters of a statement."""

_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_TELLING = {
    name: re.compile(words)
    for name, words in {
        "absolute": "一律|一概|统统|所有|全部|任何|一切|凡|都|均|必须|必定|必然|绝|只|仅|唯一|完全|永远|始终|不论",
        "hasty": "立即|立刻|马上|直接|当场|随即|一次性",
        "hedged": "一般|通常|往往|可能|可以|尽量|适当|酌情|视|根据|依|按|结合|应当|宜|有助于|有利于",
        "denies": "不|无|未|没|免|勿|拒|暂缓|取消|停止",
        "ordered": "先|再|后|前",
        "joined": "并|且|及|和|与|同时",
        "reason": "因|由于|以便|以免|为了|从而|说明|表明|足以|避免",
        "only_if": "只要|只有|除非|即可|就",
        "must_not": "不必|无须|不需|无需|不应|不得|不能|不宜|不可",
        "may": "可|能够|有权",
    }.items()
}
_MARKS = {
    "comma": re.compile(r"[，、；,;]"),
    "quoted": re.compile(r"[“”‘’《》]"),
    "bracketed": re.compile(r"[（）()]"),
    "latin": re.compile(r"[A-Za-z]"),
}
SHAPES = frozenset(
    {
        *("longest", "shortest", "length", "short", "long"),
        *("echo_most", "echo_least", "echo", "alike_most", "alike_least", "alike"),
        *("twin_most", "twin_least", "twin", "opens_apart", "opens_shared", "closes_apart", "closes_shared"),
        *("number", "number_lowest", "number_highest", "number_between"),
        *_TELLING,
        *_MARKS,
    }
)
"""Every shape there is a name for."""


def shapes_of(question: ChoiceQuestion) -> list[Shapes]:
    """Return the shapes of each option of a question."""
    if question.type is ItemType.TRUE_FALSE:
        return [_shapes_of_statement(question.stem)]
    option_shapes = _shapes_of_choices(question.stem, question.options)
    if question.negative:
        # Words that speak for a key speak against it where the stem asks for what does not hold.
        option_shapes = [
            {name: -value if name in _TELLING else value for name, value in one.items()}
            for one in option_shapes
        ]
    if question.type is ItemType.MULTIPLE_CHOICE:
        for shapes in option_shapes:
            shapes[BIAS] = 1.0
    return option_shapes


def _shapes_of_choices(stem: str, options: Sequence[str]) -> list[Shapes]:
    """The shapes of each choice beside the others of its item."""
    plain = [normal(option) for option in options]
    option_shapes = [_own(option) for option in options]
    _measure(
        option_shapes, [float(len(text)) for text in plain], "longest", "shortest", "length", relative=True
    )
    pairs = [_pairs(text) for text in plain]
    stem_pairs = _pairs(normal(stem))
    _measure(option_shapes, [_share(own, stem_pairs) for own in pairs], "echo_most", "echo_least", "echo")
    near = [[_dice(own, other) for other in pairs if other is not own] for own in pairs]
    _measure(option_shapes, [sum(row) / len(row) for row in near], "alike_most", "alike_least", "alike")
    _measure(option_shapes, [max(row) for row in near], "twin_most", "twin_least", "twin")
    _ends(option_shapes, plain)
    _numbers(option_shapes, options)
    return option_shapes


def _shapes_of_statement(statement: str) -> Shapes:
    shapes = _own(statement)
    length = len(normal(statement))
    shapes[BIAS] = 1.0
    shapes["length"] = length / TYPICAL - 1
    for name, held in (("short", length < SHORT), ("long", length > LONG)):
        if held:
            shapes[name] = 1.0
    return shapes


def _own(text: str) -> Shapes:
    shapes = {name: 1.0 for name, words in _TELLING.items() if words.search(text)}
    for name, marks in _MARKS.items():
        if count := len(marks.findall(text)):
            shapes[name] = min(count, 3) / 2 + 0.5
    if _NUMBER.search(text):
        shapes["number"] = 1.0
    return shapes


def _measure(
    option_shapes: list[Shapes],
    values: list[float],
    most: str,
    least: str,
    share: str,
    *,
    relative: bool = False,
) -> None:
    """Note for each choice how far it lies from the mean, and who has the most and the least alone."""
    mean = sum(values) / len(values)
    high, low = max(values), min(values)
    if high == low:
        return
    for shapes, value in zip(option_shapes, values, strict=True):
        shapes[share] = (value - mean) / mean if relative else 2 * (value - mean)
        if value == high and values.count(high) == 1:
            shapes[most] = 1.0
        if value == low and values.count(low) == 1:
            shapes[least] = 1.0


def _ends(option_shapes: list[Shapes], plain: Sequence[str]) -> None:
    ends: tuple[tuple[str, Callable[[str], str]], ...] = (
        ("opens", lambda text: text[:2]),
        ("closes", lambda text: text[-2:]),
    )
    for name, end in ends:
        own = [end(text) for text in plain]
        shared = [own.count(text) for text in own]
        if max(shared) == 1:
            continue
        for shapes, count in zip(option_shapes, shared, strict=True):
            if count == 1:
                shapes[f"{name}_apart"] = 1.0
            elif count < len(own):
                shapes[f"{name}_shared"] = 1.0


def _numbers(option_shapes: list[Shapes], options: Sequence[str]) -> None:
    first = [_NUMBER.search(option) for option in options]
    values = [float(number[0]) for number in first if number]
    if len(values) < len(options) or len(set(values)) < len(values):
        return
    order = sorted(values)
    for shapes, value in zip(option_shapes, values, strict=True):
        place = order.index(value)
        name = {0: "number_lowest", len(order) - 1: "number_highest"}.get(place, "number_between")
        shapes[name] = 1.0


def _pairs(text: str) -> frozenset[str]:
    return frozenset(text[start : start + 2] for start in range(max(1, len(text) - 1)))


def _share(own: frozenset[str], other: frozenset[str]) -> float:
    return len(own & other) / len(own)


def _dice(first: frozenset[str], other: frozenset[str]) -> float:
    return 2 * len(first & other) / (len(first) + len(other))


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
        return cls([0.0] * size, [0.0] * size, [0.0] * size)

    def add(self, other: WordCounts, sign: int = 1) -> None:
        """Add what is counted elsewhere, or with -1 take it off."""
        for own, more in ((self.seen, other.seen), (self.right, other.right), (self.chance, other.chance)):
            own[:] = [one + sign * two for one, two in zip(own, more, strict=True)]


class WordTable:
    """How often each word stood in keys against how often by chance, fold by fold."""

    def __init__(self, pool: Sequence[ChoiceQuestion], places: Sequence[int], folds: int) -> None:
        """Count the words of all questions, of which `places` has the folds; what is too rare is dropped."""
        sets = [[_grams(text) for text in question.options] for question in pool]
        spread = Counter(gram for options in sets for gram in frozenset().union(*options))
        self.words = sorted(gram for gram, count in spread.items() if count >= FEWEST)
        number = {gram: place for place, gram in enumerate(self.words)}
        self.found = [_numbered(options, number) for options in sets]
        self._folds = [WordCounts.empty(len(self.words)) for _ in range(folds)]
        self.share = sum(len(one.right) for one in pool) / max(1, sum(len(one.options) for one in pool))
        for question, options, fold in zip(pool, self.found, places, strict=True):
            # Where a stem asks for what does not hold, a word speaks for the opposite: it is not counted.
            if not question.negative:
                single = question.type is ItemType.SINGLE_CHOICE
                _count(self._folds[fold], question, options, question.chance if single else self.share)
        self.total = WordCounts.empty(len(self.words))
        for own in self._folds:
            self.total.add(own)
        self._weights: dict[tuple[int, int], list[float]] = {}

    def without(self, number: int, other: int) -> list[float]:
        """Return the weight of each word as all folds but these two have it."""
        pair = (min(number, other), max(number, other))
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


def _count(counts: WordCounts, question: ChoiceQuestion, options: Sequence[Sorted], chance: float) -> None:
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
    place_lists = []
    for own in options:
        sorts: Sorted = tuple([] for _ in range(LONGEST))
        for gram in own - everywhere:
            if gram in number:
                sorts[len(gram) - 1].append(number[gram])
        for places in sorts:
            places.sort()  # a set has another order in every process, and sums of floats hang on theirs
        place_lists.append(sorts)
    return place_lists


# The guess rate: how many items are answered right by shapes and words alone, and what gives them away.
#
# A conditional logit, learned on some folds and asked about the others. It is learned in one fixed order
# with
# a step for each feature that grows smaller as it is seen more often (AdaGrad).

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

    question: ChoiceQuestion
    chances: tuple[float, ...]
    reasons: tuple[Reason, ...]


class Crossing:
    """Questions of one type, what each option has, and the fold each belongs to."""

    def __init__(self, pool: Sequence[ChoiceQuestion]) -> None:
        self.asked = pool
        self.folds = FOLDS if len(pool) <= MANY else FOLDS_OF_MANY
        self.places = [question.fold % self.folds for question in pool]
        self.table = WordTable(pool, self.places, self.folds)
        self.shapes = [shapes_of(question) for question in pool]

    def picks(self) -> Iterator[Pick]:
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
            likelihoods = tuple(chances(rows, learned))
        else:
            likelihoods = tuple(chances((row, _NOTHING), learned)[0] for row in rows)
        return Pick(question, likelihoods, self._reasons(number, likelihoods, learned))

    def _reasons(
        self, number: int, likelihoods: Sequence[float], learned: Mapping[str, float]
    ) -> tuple[Reason, ...]:
        """Return what sets the likeliest option apart from the mean of the others."""
        top = max(range(len(likelihoods)), key=likelihoods.__getitem__)
        shares = [1.0 if place == top else -1 / (len(likelihoods) - 1) for place in range(len(likelihoods))]
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
        side = -1 if len(likelihoods) == 1 and likelihoods[0] < 1 / 2 else 1
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


def _order(telltale: Telltale) -> tuple[float, str]:
    return -abs(telltale.off), telltale.name


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


def _same(telltale: Telltale, other: Telltale) -> bool:
    counts = telltale.keys + telltale.others, other.keys + other.others
    return (telltale.name in other.name or other.name in telltale.name) and min(counts) >= SAME * max(counts)


TYPES = (ItemType.SINGLE_CHOICE, ItemType.TRUE_FALSE, ItemType.MULTIPLE_CHOICE)
FEWEST_GUESSED = 20
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
    pool = questions(drafts)
    own = {kind: [one for one in pool if one.type is kind] for kind in TYPES}
    return [_rate(kind, found) for kind, found in own.items() if len(found) >= FEWEST_GUESSED]


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


def _rate(kind: ItemType, pool: list[ChoiceQuestion]) -> GuessRate:
    crossing = Crossing(pool)
    picks = [(pick, _credit(pick)) for pick in crossing.picks()]
    rate = sum(credit for _pick, credit in picks) / len(picks)
    guessed = [_sure(pick) for pick, credit in picks if credit == 1]
    return GuessRate(
        type=kind,
        count=len(picks),
        rate=rate,
        margin=Z * math.sqrt(rate * (1 - rate) / len(picks)),
        chance=sum(one.chance for one in pool) / len(pool),
        telltales=telltales(crossing),
        surest=sorted(guessed, key=lambda one: (-one.share, one.name, one.place)),
    )


def _credit(pick: Pick) -> float:
    """Return 1 for a right guess, 0 for a wrong one; options that seem alike share it."""
    likelihoods, right = pick.chances, pick.question.right
    if pick.question.type is ItemType.SINGLE_CHOICE:
        top = max(likelihoods)
        tied = {place for place, share in enumerate(likelihoods) if share > top - TIE}
        return len(tied & right) / len(tied)
    return math.prod(_yes_or_no(share, place in right) for place, share in enumerate(likelihoods))


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
