"""校样: a drawn paper as it is printed to be proofread, and its key on pages of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from cbt.assembly.coverage.drawing import DrawnPaper, Position, shown_item, verdicts
from cbt.bank.items.rich import inline, sanitised, to_html
from cbt.rules.items.case import Case

SHORT, MIDDLE = 9, 22
"""Choices up to so many characters stand four or two beside each other."""


@dataclass(frozen=True, slots=True)
class ProofItem:
    """One question as it is printed, numbered within its section or unit; texts are safe HTML.

    `point` is "" where the item's ref says it already.

    `shown` is what a candidate sees of it, `columns` how many of its choices stand beside each other. A `verdict`
    is marked in brackets beside the statement.
    """

    number: int
    ref: str
    version: int
    type: str
    points: str
    point: str
    difficulty: int
    shown: Mapping[str, Any]
    columns: int
    verdict: bool
    key: list[str]
    explanation: str
    law: str


@dataclass(frozen=True, slots=True)
class ProofGroup:
    """A section, or a unit with its case."""

    name: str
    unit: int
    points: str
    minutes: int
    title: str
    stimulus: str
    items: list[ProofItem]


def proof_of(drawn: DrawnPaper) -> list[ProofGroup]:
    """Return a drawn paper group by group, with its key."""
    paper = drawn.paper
    if paper.units:
        return [
            _group(
                drawn, [place for place in drawn.positions if place["unit"] == unit.number], unit.name, unit
            )
            for unit in paper.units
        ]
    return [
        _group(
            drawn, [place for place in drawn.positions if place["section"] == index], section.name, section
        )
        for index, section in enumerate(paper.sections)
    ]


def _group(drawn: DrawnPaper, places: list[Position], name: str, part: Any) -> ProofGroup:
    first = drawn.item(places[0])
    case: Mapping[str, Any] = sanitised(first) if isinstance(first, Case) else {}
    return ProofGroup(
        name=name,
        unit=getattr(part, "number", 0),
        points=f"{part.points}",
        minutes=(part.minutes or timedelta(0)) // timedelta(minutes=1),
        title=case.get("title", ""),
        stimulus=case.get("stimulus", ""),
        items=[_item(drawn, place, number) for number, place in enumerate(places, 1)],
    )


def _item(drawn: DrawnPaper, place: Position, number: int) -> ProofItem:
    whole, asked = drawn.item(place), drawn.asked(place)
    shown = shown_item(drawn, place)
    return ProofItem(
        number=number,
        ref=place["item"],
        version=place["version"],
        type=asked.type.value,
        points=place["points"],
        point="" if place["item"].startswith(whole.point) else asked.point or whole.point,
        difficulty=asked.difficulty,
        shown=shown,
        columns=_columns(shown.get("choices") or ()),
        verdict=asked.verdicts,
        key=[inline(line) for line in asked.key_at(place, verdicts())],
        explanation=to_html(asked.explanation),
        law=asked.law or whole.law,
    )


def _columns(choices: Any) -> int:
    longest = max(map(len, choices), default=0)
    return 4 if longest <= SHORT else 2 if longest <= MIDDLE else 1
