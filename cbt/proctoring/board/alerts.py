"""What marks a seat: alerts that need care, and badges beside its state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from cbt.proctoring.board.proposals import Proposal
from cbt.proctoring.board.seat_state import UNDER_WAY, SeatState
from cbt.web.who.models import Throttle

BLURS_ALERT = 3
ALERTS = ("query", "elsewhere", "gap", "claim", "guessing", "undelivered", "blurs")
"""What needs care beside a lost connection, the most urgent first."""


@dataclass(frozen=True, slots=True)
class Guesses:
    """Many wrong tries at somebody's ticket, or at their seat (R-14); `mark` is their window's, for 知道了."""

    address: str
    mark: int


def guesses_of(counter: Throttle | None) -> Guesses | None:
    """Return what is guessed at a seat."""
    return None if counter is None else Guesses(counter.last_address, _mark(counter))


def _mark(guesses: Throttle) -> int:
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
    guesses: Throttle | None,
    seen: Mapping[tuple[int, str], int],
) -> frozenset[str]:
    """Return the alerts of one row of the board; `seen` is what somebody has looked into."""
    return _alerts(row, state, proposals, seen) | _guessing(row, guesses, seen)


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


def _guessing(row: Any, guesses: Throttle | None, seen: Mapping[tuple[int, str], int]) -> frozenset[str]:
    if guesses is None or _mark(guesses) <= seen.get((row.seat_id, "guessing"), 0):
        return frozenset()
    return frozenset({"guessing"})
