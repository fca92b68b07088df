"""How each registration of a sitting ended up, in the words of R-61, and whether the numbers add up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum

from cbt.rules.states.attempt import ClosedBy, State
from cbt.rules.states.closing import Balance, RoomCounts, balance


class Standing(StrEnum):
    """Where one registration stands; but for `not_examined` each is a field of rules.closing.RoomCounts.

    `not_examined` is a registration of a room that was aborted or cancelled: it is expected nowhere.
    """

    ABSENT = "absent"
    BY_CANDIDATE = "by_candidate"
    BY_DEADLINE = "by_deadline"
    BY_PROCTOR = "by_proctor"
    BY_VIOLATION = "by_violation"
    BY_EVACUATION = "by_evacuation"
    UNANSWERED = "unanswered"
    NOT_SIGNED_IN = "not_signed_in"
    INTERACTING = "interacting"
    UNITS_DONE = "units_done"
    SUSPENDED = "suspended"
    NOT_EXAMINED = "not_examined"


_CLOSED = {
    ClosedBy.CANDIDATE: Standing.BY_CANDIDATE,
    ClosedBy.DEADLINE: Standing.BY_DEADLINE,
    ClosedBy.PROCTOR: Standing.BY_PROCTOR,
    ClosedBy.VIOLATION: Standing.BY_VIOLATION,
    ClosedBy.EVACUATION: Standing.BY_EVACUATION,
}
_GOING = {
    State.INTERACTING: Standing.INTERACTING,
    State.UNITS_DONE: Standing.UNITS_DONE,
    State.SUSPENDED: Standing.SUSPENDED,
}


def standing_of(
    *,
    examined: bool,
    absent: bool,
    arrived: bool,
    attempt_state: str | None,
    started: bool,
    closed_by: str | None,
) -> Standing:
    """Return where a registration stands from the facts of the door and of its attempt.

    Somebody who came and never opened the paper is 到场未作答, never 缺考, whoever closed it; only a
    violation keeps its own count.

    Source: R-12, R-61.
    """
    if not examined:
        return Standing.NOT_EXAMINED
    if absent:
        return Standing.ABSENT
    if attempt_state in {State.CLOSED, State.SCORED} and closed_by is not None:
        by = _CLOSED[ClosedBy(closed_by)]
        return by if started or by is Standing.BY_VIOLATION else Standing.UNANSWERED
    if attempt_state in _GOING:
        return _GOING[State(attempt_state)]
    return Standing.UNANSWERED if arrived else Standing.NOT_SIGNED_IN


def counts_of(standings: Iterable[Standing]) -> RoomCounts:
    """Return how many of a sitting's registrations stand where; those not examined are not expected."""
    tally = Counter(one for one in standings if one is not Standing.NOT_EXAMINED)
    return RoomCounts(expected=tally.total(), **{standing.value: count for standing, count in tally.items()})


def balance_of(standings: Iterable[Standing]) -> Balance:
    """Return 应考, 实考 and 缺考 of a sitting.

    Source: R-61.
    """
    return balance(counts_of(standings))
