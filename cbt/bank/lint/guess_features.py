"""Features of a guess: what options show by shapes and words to whoever does not know the subject."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from cbt.items.draft import ItemDraft
from cbt.items.exam_prose import is_negative, normal
from cbt.rules.items.content import LETTERS, ItemType
from cbt.spreadsheets.findings import Place


@dataclass(frozen=True, slots=True)
class Question:
    """One thing that is asked by picking: an item, or part `part` of a case (0 for an item).

    `options` are what can be picked, for a 判断 the statement alone; `right` are the places of the key in it,
    none for a statement that is wrong. `fold` is fixed by the ref.
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
        """Return the ref, with the number of the part where it is one."""
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


def questions(drafts: Iterable[ItemDraft]) -> list[Question]:
    """Return what can be guessed of sound items, in an order that hangs on their refs alone."""
    found = [question for draft in drafts for question in _of(draft)]
    return sorted(found, key=lambda one: (one.fold, one.name, one.place))


def _of(draft: ItemDraft) -> Iterator[Question]:
    fold = int.from_bytes(sha256(draft.label.encode()).digest()[:4])
    in_case = draft.data.get("type") == ItemType.CASE
    for part, (prefix, data) in enumerate(draft.parts(), 1):
        if data.get("type") in _READ:
            options, right = _READ[data["type"]](data)
            stem = str(data["stem"])
            yield Question(
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


def shapes_of(question: Question) -> list[Shapes]:
    """Return the shapes of each option of a question."""
    if question.type is ItemType.TRUE_FALSE:
        return [_shapes_of_statement(question.stem)]
    found = _shapes_of_choices(question.stem, question.options)
    if question.negative:
        # Words that speak for a key speak against it where the stem asks for what does not hold.
        found = [
            {name: -value if name in _TELLING else value for name, value in one.items()} for one in found
        ]
    if question.type is ItemType.MULTIPLE_CHOICE:
        for shapes in found:
            shapes[BIAS] = 1.0
    return found


def _shapes_of_choices(stem: str, options: Sequence[str]) -> list[Shapes]:
    """The shapes of each choice beside the others of its item."""
    plain = [normal(option) for option in options]
    found = [_own(option) for option in options]
    _measure(found, [float(len(text)) for text in plain], "longest", "shortest", "length", relative=True)
    pairs = [_pairs(text) for text in plain]
    asked = _pairs(normal(stem))
    _measure(found, [_share(own, asked) for own in pairs], "echo_most", "echo_least", "echo")
    near = [[_dice(own, other) for other in pairs if other is not own] for own in pairs]
    _measure(found, [sum(row) / len(row) for row in near], "alike_most", "alike_least", "alike")
    _measure(found, [max(row) for row in near], "twin_most", "twin_least", "twin")
    _ends(found, plain)
    _numbers(found, options)
    return found


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
    found: list[Shapes], values: list[float], most: str, least: str, share: str, *, relative: bool = False
) -> None:
    """Note for each choice how far it lies from the mean, and who has the most and the least alone."""
    mean = sum(values) / len(values)
    high, low = max(values), min(values)
    if high == low:
        return
    for shapes, value in zip(found, values, strict=True):
        shapes[share] = (value - mean) / mean if relative else 2 * (value - mean)
        if value == high and values.count(high) == 1:
            shapes[most] = 1.0
        if value == low and values.count(low) == 1:
            shapes[least] = 1.0


def _ends(found: list[Shapes], plain: Sequence[str]) -> None:
    ends: tuple[tuple[str, Callable[[str], str]], ...] = (
        ("opens", lambda text: text[:2]),
        ("closes", lambda text: text[-2:]),
    )
    for name, end in ends:
        own = [end(text) for text in plain]
        shared = [own.count(text) for text in own]
        if max(shared) == 1:
            continue
        for shapes, count in zip(found, shared, strict=True):
            if count == 1:
                shapes[f"{name}_apart"] = 1.0
            elif count < len(own):
                shapes[f"{name}_shared"] = 1.0


def _numbers(found: list[Shapes], options: Sequence[str]) -> None:
    first = [_NUMBER.search(option) for option in options]
    values = [float(number[0]) for number in first if number]
    if len(values) < len(options) or len(set(values)) < len(values):
        return
    order = sorted(values)
    for shapes, value in zip(found, values, strict=True):
        place = order.index(value)
        name = {0: "number_lowest", len(order) - 1: "number_highest"}.get(place, "number_between")
        shapes[name] = 1.0


def _pairs(text: str) -> frozenset[str]:
    return frozenset(text[start : start + 2] for start in range(max(1, len(text) - 1)))


def _share(own: frozenset[str], other: frozenset[str]) -> float:
    return len(own & other) / len(own)


def _dice(one: frozenset[str], other: frozenset[str]) -> float:
    return 2 * len(one & other) / (len(one) + len(other))


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
