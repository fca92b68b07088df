"""What a seat of the board shows, as pure functions of the facts about its candidate and of its numbers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from cbt.rules.clock.interruptions import is_offline
from cbt.rules.states.attempt import State


class SeatState(StrEnum):
    """未到 · 已到场 · 候考 · 作答 · 掉线 · 暂停 · 换机中 · 单元已完成 · 已收卷 · 缺考."""

    NOT_ARRIVED = "not_arrived"
    ARRIVED = "arrived"
    WAITING = "waiting"
    ANSWERING = "answering"
    OFFLINE = "offline"
    SUSPENDED = "suspended"
    MOVING = "moving"
    UNITS_DONE = "units_done"
    CLOSED = "closed"
    ABSENT = "absent"


UNDER_WAY = frozenset(
    {SeatState.ANSWERING, SeatState.OFFLINE, SeatState.SUSPENDED, SeatState.MOVING, SeatState.UNITS_DONE}
)
"""The states of an attempt that was begun and is not over."""

# Worst first: what needs somebody now, then who is not there yet, then what runs by itself, then the rest.
_SEVERITY = (
    SeatState.OFFLINE,
    SeatState.MOVING,
    SeatState.SUSPENDED,
    SeatState.NOT_ARRIVED,
    SeatState.ARRIVED,
    SeatState.WAITING,
    SeatState.UNITS_DONE,
    SeatState.ANSWERING,
    SeatState.CLOSED,
    SeatState.ABSENT,
)

# A shape beside the word, so that no state is told by its colour alone.
MARKS = {
    SeatState.NOT_ARRIVED: "◌",
    SeatState.ARRIVED: "○",
    SeatState.WAITING: "◐",
    SeatState.ANSWERING: "●",
    SeatState.OFFLINE: "✕",
    SeatState.SUSPENDED: "❚❚",
    SeatState.MOVING: "⇄",
    SeatState.UNITS_DONE: "◆",
    SeatState.CLOSED: "✓",
    SeatState.ABSENT: "—",
}

TONES = {
    SeatState.NOT_ARRIVED: "idle",
    SeatState.ARRIVED: "ready",
    SeatState.WAITING: "ready",
    SeatState.ANSWERING: "live",
    SeatState.OFFLINE: "stop",
    SeatState.SUSPENDED: "warn",
    SeatState.MOVING: "warn",
    SeatState.UNITS_DONE: "live",
    SeatState.CLOSED: "done",
    SeatState.ABSENT: "away",
}


@dataclass(frozen=True, slots=True)
class SeatFacts:
    """What decides a seat's state; instants are aware UTC, `attempt_state` is None before forms are drawn."""

    arrived_at: datetime | None = None
    absent_at: datetime | None = None
    pledged_at: datetime | None = None
    attempt_state: State | None = None
    move_allowed_at: datetime | None = None
    seen_at: datetime | None = None


def seat_state(facts: SeatFacts, *, now: datetime) -> SeatState:
    """Return what the board shows for a seat at `now`.

    A candidate whose attempt was never begun is told by the door; then the attempt decides, and a page that
    has missed three heartbeats is offline whatever its units say. Nobody is offline while their clock stands.

    Source: R-12, R-26, R-60.
    """
    match facts.attempt_state:
        case State.CLOSED | State.SCORED:
            return SeatState.CLOSED
        case State.INTERACTING | State.SUSPENDED | State.UNITS_DONE:
            return _under_way(facts, now)
        case _:
            return _at_the_door(facts)


def _at_the_door(facts: SeatFacts) -> SeatState:
    if facts.absent_at is not None:
        return SeatState.ABSENT
    if facts.pledged_at is not None:
        return SeatState.WAITING
    return SeatState.NOT_ARRIVED if facts.arrived_at is None else SeatState.ARRIVED


def _under_way(facts: SeatFacts, now: datetime) -> SeatState:
    if facts.move_allowed_at is not None:
        return SeatState.MOVING
    if facts.attempt_state is State.SUSPENDED:
        return SeatState.SUSPENDED
    if facts.seen_at is None or is_offline(facts.seen_at, now):
        return SeatState.OFFLINE
    return SeatState.UNITS_DONE if facts.attempt_state is State.UNITS_DONE else SeatState.ANSWERING


def severity(state: SeatState, *, needs_care: bool) -> int:
    """Return the place of a seat when the worst comes first; a seat with an alert follows those offline."""
    place = _SEVERITY.index(state)
    return min(place, 1) if needs_care else place + 1 if place else 0


class SeatNumbers(NamedTuple):
    """What saves and heartbeats change of a seat: how many are answered, when its page was heard and saved last.

    Apart from its view: forty seats that go on answering are what they were.
    """

    answered: int
    seen_at: datetime | None
    saved_at: datetime | None

    def whole(self) -> SeatNumbers:
        """Return them with whole seconds: ages are shown no finer, and nothing changes oftener for it."""
        return self._replace(seen_at=_whole(self.seen_at), saved_at=_whole(self.saved_at))


class ToldNumbers(NamedTuple):
    """What of a seat's numbers its view shows: whether its page was ever heard, and whether it ever saved.

    `last` are the numbers of a page that is not heard any more, which are told in words; None while it is.
    """

    heard: bool
    saved: bool
    last: SeatNumbers | None


def told_of(numbers: SeatNumbers, state: SeatState) -> ToldNumbers:
    """Return what of its numbers the view of a seat in this state shows."""
    last = numbers.whole() if state is SeatState.OFFLINE else None
    return ToldNumbers(numbers.seen_at is not None, numbers.saved_at is not None, last)


def _whole(instant: datetime | None) -> datetime | None:
    return None if instant is None else instant.replace(microsecond=0)
