"""The names of the item types and of the partial-credit rules, and what an answer key may be."""

from __future__ import annotations

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
    HOTSPOT = "hotspot"


class PartialCredit(StrEnum):
    """The named rules for an answer that is partly right. Source: R-52."""

    ALL_OR_NOTHING = "all_or_nothing"
    SUBSET = "subset"
    PER_PART = "per_part"
    ADJACENT_PAIRS = "adjacent_pairs"
