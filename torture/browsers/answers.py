"""Invents what a candidate enters, in the one spelling that the journal keeps."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from cbt.items.types.editor import WORDS
from cbt.items.types.registry import authoring_of


def invent(items: Sequence[Mapping[str, Any]], rng: random.Random) -> dict[str, Any]:
    """Return kind, position and value of one entry for a paper's items: mostly answers, some flags and notes."""
    item = rng.choice(items)
    chance = rng.random()
    if chance < 0.06:
        return {"kind": "flag", "position": item["position"], "value": rng.random() < 0.6}
    if chance < 0.1:
        note = rng.choice(WORDS) + str(rng.randrange(1000))
        return {"kind": "note", "position": item["position"], "value": note}
    value = None if chance < 0.14 else authoring_of(item["type"]).any_answer(item, rng)
    return {"kind": "answer", "position": item["position"], "value": value}
