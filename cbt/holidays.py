"""The State Council's yearly arrangement of holidays and 调休, as far as it is published: no network is asked.

The one module that knows where it comes from. What an office enters itself lies on top (`Holidays.with_days`).
"""

from __future__ import annotations

from functools import cache

from cbt.rules.calendar import Holidays


@cache
def published_holidays() -> Holidays:
    """Return every published year with the weekdays that are free and the weekends that are worked.

    A year counts as published when its National Day is in the list. Source: R-72.
    """
    from chinese_calendar import holidays, workdays

    years = frozenset(day.year for day in holidays if day.month == 10)
    days = {**dict.fromkeys(holidays, False), **dict.fromkeys(workdays, True)}
    return Holidays(years, {day: worked for day, worked in days.items() if day.year in years})
