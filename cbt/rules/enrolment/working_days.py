"""工作日: counted by the arrangement published for a year, 调休 included, and by what the office entered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from cbt.rules.enrolment.festivals import festivals

DAY = timedelta(days=1)
DAYS_AHEAD = 20
"""How many working days before the exam an application comes. Source: R-72."""


@dataclass(frozen=True, slots=True)
class Holidays:
    """What is known of the days of some years.

    `days` says of a day whether it is worked, where it is not what its weekday says; `years` are those whose
    arrangement is published, so that all other days of them are certain, too.
    """

    years: frozenset[int] = frozenset()
    days: Mapping[date, bool] = field(default_factory=dict)

    def with_days(self, days: Mapping[date, bool], years: frozenset[int] = frozenset()) -> Holidays:
        """Return these with an office's own table on top: days that are worked or not, years that are complete."""
        return replace(self, years=self.years | years, days={**self.days, **days})

    def is_working(self, day: date) -> bool:
        """Say whether a day is worked: by what is known of it, then by its festival, then by its weekday."""
        if day in self.days:
            return self.days[day]
        if day.year not in self.years and day in festivals(day.year):
            return False
        return day.weekday() < 5

    def is_certain(self, day: date) -> bool:
        """Say whether the arrangement of a day is published, or entered by the office."""
        return day.year in self.years or day in self.days


@dataclass(frozen=True, slots=True)
class CountedDay:
    """A day that was counted to; provisional (暂定) where a day on the way was not certain."""

    day: date
    provisional: bool


@dataclass(frozen=True, slots=True)
class LeadTime:
    """How an application stands to its day: what is asked, what there is, and the first day that would do.

    `late_by` is how many working days are missing, 0 where none are.
    """

    asked: int
    working_days: int
    earliest: CountedDay

    @property
    def late_by(self) -> int:
        """How many working days too late the application is."""
        return max(0, self.asked - self.working_days)


def nth_working_day_after(day: date, count: int, holidays: Holidays) -> CountedDay:
    """Return the day that is `count` working days after `day`, which is not counted itself; for 0 it is `day`.

    Source: R-72, R-90 (民法典 第二百零一条).
    """
    provisional = False
    while count > 0:
        day += DAY
        provisional = provisional or not holidays.is_certain(day)
        count -= holidays.is_working(day)
    return CountedDay(day, provisional)


def working_days_until(after: date, last: date, holidays: Holidays) -> int:
    """Return how many working days lie after a day, up to and with another; 0 where that is not later."""
    return sum(holidays.is_working(after + DAY * step) for step in range(1, (last - after).days + 1))


def earliest_exam_day(applied_on: date, holidays: Holidays, *, ahead: int = DAYS_AHEAD) -> CountedDay:
    """Return the first day for which an application of `applied_on` is in time. Later weekends do as well.

    Source: R-72.
    """
    return nth_working_day_after(applied_on, ahead, holidays)


def lead_time(applied_on: date, exam_on: date, holidays: Holidays, *, ahead: int = DAYS_AHEAD) -> LeadTime:
    """Return whether an application comes early enough for an exam, and by how many working days it does not.

    The day of the application is not counted, the day of the exam is.

    Source: R-72.
    """
    found = working_days_until(applied_on, exam_on, holidays)
    return LeadTime(ahead, found, earliest_exam_day(applied_on, holidays, ahead=ahead))
