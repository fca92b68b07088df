"""How long records are kept (R-95)."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cbt.rules.calendar import due_on, latest_due, takes_two


@pytest.mark.parametrize(
    ("last_on", "years", "due"),
    [
        (date(2026, 11, 28), 5, date(2031, 11, 29)),
        (date(2026, 12, 31), 3, date(2030, 1, 1)),
        (date(2024, 2, 29), 5, date(2029, 3, 1)),
        (date(2024, 2, 28), 4, date(2028, 2, 29)),
    ],
)
def test_records_are_due_from_the_day_after_their_term(last_on: date, years: int, due: date) -> None:
    assert due_on(last_on, years) == due


@pytest.mark.parametrize(
    ("today", "years", "latest"),
    [
        (date(2031, 11, 29), 5, date(2026, 11, 28)),
        (date(2030, 1, 1), 3, date(2026, 12, 31)),
        (date(2028, 2, 29), 4, date(2024, 2, 28)),
        (date(2028, 2, 29), 1, date(2027, 2, 28)),  # the year it is counted back to has no such day
    ],
)
def test_what_was_last_added_to_a_term_ago_is_due(today: date, years: int, latest: date) -> None:
    assert latest_due(today, years) == latest


@example(date(2028, 2, 29), 1)  # no such day in the year it is counted back to
@given(st.dates(date(2019, 12, 20), date(2033, 3, 5)), st.integers(1, 30))
def test_the_latest_day_that_is_due_is_due_and_the_next_is_not(today: date, years: int) -> None:
    latest = latest_due(today, years)
    assert due_on(latest, years) <= today < due_on(latest + timedelta(days=1), years)


@pytest.mark.parametrize(
    ("before", "after", "two"),
    [
        pytest.param(5, 4, True, id="a year less than records are kept by rule"),
        pytest.param(6, 5, False, id="down to the rule's own term"),
        pytest.param(5, 6, False, id="longer"),
        pytest.param(3, 3, False, id="as it was, if below"),
        pytest.param(3, 4, True, id="longer, and still below"),
    ],
)
def test_a_term_below_the_rules_takes_two_people(before: int, after: int, two: bool) -> None:
    assert takes_two(before, after, least=5) is two
