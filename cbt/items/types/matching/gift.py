"""匹配 in GIFT: each left with an arrow to its right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cbt.interchange import raw_items
from cbt.interchange.gift_answer import Braces, GiftMapping, shown
from cbt.interchange.out_texts import OutTexts
from cbt.items.types.matching.moodle import option, prepared, unshown


def _claims(braces: Braces) -> bool:
    answers = braces.answers if braces.listed else []
    return all(answer.mark == "=" for answer in answers) and any("->" in answer.text for answer in answers)


def _read(braces: Braces) -> dict[str, Any]:
    split = [answer.whole.partition("->") for answer in braces.answers]
    pairs = [(braces.text(left, line=True), option(shown(right).strip())) for left, _sign, right in split]
    extras = [right for left, right in pairs if not left and right]
    data = raw_items.matching(braces.stem(" "), [pair for pair in pairs if pair[0]], extras)
    return data | raw_items.explained(braces.general, [])


def _answers(data: Mapping[str, Any], texts: OutTexts) -> str:
    pairs = [*data["pairs"], *(["", right] for right in data.get("extra_options", ()))]
    lines = (f"={texts.line(left)} -> {texts.option(right)}" for left, right in pairs)
    return "\n" + "\n".join(lines) + "\n"


MAPPING = GiftMapping(
    frozenset({"pairs", "extra_options"}),
    _claims,
    _read,
    _answers,
    prepared=prepared,
    unshown=unshown,
)
