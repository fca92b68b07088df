"""组卷: from a bank to one frozen form."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from cbt.rules.assembly.comparability import comparable
from cbt.rules.assembly.drawable import Drawable, RangePlan, drawable_of, plan_ranges
from cbt.rules.assembly.pools import Shortfall, cases_by_unit, shortfalls
from cbt.rules.assembly.selection import (
    CaseOffer,
    ItemOffer,
    offered_cases,
    offered_items,
    select_cases,
    select_items,
)
from cbt.rules.exam.paper import Paper
from cbt.rules.items.registry import TYPES
from cbt.rules.items.values import ItemType, PartialCredit

__all__ = [
    "Drawable",
    "PaperSource",
    "RangePlan",
    "Shortfall",
    "cases_by_unit",
    "comparable",
    "draw_form",
    "drawable_of",
    "plan_ranges",
    "shortfalls",
]

NOBODY_NEAR: Mapping[int, frozenset[str]] = {}


def draw_form(
    paper: Paper,
    drawables: Sequence[Drawable],
    weights: Mapping[str, int],
    importances: Mapping[str, str],
    *,
    rng: random.Random,
    avoid_cases: Mapping[int, frozenset[str]] = NOBODY_NEAR,
    without: frozenset[str] = frozenset(),
) -> dict[str, Any]:
    """Draw one form: which items, in which order, each with its choices in which order.

    `weights` gives the per cent of each third-level range, `importances` X, Y or Z of each knowledge point,
    the rest is as `PaperSource.form` has it. Who draws several forms of a paper keeps the `PaperSource`.

    Source: R-8, R-43, R-44.
    """
    source = PaperSource(paper, drawables, weights, importances)
    return source.form(rng=rng, avoid_cases=avoid_cases, without=without)


class PaperSource:
    """A paper and what it is drawn from, looked through once for all the forms that are drawn of it."""

    def __init__(
        self,
        paper: Paper,
        drawables: Sequence[Drawable],
        weights: Mapping[str, int],
        importances: Mapping[str, str],
    ) -> None:
        self._paper = paper
        self._drawables = drawables
        self._weights = weights
        self._importances = importances
        self._cases: CaseOffer | None = None
        self._items: tuple[frozenset[str], ItemOffer] | None = None

    def form(
        self,
        *,
        rng: random.Random,
        avoid_cases: Mapping[int, frozenset[str]] = NOBODY_NEAR,
        without: frozenset[str] = frozenset(),
    ) -> dict[str, Any]:
        """Draw one form: which items, in which order, each with its choices in which order.

        `avoid_cases` gives for each unit the cases of the neighbouring seats, `without` what is 互斥 with another
        paper of the same candidate: no item of it is drawn, and a case only where its unit has no other. The
        result is what is frozen: plain JSON values, the same for the same seed and the same inputs in any order,
        whatever was drawn before; it says `without`, where there is any. Raises Conflict naming the constraint
        that could not be kept.

        Source: R-8, R-43, R-44.
        """
        paper, said = self._paper, {"without": sorted(without)} if without else {}
        if not paper.units:
            items = select_items(self._offered_items(without), rng=rng)
            return {**form_of_items(paper, items, rng=rng), **said}
        cases = self._drawn_cases(rng, avoid_cases, without)
        return {
            "paper": paper.code,
            **said,
            "units": _units(paper, cases),
            "positions": _numbered(_case_positions(paper, cases, rng)),
        }

    def cases(self, *, rng: random.Random, without: frozenset[str] = frozenset()) -> dict[int, str]:
        """Return the case of each unit that `form` would draw with the same arguments; none for other papers."""
        if not self._paper.units:
            return {}
        cases = self._drawn_cases(rng, NOBODY_NEAR, without)
        return {unit.number: case.ref for unit, case in zip(self._paper.units, cases, strict=True)}

    def _drawn_cases(
        self, rng: random.Random, avoid_cases: Mapping[int, frozenset[str]], without: frozenset[str]
    ) -> list[Drawable]:
        self._cases = self._cases or offered_cases(self._paper, self._drawables)
        units = self._paper.units
        avoid = {unit.number: avoid_cases.get(unit.number, frozenset()) | without for unit in units}
        return select_cases(self._cases, rng=rng, avoid=avoid)

    def _offered_items(self, without: frozenset[str]) -> ItemOffer:
        """Return what sections are drawn from; the last one is kept, since most forms leave nothing out."""
        if self._items is None or self._items[0] != without:
            able = [item for item in self._drawables if item.ref not in without]
            self._items = without, offered_items(self._paper, able, self._weights, self._importances)
        return self._items[1]


def form_of_items(paper: Paper, items: Sequence[Drawable], *, rng: random.Random) -> dict[str, Any]:
    """Return the form of a paper of sections that asks these items, in the shape of `draw_form`."""
    return {
        "paper": paper.code,
        "sections": [
            {
                "name": section.name,
                "type": section.type.value,
                "count": section.count,
                "points_each": _plain(section.points_each),
            }
            for section in paper.sections
        ],
        "positions": _numbered(_item_positions(paper, items, rng)),
    }


def _units(paper: Paper, cases: Sequence[Drawable]) -> list[dict[str, Any]]:
    return [
        {
            "number": unit.number,
            "name": unit.name,
            "minutes": unit.minutes // timedelta(minutes=1),
            "points": _plain(unit.points),
            "item": case.ref,
            "version": case.version,
            "sha": case.sha,
        }
        for unit, case in zip(paper.units, cases, strict=True)
    ]


def _item_positions(paper: Paper, items: Sequence[Drawable], rng: random.Random) -> Iterable[dict[str, Any]]:
    for index, section in enumerate(paper.sections):
        own = sorted(
            (item for item in items if item.type == section.type), key=lambda item: (item.point, item.ref)
        )
        if section.shuffle_items:
            rng.shuffle(own)
        for item in own:
            yield {
                "unit": 0,
                "section": index,
                **_source(item),
                "part": None,
                "points": _plain(section.points_each),
                "credit": section.credit.value,
                **_arranged(item.type, item.shape, rng, shuffle=section.shuffle_choices),
            }


def _case_positions(paper: Paper, cases: Sequence[Drawable], rng: random.Random) -> Iterable[dict[str, Any]]:
    for unit, case in zip(paper.units, cases, strict=True):
        for index, part in enumerate(case.parts):
            credit = unit.credit.get(ItemType(part["type"]), PartialCredit.ALL_OR_NOTHING)
            yield {
                "unit": unit.number,
                "section": 0,
                **_source(case),
                "part": index,
                "points": _plain(part["points"]),
                "credit": credit.value,
                **_arranged(part["type"], part, rng, shuffle=unit.shuffle_choices),
            }


def _numbered(positions: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"position": number, **position} for number, position in enumerate(positions, 1)]


def _source(item: Drawable) -> dict[str, Any]:
    return {"item": item.ref, "version": item.version, "sha": item.sha}


def _arranged(kind: str, shape: Mapping[str, Any], rng: random.Random, *, shuffle: bool) -> dict[str, Any]:
    """Return `type` and the orders in which a position shows what it has."""
    return {"type": ItemType(kind).value, **TYPES[kind].arrange(shape, rng, shuffle=shuffle)}


def _plain(points: Decimal | int | str) -> str:
    return f"{Decimal(points):f}"
