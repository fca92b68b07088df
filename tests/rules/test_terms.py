"""Terms of years: their last day, and which first day is the earliest of a term that is not over."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from cbt.rules.calendar import first_day_within, last_day

DAYS = st.dates(date(2000, 1, 1), date(2060, 12, 31))


@given(DAYS, st.integers(1, 6))
@example(date(2028, 2, 29), 1)
@example(date(2028, 2, 29), 4)
@example(date(2025, 2, 28), 1)
def test_the_earliest_first_day_is_that_of_a_term_not_over_and_the_day_before_is_not(
    on: date, years: int
) -> None:
    first = first_day_within(on, years)
    assert last_day(first, years) >= on
    assert last_day(first - timedelta(days=1), years) < on


def test_a_leap_day_has_a_neighbour_in_other_years() -> None:
    assert first_day_within(date(2026, 12, 3), 2) == date(2024, 12, 3)
    assert first_day_within(date(2028, 2, 29), 1) == date(2027, 3, 1)
