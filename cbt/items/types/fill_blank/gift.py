"""填空 in GIFT: each full answer is a spelling of the one blank."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cbt.interchange import raw_items
from cbt.interchange.gift_answer import ALL, FORMAT, Braces, GiftMapping, keyed
from cbt.interchange.out_texts import OutTexts


def _claims(braces: Braces) -> bool:
    return braces.listed and all(answer.mark == "=" and "->" not in answer.text for answer in braces.answers)


def _read(braces: Braces) -> dict[str, Any]:
    answers = braces.answers
    if any(0 < answer.worth < ALL for answer in answers):
        braces.found.hint("open_weights", braces.stem("{{1}}"))
    full = [text for answer in answers if answer.worth >= ALL and (text := braces.key(answer.text))]
    data = raw_items.fill(braces.blank_stem(), [raw_items.sound_spellings(braces.found, full)])
    return data | raw_items.explained(braces.general, braces.said_to_each())


def _answers(data: Mapping[str, Any], _texts: OutTexts) -> str | None:
    """Return the spellings: an arrow in one would make it a 匹配, and a kind of text before one is taken off."""
    spellings = data["answer"][0]
    if any("->" in spelling or FORMAT.match(spelling) for spelling in spellings):
        return None
    return "\n" + "\n".join(f"={keyed(spelling)}" for spelling in spellings) + "\n"


MAPPING = GiftMapping(frozenset({"answer"}), _claims, _read, _answers, gap=True)
