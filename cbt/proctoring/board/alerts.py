"""What marks a seat: alerts that need care, and badges beside its state."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cbt.door.seats.finding import subject_of
from cbt.proctoring.board.proposals import Proposal
from cbt.proctoring.board.seat_state import UNDER_WAY, SeatState
from cbt.web.who.guessing import OftenTried

BLURS_ALERT = 3
WAITS_ALERT = timedelta(seconds=30)
"""So long after the start a seat may still wait: its page opens the paper by itself within seconds."""
ALERTS = ("query", "elsewhere", "waits", "gap", "claim", "guessing", "undelivered", "blurs")
"""What needs care beside a lost connection, the most urgent first."""
_AT_A_SEAT = frozenset({"ticket", "code", "seat"})


@dataclass(frozen=True, slots=True)
class Guesses:
    """Many wrong tries at somebody's ticket, or at their seat (R-14); `mark` is their window's, for 知道了."""

    address: str
    mark: int


def guesses_in_room(rows: Sequence[Any], counters: Iterable[OftenTried]) -> Mapping[int, OftenTried]:
    """Return what is guessed at too often at the seats of `rows`: seat id -> the latest counter.

    Of a person's ticket and 登录码, and of the tries made at the seat. Source: R-14.
    """
    found = [one for one in counters if one.scope in _AT_A_SEAT]
    if not found:
        return {}
    tickets = {row.ticket: row.seat_id for row in rows}
    desks = {subject_of(row.seat_id): row.seat_id for row in rows}
    seats = [((desks if one.scope == "seat" else tickets).get(one.subject), one) for one in found]
    return {seat: one for seat, one in sorted(seats, key=_begun) if seat is not None}


def _begun(found: tuple[int | None, OftenTried]) -> datetime:
    return found[1].window_from


def guesses_of(counter: OftenTried | None) -> Guesses | None:
    """Return what is guessed at a seat."""
    return None if counter is None else Guesses(counter.last_address, _mark(counter))


def _mark(guesses: OftenTried) -> int:
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
    guesses: OftenTried | None,
    seen: Mapping[tuple[int, str], int],
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


def _guessing(row: Any, guesses: OftenTried | None, seen: Mapping[tuple[int, str], int]) -> frozenset[str]:
    if guesses is None or _mark(guesses) <= seen.get((row.seat_id, "guessing"), 0):
        return frozenset()
    return frozenset({"guessing"})
