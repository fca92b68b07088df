"""One spelling for every value."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbt.rules.canonical import canonical_json, decimal_of, digest

plain_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def test_keys_are_sorted_without_spaces_and_chinese_stays_as_it_is() -> None:
    assert canonical_json({"b": [1, (2, None)], "a": "单元"}) == '{"a":"单元","b":[1,[2,null]]}'


def test_points_are_written_as_plain_digits() -> None:
    assert canonical_json([Decimal("60.0"), Decimal("1E+2")]) == '["60.0","100"]'


@pytest.mark.parametrize("value", [{1, 2}, b"bytes", Fraction(1, 3)])
def test_a_value_without_one_spelling_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        canonical_json(value)


def test_no_infinity_is_ever_stored() -> None:
    with pytest.raises(ValueError):
        canonical_json(float("inf"))


@given(st.dictionaries(st.text(), plain_values))
def test_the_order_of_insertion_does_not_show(value: dict[str, object]) -> None:
    assert canonical_json(dict(reversed(value.items()))) == canonical_json(value)


def test_a_digest_is_the_sha256_of_the_utf8_bytes() -> None:
    assert digest("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert digest("考") != digest("试")


@pytest.mark.parametrize(
    ("fraction", "shown"),
    [
        pytest.param(Fraction(0), "0", id="nothing"),
        pytest.param(Fraction(100), "100", id="a hundred keeps its zeros"),
        pytest.param(Fraction(1, 4), "0.25", id="exact"),
        pytest.param(Fraction(2, 3), "0.666666666667", id="cut at twelve places"),
    ],
)
def test_a_fraction_is_shown_without_trailing_zeros(fraction: Fraction, shown: str) -> None:
    assert str(decimal_of(fraction)) == shown
