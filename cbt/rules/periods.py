"""Terms in years, as the Civil Code counts them: the first day is not counted, the last is the same date."""

from __future__ import annotations

from datetime import date


def last_day(first_on: date, years: int) -> date:
    """Return the last day of a term, inclusive: the same date years later, 29 February as the 28th.

    Who began on the first day has so many whole years behind them on that day, so it is the anniversary, too.

    Source: R-4, R-71, R-73 (民法典 第二百零一、二百零二条).
    """
    try:
        return first_on.replace(year=first_on.year + years)
    except ValueError:
        return first_on.replace(year=first_on.year + years, day=28)
