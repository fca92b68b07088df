"""A paper that no blueprint asks for: some of what a bank has, to be looked at."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from cbt.rules.assembly.drawable import Drawable
from cbt.rules.assembly.form import form_of_items
from cbt.rules.assembly.tally import mutual_enemies
from cbt.rules.exam.paper import Paper, Section
from cbt.rules.items.values import ItemType

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
