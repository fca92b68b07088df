"""Whether a room can be ended, with the names behind each figure.

Source: R-61.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from cbt.proctoring.board.live import Board
from cbt.proctoring.board.seat_state import SeatState
from cbt.proctoring.board.seat_view import SeatView
from cbt.rules.states.attempt import ClosedBy
from cbt.rules.states.closing import Balance, RoomCounts, balance

_BY = {
    ClosedBy.CANDIDATE: "by_candidate",
    ClosedBy.DEADLINE: "by_deadline",
    ClosedBy.PROCTOR: "by_proctor",
    ClosedBy.VIOLATION: "by_violation",
    ClosedBy.EVACUATION: "by_evacuation",
}
_UNDER_WAY = {
    SeatState.ANSWERING: "interacting",
    SeatState.OFFLINE: "interacting",
    SeatState.UNITS_DONE: "units_done",
    SeatState.SUSPENDED: "suspended",
    SeatState.MOVING: "moving",
}


@dataclass(frozen=True, slots=True)
class Ending:
    """A room about to be ended: the figures, who stands where, and what to look at before the end."""

    counts: RoomCounts
    balance: Balance
    who: Mapping[str, tuple[SeatView, ...]]
    """The seats behind each figure of `counts`."""
    zero_answers: tuple[SeatView, ...]
    undelivered: tuple[SeatView, ...]
    violations: int


def ending(board: Board, *, now: datetime) -> Ending:
    """Count a room for its end; each registration is counted once, 违纪 beside it."""
    who: defaultdict[str, list[SeatView]] = defaultdict(list)
    for seat in board.seats:
        who[place_of(seat, now=now)].append(seat)
    undecided = [seat for seat in board.seats if seat.proposals]
    figures = Counter({place: len(seats) for place, seats in who.items()})
    counts = RoomCounts(
        expected=len(board.seats),
        undecided=sum(len(seat.proposals) for seat in undecided),
        **figures,
    )
    who["undecided"] = undecided
    return Ending(
        counts=counts,
        balance=balance(counts),
        who={place: tuple(seats) for place, seats in who.items()},
        zero_answers=tuple(
            seat for seat in board.seats if seat.state is SeatState.CLOSED and not seat.answered
        ),
        undelivered=tuple(seat for seat in board.seats if seat.undelivered),
        violations=sum(1 for seat in board.seats if seat.violation_code is not None),
    )


def place_of(seat: SeatView, *, now: datetime) -> str:
    """Return the figure of `RoomCounts` a seat is counted in.

    Who arrived and never opened the paper is 到场未作答 once it is closed or its time is over; before that
    they could still sign in, and block the end.

    Source: R-12, R-61.
    """
    if seat.state is SeatState.CLOSED and seat.closed_by is not None:
        silent = seat.started_at is None and seat.closed_by is not ClosedBy.VIOLATION
        return "unanswered" if silent else _BY[seat.closed_by]
    if seat.state is SeatState.ABSENT:
        return "absent"
    if seat.state in _UNDER_WAY:
        return _UNDER_WAY[seat.state]
    over = seat.may_run_until is not None and seat.may_run_until <= now
    return "unanswered" if seat.arrived_at is not None and over else "not_signed_in"
