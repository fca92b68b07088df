"""可选日期: days and places of a month."""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from cbt.rules.calendar import Holidays, PlacesKnown, month_of_places

HOLIDAYS = Holidays(frozenset({2026}), {date(2026, 10, 1): False, date(2026, 10, 10): True})
counts = st.integers(0, 60)


def test_a_month_says_what_is_in_time_free_and_special() -> None:
    known = PlacesKnown(
        {1: 30, 2: 20},
        {(date(2026, 10, 10), 1): 30, (date(2026, 10, 10), 2): 5, (date(2026, 10, 11), 1): 40},
        {date(2026, 10, 10): 15, date(2026, 10, 11): 3},
    )
    weeks = month_of_places(date(2026, 10, 1), known, HOLIDAYS, earliest=date(2026, 10, 10))
    assert [len(week) for week in weeks] == [7] * 5
    assert weeks[0][:3] == [None] * 3
    days = {one.day.day: one for week in weeks for one in week if one is not None}
    assert sorted(days) == list(range(1, 32))
    assert (days[1].special, days[2].special, days[10].special, days[17].special) == (False, None, True, None)
    assert (days[9].in_time, days[9].free, days[9].open) == (False, 50, False)
    assert (days[10].in_time, days[10].free, days[10].open) == (True, 0, False)
    assert (days[11].free, days[11].open) == (17, True)  # a centre that is overfull takes no place of another


@given(st.dictionaries(st.integers(1, 4), counts), st.dictionaries(st.integers(1, 4), counts), counts)
def test_nobody_more_leaves_more_places(seats: dict[int, int], planned: dict[int, int], asked: int) -> None:
    day = date(2026, 10, 12)
    full = PlacesKnown(seats, {(day, one): count for one, count in planned.items()}, {day: asked})
    assert 0 <= full.free_on(day) <= sum(full.free_at(day, one) for one in seats) <= sum(seats.values())
    more = PlacesKnown(seats, full.planned, {day: asked + 1})
    assert full.free_on(day) - more.free_on(day) in {0, 1}
