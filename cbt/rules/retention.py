"""保管期限: how long records are kept, and from which day on they are due for destruction."""

from __future__ import annotations

from datetime import date, timedelta

from cbt.rules.calendar import last_day

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
