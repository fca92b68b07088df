"""Credit for letters chosen among displayed places; few different answers come up, over and over."""

from __future__ import annotations

import json
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any

from cbt.rules.items.basis.content import ALL, NOTHING
from cbt.rules.items.values import LETTERS, AnswerKey

KEPT_CHOICES = 16_384


def share_of_letters(
    canonical: str, order: Sequence[int], keys: tuple[AnswerKey, ...], *, subset: bool = False
) -> Fraction:
    """Return the share of the best matching key; `subset` gives each right letter its part, none if one is wrong.

    Source: R-52.
    """
    return _share(canonical, tuple(order), keys, subset)


@lru_cache(maxsize=KEPT_CHOICES)
def _share(canonical: str, order: tuple[int, ...], keys: tuple[AnswerKey, ...], subset: bool) -> Fraction:
    chosen = frozenset(order[LETTERS.index(letter)] for letter in json.loads(canonical))
    places = [frozenset(key) for key in keys if isinstance(key, tuple)]
    return max((_share_of_places(chosen, right, subset) for right in places), default=NOTHING)


def _share_of_places(chosen: frozenset[int], right: frozenset[Any], subset: bool) -> Fraction:
    if subset:
        return Fraction(len(chosen), len(right)) if chosen <= right else NOTHING
    return ALL if chosen == right else NOTHING
