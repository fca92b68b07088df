"""可选日期: days and places of a month."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbt.rules.calendar import CentreDay, Holidays, PlacesKnown, month_of_places

HOLIDAYS = Holidays(frozenset({2026}), {date(2026, 10, 1): False, date(2026, 10, 10): True})
counts = st.integers(0, 60)


def test_a_month_says_what_is_in_time_free_and_special() -> None:
    known = PlacesKnown(
        seats={1: 30, 2: 20},
        a_day={1: 1, 2: 1},
        planned={
            (date(2026, 10, 10), 1): CentreDay(1, 30),
            (date(2026, 10, 10), 2): CentreDay(1, 5),
            (date(2026, 10, 11), 1): CentreDay(1, 40),
        },
        asked={date(2026, 10, 10): 15, date(2026, 10, 11): 3},
        papers=1,
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


DAY = date(2026, 10, 12)


@pytest.mark.parametrize(
    ("a_day", "sittings", "papers_sat", "papers", "asked", "free"),
    [
        pytest.param(2, 0, 0, 2, 0, 30, id="a seat takes one paper in the morning and one in the afternoon"),
        pytest.param(2, 0, 0, 1, 0, 60, id="who takes one paper needs half of that"),
        pytest.param(2, 1, 30, 2, 0, 15, id="a full morning leaves the afternoon"),
        pytest.param(2, 2, 60, 2, 0, 0, id="both are full"),
        pytest.param(2, 3, 60, 2, 0, 15, id="a third sitting that is planned counts"),
        pytest.param(2, 1, 31, 2, 0, 14, id="half a person is none"),
        pytest.param(2, 0, 0, 2, 3, 28, id="three papers that are asked for are two people"),
    ],
)
def test_places_count_by_the_sittings_of_a_day(
    a_day: int, sittings: int, papers_sat: int, papers: int, asked: int, free: int
) -> None:
    planned = {(DAY, 1): CentreDay(sittings, papers_sat)}
    assert PlacesKnown({1: 30}, {1: a_day}, planned, {DAY: asked}, papers).free_on(DAY) == free


@given(st.dictionaries(st.integers(1, 4), counts), st.dictionaries(st.integers(1, 4), counts), counts)
def test_nobody_more_leaves_more_places(seats: dict[int, int], planned: dict[int, int], asked: int) -> None:
    a_day = dict.fromkeys(seats, 2)
    held = {(DAY, one): CentreDay(2, count) for one, count in planned.items()}
    full = PlacesKnown(seats, a_day, held, {DAY: asked}, 2)
    assert 0 <= full.free_on(DAY) <= sum(full.free_at(DAY, one) for one in seats) <= sum(seats.values())
    more = PlacesKnown(seats, a_day, held, {DAY: asked + 1}, 2)
    assert full.free_on(DAY) - more.free_on(DAY) in {0, 1}
