"""Acts on papers: 暂停, 恢复, 强制收卷, 恢复作答, 允许换机 and 换绑."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cbt.candidates.models import Registration
from cbt.door.seats import claim_of, give_back_claimed, give_claimed, machines_of, move_to_seat
from cbt.errors import Conflict
from cbt.proctoring import act
from cbt.proctoring.act import (
    Act,
    ActRequest,
    ActResult,
    ActScope,
    Preview,
    always,
    further,
    not_here,
    read_minutes,
    read_number,
    read_reason,
    usual,
)
from cbt.proctoring.board.live import Board
from cbt.proctoring.board.seat_state import SeatState
from cbt.proctoring.board.seat_view import SeatView
from cbt.proctoring.desk import Desk, acting, close_papers, each_paper, kept, restored
from cbt.rules.states import ClosedBy, State
from cbt.rules.states import SittingState as RoomState
from cbt.rules.violations import OTHER
from cbt.runner import attempt_changes as delivery
from cbt.runner.attempt_changes import withdraw_permit, withdraw_resumption, withdraw_suspension
from cbt.runner.models import Attempt
from cbt.sittings.models import Seat
from cbt.storage.unit_of_work import reading


def _refuse_suspend(seat: SeatView, board: Board) -> str:
    if board.head.state is RoomState.HELD:
        return "held"
    running = seat.attempt_state in {State.INTERACTING, State.UNITS_DONE}
    return "" if running else not_here(seat) or ("suspended" if seat.under_way else "not_running")


def _suspend(request: ActRequest) -> ActResult:
    """暂停: the clock stops, the content is blanked. Source: R-25."""
    reason, actor = read_reason(request.form), request.by.actor
    with acting(request) as desk:
        picked = desk.pick()
        before = []
        for seat, attempt in each_paper(desk, picked):
            pause = delivery.suspend_attempt(
                desk.session, attempt, now=request.now, reason=reason, actor=actor
            )
            before.append((seat.registration_id, {"pause": pause.id}))
            desk.log("suspend", seat, reason=reason)
        desk.remember(before)
        return desk.said(picked)


def _take_back_suspend(desk: Desk, seat: SeatView, before: dict[str, int]) -> bool:
    """Let the clock run again; what it stood is given back, as after every pause (R-25)."""
    attempt = desk.attempts((seat,))[seat.ref]
    return withdraw_suspension(desk.session, attempt, before["pause"], now=desk.now, actor=desk.by.actor)


def _refuse_resume(seat: SeatView, board: Board) -> str:
    if board.head.state is RoomState.HELD:
        return "held"
    return "" if seat.attempt_state is State.SUSPENDED else "not_suspended"


def _resume(request: ActRequest) -> ActResult:
    """恢复: the clock goes on, the time is given back in full. Source: R-25."""
    reason, actor = read_reason(request.form, required=False), request.by.actor
    with acting(request) as desk:
        picked = desk.pick()
        before: list[tuple[int | None, Any]] = []
        for seat, attempt in each_paper(desk, picked):
            pause = delivery.resume_attempt(desk.session, attempt, now=request.now, actor=actor)
            before.append((seat.registration_id, {"pause": pause.id, "unit": attempt.open_unit}))
            desk.log("resume", seat, reason=reason)
        desk.remember(before)
        return desk.said(picked)


def _take_back_resume(desk: Desk, seat: SeatView, before: dict[str, Any]) -> bool:
    """Stop the clock where it stood, as though it had not been let run (R-25)."""
    if desk.board.head.state is RoomState.HELD:
        return False
    attempt = desk.attempts((seat,))[seat.ref]
    return withdraw_resumption(desk.session, attempt, before["pause"], open_unit=before["unit"], now=desk.now)


def _refuse_force(seat: SeatView, board: Board) -> str:
    if not board.head.open:
        return "not_running"
    if seat.under_way or (seat.never_began and seat.attempt_state is State.READY):
        return ""
    return not_here(seat) or "not_arrived"


def _force_submit(request: ActRequest) -> ActResult:
    """强制收卷, with a second person; whoever never opened the paper is 到场未作答. Source: R-60, R-62."""
    reason = read_reason(request.form)
    with acting(request) as desk:
        desk.need_second()
        picked = desk.pick()
        close_papers(desk, picked.chosen, closed_by=ClosedBy.PROCTOR, closed_at=request.now, reason=reason)
        for seat in picked.chosen:
            desk.log("force", seat, reason=reason)
        return desk.said(picked)


def _refuse_reopen(seat: SeatView, board: Board) -> str:
    if not board.head.open:
        return "not_running"
    return "" if seat.state is SeatState.CLOSED and seat.started_at is not None else "not_closed"


def _reopen(request: ActRequest) -> ActResult:
    """恢复作答 after a 误交卷: the chief and a second person, while time is left or is granted with it.

    Source: R-60, R-62.
    """
    more = read_minutes(request.form, field="minutes_more", least=0)
    reason, actor = read_reason(request.form), request.by.actor
    with acting(request) as desk:
        desk.need_second()
        desk.need_chief()
        picked = desk.pick()
        for seat, attempt in each_paper(desk, picked):
            if more:
                delivery.adjust_attempt(
                    desk.session,
                    attempt,
                    now=request.now,
                    amount=more,
                    kind="general",
                    reason_code=OTHER,
                    reason=reason,
                    actor=actor,
                )
                given = {"grant": "general", "code": OTHER, "seconds": str(int(more.total_seconds()))}
                desk.log("adjust", seat, reason=reason, **given)
            delivery.reopen_attempt(desk.session, attempt, now=request.now, reason=reason, actor=actor)
            desk.log("reopen", seat, reason=reason)
        return desk.said(picked)


PAPER_ACTS = (
    Act(
        "suspend",
        ActScope.SEATS,
        _suspend,
        _refuse_suspend,
        fields=("reason",),
        undo=_take_back_suspend,
        running=usual(30),
    ),
    Act(
        "resume",
        ActScope.SEATS,
        _resume,
        _refuse_resume,
        fields=("reason_optional",),
        undo=_take_back_resume,
        tone="main",
        running=usual(40),
    ),
    Act(
        "force",
        ActScope.SEATS,
        _force_submit,
        _refuse_force,
        fields=("reason",),
        second=always,
        lines=(act.reason,),
        final="force",
        tone="stop",
        running=usual(60),
    ),
    Act(
        "reopen",
        ActScope.SEATS,
        _reopen,
        _refuse_reopen,
        fields=("minutes_more", "reason"),
        second=always,
        lines=(act.minutes_more, act.reason),
        final="reopen",
        running=further(80),
    ),
)


def _refuse_move(seat: SeatView, _board: Board) -> str:
    return not_here(seat) or ("no_form" if seat.attempt_id is None else "")


def _allow_move(request: ActRequest) -> ActResult:
    """允许换机: the next sign-in on another machine takes the paper, at the same or another free seat.

    Source: R-16, R-42.
    """
    now, actor = request.now, request.by.actor
    seat_number = read_number(request.form, "to_seat")
    reason = read_reason(request.form)
    with acting(request) as desk:
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


def _rebind(request: ActRequest) -> ActResult:
    """换绑: give a seat to the machine that claimed it, in place of the one that had it. Source: R-16."""
    with acting(request) as desk:
        picked = desk.pick()
        before = []
        for seat in picked.chosen:
            claimed = desk.session.get_one(Seat, seat.seat_id)
            machines = {**machines_of(desk.session, claimed), "epoch": _epoch(desk, seat)}
            before.append((seat.registration_id, machines))
            give_claimed(desk.session, claimed, now=request.now, actor=request.by.actor)
            desk.log("rebind", seat)
        desk.remember(before)
        return desk.said(picked)


def _epoch(desk: Desk, seat: SeatView) -> int | None:
    """Return how often somebody's paper was taken to a machine; None where they have none yet."""
    attempt = desk.attempts((seat,)).get(seat.ref)
    return None if attempt is None else attempt.lease_epoch


def _claimed(preview: Preview) -> Mapping[str, object]:
    with reading() as session:
        asked = [(seat, claim_of(session, seat.seat_id)) for seat in preview.picked.chosen]
    claims = [(seat, claim) for seat, claim in asked if claim is not None]
    return {"claims": claims, "hesitate": any(claim.undelivered for _seat, claim in claims)}


def _take_back_rebind(desk: Desk, seat: SeatView, before: dict[str, Any]) -> bool:
    """Give the seat back to the former machine while nobody has taken the paper to the new one."""
    if _epoch(desk, seat) != before["epoch"]:
        raise Conflict("proctoring.undo_moved_on")
    claimed = desk.session.get_one(Seat, seat.seat_id)
    return give_back_claimed(desk.session, claimed, before, now=desk.now, actor=desk.by.actor)


MACHINE_CHANGE_ACTS = (
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
    Act(
        "rebind",
        ActScope.ONE,
        _rebind,
        _refuse_rebind,
        fields=("claim",),
        shows=_claimed,
        undo=_take_back_rebind,
    ),
)
