"""证书编号: 22 characters, told apart, counted on without gaps."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cbt.errors import Conflict, InvalidInput
from cbt.rules.certificates import (
    LAST_SEQUENCE,
    NumberFault,
    NumberFlaw,
    NumberSeries,
    gaps,
    grouped,
    next_number,
    normalise_number,
    number_flaw,
    sequence_of,
    series_of,
)

SHANGHAI = NumberSeries("S", "0000", "31", "000001", 2026, "3")
FIRST = "S000031000001263000001"


def digits(count: int) -> st.SearchStrategy[str]:
    return st.text("0123456789", min_size=count, max_size=count)


series = st.builds(
    NumberSeries,
    st.sampled_from("YS"),
    digits(4),
    digits(2),
    digits(6),
    st.integers(2000, 2099),
    digits(1),
)


def test_the_first_number_of_a_body_in_shanghai() -> None:
    assert SHANGHAI.number(1) == FIRST
    assert grouped(FIRST) == "S 0000 31 000001 26 3 000001"
    assert grouped("none") == "none"


@settings(max_examples=50)
@given(series, st.integers(1, LAST_SEQUENCE))
def test_a_number_says_its_parts(one: NumberSeries, sequence: int) -> None:
    number = one.number(sequence)
    assert (len(number), number_flaw(number)) == (22, None)
    assert (series_of(number), sequence_of(number)) == (one, sequence)
    assert normalise_number(f" {grouped(number).lower()} ") == number


@pytest.mark.parametrize(
    ("typed", "flaw"),
    [
        pytest.param(FIRST[:-1], NumberFlaw(NumberFault.LENGTH, 21), id="one short"),
        pytest.param("X" + FIRST[1:], NumberFlaw(NumberFault.KIND, 1), id="neither Y nor S"),
        pytest.param(FIRST[:5] + "O" + FIRST[6:], NumberFlaw(NumberFault.DIGIT, 6), id="an O for a nought"),
        pytest.param(FIRST[:5] + "²" + FIRST[6:], None, id="a raised digit is one after NFKC"),
        pytest.param(FIRST[:5] + "٣" + FIRST[6:], NumberFlaw(NumberFault.DIGIT, 6), id="a foreign digit"),
        pytest.param(FIRST[:16] + "000000", NumberFlaw(NumberFault.SEQUENCE, 17), id="no sequence"),
    ],
)
def test_what_is_wrong_with_a_number_is_said(typed: str, flaw: NumberFlaw | None) -> None:
    assert number_flaw(typed) == flaw


@pytest.mark.parametrize(
    "changed",
    [{"body": "000"}, {"province": "3100"}, {"site": "1"}, {"year": 1999}, {"year": 2100}, {"level": "33"}],
    ids=str,
)
def test_a_part_with_other_digits_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises(InvalidInput, match=r"certificate\.series"):
        replace(SHANGHAI, **changed).number(1)


def test_parts_that_make_22_together_are_still_refused() -> None:
    with pytest.raises(InvalidInput, match=r"certificate\.series"):
        replace(SHANGHAI, body="00003", province="1").number(1)


def test_numbers_follow_each_other_to_the_last() -> None:
    assert next_number(SHANGHAI, None) == FIRST
    assert next_number(SHANGHAI, FIRST) == SHANGHAI.number(2)
    with pytest.raises(Conflict, match=r"certificate\.series_spent"):
        next_number(SHANGHAI, SHANGHAI.number(LAST_SEQUENCE))
    with pytest.raises(InvalidInput, match=r"certificate\.series"):
        next_number(replace(SHANGHAI, year=2027), FIRST)
    with pytest.raises(InvalidInput, match=r"certificate\.number"):
        next_number(SHANGHAI, "no number")


@pytest.mark.parametrize(
    ("there", "lacking"),
    [
        pytest.param([], [], id="an empty register"),
        pytest.param([1, 2, 3], [], id="nothing between"),
        pytest.param([5, 2], [1, 3, 4], id="the first and two between"),
    ],
)
def test_a_register_lacks_what_is_missing_below_its_last(there: list[int], lacking: list[int]) -> None:
    found = gaps(SHANGHAI, map(SHANGHAI.number, there))
    assert found == list(map(SHANGHAI.number, lacking))


@settings(max_examples=40)
@given(st.sets(st.integers(1, 60), max_size=20))
def test_what_a_register_lacks_is_found(there: set[int]) -> None:
    numbers = [SHANGHAI.number(one) for one in there]
    lacking = {sequence_of(one) for one in gaps(SHANGHAI, numbers)}
    assert lacking | there == set(range(1, max(there, default=0) + 1))
    assert not lacking & there
