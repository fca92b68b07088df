"""Moving a sitting: until when it can be, what its marks become, who keeps their seat in another room."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from cbt.rules.states.sitting import SittingState

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
