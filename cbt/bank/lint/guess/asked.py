"""What a reader who knows nothing of the subject sees: a stem, and what can be picked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from cbt.bank.imports.drafts import ItemDraft
from cbt.bank.lint.words import is_negative
from cbt.rules.items.values import LETTERS, ItemType
from cbt.sheets.findings import Place


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
