"""What an item is: its types, its partial-credit rules, and one version of its content."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

# Places in authored order (choices, options, steps), accepted spellings per blank, a number, a text.
AnswerKey = tuple[int, ...] | tuple[tuple[str, ...], ...] | Decimal | str


class ItemType(StrEnum):
    """The types of an item. Source: R-51."""

    TRUE_FALSE = "true_false"
    SINGLE_CHOICE = "single_choice"
    MULTIPLE_CHOICE = "multiple_choice"
    FILL_BLANK = "fill_blank"
    NUMERIC = "numeric"
    MATCHING = "matching"
    ORDERING = "ordering"
    CASE = "case"
    SHORT_ANSWER = "short_answer"


class PartialCredit(StrEnum):
    """The named rules for an answer that is partly right. Source: R-52."""

    ALL_OR_NOTHING = "all_or_nothing"
    SUBSET = "subset"
    PER_PART = "per_part"
    ADJACENT_PAIRS = "adjacent_pairs"


CREDITS_OF_TYPE: Mapping[ItemType, frozenset[PartialCredit]] = {
    ItemType.MULTIPLE_CHOICE: frozenset({PartialCredit.ALL_OR_NOTHING, PartialCredit.SUBSET}),
    ItemType.FILL_BLANK: frozenset({PartialCredit.ALL_OR_NOTHING, PartialCredit.PER_PART}),
    ItemType.MATCHING: frozenset({PartialCredit.ALL_OR_NOTHING, PartialCredit.PER_PART}),
    ItemType.ORDERING: frozenset({PartialCredit.ALL_OR_NOTHING, PartialCredit.ADJACENT_PAIRS}),
}


def credit_suits(kind: ItemType, credit: PartialCredit) -> bool:
    """Return whether a partial-credit rule means anything for a type. Source: R-52."""
    return credit in CREDITS_OF_TYPE.get(kind, frozenset({PartialCredit.ALL_OR_NOTHING}))


@dataclass(frozen=True, slots=True)
class CasePart:
    """One question of a case, with what it is worth."""

    content: ItemContent
    points: Decimal


@dataclass(frozen=True, slots=True)
class ItemContent:
    """One version of one item.

    `answer_key` by type: true_false `(0,)` for right and `(1,)` for wrong; single and multiple choice the
    places of the right choices, ascending; fill_blank the accepted spellings of each blank; numeric a
    Decimal; matching the place in `options` for each left; ordering `(0, 1, …)`; case None; short_answer
    the reference text. `options` of a matching item are the distinct rights in pair order, then the extras.
    """

    type: ItemType
    stem: str
    choices: tuple[str, ...] = ()
    answer_key: AnswerKey | None = None
    fixed_order: bool = False
    word_bank: tuple[str, ...] = ()
    decimals: int = 0
    tolerance: Decimal = Decimal(0)
    lefts: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    parts: tuple[CasePart, ...] = ()
    stimulus: str = ""
    title: str = ""
    unit: int | None = None
    point: str = ""
    difficulty: int = 3
    consistency: int = 5
    explanation: str = ""
    enemies: tuple[str, ...] = ()
    law: str = ""

    @property
    def blanks(self) -> int:
        """How many blanks a fill_blank item has; 0 for every other type."""
        if self.type is ItemType.FILL_BLANK and isinstance(self.answer_key, tuple):
            return len(self.answer_key)
        return 0

    def part(self, index: int | None) -> ItemContent:
        """Return the content a position of a form asks: the item itself, or one part of a case (0-based)."""
        return self if index is None else self.parts[index].content
