"""The count line: how many stand where, each count a filter of the board."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from cbt.proctoring.board.live import Board
from cbt.proctoring.board.seat_state import SeatState, severity
from cbt.proctoring.board.seat_view import SeatView

_STATES: dict[str, frozenset[SeatState]] = {
    "answering": frozenset({SeatState.ANSWERING, SeatState.UNITS_DONE}),
    "offline": frozenset({SeatState.OFFLINE}),
    "suspended": frozenset({SeatState.SUSPENDED, SeatState.MOVING}),
    "waiting": frozenset({SeatState.WAITING}),
    "not_arrived": frozenset({SeatState.NOT_ARRIVED}),
    "closed": frozenset({SeatState.CLOSED}),
    "absent": frozenset({SeatState.ABSENT}),
}


def _state_is(key: str) -> Callable[[SeatView], bool]:
    return lambda seat: seat.state in _STATES[key]


FILTERS: dict[str, Callable[[SeatView], bool]] = {
    "expected": lambda _seat: True,
    "arrived": lambda seat: seat.arrived_at is not None and seat.absent_at is None,
    "present": lambda seat: seat.present,
    "signed_in": lambda seat: seat.signed_in_at is not None,
    "attention": lambda seat: bool(seat.alerts),
    **{key: _state_is(key) for key in _STATES},
}

_BEFORE = ("expected", "arrived", "signed_in", "waiting", "not_arrived", "attention", "absent")
_AFTER = (
    "expected",
    "present",
    "signed_in",
    "offline",
    "attention",
    "answering",
    "suspended",
    "not_arrived",
    "closed",
    "absent",
)
_TONES = {"offline": "stop", "attention": "warn"}
# These are left out while nobody is there; the others are what a room is reported by.
_ONLY_IF_ANY = frozenset({"suspended", "not_arrived", "waiting"})


@dataclass(frozen=True, slots=True)
class Count:
    """One figure of the count line, with the tone it takes when it is not zero."""

    key: str
    number: int
    tone: str


def counts(board: Board, *, shown: str) -> tuple[Count, ...]:
    """Return the count line of a board; the filter in use stays even at zero."""
    line, states = [], Counter(seat.state for seat in board.seats)
    for key in _AFTER if board.started else _BEFORE:
        if key in _STATES:
            number = sum(states[state] for state in _STATES[key])
        else:
            number = sum(1 for seat in board.seats if FILTERS[key](seat))
        if number or key == shown or key not in _ONLY_IF_ANY:
            line.append(Count(key, number, _TONES.get(key, "") if number else ""))
    return tuple(line)


def shown_seats(board: Board, *, show: str, worst_first: bool) -> tuple[SeatView, ...]:
    """Return the seats a filter leaves, by number or worst first."""
    seats = [seat for seat in board.seats if FILTERS[show](seat)]
    if worst_first:
        seats.sort(key=lambda seat: (severity(seat.state, needs_care=bool(seat.alerts)), seat.number))
    return tuple(seats)
