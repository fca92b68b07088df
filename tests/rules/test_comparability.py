"""Forms that must not differ."""

import copy
import random
from dataclasses import replace
from typing import Any

import pytest

from cbt.rules.assembly.form import comparable, draw_form
from cbt.rules.assembly.pools import Drawable

from .builders import case_bank, skills, theory, theory_bank

BANK, WEIGHTS, IMPORTANCES = theory_bank()
ITEMS = {item.ref: item for item in BANK}


def two_forms() -> list[dict[str, Any]]:
    return [draw_form(theory(), BANK, WEIGHTS, IMPORTANCES, rng=random.Random(seed)) for seed in (1, 2)]


def found(forms: list[dict[str, Any]], bank: list[Drawable]) -> set[tuple[object, str]]:
    return {(finding.path[1], finding.code) for finding in comparable(forms, bank)}


def put(form: dict[str, Any], place: int, item: Drawable) -> None:
    form["positions"][place] |= {"item": item.ref}


def test_no_form_is_nothing_to_compare() -> None:
    assert comparable([], BANK) == []


def test_an_item_of_another_range_is_found() -> None:
    forms = two_forms()
    own = ITEMS[forms[1]["positions"][-1]["item"]]
    used = {position["item"] for position in forms[1]["positions"]}
    other = next(
        item for item in BANK if item.range != own.range and item.type == own.type and item.ref not in used
    )
    put(forms[1], -1, replace(other))
    assert (1, "assembly.ranges_differ") in found(forms, BANK)


def test_an_item_of_another_importance_is_found() -> None:
    forms = two_forms()
    ref = forms[1]["positions"][-1]["item"]
    twin = replace(ITEMS[ref], ref="twin", importance="Y" if ITEMS[ref].importance == "X" else "X")
    put(forms[1], -1, twin)
    assert (1, "assembly.importance_differs") in found(forms, [*BANK, twin])


def test_sections_in_another_order_are_found() -> None:
    forms = two_forms()
    forms[1]["positions"].reverse()
    assert found(forms, BANK) == {(1, "assembly.sections_differ")}


@pytest.mark.parametrize(("harder", "differ"), [(10, False), (11, True)])
def test_means_more_than_a_tenth_apart_are_found_in_both_forms(harder: int, differ: bool) -> None:
    first = two_forms()[0]
    level = [replace(item, difficulty=3) for item in BANK]
    second = copy.deepcopy(first)
    twins = []
    for place in range(harder):
        ref = second["positions"][place]["item"]
        twins.append(replace(ITEMS[ref], ref=f"{ref}-harder", difficulty=4))
        put(second, place, twins[-1])
    codes = found([first, second], [*level, *twins])
    assert codes == (
        {(0, "assembly.difficulty_differs"), (1, "assembly.difficulty_differs")} if differ else set()
    )


@pytest.mark.parametrize(("true", "outside"), [(16, False), (15, True), (24, False), (25, True)])
def test_too_many_or_too_few_true_statements_are_found(true: int, outside: bool) -> None:
    form = two_forms()[0]
    judged = [position["item"] for position in form["positions"][:40]]
    rigged = [replace(ITEMS[ref], truth=place < true) for place, ref in enumerate(judged)]
    others = [item for item in BANK if item.ref not in judged]
    assert found([form], others + rigged) == ({(0, "assembly.true_outside")} if outside else set())


def test_cases_with_other_parts_are_found() -> None:
    cases = case_bank(skills())
    other = [replace(case, parts=case.parts[::-1]) if case.ref == "U1-C2" else case for case in cases]
    one = [case for case in other if case.ref.endswith("C1")]
    two = [case for case in other if case.ref.endswith("C2")]
    forms = [draw_form(skills(), some, {}, {}, rng=random.Random(1)) for some in (one, two)]
    assert found(forms, other) == {(1, "assembly.sections_differ")}
