"""统一社会信用代码: real codes pass, every slip of one character is found, and what is wrong is said."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cbt.rules.enrolment.member_units import (
    ALPHABET,
    CreditCodeFault,
    CreditCodeFlaw,
    check_character,
    credit_code_flaw,
    normalise_credit_code,
)

SOUND = "91350100M000100Y43"
codes = st.builds(
    lambda head, region, body: (made := head + region + body) + check_character(made),
    st.text(ALPHABET, min_size=2, max_size=2),
    st.text("0123456789", min_size=6, max_size=6),
    st.text(ALPHABET, min_size=9, max_size=9),
)


@pytest.mark.parametrize(
    ("typed", "fault", "place", "found"),
    [
        pytest.param("91350100M000100Y4", CreditCodeFault.LENGTH, 17, "91350100M000100Y4", id="one short"),
        pytest.param("", CreditCodeFault.LENGTH, 0, "", id="nothing"),
        pytest.param("91350100MO00100Y43", CreditCodeFault.CHARACTER, 10, "O", id="an O for a nought"),
        pytest.param("91A50100M000100Y43", CreditCodeFault.REGION, 3, "A50100", id="no region"),
        pytest.param("91350100M000100Y44", CreditCodeFault.CHECK, 18, "4", id="another check character"),
        pytest.param("91350100M001000Y43", CreditCodeFault.CHECK, 18, "3", id="two characters exchanged"),
    ],
)
def test_what_is_wrong_is_said(typed: str, fault: CreditCodeFault, place: int, found: str) -> None:
    assert credit_code_flaw(typed) == CreditCodeFlaw(fault, place, found)


@pytest.mark.parametrize(
    "typed",
    [
        pytest.param(SOUND, id="as it is"),
        pytest.param(" 91350100-m000100y-43 ", id="small letters, hyphens, blanks"),
        pytest.param("９１３５０１００Ｍ０００１００Ｙ４３", id="full width"),
    ],
)
def test_a_code_may_be_typed_in_many_ways(typed: str) -> None:
    assert credit_code_flaw(typed) is None
    assert normalise_credit_code(typed) == SOUND


@settings(max_examples=50)
@given(codes, st.integers(0, 17), st.sampled_from(ALPHABET))
def test_any_one_character_that_is_another_is_found(code: str, place: int, other: str) -> None:
    assert credit_code_flaw(code) is None
    changed = code[:place] + other + code[place + 1 :]
    assert (credit_code_flaw(changed) is None) == (changed == code)


@settings(max_examples=50)
@given(codes, st.integers(0, 16))
def test_two_neighbours_that_are_exchanged_are_found(code: str, place: int) -> None:
    changed = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
    assert (credit_code_flaw(changed) is None) == (changed == code)
