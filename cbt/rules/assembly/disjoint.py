"""How many papers without a common item are reached by drawing one after another."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from cbt.errors import Conflict
from cbt.rules.assembly.drawable import Drawable
from cbt.rules.assembly.form import draw_form
from cbt.rules.exam.paper import Paper


def papers_reached(
    paper: Paper,
    drawables: Sequence[Drawable],
    weights: Mapping[str, int],
    importances: Mapping[str, str],
    *,
    most: int,
    attempts: int,
    rng: random.Random,
) -> int:
    """Return how many papers could be drawn, each from what the ones before left over, `most` at most.

    Everything a draw keeps is kept: difficulty, true statements and enemies, too. Which paper comes first decides
    how far it goes, so the best of `attempts` counts; more may be possible.

    Source: R-8.
    """
    best = 0
    for _ in range(attempts):
        best = max(best, _one_after_another(paper, drawables, weights, importances, most=most, rng=rng))
        if best >= most:
            break
    return best


def _one_after_another(
    paper: Paper,
    drawables: Sequence[Drawable],
    weights: Mapping[str, int],
    importances: Mapping[str, str],
    *,
    most: int,
    rng: random.Random,
) -> int:
    left, reached = list(drawables), 0
    while reached < most:
        try:
            form = draw_form(paper, left, weights, importances, rng=rng)
        except Conflict:
            break
        used = {place["item"] for place in form["positions"]}
        left = [item for item in left if item.ref not in used]
        reached += 1
    return reached
