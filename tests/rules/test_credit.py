"""How much of one answer is right."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbt.errors import InvalidInput
from cbt.rules.canonical import canonical_json
from cbt.rules.form_score import KeyRevision, KeyRevisions, keys_in_force, share_of
from cbt.rules.items.fill_blank import same_text
from cbt.rules.items.numeric import read_number

from .builders import content, position


def share(kind: str, answer: object, *, revision: KeyRevision | None = None, **given: Any) -> Fraction | None:
    canonical = None if answer is None else canonical_json(answer)
    return share_of(position(kind, **given), content(kind), canonical, revision=revision)


@pytest.mark.parametrize(
    ("kind", "answer", "shown", "earned"),
    [
        pytest.param("true_false", "A", {"order": [0, 1]}, 1, id="true for a true statement"),
        pytest.param("true_false", "B", {"order": [0, 1]}, 0, id="false for a true statement"),
        pytest.param("single_choice", "A", {"order": [2, 0, 1, 3]}, 1, id="the key shown first"),
        pytest.param("single_choice", "C", {"order": [2, 0, 1, 3]}, 0, id="the key's authored letter"),
        pytest.param("multiple_choice", "ACD", {"order": [0, 3, 2, 1]}, 0, id="one wrong choice"),
        pytest.param("multiple_choice", "ABC", {"order": [0, 3, 2, 1]}, 1, id="all right choices"),
        pytest.param("multiple_choice", "AB", {"order": [0, 3, 2, 1]}, 0, id="one choice too few"),
        pytest.param("numeric", "86.75", {}, 1, id="on the tolerance"),
        pytest.param("numeric", "86.750001", {}, 0, id="beyond the tolerance"),
        pytest.param("numeric", "86.750000000000000000000000000000000001", {}, 0, id="beyond it by little"),
        pytest.param("numeric", "约87", {}, 0, id="no number"),
        pytest.param("ordering", [2, 3, 4, 1], {"order": [3, 0, 1, 2]}, 1, id="steps put in order"),
        pytest.param("ordering", [1, 2, 3, 4], {"order": [3, 0, 1, 2]}, 0, id="steps left as shown"),
        pytest.param(
            "matching", [2, 1, 4], {"order": [1, 0, 3, 2], "lefts": [1, 0, 2]}, 0, id="wrongly matched"
        ),
        pytest.param(
            "matching", [1, 2, 4], {"order": [1, 0, 3, 2], "lefts": [1, 0, 2]}, 1, id="well matched"
        ),
        pytest.param("fill_blank", ["２４", "vip专席"], {"blanks": 2}, 1, id="full width, case and space"),
        pytest.param("fill_blank", ["24", ""], {"blanks": 2}, 0, id="one blank left"),
        pytest.param("single_choice", None, {"order": [0, 1, 2, 3]}, 0, id="unanswered"),
    ],
)
def test_displayed_answers_are_scored_against_the_authored_key(
    kind: str, answer: object, shown: dict[str, Any], earned: int
) -> None:
    assert share(kind, answer, **shown) == earned


@pytest.mark.parametrize(
    ("kind", "credit", "answer", "shown", "earned"),
    [
        pytest.param("multiple_choice", "subset", "AB", {}, Fraction(2, 3), id="two of three right choices"),
        pytest.param("multiple_choice", "subset", "ABC", {}, Fraction(1), id="all of them"),
        pytest.param("multiple_choice", "subset", "AD", {}, Fraction(0), id="one right, one wrong"),
        pytest.param("fill_blank", "per_part", ["24", "x"], {}, Fraction(1, 2), id="one blank of two"),
        pytest.param("matching", "per_part", [1, 2, None], {}, Fraction(2, 3), id="two pairs of three"),
        pytest.param("matching", "per_part", [3, 3, 3], {}, Fraction(0), id="one distractor for all"),
        pytest.param(
            "ordering", "adjacent_pairs", [4, 2, 3, 1], {}, Fraction(1, 3), id="two steps kept together"
        ),
        pytest.param("ordering", "adjacent_pairs", [2, 3, 4, 1], {}, Fraction(1), id="all pairs"),
        pytest.param("ordering", "adjacent_pairs", [1, 4, 3, 2], {}, Fraction(0), id="the wrong way round"),
    ],
)
def test_partial_credit_follows_the_named_rule(
    kind: str, credit: str, answer: object, shown: dict[str, Any], earned: Fraction
) -> None:
    shapes: dict[str, dict[str, Any]] = {
        "multiple_choice": {"order": [0, 3, 2, 1]},
        "fill_blank": {"blanks": 2},
        "matching": {"order": [1, 0, 3, 2], "lefts": [1, 0, 2]},
        "ordering": {"order": [3, 0, 1, 2]},
    }
    assert share(kind, answer, credit=credit, **shapes[kind]) == earned


def test_a_part_of_a_case_is_scored_by_its_own_key() -> None:
    third = position("numeric", part=1)
    assert share_of(third, content("case"), '"3"') == 1
    assert share_of(third, content("case"), '"4"') == 0


def test_a_short_answer_waits_for_a_marker_and_none_written_is_worth_nothing() -> None:
    assert share("short_answer", "及时。") is None
    assert share("short_answer", None) == 0
    assert share("short_answer", "及时。", revision=KeyRevision("A", give_all=True)) == 1


def test_the_share_of_one_position_is_exact() -> None:
    parts = {"blanks": 2, "credit": "per_part"}
    assert share("fill_blank", ["24", "x"], **parts) == Fraction(1, 2)
    assert share("fill_blank", None, revision=KeyRevision("A", give_all=True), **parts) == 1


@pytest.mark.parametrize(
    ("revision", "answer", "earned"),
    [
        pytest.param(KeyRevision("A"), "C", 1, id="nothing changed"),
        pytest.param(KeyRevision("A", answer_key=(0,)), "A", 1, id="the new key is right"),
        pytest.param(KeyRevision("A", answer_key=(0,)), "C", 0, id="the replaced key is wrong"),
        pytest.param(KeyRevision("A", accept=((0,),)), "A", 1, id="a further answer is right"),
        pytest.param(KeyRevision("A", accept=((0,),)), "C", 1, id="the first stays right"),
        pytest.param(KeyRevision("A", accept=((0,),)), "B", 0, id="a third is wrong"),
        pytest.param(KeyRevision("A", give_all=True), "B", 1, id="given to a wrong answer"),
        pytest.param(KeyRevision("A", give_all=True), None, 1, id="given to the unanswered"),
    ],
)
def test_a_key_revision_changes_what_is_right(revision: KeyRevision, answer: str | None, earned: int) -> None:
    assert share("single_choice", answer, revision=revision, order=[0, 1, 2, 3]) == earned


def test_the_best_of_several_keys_decides() -> None:
    twice = KeyRevision("A", accept=((("48",), ("专席",)),))
    assert share("fill_blank", ["24", "专席"], revision=twice, blanks=2, credit="per_part") == Fraction(1, 2)
    assert share("fill_blank", ["48", "专席"], revision=twice, blanks=2, credit="per_part") == 1


def test_revisions_of_one_part_add_up_in_the_order_they_were_made() -> None:
    first = KeyRevision("A", 0, answer_key=(1,), accept=((2,),))
    revisions = KeyRevisions.of(
        [
            first,
            KeyRevision("A", 1, void=True),
            KeyRevision("A", 0, accept=((3,),)),
            KeyRevision("A", 0, answer_key=(0,)),
        ]
    )
    assert revisions.find("A", 0) == KeyRevision("A", 0, answer_key=(0,), accept=((2,), (3,)))
    assert revisions.find("A", 1) == KeyRevision("A", 1, void=True)
    assert revisions.find("A", None) is None


def test_what_was_given_or_voided_stays_so() -> None:
    revisions = KeyRevisions.of(
        [
            KeyRevision("A", give_all=True),
            KeyRevision("A", accept=((1,),)),
            KeyRevision("B", accept=((1,),)),
            KeyRevision("B", void=True),
        ]
    )
    assert revisions.find("A", None) == KeyRevision("A", accept=((1,),), give_all=True)
    assert revisions.find("B", None) == KeyRevision("B", accept=((1,),), void=True)


def test_a_revision_of_a_keyless_item_accepts_only_what_it_names() -> None:
    assert keys_in_force(content("case"), None) == ()
    assert keys_in_force(content("case"), KeyRevision("A", accept=((0,),))) == ((0,),)


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("首问 负责制", "首问负责制", True),
        ("ＶＩＰ　专席", "vip专席", True),
        ("首问责任制", "首问负责制", False),
        ("", "首问负责制", False),
    ],
)
def test_fill_in_texts_compare_without_width_case_and_space(a: str, b: str, same: bool) -> None:
    assert same_text(a, b) is same


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        pytest.param("86.7", "86.7", id="plain"),
        pytest.param("８６．７", "86.7", id="full width"),
        pytest.param(" 86.7 % ", "86.7", id="a per cent sign"),
        pytest.param("86.7％", "86.7", id="a full-width per cent sign"),
        pytest.param("1,234,567.8", "1234567.8", id="thousands"),
        pytest.param("１，２３４", "1234", id="full-width thousands"),
        pytest.param("−3", "-3", id="a minus sign"),
        pytest.param("+.5", "0.5", id="no leading zero"),
        pytest.param("5.", "5", id="a trailing point"),
        pytest.param("12,34", None, id="commas in the wrong place"),
        pytest.param("86.7%%", None, id="two per cent signs"),
        pytest.param("1e3", None, id="an exponent"),
        pytest.param("٣", None, id="other digits"),
        pytest.param(".", None, id="a point alone"),
        pytest.param("", None, id="nothing"),
        pytest.param("NaN", None, id="not a number"),
    ],
)
def test_numbers_are_read_as_people_type_them(typed: str, read: str | None) -> None:
    assert read_number(typed) == (None if read is None else Decimal(read))


@given(st.permutations(range(4)), st.sets(st.integers(0, 3), min_size=1))
def test_the_order_shown_never_changes_what_an_answer_earns(order: list[int], chosen: set[int]) -> None:
    letters = "".join(sorted("ABCD"[order.index(place)] for place in chosen))
    straight = "".join(sorted("ABCD"[place] for place in chosen))
    for credit in ("all_or_nothing", "subset"):
        shuffled = share("multiple_choice", letters, order=order, credit=credit)
        assert shuffled == share("multiple_choice", straight, order=[0, 1, 2, 3], credit=credit)


@given(st.permutations(range(4)), st.permutations(range(3)))
def test_a_right_matching_is_right_however_it_is_shown(order: list[int], lefts: list[int]) -> None:
    answer = [order.index(left) + 1 for left in lefts]
    assert share("matching", answer, order=order, lefts=lefts) == 1


@given(st.decimals(min_value=-1000, max_value=1000, places=6))
def test_a_number_counts_within_the_tolerance_and_only_there(typed: Decimal) -> None:
    near = abs(Fraction(typed) - Fraction("86.7")) <= Fraction("0.05")
    assert share("numeric", f"{typed:f}") == int(near)


def corrected(kind: str, *keys: object) -> KeyRevision:
    """Return the revision of a key whose first answer is given and whose others are right, too."""
    item = content(kind)
    first, *others = (item.read_key(one) for one in keys)
    return KeyRevision("K", None, answer_key=first, accept=tuple(others))


@pytest.mark.parametrize(
    ("answer", "earned"), [("90.5", 1), ("90.6", 0), ("86.7", 0), ("12", 1), ("12.05", 1), ("12.06", 0)]
)
def test_a_corrected_number_brings_a_tolerance_of_its_own_or_keeps_the_items(
    answer: str, earned: int
) -> None:
    assert share("numeric", answer, revision=corrected("numeric", "90±0.5", "12")) == earned
    for wrong in ("90±", "90±-1", "±1", "90±x", "90±1±1"):
        with pytest.raises(InvalidInput):
            content("numeric").read_key(wrong)
    keyed = replace(content("numeric"), answer_key=content("numeric").read_key("90±0.5"))
    assert keyed.key_lines(("", "")) == ["90 ± 0.5"]


def test_another_region_of_a_picture_can_be_made_right() -> None:
    here = {"order": [], "limits": {"marks": 2, "width": 100, "height": 80}}
    third, first = [[90, 65]], [[10, 5]]
    assert share("hotspot", third, **here) == 0
    revision = corrected("hotspot", [3], [1])
    assert [share("hotspot", one, revision=revision, **here) for one in (third, first, [*third, *first])] == [
        1,
        1,
        0,
    ]
