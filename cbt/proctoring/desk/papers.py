"""The papers of seats under a proctor's hands: each with its seat, and closing them together."""

from __future__ import annotations

from datetime import datetime

from cbt.delivery.close.steps import close_attempts
from cbt.delivery.models import Attempt
from cbt.errors import Conflict
from cbt.proctoring.board.seat_view import SeatView
from cbt.proctoring.desk.act import Picked
from cbt.proctoring.desk.acting import Desk
from cbt.rules.states.attempt import ClosedBy


def each_paper(desk: Desk, picked: Picked) -> list[tuple[SeatView, Attempt]]:
    """Return whom the act touches with their attempts, locked."""
    attempts = desk.attempts(picked.chosen)
    return [(seat, attempts[seat.ref]) for seat in picked.chosen]


def close_papers(
    desk: Desk, seats: tuple[SeatView, ...], *, closed_by: ClosedBy, closed_at: datetime, reason: str
) -> None:
    """Close the attempts of seats; raise Conflict when one of them was closed meanwhile."""
    attempts = list(desk.attempts(seats).values())
    closed = close_attempts(
        desk.session,
        attempts,
        now=desk.now,
        closed_at=closed_at,
        closed_by=closed_by,
        actor=desk.by.actor,
        reason=reason,
    )
    if len(closed) < len(seats):
        raise Conflict("proctoring.none_apply")
