"""What the office may still change about a registration, and from when on it is the proctor's."""

from __future__ import annotations

from enum import StrEnum

from cbt.rules.states.sitting import SittingState


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
