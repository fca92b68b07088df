"""判断 in GIFT: T or F."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from cbt.interchange import raw_items
from cbt.interchange.gift_answer import Braces, GiftMapping
from cbt.interchange.out_texts import OutTexts

_TRUTH = re.compile(r"(T|TRUE|F|FALSE)", re.IGNORECASE)


def _claims(braces: Braces) -> bool:
    return _TRUTH.fullmatch(braces.plain.split("#")[0].strip()) is not None


def _read(braces: Braces) -> dict[str, Any]:
    truth, *feedback = braces.plain.split("#")
    explanation = "\n\n".join(text for text in [braces.general, *map(braces.text, feedback)] if text)
    data = raw_items.true_false(braces.stem(" "), truth.strip().upper().startswith("T"))
    return data | raw_items.explained(explanation, [])


def _answers(data: Mapping[str, Any], _texts: OutTexts) -> str:
    return "T" if data["answer"] else "F"


MAPPING = GiftMapping(frozenset({"answer"}), _claims, _read, _answers)
