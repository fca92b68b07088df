"""What may come in at each position of a form, as one short text kept with the attempt.

A save needs nothing else of the form, which is long; and most forms of a paper have the same text.

Source: R-41, R-44.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Any

import msgspec

from cbt.rules.canonical import canonical_json


class Position(msgspec.Struct, gc=False):
    """One position of a frozen form: what joins it to its item and orders what is shown of it."""

    position: int
    type: str
    item: str
    version: int
    points: str
    order: list[int]
    section: int | None = None
    unit: int | None = None
    part: int | None = None
    lefts: list[int] | None = None
    blanks: int | None = None
    limits: dict[str, Any] | None = None


class _Form(msgspec.Struct, gc=False):
    positions: list[Position]


_forms = msgspec.json.Decoder(_Form)


def positions_of(content: str) -> Sequence[Position]:
    """Return the positions of a frozen form in order. Everybody's is read in the second a room starts."""
    return _forms.decode(content).positions


@dataclass(frozen=True, slots=True)
class PositionShape:
    """What is known of one position without its form: the shape of its answers, its unit and its section."""

    shape: Mapping[str, Any]
    unit: int | None
    section: int | None


def layout_of(content: str) -> str:
    """Return the layout of a frozen form: runs of equal positions as JSON, each with its length first."""
    runs = groupby(positions_of(content), key=_facts)
    return canonical_json([[len(list(places)), *facts] for facts, places in runs])


def _facts(position: Position) -> tuple[Any, ...]:
    facts = (
        position.type,
        len(position.order),
        len(position.lefts or ()),
        position.blanks or 0,
        position.unit,
        position.section,
    )
    return (*facts, position.limits) if position.limits else facts


@lru_cache(maxsize=1024)
def read_layout(text: str) -> Sequence[PositionShape]:
    """Return the places a layout tells of, in order of position."""
    places: list[PositionShape] = []
    for count, kind, shown, lefts, blanks, unit, section, *limits in json.loads(text):
        shape: dict[str, Any] = {"type": kind, "order": range(shown), "lefts": range(lefts), "blanks": blanks}
        if limits:
            shape["limits"] = limits[0]
        places += [PositionShape(shape, unit, section)] * count
    return tuple(places)
