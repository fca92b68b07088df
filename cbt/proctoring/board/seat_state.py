"""The state of a seat on the board with its severity, numbers, proposed compensations, badges and alerts.

All of it is pure functions of the facts about the candidate and of the seat's numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from cbt.door.seats import subject_of
from cbt.http.auth.throttle import TryCount
from cbt.rules import clock
from cbt.rules.clock import Pause, is_offline
from cbt.rules.states import State
from cbt.runner.clock_facts import RoomFacts
from cbt.runner.models import Gap


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


class BoardNumbers(NamedTuple):
    """What of a seat's numbers its view shows: whether its page was ever heard, and whether it ever saved.

    `last` are the numbers of a page that is not heard any more, which are told in words; None while it is.
    """

    heard: bool
    saved: bool
    last: SeatNumbers | None


def told_of(numbers: SeatNumbers, state: SeatState) -> BoardNumbers:
    last = numbers.whole() if state is SeatState.OFFLINE else None
    return BoardNumbers(numbers.seen_at is not None, numbers.saved_at is not None, last)


def _whole(instant: datetime | None) -> datetime | None:
    return None if instant is None else instant.replace(microsecond=0)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A disconnection to decide on, with the time the rule proposes to give back (R-26)."""

    gap_id: int
    from_at: datetime
    to_at: datetime
    usable: bool
    resent: int
    left: timedelta
    """What of it nothing was given back for: no more can be granted."""
    amount: timedelta


def proposals_of(
    gaps: Sequence[Gap],
    facts: RoomFacts,
    stood: Mapping[int, Sequence[Pause]],
    *,
    now: datetime,
) -> Mapping[int, tuple[Proposal, ...]]:
    """Return what is to decide: attempt id -> proposals."""
    proposals: dict[int, tuple[Proposal, ...]] = {}
    for gap in gaps:
        if gap.decided_at is None:
            proposed = proposal(gap, facts, stood.get(gap.attempt_id, ()), now=now)
            if proposed is not None:
                proposals[gap.attempt_id] = (*proposals.get(gap.attempt_id, ()), proposed)
    return proposals


def proposal(gap: Gap, facts: RoomFacts, stood: Sequence[Pause], *, now: datetime) -> Proposal | None:
    """Return what to propose for a disconnection, None when nothing is left to decide.

    What a hold of the room or an outage gave back already is not proposed again, nor the candidate's own pauses and
    the time they were out of the room (`stood`).

    Source: R-25, R-26, R-27.
    """
    left = clock.unpaid(gap.from_at, gap.to_at, (*facts.holds, *facts.outages, *stood), now=now)
    if not clock.to_decide(gap.to_at - gap.from_at, left, usable=gap.usable):
        return None
    return Proposal(
        gap_id=gap.id,
        from_at=gap.from_at,
        to_at=gap.to_at,
        usable=gap.usable,
        resent=gap.resent,
        left=left,
        amount=min(left, clock.compensation(gap.from_at, gap.to_at, usable=gap.usable)),
    )


BLURS_ALERT = 3
WAITS_ALERT = timedelta(seconds=30)
"""So long after the start a seat may still wait: its page opens the paper by itself within seconds."""
ALERTS = ("query", "hand", "elsewhere", "waits", "gap", "claim", "guessing", "undelivered", "blurs")
"""What needs care beside a lost connection, the most urgent first."""
_AT_A_SEAT = frozenset({"ticket", "code", "seat"})


@dataclass(frozen=True, slots=True)
class Guesses:
    """Many wrong tries at somebody's ticket, or at their seat (R-14); `mark` is their window's, for 知道了."""

    address: str
    mark: int


def guesses_in_room(rows: Sequence[Any], counters: Iterable[TryCount]) -> Mapping[int, TryCount]:
    """Return what is guessed at too often at the seats of `rows`: seat id -> the latest counter.

    Of a person's ticket and 登录码, and of the tries made at the seat. Source: R-14.
    """
    guesses = [one for one in counters if one.scope in _AT_A_SEAT]
    if not guesses:
        return {}
    tickets = {row.ticket: row.seat_id for row in rows}
    desks = {subject_of(row.seat_id): row.seat_id for row in rows}
    seats = [((desks if one.scope == "seat" else tickets).get(one.subject), one) for one in guesses]
    return {seat: one for seat, one in sorted(seats, key=_begun) if seat is not None}


def _begun(pair: tuple[int | None, TryCount]) -> datetime:
    return pair[1].window_from


def guesses_of(counter: TryCount | None) -> Guesses | None:
    return None if counter is None else Guesses(counter.last_address, _mark(counter))


def _mark(guesses: TryCount) -> int:
    """Return a number that grows from window to window."""
    return int(guesses.window_from.timestamp())


def badges_of(row: Any, grants: Mapping[str, timedelta]) -> tuple[str, ...]:
    """Return the badges of one row of the board, given the time it was granted."""
    badges = []
    if row.violation_code is not None:
        badges.append("violation")
    if row.left_at is not None:
        badges.append("away")
    if "site_fault" in grants:
        badges.append("site_fault")
    if "general" in grants:
        badges.append("general")
    if row.factor != 1 or row.extra:
        badges.append("accommodation")
    return tuple(badges)


def alerts_of(
    row: Any,
    state: SeatState,
    *,
    proposals: tuple[Proposal, ...],
    guesses: TryCount | None,
    seen: Mapping[tuple[int, str], int],
    hand_up: bool,
    runs_since: datetime | None,
    now: datetime,
) -> frozenset[str]:
    """Return the alerts of one row of the board; `seen` is what somebody has looked into.

    `runs_since` is when the room was started, None while its clock does not run.
    """
    return (
        _alerts(row, state, proposals, seen)
        | _guessing(row, guesses, seen)
        | _waiting(row, state, runs_since, now)
        | (frozenset({"hand"}) if hand_up else frozenset())
    )


def _waiting(row: Any, state: SeatState, runs_since: datetime | None, now: datetime) -> frozenset[str]:
    """Whoever is through the door's pages sees the paper open; one that does not has a page that hangs. R-20."""
    if state is not SeatState.WAITING or runs_since is None:
        return frozenset()
    waits = now - max(runs_since, row.pledged_at) >= WAITS_ALERT
    return frozenset({"waits"}) if waits else frozenset()


def _alerts(
    row: Any, state: SeatState, proposals: tuple[Proposal, ...], seen: Mapping[tuple[int, str], int]
) -> frozenset[str]:
    alerts = set()
    if state is SeatState.OFFLINE:
        alerts.add("offline")
    if row.query_at is not None and state is not SeatState.CLOSED:
        alerts.add("query")
    if proposals:
        alerts.add("gap")
    if state in UNDER_WAY and (row.blurs or 0) - seen.get((row.seat_id, "blurs"), 0) >= BLURS_ALERT:
        alerts.add("blurs")
    if row.claim_alert_at is not None:
        alerts.add("claim")
    if row.elsewhere_at is not None:
        alerts.add("elsewhere")
    if row.undelivered > seen.get((row.seat_id, "undelivered"), 0):
        alerts.add("undelivered")
    return frozenset(alerts)


def _guessing(row: Any, guesses: TryCount | None, seen: Mapping[tuple[int, str], int]) -> frozenset[str]:
    if guesses is None or _mark(guesses) <= seen.get((row.seat_id, "guessing"), 0):
        return frozenset()
    return frozenset({"guessing"})
