"""What a drawn form is like."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cbt.rules.assembly.form import PaperSource, comparable, draw_form
from cbt.rules.canonical import canonical_json, digest
from cbt.rules.exam import Section
from cbt.rules.items.content import ItemType
from cbt.rules.items.response import parse_answer

from .builders import case_bank, drawable, skills, theory, theory_bank
from .draws import BANK, CASES, IMPORTANCES, WEIGHTS, draw, draw_cases

SOURCE = PaperSource(theory(), BANK, WEIGHTS, IMPORTANCES)
LEFT_OUT = frozenset(place["item"] for place in draw(1)["positions"][:3])


@settings(max_examples=20)
@given(st.integers(1, 6), st.integers(0, 2**32))
def test_forms_of_any_bank_and_seed_are_comparable(bank_seed: int, seed: int) -> None:
    bank, weights, importances = theory_bank(bank_seed)
    forms = [
        draw_form(theory(), bank, weights, importances, rng=random.Random(seed + number))
        for number in range(5)
    ]
    assert comparable(forms, bank) == []


def test_a_form_takes_one_item_a_point_and_the_planned_number_of_each_range() -> None:
    items = {item.ref: item for item in BANK}
    drawn = [items[position["item"]] for position in draw()["positions"]]
    assert max(Counter(item.point for item in drawn).values()) == 1
    assert Counter(item.type for item in drawn) == {"true_false": 40, "single_choice": 60}
    assert Counter(item.range for item in drawn) == WEIGHTS
    assert Counter(item.importance for item in drawn) == {"X": 60, "Y": 20, "Z": 20}


def test_a_form_is_near_the_mix_of_difficulties() -> None:
    items = {item.ref: item for item in BANK}
    levels = Counter(items[position["item"]].difficulty for position in draw()["positions"])
    assert abs(sum(level * count for level, count in levels.items()) - 300) <= 5
    for level, goal in enumerate((10, 20, 40, 20, 10), 1):
        assert abs(levels[level] - goal) <= 3


def test_the_same_seed_and_bank_give_the_same_form_whatever_the_order() -> None:
    first = canonical_json(draw(7))
    assert canonical_json(draw(7, bank=BANK[::-1])) == first
    assert canonical_json(draw(8)) != first


@pytest.mark.parametrize(
    ("drawn", "sealed"),
    [
        pytest.param(lambda: draw(1), "69003e0ac047de4e", id="theory"),
        pytest.param(lambda: draw(3), "4a0d478e66dc26cb", id="theory of another seed"),
        pytest.param(
            lambda: SOURCE.form(rng=random.Random(4), without=LEFT_OUT), "361994499d845351", id="without"
        ),
        pytest.param(lambda: draw_cases(1), "59030c761733c4f8", id="skills"),
        pytest.param(lambda: draw_cases(3), "e08ce40d7f80c924", id="skills of another seed"),
    ],
)
def test_a_seed_gives_what_it_gave_when_forms_were_frozen_by_it(
    drawn: Callable[[], Any], sealed: str
) -> None:
    """Digests of forms as the first release drew them: a frozen form has to be drawn again from its seed."""
    assert digest(canonical_json(drawn())).startswith(sealed)


def test_what_was_drawn_before_from_the_same_source_changes_nothing() -> None:
    kept, cases = PaperSource(theory(), BANK, WEIGHTS, IMPORTANCES), PaperSource(skills(), CASES, {}, {})
    for seed, left_out in [
        (1, frozenset()),
        (2, LEFT_OUT),
        (3, frozenset()),
        (1, frozenset()),
        (2, LEFT_OUT),
    ]:
        anew = draw_form(theory(), BANK, WEIGHTS, IMPORTANCES, rng=random.Random(seed), without=left_out)
        assert kept.form(rng=random.Random(seed), without=left_out) == anew
        assert cases.form(rng=random.Random(seed)) == draw_cases(seed)


def test_positions_are_numbered_and_sections_keep_their_order() -> None:
    form = draw()
    assert [position["position"] for position in form["positions"]] == list(range(1, 101))
    assert [position["section"] for position in form["positions"]] == [0] * 40 + [1] * 60
    assert form["sections"] == [
        {"name": "判断题", "type": "true_false", "count": 40, "points_each": "1"},
        {"name": "单选题", "type": "single_choice", "count": 60, "points_each": "1"},
    ]


def test_what_is_frozen_is_plain_json_without_a_key() -> None:
    first, last = draw()["positions"][0], draw()["positions"][-1]
    assert first == {
        "position": 1,
        "unit": 0,
        "section": 0,
        "item": first["item"],
        "version": 1,
        "sha": f"sha-{first['item']}",
        "part": None,
        "type": "true_false",
        "points": "1",
        "credit": "all_or_nothing",
        "order": [0, 1],
    }
    assert sorted(last["order"]) == [0, 1, 2, 3]


def test_choices_keep_their_order_where_the_item_or_the_blueprint_says_so() -> None:
    fixed = [replace(item, shape={**item.shape, "fixed_order": True}) for item in BANK]
    unshuffled = tuple(replace(section, shuffle_choices=False) for section in theory().sections)
    for form in (draw(bank=fixed), draw(paper=theory(sections=unshuffled))):
        assert all(position["order"] == sorted(position["order"]) for position in form["positions"])
    assert any(position["order"] != sorted(position["order"]) for position in draw()["positions"])


def test_items_stand_in_the_order_of_their_points_where_nothing_is_shuffled() -> None:
    unshuffled = tuple(replace(section, shuffle_items=False) for section in theory().sections)
    refs = [position["item"] for position in draw(paper=theory(sections=unshuffled))["positions"]]
    assert refs == sorted(refs[:40]) + sorted(refs[40:])


def test_a_section_can_hold_any_type_that_is_marked_by_machine() -> None:
    section = Section("填空题", ItemType.FILL_BLANK, 1, Decimal(1))
    blanks = drawable("F1", type=ItemType.FILL_BLANK, shape={"blanks": 3})
    form = draw_form(theory(sections=(section,)), [blanks], {"R-A": 100}, {}, rng=random.Random(1))
    assert form["positions"][0]["blanks"] == 3
    assert parse_answer(form["positions"][0], ["a", "b", "c"]) == '["a","b","c"]'


def test_each_unit_gets_a_case_with_all_its_parts() -> None:
    form = draw_cases()
    assert [(unit["number"], unit["minutes"], unit["points"]) for unit in form["units"]] == [
        (1, 10, "25"),
        (2, 15, "30"),
        (3, 10, "25"),
        (4, 10, "20"),
    ]
    assert [position["part"] for position in form["positions"]] == [0, 1, 2, 3, 4] * 4
    assert [position["unit"] for position in form["positions"]] == [1] * 5 + [2] * 5 + [3] * 5 + [4] * 5
    assert {position["item"] for position in form["positions"]} == {unit["item"] for unit in form["units"]}
    assert sum(Decimal(position["points"]) for position in form["positions"]) == 100


def test_a_part_is_credited_as_its_unit_says() -> None:
    credits = {position["type"]: position["credit"] for position in draw_cases()["positions"]}
    assert credits == {
        "single_choice": "all_or_nothing",
        "ordering": "adjacent_pairs",
        "matching": "per_part",
        "fill_blank": "per_part",
        "numeric": "all_or_nothing",
    }


@given(st.integers(0, 2**32))
def test_ordering_and_matching_never_give_the_key_away(seed: int) -> None:
    for position in draw_cases(seed)["positions"]:
        if position["type"] == "ordering":
            assert position["order"] != [0, 1, 2, 3, 4]
            assert sorted(position["order"]) == [0, 1, 2, 3, 4]
        if position["type"] == "matching":
            assert (sorted(position["order"]), sorted(position["lefts"])) == ([0, 1, 2, 3], [0, 1, 2])


def test_matching_options_are_shuffled_even_where_choices_are_not() -> None:
    paper = skills(units=tuple(replace(unit, shuffle_choices=False) for unit in skills().units))
    forms = [draw_form(paper, CASES, {}, {}, rng=random.Random(seed)) for seed in range(10)]
    matching = [one["order"] for form in forms for one in form["positions"] if one["type"] == "matching"]
    choices = [one["order"] for form in forms for one in form["positions"] if one["type"] == "single_choice"]
    assert any(order != sorted(order) for order in matching)
    assert all(order == sorted(order) for order in choices)


@given(st.integers(0, 2**32))
def test_neighbours_never_get_the_same_case(seed: int) -> None:
    near = {1: frozenset({"U1-C1", "U1-C2"}), 2: frozenset({"U2-C3"})}
    cases = [unit["item"] for unit in draw_cases(seed, avoid_cases=near)["units"]]
    assert cases[0] == "U1-C3"
    assert cases[1] != "U2-C3"


def test_the_only_case_of_a_unit_is_taken_even_beside_a_neighbour_who_has_it() -> None:
    single = case_bank(skills(), each=1)
    form = draw_cases(bank=single, avoid_cases={1: frozenset({"U1-C1"})})
    assert form["units"][0]["item"] == "U1-C1"


def test_a_paper_of_cases_says_which_it_would_draw_and_another_has_none() -> None:
    assert PaperSource(theory(), BANK, WEIGHTS, IMPORTANCES).cases(rng=random.Random(1)) == {}
    told = PaperSource(skills(), CASES, {}, {}).cases(rng=random.Random(1))
    assert told == {unit["number"]: unit["item"] for unit in draw_cases(1)["units"]}


@given(st.integers(0, 2**32))
def test_the_cases_of_a_seed_are_known_before_its_form_is_drawn(seed: int) -> None:
    source = PaperSource(skills(), CASES, {}, {})
    form = source.form(rng=random.Random(seed), without=frozenset({"U1-C1"}))
    cases = source.cases(rng=random.Random(seed), without=frozenset({"U1-C1"}))
    assert cases == {unit["number"]: unit["item"] for unit in form["units"]}
    assert PaperSource(theory(), [], {}, {}).cases(rng=random.Random(seed)) == {}
