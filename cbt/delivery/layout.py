"""What may come in at each position of a form, as one short text kept with the attempt.

A save needs nothing else of the form, which is long; and most forms of a paper have the same text.

Source: R-41, R-44.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from cbt.rules.canonical import canonical_json

Position = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Place:
    """What is known of one position without its form: the shape of its answers, its unit and its section."""

    shape: Mapping[str, Any]
    unit: int | None
    section: int | None


def layout_of(content: str) -> str:
    """Return the layout of a frozen form: runs of equal positions as JSON, each with its length first."""
    runs = groupby(json.loads(content)["positions"], key=_facts)
    return canonical_json([[len(list(places)), *facts] for facts, places in runs])


def _facts(position: Position) -> tuple[Any, ...]:
    lefts, blanks = position.get("lefts") or (), int(position.get("blanks") or 0)
    shown = len(position["order"])
    return (position["type"], shown, len(lefts), blanks, position["unit"], position["section"])


def read_layout(text: str) -> Sequence[Place]:
    """Return the places a layout tells of, in order of position."""
    places: list[Place] = []
    for count, kind, shown, lefts, blanks, unit, section in json.loads(text):
        shape = {"type": kind, "order": range(shown), "lefts": range(lefts), "blanks": blanks}
        places += [Place(shape, unit, section)] * count
    return tuple(places)
