"""What scoring needs of a frozen form, as one short text: what its places are worth, and what each of them asks.

The first line, the frame, says the groups (sections or units) and the places in runs; most forms of a paper have
the same one. Each further line says of one place which item it asks and how that is arranged; forms have many of
them in common, too. No key, and no text of an item.

Source: R-43, R-50.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from itertools import groupby
from typing import Any, NamedTuple

from cbt.rules.canonical import canonical_json

_ELSEWHERE = frozenset(
    {"position", "unit", "section", "sha", "type", "credit", "points", "item", "version", "part", "order"}
)
"""What of a position stands in the frame, or at the head of its line."""


class PlaceKind(NamedTuple):
    """What places of one run have in common."""

    type: str
    credit: str
    points: str


class Run(NamedTuple):
    """Places one after the other: how many, the first position, and the number of their group."""

    length: int
    first: int
    group: int
    kind: PlaceKind


class ArrangedGroup(NamedTuple):
    """One section or unit as a form says it."""

    number: int
    name: str
    points: Decimal


@lru_cache(maxsize=1024)
def read_frame(text: str) -> tuple[Sequence[ArrangedGroup], Sequence[Run]]:
    """Return the groups and the runs of a frame."""
    groups, runs = json.loads(text)
    return (
        tuple(ArrangedGroup(number, name, Decimal(points)) for number, name, points in groups),
        tuple(Run(length, first, group, PlaceKind(*kind)) for length, first, group, *kind in runs),
    )


def arranged(form: Mapping[str, Any]) -> str:
    """Return the arrangement of a form as `draw_form` freezes it."""
    label, first = ("unit", 0) if "units" in form else ("section", 1)

    def facts(numbered: tuple[int, Mapping[str, Any]]) -> tuple[Any, ...]:
        """What is the same for all places of a run: also how far the position is from the place."""
        place, one = numbered
        return (one["position"] - place, one[label] + first, one["type"], one["credit"], one["points"])

    places = form["positions"]
    runs: list[list[Any]] = []
    for (_, *same), run in groupby(enumerate(places), key=facts):
        own = list(run)
        runs.append([len(own), own[0][1]["position"], *same])
    frame = canonical_json([list(_groups(form)), runs])
    return "\n".join([frame, *(_line(one) for one in places)])


def place_of(line: str) -> dict[str, Any]:
    """Return what a line says of a place, under the names a form has for it."""
    item, version, part, order, *more = json.loads(line)
    rest: dict[str, Any] = more[0] if more else {}
    return {"item": item, "version": version, "part": part, "order": order, **rest}


def items_in(lines: Iterable[str]) -> set[tuple[str, int]]:
    """Return the item versions that lines ask, as (ref, version)."""
    return {(item, version) for item, version, *_ in map(json.loads, lines)}


def _groups(form: Mapping[str, Any]) -> Iterator[list[Any]]:
    for unit in form.get("units", ()):
        yield [unit["number"], unit["name"], f"{Decimal(unit['points']):f}"]
    if "units" not in form:
        for number, section in enumerate(form["sections"], 1):
            yield [number, section["name"], f"{section['count'] * Decimal(section['points_each']):f}"]


def _line(one: Mapping[str, Any]) -> str:
    item, version, part, order = _json(one["item"]), one["version"], one["part"], one["order"]
    head = f"[{item},{version},{'null' if part is None else part},{_orders(tuple(order))}"
    if one.keys() <= _ELSEWHERE:
        return f"{head}]"
    rest = {name: value for name, value in one.items() if name not in _ELSEWHERE and value is not None}
    return f"{head},{canonical_json(rest)}]" if rest else f"{head}]"


@lru_cache(maxsize=16_384)
def _json(text: str) -> str:
    return canonical_json(text)


@lru_cache(maxsize=16_384)
def _orders(order: tuple[int, ...]) -> str:
    return canonical_json(order)
