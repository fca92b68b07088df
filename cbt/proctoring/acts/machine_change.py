"""Changing machines: 允许换机, and 换绑 of a seat to the machine that claimed it."""

from __future__ import annotations

from typing import Any

from cbt.candidates.models import Registration
from cbt.door.seats import give_claimed, move_to_seat
from cbt.errors import Conflict
from cbt.proctoring.act import (
    Act,
    ActRequest,
    ActScope,
    Said,
    further,
    not_here,
    read_number,
    read_reason,
    usual,
)
from cbt.proctoring.board.live import Board
from cbt.proctoring.board.seat_view import SeatView
from cbt.proctoring.desk import Desk, acting, each_paper, kept, restored
from cbt.runner import attempt_changes as delivery
from cbt.runner.attempt_changes import withdraw_permit
from cbt.runner.models import Attempt
from cbt.sittings.models import Seat


def _refuse_move(seat: SeatView, _board: Board) -> str:
    return not_here(seat) or ("no_form" if seat.attempt_id is None else "")


def _allow_move(asked: ActRequest) -> Said:
    """允许换机: the next sign-in on another machine takes the paper, at the same or another free seat.

    Source: R-16, R-42.
    """
    now, actor = asked.now, asked.by.actor
    seat_number = read_number(asked.form, "to_seat")
    reason = read_reason(asked.form)
    with acting(asked) as desk:
        picked = desk.pick()
        before: list[tuple[int | None, Any]] = []
        for seat, attempt in each_paper(desk, picked):
            before.append((seat.registration_id, _kept(seat, desk.registration(seat), attempt)))
            delivery.allow_move(desk.session, attempt, now=now, actor=actor, reason=reason)
            registration = desk.registration(seat)
            # This is the answer to the alert.
            registration.elsewhere_at = registration.elsewhere_address = None
            if seat_number is None or seat_number == seat.number:
                desk.log("move", seat, reason=reason)
                continue
            free = next((one for one in desk.board.free if one.number == seat_number), None)
            if free is None:
                raise Conflict("proctoring.seat_taken", seat=f"{seat_number:02d}")
            new = desk.session.get_one(Seat, free.seat_id)
            move_to_seat(desk.session, desk.registration(seat), new, now=now, actor=actor, reason=reason)
            desk.log("move_to", seat, reason=reason, to=free.label)
        desk.remember(before)
        return desk.said(picked)


def _kept(seat: SeatView, registration: Registration, attempt: Attempt) -> dict[str, Any]:
    return {
        "seat": seat.seat_id,
        "epoch": attempt.lease_epoch,
        "allowed": kept(attempt.move_allowed_at),
        "elsewhere": kept(registration.elsewhere_at),
        "address": registration.elsewhere_address,
    }


def _take_back_move(desk: Desk, seat: SeatView, before: dict[str, Any]) -> bool:
    """Forbid it again while nobody has signed in elsewhere, and give the former seat back while it is free."""
    session, registration = desk.session, desk.registration(seat)
    attempt = desk.attempts((seat,))[seat.ref]
    if registration.seat_id != before["seat"]:
        if all(free.seat_id != before["seat"] for free in desk.board.free):
            return False
        former = session.get_one(Seat, before["seat"])
        move_to_seat(session, registration, former, now=desk.now, actor=desk.by.actor)
    if not withdraw_permit(
        session, attempt, was_allowed_at=restored(before["allowed"]), epoch=before["epoch"]
    ):
        raise Conflict("proctoring.undo_moved_on")
    if registration.elsewhere_at is None:
        registration.elsewhere_at, registration.elsewhere_address = (
            restored(before["elsewhere"]),
            before["address"],
        )
    return True


def _refuse_rebind(seat: SeatView, _board: Board) -> str:
    return "" if seat.claim_address is not None else "no_claim"


def _rebind(asked: ActRequest) -> Said:
    """换绑: give a seat to the machine that claimed it, in place of the one that had it. Source: R-16."""
    with acting(asked) as desk:
        picked = desk.pick()
        for seat in picked.chosen:
            claimed = desk.session.get_one(Seat, seat.seat_id)
            give_claimed(desk.session, claimed, now=asked.now, actor=asked.by.actor)
            desk.log("rebind", seat)
        return desk.said(picked)


ACTS = (
    Act(
        "move",
        ActScope.ONE,
        _allow_move,
        _refuse_move,
        fields=("seat", "reason"),
        undo=_take_back_move,
        tone="main",
        before=further(30),
        running=usual(50),
    ),
    Act("rebind", ActScope.ONE, _rebind, _refuse_rebind, final="machine"),
)
