"""多选 in GIFT: each right choice earns its share, and a wrong one takes all of it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_DOWN, Decimal
from typing import Any

from cbt.interchange.gift_answer import ALL, GiftMapping
from cbt.interchange.out_texts import OutTexts
from cbt.items.types.single_choice import gift

_STEP = Decimal("0.00001")


def _answers(data: Mapping[str, Any], texts: OutTexts) -> str:
    share = (ALL / len(data["answer"])).quantize(_STEP, ROUND_DOWN).normalize()
    return gift.written(data, texts, f"~%{share:f}%", "~%-100%")


MAPPING = GiftMapping(
    gift.CARRIED,
    lambda braces: gift.claims(braces) and gift.several(braces),
    lambda braces: gift.read_gift(braces, multiple=True),
    _answers,
)
