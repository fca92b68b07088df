"""Years continuously in the occupation (连续从事本职业工作), also after a certificate or a degree."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from cbt.rules.calendar import last_day
from cbt.rules.enrolment.eligibility.answers import (
    AtomAnswer,
    Considered,
    Fulfilment,
    OfficerQuestion,
    RequiredProof,
    begins,
    by_date,
    open_question,
)
from cbt.rules.enrolment.eligibility.conditions import Employment

NAME = "years"
KEYS = ("years",)
DAY = timedelta(days=1)
Run = tuple[date, date | None]
"""Work without a break, from its first day to the day after its last; None while it goes on."""


def asks(seen: Considered) -> bool:
    """Say whether a condition asks for it."""
    return seen.condition.years is not None


def answer(seen: Considered) -> AtomAnswer:
    """Return whether the years are worked. 以上 includes the number: the anniversary itself is enough.

    A gap of more days than the rules allow begins the count anew. Work of which nobody knows whether it belongs to
    the occupation is for the officer, but only where what is certain does not suffice.

    Source: R-73.
    """
    years, work = seen.condition.years or 0, seen.facts.known_employments()
    start, gap = begins(seen), seen.rules.policy.gap_days
    certain = runs((one for one in work if one.in_occupation), gap)
    possible = runs((one for one in work if one.in_occupation is not False), gap)
    asked = {"years": years, "have": whole_years(certain, start.on, seen.on)}
    surely = by_date(NAME, RequiredProof.EMPLOYMENT, worked_on(certain, years, start.on), seen.on, asked)
    perhaps = by_date(NAME, RequiredProof.EMPLOYMENT, worked_on(possible, years, start.on), seen.on, asked)
    if perhaps.fulfilment is Fulfilment.NOT_MET:
        return perhaps
    question = start.question if surely.fulfilment is Fulfilment.MET else OfficerQuestion.POST
    return surely if question is None else open_question(NAME, RequiredProof.EMPLOYMENT, question, asked)


def runs(employments: Iterable[Employment], gap_days: int) -> list[Run]:
    """Return employments joined where they overlap, touch, or leave no more than `gap_days` days between them."""
    found: list[Run] = []
    for one in sorted(employments, key=lambda work: work.from_on):
        end = None if one.to_on is None else one.to_on + DAY
        if found and (found[-1][1] is None or (one.from_on - found[-1][1]).days <= gap_days):
            first, last = found[-1]
            found[-1] = (first, None if last is None or end is None else max(last, end))
        else:
            found.append((one.from_on, end))
    return found


def worked_on(found: Iterable[Run], years: int, after: date | None) -> date | None:
    """Return the first day on which so many years lie behind somebody, None where no run is or becomes so long."""
    days = []
    for start, end in found:
        first = start if after is None else max(start, after)
        done = last_day(first, years)
        if end is None or done <= end:
            days.append(done)
    return min(days, default=None)


def whole_years(found: Iterable[Run], after: date | None, on: date) -> int:
    """Return the whole years of the longest run up to a day."""
    longest = 0
    for start, end in found:
        first = start if after is None else max(start, after)
        stop = on if end is None else min(end, on)
        while last_day(first, longest + 1) <= stop:
            longest += 1
    return longest
