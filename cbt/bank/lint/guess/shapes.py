"""The shapes of what can be picked: length, numbers, hedges, what repeats the stem, what stands apart."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from cbt.bank.lint.guess.asked import Question
from cbt.bank.lint.words import normal
from cbt.rules.items.values import ItemType

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
        return [_statement(question.stem)]
    found = _choices(question.stem, question.options)
    if question.negative:
        # Words that speak for a key speak against it where the stem asks for what does not hold.
        found = [
            {name: -value if name in _TELLING else value for name, value in one.items()} for one in found
        ]
    if question.type is ItemType.MULTIPLE_CHOICE:
        for shapes in found:
            shapes[BIAS] = 1.0
    return found


def _choices(stem: str, options: Sequence[str]) -> list[Shapes]:
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


def _statement(statement: str) -> Shapes:
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
