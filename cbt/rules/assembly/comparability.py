"""Whether the forms of one paper ask the same of everybody."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from cbt.rules.assembly.drawable import Drawable, true_bounds
from cbt.rules.exam.blueprint import Flaw

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
