"""填空 in GIFT: each full answer is a spelling of the one blank."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cbt.interchange import raw_items
from cbt.interchange.gift_answer import ALL, Braces, GiftMapping, shown, weighted


def _claims(braces: Braces) -> bool:
    return braces.listed and all(answer.mark == "=" and "->" not in answer.text for answer in braces.answers)


def _read(braces: Braces) -> dict[str, Any]:
    answers = braces.answers
    if any(0 < answer.worth < ALL for answer in answers):
        braces.found.hint("open_weights", braces.stem("{{1}}"))
    spellings = [text for answer in answers if answer.worth >= ALL and (text := shown(answer.text).strip())]
    data = raw_items.fill(braces.blank_stem(), [spellings])
    return data | raw_items.explained(braces.general, braces.said_to_each())


def _answers(data: Mapping[str, Any]) -> str:
    return "\n" + "\n".join(f"={weighted(spelling, 100)}" for spelling in data["answer"][0]) + "\n"


MAPPING = GiftMapping(frozenset({"answer"}), _claims, _read, _answers, gap=True)
