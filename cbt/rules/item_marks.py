"""What became of one item of one paper, in a word.

Source: R-50, R-51, R-54.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum


class ItemMark(StrEnum):
    """What an answer earned of its item; the letter is how a matrix of many is read aloud and drawn."""

    RIGHT = "right"
    PARTIAL = "partial"
    WRONG = "wrong"
    BLANK = "blank"
    VOID = "void"
    """The item counts for nobody any more (作废)."""
    PENDING = "pending"
    """People have it to mark (待阅)."""


def mark_of(*, earned: Decimal | None, points: Decimal, answered: bool, void: bool = False) -> ItemMark:
    """Return what became of an item; whoever was given all points has it right, also without an answer (送分).

    Source: R-50, R-51, R-54.
    """
    if void:
        return ItemMark.VOID
    if earned is None:
        return ItemMark.PENDING
    if earned == points:
        return ItemMark.RIGHT
    if not answered:
        return ItemMark.BLANK
    return ItemMark.PARTIAL if earned > 0 else ItemMark.WRONG
