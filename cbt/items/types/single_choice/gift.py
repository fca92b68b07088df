"""单选 in GIFT."""

from __future__ import annotations

from cbt.interchange.gift_answer import GiftMapping
from cbt.items.types.choices import gift

MAPPING = GiftMapping(
    gift.CARRIED,
    lambda braces: gift.claims(braces) and not gift.several(braces),
    lambda braces: gift.read(braces, multiple=False),
    lambda data: gift.written(data, "=", "~"),
)
