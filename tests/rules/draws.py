"""Drawing forms from the shipped kind of bank, and from very small ones."""

import random
from decimal import Decimal
from typing import Any

import pytest

from cbt.errors import Conflict
from cbt.rules.assembly.form import draw_form
from cbt.rules.assembly.pools import Drawable
from cbt.rules.exam import Paper, Section
from cbt.rules.items.content import ItemType

from .builders import case_bank, drawable, skills, theory, theory_bank

BANK, WEIGHTS, IMPORTANCES = theory_bank()
CASES = case_bank(skills())
ONE_SECTION = (Section("判断题", ItemType.TRUE_FALSE, 2, Decimal(50)),)


def draw(seed: int = 1, *, bank: list[Drawable] = BANK, paper: Paper | None = None) -> dict[str, Any]:
    return draw_form(paper or theory(), bank, WEIGHTS, IMPORTANCES, rng=random.Random(seed))


def draw_cases(seed: int = 1, *, bank: list[Drawable] = CASES, **given: Any) -> dict[str, Any]:
    return draw_form(skills(), bank, {}, {}, rng=random.Random(seed), **given)


def small(items: list[Drawable], **changes: Any) -> dict[str, Any]:
    """Draw a paper of two judgements from the one range R-A."""
    paper = theory(sections=ONE_SECTION, **changes)
    return draw_form(paper, items, {"R-A": 100}, {}, rng=random.Random(1))


def judgement(number: int, **given: Any) -> Drawable:
    return drawable(f"T{number}", **({"point": f"R-A-{number:03}", "truth": number % 2 == 0} | given))


def refused(draws: Any) -> tuple[str, dict[str, object]]:
    with pytest.raises(Conflict) as caught:
        draws()
    return caught.value.code, caught.value.params
