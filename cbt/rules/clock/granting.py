"""How much time one person alone may give in a room, however it is split.

Source: R-62.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

ALONE = timedelta(minutes=10)
"""What is given beyond this takes a second person."""


@dataclass(frozen=True, slots=True)
class Given:
    """Time given by one person alone: to `whom` (registration ids), None for everybody in the room.

    A `compensation` was proposed by the server for a disconnection of that candidate (R-26).
    """

    amount: timedelta
    whom: frozenset[int] | None = None
    compensation: bool = False

    def reaches(self, who: int) -> bool:
        """Return whether this candidate gets it."""
        return self.whom is None or who in self.whom


def given_so_far(given: Iterable[Given], new: Given) -> timedelta:
    """Return what `new` would bring the room to: the most that somebody it reaches was given by hand.

    What the whole room was given counts though nobody answers yet. Compensations do not count.
    """
    by_hand = [one for one in given if not one.compensation]
    if not new.compensation:
        by_hand.append(new)
    named = {who for one in by_hand for who in one.whom or ()}
    reached = {who for who in named if new.reaches(who)}
    room = sum((one.amount for one in by_hand if one.whom is None), timedelta(0))
    totals = [sum((one.amount for one in by_hand if one.reaches(who)), timedelta(0)) for who in reached]
    if new.whom is None or new.whom - named:
        totals.append(room)
    return max(totals, default=timedelta(0))


def everybody_got(given: Iterable[Given], new: Given, *, answering: frozenset[int]) -> timedelta:
    """Return the least that anybody who answers would have been given with `new`, compensations included.

    Nothing unless several answer and `new` reaches one of them: thirty compensations of a quarter of an hour
    are an extension of the room.
    """
    if len(answering) < 2 or not any(new.reaches(who) for who in answering):
        return timedelta(0)
    every = [*given, new]
    return min(sum((one.amount for one in every if one.reaches(who)), timedelta(0)) for who in answering)


def takes_two(given: Iterable[Given], new: Given, *, answering: frozenset[int]) -> bool:
    """Return whether giving `new` needs a second person, after what one person alone gave in this room.

    Summed over acts, selections and people: what was given by hand to any candidate it reaches, or to the room,
    may come to 10 minutes. A proposed compensation needs one person, unless with it everybody who answers got
    more than that.

    Source: R-62.
    """
    before = tuple(given)
    if not new.compensation and given_so_far(before, new) > ALONE:
        return True
    return everybody_got(before, new, answering=answering) > ALONE
