"""The calendar: terms in years, festivals, working and free days, how long records are kept, a zone's changes.

Terms are counted as in the Civil Code: the first day is not counted, the last is the same date.
"""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, tzinfo


def last_day(first_on: date, years: int) -> date:
    """Return the last day of a term, inclusive: the same date years later, 29 February as the 28th.

    Who began on the first day has so many whole years behind them on that day, so it is the anniversary, too.

    Source: R-4, R-71, R-73 (民法典 第二百零一、二百零二条).
    """
    try:
        return first_on.replace(year=first_on.year + years)
    except ValueError:
        return first_on.replace(year=first_on.year + years, day=28)


def first_day_within(on: date, years: int) -> date:
    """Return the earliest day on which a term can begin that is not over on a day: `last_day` the other way round.

    Source: R-4.
    """
    try:
        return on.replace(year=on.year - years)
    except ValueError:
        return date(on.year - years, 3, 1)


# The fixed festivals (法定节假日), for years whose arrangement the State Council has not published yet.
#
# The days are those of 《全国年节及纪念日放假办法》 (2024): New Year 1, Spring Festival 4 from its eve, 清明 1,
# Labour Day 2, 端午 1, 中秋 1, National Day 3. Which weekends are worked for them, only the yearly notice says.

_SOLAR = ((1, 1), (5, 1), (5, 2), (10, 1), (10, 2), (10, 3))
_MOON: Mapping[int, tuple[int, int, int, int]] = {
    # 春节, 清明, 端午, 中秋, each as month and day, by Beijing's time
    2027: (206, 405, 609, 915),
    2028: (126, 404, 528, 1003),
    2029: (213, 404, 616, 922),
    2030: (203, 405, 605, 912),
    2031: (123, 405, 624, 1001),
    2032: (211, 404, 612, 919),
    2033: (131, 404, 601, 908),
    2034: (219, 405, 620, 927),
    2035: (208, 405, 610, 916),
    2036: (128, 404, 530, 1004),
    2037: (215, 404, 618, 924),
    2038: (204, 405, 607, 913),
    2039: (124, 405, 527, 1002),
    2040: (212, 404, 614, 920),
}
_SPRING_FESTIVAL = range(-1, 3)
"""Its eve and three days, counted from the first of the year."""


def festivals(year: int) -> frozenset[date]:
    """Return the festivals of a year; after 2040 those whose dates the sun alone says.

    Source: R-72.
    """
    days = {date(year, month, day) for month, day in _SOLAR}
    if year in _MOON:
        spring, *others = (date(year, said // 100, said % 100) for said in _MOON[year])
        days |= {spring + timedelta(days=place) for place in _SPRING_FESTIVAL}
        days |= set(others)
    return frozenset(days)


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
    days = working_days_until(applied_on, exam_on, holidays)
    return LeadTime(ahead, days, earliest_exam_day(applied_on, holidays, ahead=ahead))


STEP = timedelta(days=1)
"""No zone changes twice in a day."""
_MINUTE = timedelta(minutes=1)


def turns_of(zone: tzinfo, *, since: datetime, until: datetime) -> list[tuple[datetime, timedelta]]:
    """Return from when a zone is how far east of UTC: at `since`, then at each change until `until`."""
    turns, at = [(since, _east(zone, since))], since
    while at < until:
        ahead = min(at + STEP, until)
        if _east(zone, ahead) != turns[-1][1]:
            before, after = at, ahead
            while after - before > _MINUTE:
                middle = before + (after - before) / 2
                if _east(zone, middle) == turns[-1][1]:
                    before = middle
                else:
                    after = middle
            turn = after.replace(second=0, microsecond=0)
            turns.append((turn, _east(zone, after)))
        at = ahead
    return turns


def _east(zone: tzinfo, at: datetime) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta(0)


@dataclass(frozen=True, slots=True)
class PlacesOfDay:
    """A day of the calendar: whether an application of today would be in time for it, and its places.

    `special` says of a day that is not what its weekday says whether it is worked, None of all others. `free`
    counts people who take every paper of the level.
    """

    day: date
    in_time: bool
    special: bool | None
    free: int

    @property
    def open(self) -> bool:
        return self.in_time and self.free > 0


@dataclass(frozen=True, slots=True)
class CentreDay:
    """What is planned at a centre on a day: how many sittings, and how many papers are sat in them."""

    sittings: int = 0
    papers: int = 0


@dataclass(frozen=True, slots=True)
class PlacesKnown:
    """What is known of the places: seats of each centre, how many sittings it holds a day, what is planned, asked.

    A seat takes one paper in each sitting, so whoever takes two `papers` needs two of them. `asked` counts papers
    of people who were accepted and are planned nowhere yet, so no centre is theirs.
    """

    seats: Mapping[int, int]
    a_day: Mapping[int, int]
    planned: Mapping[tuple[date, int], CentreDay]
    asked: Mapping[date, int]
    papers: int

    def sittings_on(self, day: date, centre: int) -> int:
        """Return how many sittings a centre holds on a day: as many as usual, or as are planned."""
        return max(self.a_day[centre], self.planned.get((day, centre), CentreDay()).sittings)

    def free_at(self, day: date, centre: int) -> int:
        """Return for how many people a centre has places on a day, those who are only asked for not counted."""
        papers = self.seats[centre] * self.sittings_on(day, centre)
        return max(0, papers - self.planned.get((day, centre), CentreDay()).papers) // self.papers

    def free_on(self, day: date) -> int:
        waiting = -(-self.asked.get(day, 0) // self.papers)
        return max(0, sum(self.free_at(day, one) for one in self.seats) - waiting)


def month_of_places(
    month: date, places: PlacesKnown, holidays: Holidays, *, earliest: date
) -> list[list[PlacesOfDay | None]]:
    """Return the weeks of a month from Monday on, None for days of another month. Source: R-72."""
    weeks = calendar.Calendar().monthdatescalendar(month.year, month.month)
    return [
        [
            PlacesOfDay(day, day >= earliest, _special(day, holidays), places.free_on(day))
            if day.month == month.month
            else None
            for day in week
        ]
        for week in weeks
    ]


def _special(day: date, holidays: Holidays) -> bool | None:
    worked = holidays.is_working(day)
    return None if worked == (day.weekday() < 5) else worked


ELECTRONIC_YEARS, PAPER_YEARS = 5, 3
"""So long records are kept where nobody says otherwise."""
MOST_YEARS = 30
_DAY = timedelta(days=1)


def takes_two(before: int, after: int, *, least: int) -> bool:
    """Return whether a term of so many years is changed by two people: to less than records are kept by rule.

    Source: R-62, R-95.
    """
    return after != before and after < least


def due_on(last_on: date, years: int) -> date:
    """Return from which day on records are due that were last added to on `last_on`.

    The term is counted as the Civil Code does: its last day is the same date so many years later.

    Source: R-95.
    """
    return last_day(last_on, years) + _DAY


def latest_due(today: date, years: int) -> date:
    """Return the latest `last_on` of records that are due today. Source: R-95."""
    try:
        return today.replace(year=today.year - years) - _DAY
    except ValueError:
        return date(today.year - years, 2, 28)
