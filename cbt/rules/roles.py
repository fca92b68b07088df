"""Who may do what: the roles of the people around an exam, and what takes a second person.

Source: R-62.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import chain


class Role(StrEnum):
    """A staff role; a person may hold several."""

    AUTHOR = "author"
    REVIEWER = "reviewer"
    PROCTOR = "proctor"
    CHIEF_PROCTOR = "chief_proctor"
    MARKER = "marker"
    OFFICER = "officer"
    INSPECTOR = "inspector"
    ADMIN = "admin"
    UNIT_CLERK = "unit_clerk"


OF_THE_HOUSE = tuple(role for role in Role if role is not Role.UNIT_CLERK)
"""Every role of the body's own people. A 单位经办人 is nobody of them, and holds no other role (R-70)."""

GIVEN = OF_THE_HOUSE
"""The roles that are given to people of the house."""

ROOM_STAFF = frozenset({Role.PROCTOR, Role.CHIEF_PROCTOR})
"""Who runs a room."""

SECOND_PERSON = frozenset({Role.PROCTOR, Role.CHIEF_PROCTOR, Role.OFFICER})
"""Whose credential may countersign a starred action of a room."""


# The second person: when two accounts count as two people, and how much time one alone may give.
#
# Two accounts are two people where neither is under the other's hand, nor both under the same one's. Time
# counts however it is split.
#
# Source: R-62.

APART_FOR = timedelta(hours=24)
"""How long the hand somebody had on an account ties the two together; at 24 hours exactly it no longer does."""


class Touch(StrEnum):
    """What somebody can do to another's account that lets them act with it, or lets it act at all."""

    MADE = "made"
    RESET = "reset"
    ENABLED = "enabled"
    FACTOR = "factor"
    GRANTED = "granted"


@dataclass(frozen=True, slots=True)
class Hand:
    """One fact of the log: at that instant the account `by` did this to `account`; `role` is the one granted."""

    account: str
    by: str
    touch: Touch
    at: datetime
    role: str = ""


@dataclass(frozen=True, slots=True)
class PersonStep:
    """What one of the two did, or is about to do: with which account and when (aware UTC)."""

    account: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Tie:
    """Why two accounts do not count as two people, and from when on they do; None: never.

    `why` is "same", a `Touch` by which the second account is under the first's hand, "maker" when the first is
    under the second's, or "shared" when both are under somebody else's.
    """

    why: str
    until: datetime | None


def tie_between(first: PersonStep, second: PersonStep, hands: Collection[Hand]) -> Tie | None:
    """Return why the second step is not another person's than the first, None where it is.

    An account is under the hand of whoever made, reset or enabled it, took its second factor away or granted it a
    role within the 24 hours before its step, and of whoever has a hand on theirs, and so on. A role the second
    account was granted is no tie: `roles_apart` says whether it counts.

    Source: R-62.
    """
    why = _why(first, second, hands)
    if not why:
        return None
    return Tie(why, None if why == "same" else _end(first, second, hands))


def roles_apart(
    first: PersonStep, second: PersonStep, roles: Collection[str], hands: Collection[Hand]
) -> frozenset[str]:
    """Return those of the second account's roles that count: none granted by a hand that is on the first as well.

    Source: R-62.
    """
    granted = {
        hand.role: hand.by
        for hand in sorted(_direct(second, second.at, hands), key=lambda hand: hand.at)
        if hand.touch is Touch.GRANTED
    }
    over_first = _over(first, second.at, hands)
    return frozenset(
        role
        for role in roles
        if role not in granted
        or not over_first & _over(replace(second, account=granted[role]), second.at, hands)
    )


def granted_until(
    first: PersonStep, second: PersonStep, roles: Collection[str], hands: Collection[Hand]
) -> datetime:
    """Return from when on one of `roles`, which do not count now, does; raise ValueError for no roles.

    Source: R-62.
    """
    if not roles:
        raise ValueError("no role to wait for")
    return next(
        second_then.at
        for first_then, second_then in _later(first, second, hands)
        if roles_apart(first_then, second_then, roles, hands)
    )


def _why(first: PersonStep, second: PersonStep, hands: Collection[Hand]) -> str:
    if first.account == second.account:
        return "same"
    over_first = _over(first, second.at, hands)
    began_of = _began(second, hands)
    if first.account in began_of:
        return began_of[first.account]
    if second.account in over_first:
        return "maker"
    return "shared" if over_first & began_of.keys() else ""


def _direct(step: PersonStep, until: datetime, hands: Collection[Hand]) -> Iterator[Hand]:
    """Yield the hands on the account of a step itself, from 24 hours before it up to `until`."""
    for hand in hands:
        if hand.account == step.account and step.at - APART_FOR < hand.at <= until:
            yield hand


def _over(step: PersonStep, until: datetime, hands: Collection[Hand]) -> set[str]:
    """Return the account of a step and all whose hand leads to it."""
    accounts, waiting = {step.account}, [step.account]
    while waiting:
        for hand in _direct(replace(step, account=waiting.pop()), until, hands):
            if hand.by not in accounts:
                accounts.add(hand.by)
                waiting.append(hand.by)
    return accounts


def _began(second: PersonStep, hands: Collection[Hand]) -> dict[str, Touch]:
    """Return whose hand leads to the second account, each with what was done to that account itself on the way."""
    began: dict[str, Touch] = {}
    for hand in _direct(second, second.at, hands):
        if hand.touch is not Touch.GRANTED:
            for account in _over(replace(second, account=hand.by), second.at, hands):
                began.setdefault(account, hand.touch)
    began.pop(second.account, None)
    return began


def _later(
    first: PersonStep, second: PersonStep, hands: Collection[Hand]
) -> Iterator[tuple[PersonStep, PersonStep]]:
    """Yield both steps as they are now and at each later instant at which a hand is forgotten.

    What the first is only about to do can be begun anew then; what they did stays where it is.
    """
    ends = {hand.at + APART_FOR for hand in hands if hand.at + APART_FOR > second.at}
    for end in (second.at, *sorted(ends)):
        anew = first.at == second.at
        yield (replace(first, at=end) if anew else first), replace(second, at=end)


def _end(first: PersonStep, second: PersonStep, hands: Collection[Hand]) -> datetime:
    """Return from when on these two may be two people: for this, else for what either begins anew."""
    begun = _later(first, second, hands), _later(replace(first, at=second.at), second, hands)
    # A hand is forgotten after a day, so the last of these instants is always one.
    return next(then.at for first_then, then in chain(*begun) if not _why(first_then, then, hands))


ALONE = timedelta(minutes=10)
"""What is given beyond this takes a second person."""


@dataclass(frozen=True, slots=True)
class SoloGrant:
    """Time given by one person alone: to `whom` (registration ids), None for everybody in the room.

    A `compensation` was proposed by the server for a disconnection of that candidate (R-26).
    """

    amount: timedelta
    whom: frozenset[int] | None = None
    compensation: bool = False

    def reaches(self, candidate_id: int) -> bool:
        return self.whom is None or candidate_id in self.whom


def given_so_far(grants: Iterable[SoloGrant], new: SoloGrant) -> timedelta:
    """Return what `new` would bring the room to: the most that somebody it reaches was given by hand.

    What the whole room was given counts though nobody answers yet. Compensations do not count.
    """
    by_hand = [one for one in grants if not one.compensation]
    if not new.compensation:
        by_hand.append(new)
    named = {who for one in by_hand for who in one.whom or ()}
    reached = {who for who in named if new.reaches(who)}
    room = sum((one.amount for one in by_hand if one.whom is None), timedelta(0))
    totals = [sum((one.amount for one in by_hand if one.reaches(who)), timedelta(0)) for who in reached]
    if new.whom is None or new.whom - named:
        totals.append(room)
    return max(totals, default=timedelta(0))


def everybody_got(grants: Iterable[SoloGrant], new: SoloGrant, *, answering: frozenset[int]) -> timedelta:
    """Return the least that anybody who answers would have been given with `new`, compensations included.

    Nothing unless several answer and `new` reaches one of them: thirty compensations of a quarter of an hour
    are an extension of the room.
    """
    if len(answering) < 2 or not any(new.reaches(who) for who in answering):
        return timedelta(0)
    every = [*grants, new]
    return min(sum((one.amount for one in every if one.reaches(who)), timedelta(0)) for who in answering)


def takes_two(grants: Iterable[SoloGrant], new: SoloGrant, *, answering: frozenset[int]) -> bool:
    """Return whether giving `new` needs a second person, after what one person alone gave in this room.

    Summed over acts, selections and people: what was given by hand to any candidate it reaches, or to the room,
    may come to 10 minutes. A proposed compensation needs one person, unless with it everybody who answers got
    more than that.

    Source: R-62.
    """
    before = tuple(grants)
    if not new.compensation and given_so_far(before, new) > ALONE:
        return True
    return everybody_got(before, new, answering=answering) > ALONE
