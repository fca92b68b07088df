"""简答 in GIFT: empty braces."""

from __future__ import annotations

from typing import Any

from cbt.interchange import raw_items
from cbt.interchange.gift_answer import Braces, GiftMapping


def _read(braces: Braces) -> dict[str, Any]:
    return raw_items.short_answer(braces.stem(" "), "") | raw_items.explained(braces.general, [])


MAPPING = GiftMapping(frozenset({"limit"}), lambda braces: not braces.plain, _read, lambda _data, _texts: "")
