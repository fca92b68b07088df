"""How many items a range gives, and what assembly knows of an item."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbt.rules.assembly.form import drawable_of, plan_ranges
from cbt.rules.assembly.pools import Drawable, apportion, true_bounds
from cbt.rules.assembly.selection import replaceable, worn
from cbt.rules.items.content import ItemType

from .builders import PERCENT_OF_RANGE, content, theory


def test_five_per_cent_is_two_judgements_and_three_choices() -> None:
    plans = {plan.range: plan for plan in plan_ranges(PERCENT_OF_RANGE, theory().sections)}
    assert plans["R-A"].counts == {ItemType.TRUE_FALSE: 2, ItemType.SINGLE_CHOICE: 3}
    assert plans["R-E"].counts == {ItemType.TRUE_FALSE: 4, ItemType.SINGLE_CHOICE: 6}
    assert (plans["R-A"].total, plans["R-E"].total) == (5, 10)


@given(st.dictionaries(st.text(min_size=1), st.integers(1, 50), min_size=1), st.integers(0, 200))
def test_whole_numbers_are_shared_out_exactly_and_fairly(weights: dict[str, int], total: int) -> None:
    parts = apportion(total, weights)
    assert sum(parts.values()) == total
    for code, count in parts.items():
        assert abs(count - total * weights[code] / sum(weights.values())) < 1


def test_what_is_left_over_goes_to_the_largest_remainders() -> None:
    assert apportion(10, {"A": 35, "B": 34, "C": 31}) == {"A": 4, "B": 3, "C": 3}
    assert apportion(1, {"B": 50, "A": 50}) == {"A": 1, "B": 0}


@pytest.mark.parametrize(
    ("count", "bounds"),
    [
        pytest.param(40, (16, 24), id="forty"),
        pytest.param(5, (2, 3), id="five"),
        pytest.param(3, (1, 2), id="three: no whole number between 40 and 60 %"),
        pytest.param(1, (0, 1), id="one"),
        pytest.param(0, (0, 0), id="none"),
    ],
)
def test_true_statements_are_forty_to_sixty_per_cent(count: int, bounds: tuple[int, int]) -> None:
    assert true_bounds(count) == bounds


def test_assembly_sees_counts_and_never_a_text_or_a_key() -> None:
    seen = drawable_of(
        content("single_choice", point="R-A-001", enemies=["B"], fixed_order=True),
        ref="A",
        version=3,
        sha="x",
        range_code="R-A",
        importance="X",
    )
    assert (seen.shape, seen.truth) == ({"choices": 4, "fixed_order": True}, None)
    assert seen.enemies == frozenset({"B"})
    assert (seen.point, seen.range, seen.importance, seen.version) == ("R-A-001", "R-A", "X", 3)


@pytest.mark.parametrize(("answer", "truth"), [(True, True), (False, False)])
def test_only_the_share_of_true_statements_is_known(answer: bool, truth: bool) -> None:
    judged = content("true_false", answer=answer)
    assert drawable_of(judged, ref="A", version=1, sha="x", range_code="R", importance="X").truth is truth


def test_a_case_is_known_by_the_shape_of_its_parts() -> None:
    seen = drawable_of(content("case"), ref="A", version=1, sha="x", range_code="R", importance="X")
    assert seen.unit == 1
    assert [(part["type"], part["points"]) for part in seen.parts] == [("true_false", 4), ("numeric", 6)]


def test_a_seen_item_can_be_left_out_where_its_point_has_another_of_its_type() -> None:
    bank = [
        drawable_of(content(kind, point=point), ref=ref, version=1, sha="x", range_code="R", importance="X")
        for ref, kind, point in (
            ("A", "true_false", "R-A-001"),
            ("B", "true_false", "R-A-001"),
            ("C", "single_choice", "R-A-001"),
            ("D", "true_false", "R-A-002"),
        )
    ]
    assert replaceable(frozenset("ACD"), bank) == frozenset("A")
    assert replaceable(frozenset("ABX"), bank) == frozenset()


def bank_with(*items: tuple[str, str, str]) -> list[Drawable]:
    """Return a bank of these items: ref, type and point."""
    return [
        drawable_of(content(kind, point=point), ref=ref, version=1, sha="x", range_code="R", importance="X")
        for ref, kind, point in items
    ]


def test_what_many_more_answered_than_its_like_rests() -> None:
    three = bank_with(*((ref, "true_false", "R-A-001") for ref in "ABC"), ("D", "true_false", "R-A-002"))
    assert worn({"A": 201, "B": 50, "C": 50, "D": 900}, three) == {"A"}
    assert worn({"A": 200, "B": 50, "C": 50}, three) == frozenset()  # twice the mean is not more than that
    assert worn({}, three) == frozenset()
    assert worn({"A": 900}, bank_with(("A", "true_false", "P"), ("B", "true_false", "P"))) == frozenset()
    other = bank_with(*((ref, "true_false", "P") for ref in "AB"), ("C", "single_choice", "P"))
    assert worn({"A": 900}, other) == frozenset()  # of another type it is not alike


def test_cases_rest_among_those_of_their_unit() -> None:
    six = bank_with(*((ref, "true_false", "P") for ref in "ABCDEF"))
    assert worn({"A": 90, "B": 100}, six) == {"A", "B"}
    cases = [replace(item, point=item.ref, unit=number // 3) for number, item in enumerate(six)]
    assert worn({"A": 90, "B": 1, "F": 80}, cases) == {"A", "F"}


@given(st.dictionaries(st.sampled_from("ABCDEFG"), st.integers(0, 1000)))
def test_more_than_half_of_what_is_alike_is_always_there(exposure: dict[str, int]) -> None:
    assert len(worn(exposure, ALIKE)) < len(ALIKE) / 2


ALIKE = bank_with(*((ref, "true_false", "P") for ref in "ABCDEFG"))
