"""The form of a paper: how it is drawn, and whether several forms ask the same of everybody.

Source: R-8, R-43, R-44.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from cbt.errors import Conflict
from cbt.rules.assembly.pools import (
    Drawable,
    RangePlan,
    Shortfall,
    cases_by_unit,
    drawable_of,
    plan_ranges,
    shortfalls,
    true_bounds,
)
from cbt.rules.assembly.selection import (
    CaseOffer,
    ItemOffer,
    mutual_enemies,
    offered_cases,
    offered_items,
    select_cases,
    select_items,
)
from cbt.rules.exam import Flaw, Paper, Section
from cbt.rules.items.content import ItemType, PartialCredit
from cbt.rules.items.registry import TYPES

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


MEAN_TOLERANCE = Fraction(1, 10)

Form = Mapping[str, Any]
Items = Mapping[tuple[str, int], Drawable]


def comparable(forms: Sequence[Form], drawables: Sequence[Drawable]) -> list[Flaw]:
    """Return where the forms of one paper differ by more than they may; empty when they are comparable.

    Each is compared with the first: section order, counts by range and type, X/Y/Z, and for units the types
    and points of the parts; mean difficulty within 0.1 between any two; 40 to 60 % true statements.
    `drawables` must hold every item version of the forms. Paths are ("forms", place).

    Source: R-8.
    """
    items = {(item.ref, item.version): item for item in drawables}
    means = [_mean_difficulty(form, items) for form in forms]
    return [
        finding
        for index, form in enumerate(forms)
        for finding in (
            *_against(form, forms[0], items, index),
            *_difficulty(means, index),
            *_true_share(form, items, index),
        )
    ]


def _against(form: Form, first: Form, items: Items, index: int) -> Iterator[Flaw]:
    for code, read in (
        ("assembly.sections_differ", _outline),
        ("assembly.ranges_differ", _ranges),
        ("assembly.importance_differs", _importances),
    ):
        if read(form, items) != read(first, items):
            yield Flaw(("forms", index), code)


def _difficulty(means: Sequence[Fraction], index: int) -> Iterator[Flaw]:
    lowest, highest = min(means), max(means)
    if max(means[index] - lowest, highest - means[index]) > MEAN_TOLERANCE:
        params = {
            "mean": f"{float(means[index]):.2f}",
            "low": f"{float(lowest):.2f}",
            "high": f"{float(highest):.2f}",
        }
        yield Flaw(("forms", index), "assembly.difficulty_differs", params)


def _true_share(form: Form, items: Items, index: int) -> Iterator[Flaw]:
    truths = [truth for item in _drawn(form, items) if (truth := item.truth) is not None]
    low, high = true_bounds(len(truths))
    if not low <= sum(truths) <= high:
        params = {"true": sum(truths), "low": low, "high": high}
        yield Flaw(("forms", index), "assembly.true_outside", params)


def _drawn(form: Form, items: Items) -> list[Drawable]:
    """The items of a form, a case once."""
    refs = dict.fromkeys((position["item"], position["version"]) for position in form["positions"])
    return [items[ref] for ref in refs]


def _mean_difficulty(form: Form, items: Items) -> Fraction:
    drawn = _drawn(form, items)
    return Fraction(sum(item.difficulty for item in drawn), len(drawn))


def _outline(form: Form, items: Items) -> list[object]:
    return [(one["unit"], one["section"], one["type"], one["points"]) for one in form["positions"]]


def _ranges(form: Form, items: Items) -> Counter[tuple[str, str]]:
    """Items by range and type; cases of one unit come from different ranges and are left out."""
    return Counter((item.range, item.type) for item in _drawn(form, items) if item.unit is None)


def _importances(form: Form, items: Items) -> Counter[tuple[str, str]]:
    return Counter((item.range, item.importance) for item in _drawn(form, items) if item.unit is None)


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
        paper, params = self._paper, {"without": sorted(without)} if without else {}
        if not paper.units:
            items = select_items(self._offered_items(without), rng=rng)
            return {**form_of_items(paper, items, rng=rng), **params}
        cases = self._drawn_cases(rng, avoid_cases, without)
        return {
            "paper": paper.code,
            **params,
            "units": _units(paper, cases),
            "positions": _numbered(_case_positions(paper, cases, rng)),
        }

    def refusal(self) -> Conflict | None:
        """Return why no form can be drawn, None where one can.

        A draw is never refused by chance, so this holds for every seed; all that says whether a bank is enough for
        a paper asks here.

        Source: R-8.
        """
        try:
            self.form(rng=random.Random(0))
        except Conflict as error:
            return error
        return None

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


MOST_OF_A_TYPE = 20
LOOK = "look"
"""The code of such a paper."""


def look_paper(names: Mapping[ItemType, str], counts: Mapping[ItemType, int]) -> Paper:
    """Return a paper with a section for each type there is anything of; its items are worth a point each."""
    kinds = [kind for kind in ItemType if counts.get(kind)]
    sections = tuple(Section(names[kind], kind, counts[kind], Decimal(1)) for kind in kinds)
    return Paper(LOOK, "", timedelta(0), points=Decimal(sum(counts.values())), sections=sections)


def draw_look(
    names: Mapping[ItemType, str],
    drawables: Sequence[Drawable],
    *,
    rng: random.Random,
    most: int = MOST_OF_A_TYPE,
) -> tuple[Paper, dict[str, Any]]:
    """Return a paper of up to `most` items of each type, cases left out, and its form in the shape of `draw_form`.

    Of a type no two items ask about one point, and nothing stands beside what excludes it. The result is the
    same for the same seed and the same items in any order.

    Source: R-8, R-43.
    """
    enemies = mutual_enemies(drawables)
    taken: dict[str, Drawable] = {}
    for kind in ItemType:
        own = sorted(
            (item for item in drawables if item.type == kind != ItemType.CASE), key=lambda item: item.ref
        )
        rng.shuffle(own)
        points: set[str] = set()
        for item in own:
            free = item.point not in points and not enemies.get(item.ref, frozenset()) & taken.keys()
            if free and len(points) < most:
                points.add(item.point)
                taken[item.ref] = item
    chosen = list(taken.values())
    counts = {kind: sum(item.type == kind for item in chosen) for kind in ItemType}
    paper = look_paper(names, counts)
    return paper, form_of_items(paper, chosen, rng=rng)
