"""公示: how long results are shown before they are released, and which are held meanwhile."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from cbt.rules.calendar import Holidays, nth_working_day_after

DAYS = 5
"""Working days of publicity. Source: R-90."""
MOST_DAYS = 60
"""No body shows its results longer."""
_TAIL = 4


class PublicityHold(StrEnum):
    """What keeps one result from being released: 公示未满, 异议, 违纪待裁决."""

    PUBLICITY = "publicity"
    OBJECTION = "objection"
    RULING = "ruling"


@dataclass(frozen=True, slots=True)
class PublicityWindow:
    """The days on which results are shown and may be objected to, both inclusive.

    `provisional` says that the arrangement of some of these days is not published yet.
    """

    published_on: date
    last_on: date
    provisional: bool = False

    def is_open(self, on: date) -> bool:
        """Say whether somebody may object on a day. Source: R-90."""
        return self.published_on <= on <= self.last_on

    def is_over(self, on: date) -> bool:
        """Say whether the results may be released on a day as far as publicity goes. Source: R-90."""
        return on > self.last_on


def publicity_window(published_on: date, holidays: Holidays, *, days: int = DAYS) -> PublicityWindow:
    """Return the window of results published on a day, which itself is not counted. Source: R-90."""
    last = nth_working_day_after(published_on, days, holidays)
    return PublicityWindow(published_on, last.day, last.provisional)


@dataclass(frozen=True, slots=True)
class Releasable:
    """What may be released, and what is held by what; each result stands on one side."""

    results: tuple[str, ...]
    held: Mapping[str, tuple[PublicityHold, ...]]


def releasable(
    results: Iterable[str],
    window: PublicityWindow | None,
    *,
    on: date,
    objections: Collection[str] = (),
    rulings: Collection[str] = (),
    required: bool = True,
) -> Releasable:
    """Return which results may be released on a day. An open objection or ruling holds its own result only.

    Without a window nothing was published, so everything is held, unless the body asks for no publicity.

    Source: R-90, R-92.
    """
    waits = required if window is None else not window.is_over(on)
    held: dict[str, tuple[PublicityHold, ...]] = {}
    free = []
    for result in results:
        reasons = {
            PublicityHold.PUBLICITY: waits,
            PublicityHold.OBJECTION: result in objections,
            PublicityHold.RULING: result in rulings,
        }
        if any(reasons.values()):
            held[result] = tuple(reason for reason, holds in reasons.items() if holds)
        else:
            free.append(result)
    return Releasable(tuple(free), held)


def masked_name(name: str) -> str:
    """Return a name as a public list has it: the first and the last character of three and more, else the first.

    Source: R-90.
    """
    if len(name) < 3:
        return name[:1] + "*" * (len(name) - 1)
    return name[0] + "*" * (len(name) - 2) + name[-1]


def ticket_tail(number: str) -> str:
    """Return what a public list has of a ticket: by it somebody knows their own line. Source: R-90."""
    return number[-_TAIL:]
