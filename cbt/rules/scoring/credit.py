"""How much of one answer is right."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from typing import Any

from cbt.errors import InvalidInput
from cbt.rules.items.reading import number
from cbt.rules.items.values import LETTERS, AnswerKey, ItemContent, ItemType, PartialCredit
from cbt.rules.scoring.key_revision import KeyRevision, keys_in_force

NOTHING, ALL = Fraction(0), Fraction(1)
KEPT_CHOICES = 16_384
_CHOSEN = (ItemType.TRUE_FALSE, ItemType.SINGLE_CHOICE, ItemType.MULTIPLE_CHOICE)
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?")


def share_of(
    position: Mapping[str, Any],
    content: ItemContent,
    canonical: str | None,
    *,
    revision: KeyRevision | None = None,
) -> Fraction:
    """Return the share of a position's points an answer earns, from 0 to 1, as an exact fraction.

    `content` is the item's, also for a part of a case. Where several answers count as right the best match
    decides. Raises InvalidInput `scoring.needs_marker` for a short answer, which people mark.

    Source: R-50, R-51, R-52, R-54.
    """
    asked = content.part(position["part"])
    if asked.type is ItemType.SHORT_ANSWER:
        raise InvalidInput("scoring.needs_marker", position=position["position"])
    if revision is not None and revision.give_all:
        return ALL
    if canonical is None:
        return NOTHING
    keys, credit = keys_in_force(asked, revision), position["credit"]
    if asked.type in _CHOSEN:
        subset = asked.type is ItemType.MULTIPLE_CHOICE and credit == PartialCredit.SUBSET
        return _share_of_chosen(canonical, tuple(position["order"]), keys, subset)
    given = _authored(asked.type, position, json.loads(canonical))
    return max(_share(asked, key, given, PartialCredit(credit)) for key in keys)


def same_text(a: str, b: str) -> bool:
    """Return whether two fill-in texts are equal: after NFKC, case folded, without any space.

    Source: R-51.
    """
    return _folded(a) == _folded(b)


def read_number(text: str) -> Decimal | None:
    """Return the number somebody typed, or None: full-width digits, thousands commas and one % are fine.

    Source: R-51.
    """
    plain = "".join(unicodedata.normalize("NFKC", text).split()).replace("−", "-")
    plain = plain.removesuffix("%")
    if "," in plain:
        if not _THOUSANDS.fullmatch(plain):
            return None
        plain = plain.replace(",", "")
    return number(plain) if re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)", plain, re.ASCII) else None


@lru_cache(maxsize=KEPT_CHOICES)
def _share_of_chosen(
    canonical: str, order: tuple[int, ...], keys: tuple[AnswerKey, ...], subset: bool
) -> Fraction:
    """Return the share of letters chosen among displayed places; few different ones come up, over and over."""
    chosen = frozenset(order[LETTERS.index(letter)] for letter in json.loads(canonical))
    places = [frozenset(key) for key in keys if isinstance(key, tuple)]
    return max((_share_of_places(chosen, right, subset) for right in places), default=NOTHING)


def _share_of_places(chosen: frozenset[int], right: frozenset[Any], subset: bool) -> Fraction:
    if subset:
        return Fraction(len(chosen), len(right)) if chosen <= right else NOTHING
    return ALL if chosen == right else NOTHING


def _authored(kind: ItemType, position: Mapping[str, Any], answer: Any) -> Any:
    """Turn displayed places into authored ones; texts stay as they are."""
    order = position["order"]
    match kind:
        case ItemType.ORDERING:
            return tuple(order[shown - 1] for shown in answer)
        case ItemType.MATCHING:
            return {
                left: None if shown is None else order[shown - 1]
                for left, shown in zip(position["lefts"], answer, strict=True)
            }
        case _:
            return answer


def _share(content: ItemContent, key: AnswerKey, given: Any, credit: PartialCredit) -> Fraction:
    match content.type:
        case ItemType.FILL_BLANK if isinstance(key, tuple):
            right = [
                isinstance(accepted, tuple) and any(same_text(text, one) for one in accepted)
                for accepted, text in zip(key, given, strict=True)
            ]
            return _counted(right, credit)
        case ItemType.MATCHING if isinstance(key, tuple):
            return _counted([given[left] == option for left, option in enumerate(key)], credit)
        case ItemType.ORDERING if credit is PartialCredit.ADJACENT_PAIRS and isinstance(key, tuple):
            wanted = set(pairwise(key))
            return Fraction(len(wanted & set(pairwise(given))), len(wanted))
        case ItemType.NUMERIC:
            typed = read_number(given)
            if typed is None or not isinstance(key, Decimal):
                return NOTHING
            # As fractions: a Decimal difference is rounded to 28 digits, and 40 may be typed.
            near = abs(Fraction(typed) - Fraction(key)) <= Fraction(content.tolerance)
            return ALL if near else NOTHING
        case _:
            return ALL if given == key else NOTHING


def _counted(right: list[bool], credit: PartialCredit) -> Fraction:
    if credit is PartialCredit.PER_PART:
        return Fraction(sum(right), len(right))
    return ALL if all(right) else NOTHING


def _folded(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())
