"""简答 in GIFT: empty braces."""

from __future__ import annotations

from typing import Any

from cbt.bank.foreign import questions
from cbt.bank.formats.gift.braces import Braces, GiftMapping


def _read(braces: Braces) -> dict[str, Any]:
    return questions.short_answer(braces.stem(" "), "") | questions.explained(braces.general, [])


MAPPING = GiftMapping(frozenset({"limit"}), lambda braces: not braces.plain, _read, lambda _data: "")
