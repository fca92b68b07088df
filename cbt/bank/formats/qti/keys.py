"""What is right in an item of QTI 2.x and 3.0: its declarations of responses and how they are scored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from cbt.bank.foreign import questions, tree


@dataclass(slots=True)
class Declaration:
    """One response: its kind, the right values, and what each mapped value earns."""

    name: str
    cardinality: str
    base: str
    correct: list[str]
    mapped: dict[str, Decimal] = field(default_factory=dict)
    exact: bool = False

    def right(self) -> list[str]:
        """Return the right values: those that are said to be, else those that earn points."""
        if self.correct:
            return self.correct
        best = max(self.mapped.values(), default=Decimal(0))
        if self.cardinality == "single":
            return [value for value, worth in self.mapped.items() if worth == best > 0][:1]
        return [value for value, worth in self.mapped.items() if worth > 0]

    def spellings(self) -> list[str]:
        """Return every text that earns all points."""
        best = max(self.mapped.values(), default=Decimal(0))
        full = [value for value, worth in self.mapped.items() if worth == best > 0]
        return list(dict.fromkeys([*self.correct, *full]))

    def shares(self) -> bool:
        """Say whether some values earn a part of the points."""
        positive = {worth for worth in self.mapped.values() if worth > 0}
        return self.cardinality == "single" and len(positive) > 1


def declarations(root: Any) -> Mapping[str, Declaration]:
    """Return the responses of an item by their names."""
    found = {}
    for node in tree.children(root, "responseDeclaration"):
        name = node.get("identifier") or ""
        right = tree.child(node, "correctResponse")
        correct = [tree.words(value) for value in tree.children(right, "value")] if right is not None else []
        one = Declaration(name, node.get("cardinality") or "single", node.get("baseType") or "", correct)
        mapping = tree.child(node, "mapping")
        for entry in tree.children(mapping, "mapEntry") if mapping is not None else []:
            worth = questions.number(entry.get("mappedValue") or "")
            if worth is not None:
                one.mapped[entry.get("mapKey") or ""] = worth
            one.exact = one.exact or entry.get("caseSensitive") == "true"
        found[name] = one
    return found


def tolerance_of(root: Any, name: str, answer: Decimal) -> Decimal | None:
    """Return how far a number may be off by the scoring of an item, None when the two sides differ."""
    for equal in tree.descendants(root, "equal"):
        if any(one.get("identifier") == name for one in tree.descendants(equal, "variable")):
            widths = [questions.number(text) for text in (equal.get("tolerance") or "0").split()]
            if None in widths or len(set(widths)) > 1:
                return None
            width = abs(widths[0] or Decimal(0))
            return width * abs(answer) / 100 if equal.get("toleranceMode") == "relative" else width
    return Decimal(0)


def points_of(root: Any, name: str) -> str:
    """Return what a response can earn by the outcome that is called like it, "" where none says so."""
    outcome = name.partition("-")[0].replace("RESPONSE", "SCORE", 1)
    for node in tree.children(root, "outcomeDeclaration"):
        if node.get("identifier") == outcome != "SCORE":
            most = questions.number(node.get("normalMaximum") or "")
            return f"{most.normalize():f}" if most is not None and most > 0 else ""
    return ""
