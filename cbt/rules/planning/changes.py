"""Changes of a sitting or a registration: until when, and what becomes of marks, seats and names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from cbt.rules.states import SittingState

_BEFORE = frozenset({SittingState.DRAFT, SittingState.PUBLISHED})


class Unmovable(StrEnum):
    """Why a sitting cannot be moved, or its publishing withdrawn."""

    ADMITTING = "admitting"
    """Its check-in is open, or would be by now."""
    RUNNING = "running"
    OVER = "over"


def unmovable(state: SittingState, *, check_in_opens_at: datetime, now: datetime) -> Unmovable | None:
    """Return why a sitting can no longer be moved, or None while it can.

    A draft can be moved even after its time has come, for nobody was told of it; a published one until its
    check-in opens, for from then on people arrive.

    Source: R-60.
    """
    if state is SittingState.PUBLISHED and now >= check_in_opens_at:
        return Unmovable.ADMITTING
    if state in _BEFORE:
        return None
    if state is SittingState.ADMITTING:
        return Unmovable.ADMITTING
    return Unmovable.RUNNING if state in {SittingState.RUNNING, SittingState.HELD} else Unmovable.OVER


def moved_marks(marks: Mapping[str, datetime], *, start: datetime, to: datetime) -> dict[str, datetime]:
    """Return the marks of a sitting that starts at another instant: each as long before or after it as it was.

    So they stay those of the terms of admission the sitting was planned with, whatever a blueprint says by now.

    Source: R-11.
    """
    return {name: at + (to - start) for name, at in marks.items()}


@dataclass(frozen=True, slots=True)
class GoalSeat:
    """A seat of a room that somebody can be given."""

    number: int
    spare: bool


def reseated(held: Iterable[int], seats: Iterable[GoalSeat]) -> dict[int, int] | None:
    """Return the seat numbers people have in another room by those they had; None where it has too few.

    Who can keeps their number. The others get the lowest free one in the order of theirs, a spare one only where
    no other is left.

    Source: R-16.
    """
    numbers = sorted(held)
    there = {seat.number: seat for seat in seats}
    kept = {number: number for number in numbers if number in there}
    free = sorted(
        (seat for seat in there.values() if seat.number not in kept), key=lambda one: (one.spare, one.number)
    )
    moving = [number for number in numbers if number not in kept]
    if len(moving) > len(free):
        return None
    return kept | {number: seat.number for number, seat in zip(moving, free, strict=False)}


class RegistrationChange(StrEnum):
    """What can be changed about somebody who is registered for a paper."""

    PAPER = "paper"
    PLACE = "place"
    SEAT = "seat"
    KIND = "kind"
    TERMS = "terms"
    WITHDRAW = "withdraw"


AFTER_ARRIVAL = frozenset({RegistrationChange.KIND, RegistrationChange.TERMS})
"""What does not move somebody who is in the house: 新考 or 补考, the accommodation (before the start, R-30)."""
AFTER_CANCELLING = frozenset({RegistrationChange.PLACE, RegistrationChange.WITHDRAW})
"""What becomes of people whose sitting was cancelled."""
OPEN = frozenset({SittingState.DRAFT, SittingState.PUBLISHED, SittingState.ADMITTING})
"""Rooms somebody can still be given a seat in."""


def hindrance(change: RegistrationChange, *, room: SittingState, met: bool, begun: bool) -> str:
    """Return why a registration cannot be changed so, as the last part of an error's code; "" when it can.

    `room` is where its sitting-room stands; `met`: the door has a record of this person (arrived, absent, signed
    in); `begun`: the paper was opened. A form is frozen for who saw it, and what happens in a room from the start
    on is the proctor's.

    Source: R-12, R-30, R-43, R-60.
    """
    if begun:
        return "begun"
    if room is SittingState.CANCELLED:
        return "" if change in AFTER_CANCELLING else "cancelled"
    if room is SittingState.ABORTED:
        return "aborted"
    if room not in OPEN:
        return "started" if room in {SittingState.RUNNING, SittingState.HELD} else "over"
    return "met" if met and change not in AFTER_ARRIVAL else ""


_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
_WEEKDAYS = ("一一", "二二", "三三", "四四", "五五", "六六", "日天")
"""Each with its second way of being written."""
_HALVES = (("上午", "上午", "morning"), ("下午", "下午", "afternoon"), ("晚上", "晚间", "evening"))
_NOON, _EVENING = 12, 18
_WORD_BEFORE = "(?<![0-9A-Za-z年./:：-])"
_AFTER = "(?![0-9A-Za-z]|[./:：-][0-9])"
"""Digits and letters stand for themselves, and are no part of a longer date, hour, number or word."""


def following_name(name: str, *, former: datetime, start: datetime) -> str:
    """Return a name that says when something was to start (`former`) with when it starts now.

    Both are the wall time of the centre. What the name says of another day, weekday, half of a day or hour stays.
    """
    words: dict[str, str] = {}
    for was, becomes in zip(_ways(former), _ways(start), strict=True):
        words.setdefault(was, becomes)
    longest_first = sorted(words, key=len, reverse=True)
    return re.sub("|".join(map(_apart, longest_first)), lambda found: words[found[0]], name)


def _apart(word: str) -> str:
    before = _WORD_BEFORE if word[0].isascii() else ""
    after = _AFTER if word[-1].isascii() else ""
    return f"{before}{re.escape(word)}{after}"


def _ways(at: datetime) -> Iterator[str]:
    """Yield how an instant is said, in the same order for every instant; the usual way first."""
    year, month, day = at.year, at.month, at.day
    for mark in "日号":
        for of_month in (f"{month}月{day}{mark}", f"{month:02d}月{day:02d}{mark}"):
            yield f"{year}年{of_month}"
            yield of_month
    for mark in "-/.":
        yield f"{year}{mark}{month:02d}{mark}{day:02d}"
        yield f"{year}{mark}{month}{mark}{day}"
        yield f"{month:02d}{mark}{day:02d}"
    for mark in "/.":
        yield f"{month}{mark}{day}"
    yield f"{year}{month:02d}{day:02d}"
    yield f"{month:02d}{day:02d}"
    for of_month in (_MONTHS[month - 1], _MONTHS[month - 1][:3]):
        yield f"{of_month} {day}"
        yield f"{day} {of_month}"
    for weekday in _WEEKDAYS[at.weekday()]:
        for prefix in ("周", "星期", "礼拜"):
            yield prefix + weekday
    yield _DAYS[at.weekday()]
    yield _DAYS[at.weekday()][:3]
    yield from _HALVES[(at.hour >= _NOON) + (at.hour >= _EVENING)]
    for colon in ":：":
        yield f"{at.hour}{colon}{at.minute:02d}"
        yield f"{at.hour:02d}{colon}{at.minute:02d}"
