"""工作日: the published arrangement, an office's own table, and what is provisional until one is published."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cbt.enrolment.office_decisions import published_holidays
from cbt.rules.calendar import (
    CountedDay,
    Holidays,
    earliest_exam_day,
    festivals,
    lead_time,
    nth_working_day_after,
    working_days_until,
)

ALL = published_holidays()
PUBLISHED = Holidays(
    frozenset(range(2004, 2027)), {day: ALL.days[day] for day in ALL.days if day.year < 2027}
)
DAY = timedelta(days=1)
days = st.dates(date(2024, 6, 1), date(2028, 6, 1))
tables = st.builds(
    Holidays, st.frozensets(st.integers(2024, 2028)), st.dictionaries(days, st.booleans(), max_size=20)
)


def on(text: str) -> date:
    return date.fromisoformat(text)


@pytest.mark.parametrize(
    ("day", "working"),
    [
        pytest.param("2026-02-14", True, id="a Saturday worked for Spring Festival"),
        pytest.param("2026-02-16", False, id="its eve, a Monday"),
        pytest.param("2026-10-07", False, id="the last day of National Day's week"),
        pytest.param("2026-10-10", True, id="the Saturday worked for it"),
        pytest.param("2026-11-27", True, id="a Friday"),
        pytest.param("2026-11-28", False, id="a Saturday"),
        pytest.param("2027-01-01", False, id="New Year of a year not published"),
        pytest.param("2027-02-05", False, id="the eve of its Spring Festival"),
        pytest.param("2027-02-08", False, id="the last of its four days"),
        pytest.param("2027-02-09", True, id="the day after"),
        pytest.param("2027-09-15", False, id="its Mid-autumn"),
        pytest.param("2045-10-03", False, id="National Day of a far year"),
        pytest.param("2045-06-19", True, id="端午 of a far year is not known"),
    ],
)
def test_a_day_is_worked_or_not(day: str, working: bool) -> None:
    assert PUBLISHED.is_working(on(day)) is working


def test_what_is_published_is_known_without_a_network() -> None:
    assert PUBLISHED.years <= ALL.years
    assert {day.year for day in ALL.days} == ALL.years


def test_festivals_of_published_years_are_free() -> None:
    """The law's own days are those that the notices give, so a computed year is only short of 调休."""
    for year in (2025, 2026):
        assert not any(PUBLISHED.is_working(day) for day in festivals(year))


@pytest.mark.parametrize(
    ("applied_on", "earliest", "provisional"),
    [
        pytest.param("2026-11-02", "2026-11-30", False, id="four plain weeks"),
        pytest.param("2026-11-01", "2026-11-27", False, id="a Sunday: the day itself is not counted"),
        pytest.param("2026-09-21", "2026-10-26", False, id="over two festivals and a Saturday worked"),
        pytest.param("2026-12-10", "2027-01-08", True, id="into a year that is not published"),
    ],
)
def test_the_earliest_exam_lies_twenty_working_days_ahead(
    applied_on: str, earliest: str, provisional: bool
) -> None:
    assert earliest_exam_day(on(applied_on), PUBLISHED) == CountedDay(on(earliest), provisional)


@pytest.mark.parametrize(
    ("exam_on", "late_by"),
    [
        pytest.param("2026-11-30", 0, id="on the day"),
        pytest.param("2026-12-05", 0, id="a Saturday later"),
        pytest.param("2026-11-28", 1, id="the Saturday before: one working day too late"),
        pytest.param("2026-11-27", 1, id="the Friday before"),
        pytest.param("2026-11-02", 20, id="the same day"),
        pytest.param("2026-10-01", 20, id="a day that is over"),
    ],
)
def test_too_late_is_said_in_working_days(exam_on: str, late_by: int) -> None:
    found = lead_time(on("2026-11-02"), on(exam_on), PUBLISHED)
    assert (found.late_by, found.earliest.day) == (late_by, on("2026-11-30"))


def test_an_office_enters_a_year_before_the_product_knows_it() -> None:
    entered = PUBLISHED.with_days({on("2027-01-04"): False, on("2027-01-02"): True}, frozenset({2027}))
    assert entered.is_working(on("2027-01-02"))
    assert not entered.is_working(on("2027-01-04"))
    assert entered.is_working(on("2027-01-01")), "a year that is complete has no festival but those entered"
    assert not nth_working_day_after(on("2026-12-28"), 10, entered).provisional


def test_a_day_that_is_entered_is_certain_by_itself() -> None:
    one = Holidays(frozenset({2026}), {on("2027-01-01"): False, on("2027-01-04"): True})
    assert nth_working_day_after(on("2027-01-03"), 1, one) == CountedDay(on("2027-01-04"), False)
    assert nth_working_day_after(on("2027-01-03"), 2, one).provisional


@settings(max_examples=40)
@given(tables, days, st.integers(0, 45))
def test_what_was_counted_to_is_so_many_working_days_away(holidays: Holidays, day: date, count: int) -> None:
    found = nth_working_day_after(day, count, holidays)
    assert working_days_until(day, found.day, holidays) == count
    assert found.day == day if count == 0 else holidays.is_working(found.day)
    on_the_way = [day + DAY * step for step in range(1, (found.day - day).days + 1)]
    assert found.provisional == any(not holidays.is_certain(one) for one in on_the_way)


@settings(max_examples=40)
@given(tables, days, st.integers(0, 60), st.integers(0, 25))
def test_an_application_is_late_exactly_before_its_earliest_day(
    holidays: Holidays, applied_on: date, later: int, ahead: int
) -> None:
    exam_on = applied_on + DAY * later
    found = lead_time(applied_on, exam_on, holidays, ahead=ahead)
    assert (found.late_by == 0) == (exam_on >= found.earliest.day)
