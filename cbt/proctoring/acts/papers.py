"""What a proctor does to papers under way and handed in: 暂停, 恢复, 强制收卷, 恢复作答."""

from __future__ import annotations

from typing import Any

from cbt.proctoring import act
from cbt.proctoring.act import (
    Act,
    ActRequest,
    ActScope,
    Said,
    always,
    further,
    not_here,
    read_minutes,
    read_reason,
    usual,
)
from cbt.proctoring.board.live import Board
from cbt.proctoring.board.seat_state import SeatState
from cbt.proctoring.board.seat_view import SeatView
from cbt.proctoring.desk import Desk, acting, close_papers, each_paper
from cbt.rules.states.attempt import ClosedBy, State
from cbt.rules.states.sitting import SittingState as RoomState
from cbt.rules.violations import OTHER
from cbt.runner import attempt_changes as delivery
from cbt.runner.attempt_changes import withdraw_resumption, withdraw_suspension


def _refuse_suspend(seat: SeatView, board: Board) -> str:
    if board.head.state is RoomState.HELD:
        return "held"
    running = seat.attempt_state in {State.INTERACTING, State.UNITS_DONE}
    return "" if running else not_here(seat) or ("suspended" if seat.under_way else "not_running")


def _suspend(asked: ActRequest) -> Said:
    """暂停: the clock stops, the content is blanked. Source: R-25."""
    reason, actor = read_reason(asked.form), asked.by.actor
    with acting(asked) as desk:
        picked = desk.pick()
        before = []
        for seat, attempt in each_paper(desk, picked):
            pause = delivery.suspend_attempt(desk.session, attempt, now=asked.now, reason=reason, actor=actor)
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


def _resume(asked: ActRequest) -> Said:
    """恢复: the clock goes on, the time is given back in full. Source: R-25."""
    reason, actor = read_reason(asked.form, required=False), asked.by.actor
    with acting(asked) as desk:
        picked = desk.pick()
        before: list[tuple[int | None, Any]] = []
        for seat, attempt in each_paper(desk, picked):
            pause = delivery.resume_attempt(desk.session, attempt, now=asked.now, actor=actor)
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


def _force_submit(asked: ActRequest) -> Said:
    """强制收卷, with a second person; whoever never opened the paper is 到场未作答. Source: R-60, R-62."""
    reason = read_reason(asked.form)
    with acting(asked) as desk:
        desk.need_second()
        picked = desk.pick()
        close_papers(desk, picked.chosen, closed_by=ClosedBy.PROCTOR, closed_at=asked.now, reason=reason)
        for seat in picked.chosen:
            desk.log("force", seat, reason=reason)
        return desk.said(picked)


def _refuse_reopen(seat: SeatView, board: Board) -> str:
    if not board.head.open:
        return "not_running"
    return "" if seat.state is SeatState.CLOSED and seat.started_at is not None else "not_closed"


def _reopen(asked: ActRequest) -> Said:
    """恢复作答 after a 误交卷: the chief and a second person, while time is left or is granted with it.

    Source: R-60, R-62.
    """
    more = read_minutes(asked.form, field="minutes_more", least=0)
    reason, actor = read_reason(asked.form), asked.by.actor
    with acting(asked) as desk:
        desk.need_second()
        desk.need_chief()
        picked = desk.pick()
        for seat, attempt in each_paper(desk, picked):
            if more:
                delivery.adjust_attempt(
                    desk.session,
                    attempt,
                    now=asked.now,
                    amount=more,
                    kind="general",
                    reason_code=OTHER,
                    reason=reason,
                    actor=actor,
                )
            delivery.reopen_attempt(desk.session, attempt, now=asked.now, reason=reason, actor=actor)
            desk.log("reopen", seat, reason=reason)
        return desk.said(picked)


ACTS = (
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
