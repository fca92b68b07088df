"""Changes of a sitting or a registration: until when they can be made, what becomes of marks and seats."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
