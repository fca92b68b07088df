"""The part of PromQL that our rules and panels use, evaluated over series that a test has.

Where `promtool` is installed, tests hold its verdict against this one.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

Labels = frozenset[tuple[str, str]]
Vector = dict[Labels, float]
Series = Mapping[str, Mapping[Labels, Sequence[tuple[float, float | None]]]]
"""By metric and labels, the samples (seconds, value); None where a scrape no longer told it."""

_TOKEN = re.compile(
    r"\s*(?:(?P<span>\[\d+[smh]\])|(?P<number>\d+(?:\.\d+)?(?:e\d+)?)|(?P<word>[A-Za-z_:][\w:]*)"
    r'|(?P<text>"(?:[^"\\]|\\.)*")|(?P<sign>=~|!~|!=|==|>=|<=|[-+*/(){},=<>]))'
)
_SPANS = {"s": 1, "m": 60, "h": 3600}
_LOOKBACK = 300.0
_AGGREGATES: Mapping[str, Callable[[Sequence[float]], float]] = {
    "sum": sum,
    "max": max,
    "min": min,
    "count": len,
}
_COMPARISONS = {
    "==": operator.eq, "!=": operator.ne, ">": operator.gt, "<": operator.lt, ">=": operator.ge, "<=": operator.le,
}  # fmt: skip
_ARITHMETIC = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}
_STRENGTH = (
    {"or": 1, "and": 2, "unless": 2} | dict.fromkeys(_COMPARISONS, 3) | {"+": 4, "-": 4, "*": 5, "/": 5}
)


@dataclass
class Query:
    """One expression, evaluated at one instant."""

    text: str
    series: Series
    at: float
    names: set[str] = field(default_factory=set)
    """The metrics it names."""

    def __post_init__(self) -> None:
        self._tokens: list[tuple[str, str]] = []
        place = 0
        while place < len(self.text.rstrip()):
            found = _TOKEN.match(self.text, place)
            assert found, f"not understood: {self.text[place:]!r}"
            kind = found.lastgroup or ""
            self._tokens.append((kind, found[kind]))
            place = found.end()
        self._next = 0

    def value(self) -> Vector:
        """Return the result; a number is a vector of one series without labels."""
        found = self._expression(0)
        assert self._next == len(self._tokens), f"too much: {self._tokens[self._next :]}"
        return found if isinstance(found, dict) else {frozenset(): found}

    def _peek(self) -> str:
        return self._tokens[self._next][1] if self._next < len(self._tokens) else ""

    def _take(self, expected: str = "") -> tuple[str, str]:
        token = self._tokens[self._next]
        assert expected in ("", token[1]), f"{expected} wanted, {token[1]} found in {self.text}"
        self._next += 1
        return token

    def _expression(self, strength: int) -> Vector | float:
        left = self._operand()
        while (sign := self._peek()) in _STRENGTH and _STRENGTH[sign] > strength:
            self._take()
            on = self._labels() if self._peek() == "on" and self._take() else None
            right = self._expression(_STRENGTH[sign])
            left = _combined(sign, left, right, on)
        return left

    def _operand(self) -> Vector | float:
        kind, text = self._take()
        if text == "(":
            found = self._expression(0)
            self._take(")")
            return found
        if kind == "number":
            return float(text)
        assert kind == "word", f"{text} in {self.text}"
        if text in _AGGREGATES:
            by = self._labels() if self._peek() == "by" and self._take() else ()
            return _aggregated(text, by, self._argument())
        if text in ("rate", "increase"):
            self._take("(")
            found = self._ranged(self._selected(self._take()[1]), divided=text == "rate")
            self._take(")")
            return found
        if text == "abs":
            return {labels: abs(value) for labels, value in self._argument().items()}
        if text == "histogram_quantile":
            self._take("(")
            share = float(self._take()[1])
            self._take(",")
            found = self._expression(0)
            self._take(")")
            assert isinstance(found, dict)
            return _quantile(share, found)
        return {
            labels: value
            for labels, rows in self._selected(text).items()
            if (value := self._last(rows)) is not None
        }

    def _argument(self) -> Vector:
        self._take("(")
        found = self._expression(0)
        self._take(")")
        assert isinstance(found, dict)
        return found

    def _labels(self) -> tuple[str, ...]:
        self._take("(")
        found = []
        while (text := self._take()[1]) != ")":
            if text != ",":
                found.append(text)
        return tuple(found)

    def _selected(self, name: str) -> Mapping[Labels, Sequence[tuple[float, float | None]]]:
        self.names.add(name)
        matchers: list[tuple[str, str, str]] = []
        if self._peek() == "{":
            self._take()
            while self._peek() != "}":
                label, sign, text = (self._take()[1] for _ in range(3))
                matchers.append((label, sign, text[1:-1]))
                if self._peek() == ",":
                    self._take()
            self._take("}")
        rows = self.series.get(name, {})
        return {labels: samples for labels, samples in rows.items() if _matches(dict(labels), matchers)}

    def _last(self, samples: Sequence[tuple[float, float | None]]) -> float | None:
        past = [(at, value) for at, value in samples if at <= self.at]
        return past[-1][1] if past and self.at - past[-1][0] < _LOOKBACK else None

    def _ranged(
        self, rows: Mapping[Labels, Sequence[tuple[float, float | None]]], *, divided: bool
    ) -> Vector:
        span = self._take()[1][1:-1]
        seconds = float(span[:-1]) * _SPANS[span[-1]]
        found: Vector = {}
        for labels, samples in rows.items():
            within = [
                (at, value)
                for at, value in samples
                if value is not None and self.at - seconds < at <= self.at
            ]
            if len(within) < 2:
                continue
            grown = sum(
                later - former if later >= former else later for (_, former), (_, later) in pairwise(within)
            )
            rate = grown / (within[-1][0] - within[0][0])
            found[labels] = rate if divided else rate * seconds
        return found


def _matches(labels: Mapping[str, str], matchers: Sequence[tuple[str, str, str]]) -> bool:
    for label, sign, text in matchers:
        value = labels.get(label, "")
        same = bool(re.fullmatch(text, value)) if sign in ("=~", "!~") else value == text
        if same is sign.startswith("!"):
            return False
    return True


def _aggregated(name: str, by: Sequence[str], vector: Vector) -> Vector:
    groups: dict[Labels, list[float]] = {}
    for labels, value in vector.items():
        groups.setdefault(frozenset(pair for pair in labels if pair[0] in by), []).append(value)
    return {labels: float(_AGGREGATES[name](values)) for labels, values in groups.items()}


def _quantile(share: float, buckets: Vector) -> Vector:
    groups: dict[Labels, list[tuple[float, float]]] = {}
    for labels, count in buckets.items():
        rest = frozenset(pair for pair in labels if pair[0] != "le")
        groups.setdefault(rest, []).append((float(dict(labels)["le"].replace("+Inf", "inf")), count))
    found: Vector = {}
    for labels, rows in groups.items():
        rows.sort()
        total = rows[-1][1]
        if not total:
            continue
        below, reached = 0.0, 0.0
        for bound, count in rows:
            if count >= share * total:
                part = (share * total - reached) / (count - reached) if count > reached else 1.0
                found[labels] = below if math.isinf(bound) else below + (bound - below) * part
                break
            below, reached = bound, count
    return found


def _combined(
    sign: str, left: Vector | float, right: Vector | float, on: Sequence[str] | None
) -> Vector | float:
    if not isinstance(left, dict) and not isinstance(right, dict):
        return float(_ARITHMETIC[sign](left, right))
    if sign in _STRENGTH and _STRENGTH[sign] < 3:
        assert isinstance(left, dict)
        assert isinstance(right, dict)
        there = {_key(labels, on) for labels in right}
        if sign == "or":
            here = {_key(labels, on) for labels in left}
            return left | {labels: value for labels, value in right.items() if _key(labels, on) not in here}
        wanted = sign == "and"
        return {labels: value for labels, value in left.items() if (_key(labels, on) in there) is wanted}
    found: Vector = {}
    if not isinstance(left, dict):
        assert isinstance(right, dict)
        pairs = [(labels, left, value) for labels, value in right.items()]
    elif not isinstance(right, dict):
        pairs = [(labels, value, right) for labels, value in left.items()]
    else:
        others = {_key(labels, on): value for labels, value in right.items()}
        pairs = [
            (labels, value, others[key])
            for labels, value in left.items()
            if (key := _key(labels, on)) in others
        ]
    for labels, one, other in pairs:
        if sign in _ARITHMETIC:
            found[labels] = float(_ARITHMETIC[sign](one, other))
        elif _COMPARISONS[sign](one, other):
            found[labels] = one if isinstance(left, dict) else other
    return found


def _key(labels: Labels, on: Sequence[str] | None) -> Labels:
    return labels if on is None else frozenset(pair for pair in labels if pair[0] in on)
