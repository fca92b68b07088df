"""What several acts have in common about why they do not apply to a seat."""

from __future__ import annotations

from cbt.proctoring.board.live import Board
from cbt.proctoring.board.seat_state import SeatState
from cbt.proctoring.board.seat_view import SeatView


def not_here(seat: SeatView) -> str:
    """Say "closed" or "absent" of a seat whose paper is over or will not be."""
    if seat.state is SeatState.CLOSED:
        return "closed"
    return "absent" if seat.absent_at is not None else ""


def gone(seat: SeatView, _board: Board) -> str:
    """Refuse only those who are closed or absent."""
    return not_here(seat)
