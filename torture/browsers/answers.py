"""Invents what a candidate enters, in the one spelling that the journal keeps."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

LETTERS = "ABCDEFGH"
_WORDS = ("主管", "15", "客户", "𬭎", "a b", "“引号”")


def invent(items: Sequence[Mapping[str, Any]], rng: random.Random) -> dict[str, Any]:
    """Return kind, position and value of one entry for a paper's items: mostly answers, some flags and notes."""
    item = rng.choice(items)
    chance = rng.random()
    if chance < 0.06:
        return {"kind": "flag", "position": item["position"], "value": rng.random() < 0.6}
    if chance < 0.1:
        note = rng.choice(_WORDS) + str(rng.randrange(1000))
        return {"kind": "note", "position": item["position"], "value": note}
    value = None if chance < 0.14 else _value(item, rng)
    return {"kind": "answer", "position": item["position"], "value": value}


def _value(item: Mapping[str, Any], rng: random.Random) -> Any:
    match item["type"]:
        case "true_false" | "single_choice":
            return LETTERS[rng.randrange(len(item["choices"]))]
        case "multiple_choice":
            letters = LETTERS[: len(item["choices"])]
            return "".join(sorted(rng.sample(letters, rng.randint(1, len(letters)))))
        case "fill_blank":
            return [rng.choice(_WORDS) for _ in range(item["blanks"])]
        case "matching":
            return [rng.randint(1, len(item["options"])) for _ in item["lefts"]]
        case "ordering":
            return rng.sample(range(1, len(item["steps"]) + 1), len(item["steps"]))
        case _:
            return str(rng.randrange(1, 1000))
