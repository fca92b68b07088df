"""Whom an act touches: the selection held against the board, and what several acts say of seats they leave."""

from __future__ import annotations

from cbt.errors import NotFound
from cbt.proctoring.board.live import Board
from cbt.proctoring.board.seat_state import SeatState
from cbt.proctoring.board.seat_view import SeatView
from cbt.proctoring.desk.act import Act, ActScope, Picked


def pick(act: Act, board: Board, refs: tuple[str, ...]) -> Picked:
    """Part the selected seats of the board; raise NotFound for a seat of another room."""
    if act.scope is ActScope.ROOM:
        return Picked((), ())
    seats = [board.seat(ref) for ref in refs]
    if any(seat is None for seat in seats):
        raise NotFound("proctoring.no_seat")
    known = [seat for seat in seats if seat is not None]
    if not refs and act.everybody:
        known = [seat for seat in board.seats if not act.refuses(seat, board)]
    verdicts = [(seat, act.refuses(seat, board)) for seat in known]
    return Picked(
        chosen=tuple(seat for seat, why in verdicts if not why),
        skipped=tuple((seat, why) for seat, why in verdicts if why),
    )


def not_here(seat: SeatView) -> str:
    """Say "closed" or "absent" of a seat whose paper is over or will not be."""
    if seat.state is SeatState.CLOSED:
        return "closed"
    return "absent" if seat.absent_at is not None else ""


def gone(seat: SeatView, _board: Board) -> str:
    """Refuse only those who are closed or absent."""
    return not_here(seat)
