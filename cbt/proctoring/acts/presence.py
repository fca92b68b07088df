"""Who is in the room: 缺考 and taking it back, 临时离场 and coming back."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, update

from cbt.candidates.models import Registration
from cbt.door import arrival
from cbt.errors import Conflict
from cbt.proctoring.act import (
    Act,
    ActRequest,
    ActScope,
    Said,
    further,
    not_here,
    read_reason,
    read_text,
    usual,
)
from cbt.proctoring.board.live import Board
from cbt.proctoring.board.seat_state import UNDER_WAY
from cbt.proctoring.board.seat_view import SeatView
from cbt.proctoring.desk import Desk, acting, change_while, kept, restored
from cbt.proctoring.models import LeaveRecord


def _refuse_absent(seat: SeatView, _board: Board) -> str:
    entered = seat.checked_in_at is not None or seat.signed_in_at is not None
    return not_here(seat) or ("entered" if entered else "")


def _mark_absent(asked: ActRequest) -> Said:
    """Confirm 缺考 with its cause. Source: R-12."""
    cause, actor = asked.form.get("cause", ""), asked.by.actor
    with acting(asked) as desk:
        picked = desk.pick()
        for seat in picked.chosen:
            arrival.mark_absent(
                desk.session, desk.registration(seat), now=asked.now, cause=cause, actor=actor
            )
            desk.log("absent", seat, cause=cause)
        desk.remember([(seat.registration_id, None) for seat in picked.chosen])
        return desk.said(picked)


def _take_back_absent(desk: Desk, seat: SeatView, _before: None) -> bool:
    if seat.absent_at is None:
        return False
    arrival.undo_absent(desk.session, desk.registration(seat), now=desk.now, actor=desk.by.actor)
    return True


def _refuse_undo_absent(seat: SeatView, _board: Board) -> str:
    return "" if seat.absent_at is not None else "not_absent"


def _undo_absent(asked: ActRequest) -> Said:
    """Take 缺考 back: the chief may until the sitting is ended. Source: R-12."""
    reason, actor = read_reason(asked.form), asked.by.actor
    with acting(asked) as desk:
        desk.need_chief()
        picked = desk.pick()
        before: list[tuple[int | None, Any]] = []
        for seat in picked.chosen:
            registration = desk.registration(seat)
            was = {"at": kept(registration.absent_at), "cause": registration.absent_cause}
            before.append((seat.registration_id, was))
            arrival.undo_absent(desk.session, registration, now=asked.now, actor=actor, reason=reason)
            desk.log("undo_absent", seat, reason=reason)
        desk.remember(before)
        return desk.said(picked)


def _absent_again(desk: Desk, seat: SeatView, before: dict[str, Any]) -> bool:
    moved_on = (Registration.absent_at, Registration.checked_in_at, Registration.signed_in_at)
    return change_while(
        desk,
        seat,
        *(at.is_(None) for at in moved_on),
        absent_at=restored(before["at"]),
        absent_cause=before["cause"],
    )


def _refuse_leave(seat: SeatView, _board: Board) -> str:
    if seat.state not in UNDER_WAY:
        return "not_running"
    return "away" if seat.left_at is not None else ""


def _leave(asked: ActRequest) -> Said:
    """临时离场 under escort: the content is blanked, the clock runs; allowed by the sitting or the chief.

    Source: R-13.
    """
    escort, now = read_text(asked.form, "escort", most=60), asked.now
    with acting(asked) as desk:
        if not desk.board.head.leave_allowed:
            desk.need_chief()
        picked = desk.pick()
        for seat in picked.chosen:
            if not change_while(desk, seat, Registration.left_at.is_(None), left_at=now):
                raise Conflict("proctoring.none_apply")
            desk.session.add(
                LeaveRecord(
                    registration_id=seat.registration_id,
                    out_at=now,
                    in_at=None,
                    escort=escort,
                    by=asked.by.actor,
                )
            )
            desk.audit("door.leave", f"registration:{seat.ref}", after={"escort": escort})
            desk.log("leave", seat, escort=escort)
        desk.remember([(seat.registration_id, None) for seat in picked.chosen])
        return desk.said(picked)


def _take_back_leave(desk: Desk, seat: SeatView, _before: None) -> bool:
    _close_leave(desk, seat.registration_id)
    return change_while(desk, seat, Registration.left_at.is_not(None), left_at=None)


def _refuse_return(seat: SeatView, _board: Board) -> str:
    return "" if seat.left_at is not None else "not_away"


def _come_back(asked: ActRequest) -> Said:
    """Back in the room: the page shows its content again. Source: R-13."""
    with acting(asked) as desk:
        picked = desk.pick()
        before = [(seat.registration_id, kept(seat.left_at)) for seat in picked.chosen]
        for seat in picked.chosen:
            if not change_while(desk, seat, Registration.left_at.is_not(None), left_at=None):
                raise Conflict("proctoring.none_apply")
            _close_leave(desk, seat.registration_id)
            desk.audit("door.return", f"registration:{seat.ref}")
            desk.log("return", seat)
        desk.remember(before)
        return desk.said(picked)


def _take_back_return(desk: Desk, seat: SeatView, before: int | None) -> bool:
    _reopen_leave(desk, seat.registration_id)
    return change_while(desk, seat, Registration.left_at.is_(None), left_at=restored(before))


def _close_leave(desk: Desk, registration_id: int) -> None:
    desk.session.execute(
        update(LeaveRecord)
        .where(LeaveRecord.registration_id == registration_id, LeaveRecord.in_at.is_(None))
        .values(in_at=desk.now)
    )


def _reopen_leave(desk: Desk, registration_id: int) -> None:
    latest = (
        select(LeaveRecord.id)
        .where(LeaveRecord.registration_id == registration_id)
        .order_by(LeaveRecord.id.desc())
        .limit(1)
    )
    desk.session.execute(
        update(LeaveRecord).where(LeaveRecord.id == latest.scalar_subquery()).values(in_at=None)
    )


ACTS = (
    Act(
        "absent",
        ActScope.SEATS,
        _mark_absent,
        _refuse_absent,
        fields=("cause",),
        undo=_take_back_absent,
        before=usual(40),
        running=further(90),
    ),
    Act(
        "undo_absent",
        ActScope.SEATS,
        _undo_absent,
        _refuse_undo_absent,
        fields=("reason",),
        undo=_absent_again,
        before=further(40),
        running=further(100),
    ),
    Act(
        "leave",
        ActScope.ONE,
        _leave,
        _refuse_leave,
        fields=("escort",),
        undo=_take_back_leave,
        running=further(50),
    ),
    Act(
        "return",
        ActScope.SEATS,
        _come_back,
        _refuse_return,
        undo=_take_back_return,
        tone="main",
        running=further(60),
    ),
)
