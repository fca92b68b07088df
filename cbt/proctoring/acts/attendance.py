"""Acts of attendance: arrival, 签到, 登录码, 允许登录, 信息有误, 缺考, 临时离场, and how they are taken back.

What a registration said before stands again only while nobody has gone on from it.

Source: R-10, R-14.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select, update

from cbt.candidates.models import Registration
from cbt.door import arrival
from cbt.door.arrival import to_compare
from cbt.errors import Conflict
from cbt.proctoring.act import (
    Act,
    ActRequest,
    ActResult,
    ActScope,
    Preview,
    further,
    gone,
    not_here,
    read_clock_time,
    read_reason,
    read_text,
    usual,
)
from cbt.proctoring.board.live import Board
from cbt.proctoring.board.seat_state import UNDER_WAY
from cbt.proctoring.board.seat_view import SeatView
from cbt.proctoring.desk import Desk, acting, change_while, kept, restored
from cbt.proctoring.models import LeaveRecord
from cbt.rules.door import DOCUMENT_TYPES
from cbt.storage.unit_of_work import reading


def checked(registration: Registration) -> dict[str, Any]:
    """Return what a check-in changes, as it is before one."""
    return {
        "arrived": kept(registration.arrived_at),
        "checked_in": kept(registration.checked_in_at),
        "document": registration.document_shown,
        "shown": _hex(registration.document_last_four_sealed),
        "signed_in": kept(registration.signed_in_at),
        "code": registration.login_code_hash,
    }


def undo_check_in(desk: Desk, seat: SeatView, before: dict[str, Any]) -> bool:
    """Take a check-in back, or its correction, while no 登录码 was printed and nobody has signed in by it."""
    shown = before["shown"]
    return change_while(
        desk,
        seat,
        Registration.signed_in_at.is_not_distinct_from(restored(before["signed_in"])),
        Registration.login_code_hash.is_not_distinct_from(before["code"]),
        Registration.checked_in_at.is_not(None),
        arrived_at=restored(before["arrived"]),
        checked_in_at=restored(before["checked_in"]),
        document_shown=before["document"],
        document_last_four_sealed=None if shown is None else bytes.fromhex(shown),
    )


def allowed(registration: Registration, *, at: datetime) -> dict[str, Any]:
    """Return what 允许登录 changes, as it is before that, and when it is done."""
    return {
        "was": kept(registration.sign_in_allowed_at),
        "at": kept(at),
        "signed_in": kept(registration.signed_in_at),
        "code": registration.login_code_hash,
    }


def undo_allow_sign_in(desk: Desk, seat: SeatView, before: dict[str, Any]) -> bool:
    """Take 允许登录 back while nobody has signed in by it."""
    return change_while(
        desk,
        seat,
        Registration.sign_in_allowed_at == restored(before["at"]),
        Registration.signed_in_at.is_not_distinct_from(restored(before["signed_in"])),
        Registration.login_code_hash.is_not_distinct_from(before["code"]),
        sign_in_allowed_at=restored(before["was"]),
    )


def _hex(sealed: bytes | None) -> str | None:
    return None if sealed is None else sealed.hex()


def _refuse_arrive(seat: SeatView, _board: Board) -> str:
    return not_here(seat) or ("arrived" if seat.arrived_at is not None else "")


def _arrive(request: ActRequest) -> ActResult:
    """登记到场, for one, many or (no selection) everybody not there yet; `arrived_at` enters an earlier moment.

    Source: R-11.
    """
    by, now = request.by, request.now
    at = read_clock_time(request.form, "arrived_at", now=now, zone=request.zone)
    reason = read_reason(request.form, required=at is not None)
    with acting(request) as desk:
        picked = desk.pick()
        for seat in picked.chosen:
            arrival.record_arrival(
                desk.session,
                desk.registration(seat),
                now=now,
                arrived_at=at or now,
                actor=by.actor,
                reason=reason,
                chief=by.chief,
            )
        for seat in picked.chosen:
            desk.log("arrive", seat)
        desk.remember([(seat.registration_id, None) for seat in picked.chosen])
        return desk.said(picked)


def _undo_arrive(desk: Desk, seat: SeatView, _before: None) -> bool:
    moved_on = (Registration.checked_in_at, Registration.signed_in_at, Registration.absent_at)
    return change_while(desk, seat, *(at.is_(None) for at in moved_on), arrived_at=None)


def _refuse_check_in(seat: SeatView, _board: Board) -> str:
    return not_here(seat) or ("began" if seat.started_at is not None else "")


def _check_in(request: ActRequest) -> ActResult:
    """签到: record the document shown and that person, photo and ticket are one. Source: R-10."""
    with acting(request) as desk:
        picked = desk.pick()
        before: list[tuple[int | None, Any]] = []
        for seat in picked.chosen:
            registration = desk.registration(seat)
            before.append((seat.registration_id, checked(registration)))
            arrival.check_in(
                desk.session,
                registration,
                now=request.now,
                document_type=request.form.get("document_type", ""),
                last_four=request.form.get("last_four", ""),
                actor=request.by.actor,
            )
            desk.log("check_in", seat)
        desk.remember(before)
        return desk.said(picked)


def _documents(_preview: Preview) -> Mapping[str, object]:
    return {"documents": DOCUMENT_TYPES}


def _issue_codes(request: ActRequest) -> ActResult:
    """Issue a fresh 登录码 to each; they are shown this once and kept only as hashes. Source: R-14."""
    rng = random.SystemRandom()
    with acting(request) as desk:
        picked = desk.pick()
        codes = []
        for seat in picked.chosen:
            code = arrival.issue_login_code(
                desk.session, desk.registration(seat), now=request.now, rng=rng, actor=request.by.actor
            )
            codes.append((f"{seat.label} {seat.name}", seat.ticket, code))
            desk.log("code", seat)
        desk.remember([(seat.registration_id, None) for seat in picked.chosen], undoable=False)
        return desk.said(picked, codes=tuple(codes))


def _allow_sign_in(request: ActRequest) -> ActResult:
    """允许登录 without the check at the door. Source: R-14."""
    reason, actor = read_reason(request.form), request.by.actor
    with acting(request) as desk:
        picked = desk.pick()
        before: list[tuple[int | None, Any]] = []
        for seat in picked.chosen:
            registration = desk.registration(seat)
            before.append((seat.registration_id, allowed(registration, at=request.now)))
            arrival.allow_sign_in(desk.session, registration, now=request.now, actor=actor, reason=reason)
            desk.log("allow_sign_in", seat, reason=reason)
        desk.remember(before)
        return desk.said(picked)


def _refuse_clear_query(seat: SeatView, _board: Board) -> str:
    return "" if seat.query_at is not None else "no_query"


def _queried(preview: Preview) -> Mapping[str, object]:
    with reading() as session:
        return {"queried": to_compare(session, [seat.ref for seat in preview.picked.chosen])}


def _clear_query(request: ActRequest) -> ActResult:
    """Answer 信息有误: the proctor compared the person, the confirmation page goes on. Source: R-14."""
    reason, actor = read_reason(request.form, required=False), request.by.actor
    with acting(request) as desk:
        picked = desk.pick()
        before = [(seat.registration_id, kept(seat.query_at)) for seat in picked.chosen]
        for seat in picked.chosen:
            arrival.clear_query(
                desk.session, desk.registration(seat), now=request.now, actor=actor, reason=reason
            )
            desk.log("clear_query", seat, reason=reason)
        desk.remember(before)
        return desk.said(picked)


def _undo_clear_query(desk: Desk, seat: SeatView, before: int | None) -> bool:
    return change_while(desk, seat, Registration.query_at.is_(None), query_at=restored(before))


DOOR_ACTS = (
    Act(
        "arrive",
        ActScope.SEATS,
        _arrive,
        _refuse_arrive,
        everybody=True,
        fields=("arrived_at",),
        undo=_undo_arrive,
        tone="main",
        before=usual(10),
    ),
    Act(
        "check_in",
        ActScope.ONE,
        _check_in,
        _refuse_check_in,
        fields=("document",),
        shows=_documents,
        undo=undo_check_in,
        tone="main",
        before=usual(20),
        running=further(10),
    ),
    Act(
        "code",
        ActScope.SEATS,
        _issue_codes,
        gone,
        final="code",
        tone="main",
        before=usual(30),
        running=further(20),
    ),
    Act(
        "allow_sign_in",
        ActScope.SEATS,
        _allow_sign_in,
        gone,
        fields=("reason",),
        undo=undo_allow_sign_in,
        before=further(10),
        running=further(30),
    ),
    Act(
        "clear_query",
        ActScope.SEATS,
        _clear_query,
        _refuse_clear_query,
        fields=("queried", "reason_optional"),
        shows=_queried,
        undo=_undo_clear_query,
        tone="main",
        before=further(20),
        running=further(40),
    ),
)


def _refuse_absent(seat: SeatView, _board: Board) -> str:
    entered = seat.checked_in_at is not None or seat.signed_in_at is not None
    return not_here(seat) or ("entered" if entered else "")


def _mark_absent(request: ActRequest) -> ActResult:
    """Confirm 缺考 with its cause. Source: R-12."""
    cause, actor = request.form.get("cause", ""), request.by.actor
    with acting(request) as desk:
        picked = desk.pick()
        for seat in picked.chosen:
            arrival.mark_absent(
                desk.session, desk.registration(seat), now=request.now, cause=cause, actor=actor
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


def _undo_absent(request: ActRequest) -> ActResult:
    """Take 缺考 back: the chief may until the sitting is ended. Source: R-12."""
    reason, actor = read_reason(request.form), request.by.actor
    with acting(request) as desk:
        desk.need_chief()
        picked = desk.pick()
        before: list[tuple[int | None, Any]] = []
        for seat in picked.chosen:
            registration = desk.registration(seat)
            was = {"at": kept(registration.absent_at), "cause": registration.absent_cause}
            before.append((seat.registration_id, was))
            arrival.undo_absent(desk.session, registration, now=request.now, actor=actor, reason=reason)
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


def _leave(request: ActRequest) -> ActResult:
    """临时离场 under escort: the content is blanked, the clock runs; allowed by the sitting or the chief.

    Source: R-13.
    """
    escort, now = read_text(request.form, "escort", most=60), request.now
    with acting(request) as desk:
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
                    by=request.by.actor,
                )
            )
            desk.audit("door.leave", f"registration:{seat.ref}", after={"escort": escort})
            desk.log("leave", seat, escort=escort)
        desk.remember([(seat.registration_id, None) for seat in picked.chosen])
        return desk.said(picked)


def _take_back_leave(desk: Desk, seat: SeatView, _before: None) -> bool:
    changed = change_while(desk, seat, Registration.left_at.is_not(None), left_at=None)
    _close_leave(desk, seat.registration_id)
    return changed


def _refuse_return(seat: SeatView, _board: Board) -> str:
    return "" if seat.left_at is not None else "not_away"


def _come_back(request: ActRequest) -> ActResult:
    """Back in the room: the page shows its content again. Source: R-13."""
    with acting(request) as desk:
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
    changed = change_while(desk, seat, Registration.left_at.is_(None), left_at=restored(before))
    _reopen_leave(desk, seat.registration_id)
    return changed


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


PRESENCE_ACTS = (
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
