"""匹配 in GIFT: each left with an arrow to its right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cbt.interchange import raw_items
from cbt.interchange.gift_answer import Braces, GiftMapping, escaped


def _claims(braces: Braces) -> bool:
    answers = braces.answers if braces.listed else []
    return all(answer.mark == "=" for answer in answers) and any("->" in answer.text for answer in answers)


def _read(braces: Braces) -> dict[str, Any]:
    split = [answer.whole.partition("->") for answer in braces.answers]
    pairs = [(braces.text(left), braces.text(right)) for left, _sign, right in split]
    extras = [right for left, right in pairs if not left and right]
    data = raw_items.matching(braces.stem(" "), [pair for pair in pairs if pair[0]], extras)
    return data | raw_items.explained(braces.general, [])


def _answers(data: Mapping[str, Any]) -> str:
    pairs = [*data["pairs"], *(["", right] for right in data.get("extra_options", ()))]
    return "\n" + "\n".join(f"={escaped(left)} -> {escaped(right)}" for left, right in pairs) + "\n"


MAPPING = GiftMapping(frozenset({"pairs", "extra_options"}), _claims, _read, _answers)
