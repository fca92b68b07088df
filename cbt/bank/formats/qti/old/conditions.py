"""How a QTI 1.2 item is scored: which values of which response earn points."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from cbt.bank.foreign import questions, tree

_LOW, _HIGH = ("vargte", "vargt"), ("varlte", "varlt")


class Conditions:
    """What earns points, by the names of responses."""

    def __init__(self, item: Any) -> None:
        """Read the conditions that give points."""
        self._right: dict[str, list[str]] = {}
        self._ranges: dict[str, list[tuple[Decimal, Decimal]]] = {}
        self.shares = False
        earned = [(_worth(node), node) for node in tree.descendants(item, "respcondition")]
        paying = [(worth, node) for worth, node in earned if worth > 0]
        best: dict[str, Decimal] = {}
        for worth, node in paying:
            for equal in _positive(node, "varequal"):
                name, value = equal.get("respident") or "", tree.words(equal)
                self.shares = self.shares or best.setdefault(name, worth) != worth
                if value not in self._right.setdefault(name, []):
                    self._right[name].append(value)
            self._range(node)

    def right(self, name: str) -> list[str]:
        """Return the values that earn points for a response, in the order they stand in."""
        return self._right.get(name, [])

    def numbers(self, name: str) -> list[tuple[Decimal, Decimal]]:
        """Return each number that is right with its tolerance: the values, else the middles of the ranges."""
        values = [questions.number(text) for text in self.right(name)]
        ranges = self._ranges.get(name, [])
        exact = [value for value in values if value is not None]
        if len(exact) == 1 and len(ranges) == 1:
            middle, width = questions.between(*ranges[0])
            if middle == exact[0]:
                return [(exact[0], width)]
        if ranges and not exact:
            return [questions.between(low, high) for low, high in ranges]
        return [(value, Decimal(0)) for value in exact] + [questions.between(*one) for one in ranges]

    def _range(self, node: Any) -> None:
        ends: dict[str, list[Decimal | None]] = {}
        for place, names in enumerate((_LOW, _HIGH)):
            for one in _positive(node, *names):
                found = ends.setdefault(one.get("respident") or "", [None, None])
                found[place] = questions.number(tree.words(one))
        for name, (low, high) in ends.items():
            if low is not None and high is not None and low <= high:
                self._ranges.setdefault(name, []).append((low, high))


def _worth(node: Any) -> Decimal:
    """Return what a condition adds to or sets as the score."""
    found = Decimal(0)
    for one in tree.children(node, "setvar"):
        if (one.get("varname") or "SCORE").upper() in {"SCORE", "QUE_SCORE", "TOTAL"}:
            value = questions.number(tree.words(one)) or Decimal(0)
            found = -value if (one.get("action") or "Set").lower() == "subtract" else value
    return found


def _positive(node: Any, *names: str) -> list[Any]:
    """Return the tests of a condition that must hold, not those that must not."""
    found = []
    for one in tree.descendants(node, *names):
        around = [tree.local(above) for above in one.iterancestors()]
        if "not" not in around[: around.index("respcondition")]:
            found.append(one)
    return found
