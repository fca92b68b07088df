"""可选日期: for which days one can apply now, and how many places each of them still has."""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from cbt.rules.calendar import Holidays

Planned = Mapping[tuple[date, int], int]


@dataclass(frozen=True, slots=True)
class PlacesOfDay:
    """A day of the calendar: whether an application of today would be in time for it, and its places.

    `special` says of a day that is not what its weekday says whether it is worked, None of all others. `free`
    counts one person for each seat.
    """

    day: date
    in_time: bool
    special: bool | None
    free: int

    @property
    def open(self) -> bool:
        """Whether one can apply for it now and finds a place."""
        return self.in_time and self.free > 0


@dataclass(frozen=True, slots=True)
class PlacesKnown:
    """What is known of the places: seats of each centre, people planned by day and centre, people asked for by day.

    Those who are asked for were accepted and are planned nowhere yet, so no centre is theirs.
    """

    seats: Mapping[int, int]
    planned: Planned
    asked: Mapping[date, int]

    def free_at(self, day: date, centre: int) -> int:
        """Return how many places a centre has on a day, those who are only asked for not counted."""
        return max(0, self.seats[centre] - self.planned.get((day, centre), 0))

    def free_on(self, day: date) -> int:
        """Return how many places there are on a day."""
        return max(0, sum(self.free_at(day, one) for one in self.seats) - self.asked.get(day, 0))


def month_of_places(
    month: date, known: PlacesKnown, holidays: Holidays, *, earliest: date
) -> list[list[PlacesOfDay | None]]:
    """Return the weeks of a month from Monday on, None for days of another month. Source: R-72."""
    weeks = calendar.Calendar().monthdatescalendar(month.year, month.month)
    return [
        [
            PlacesOfDay(day, day >= earliest, _special(day, holidays), known.free_on(day))
            if day.month == month.month
            else None
            for day in week
        ]
        for week in weeks
    ]


def _special(day: date, holidays: Holidays) -> bool | None:
    worked = holidays.is_working(day)
    return None if worked == (day.weekday() < 5) else worked
