"""全场暂停, 恢复全场 and 紧急疏散: a room is held and goes on, or is left and its papers are closed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from cbt.accounts.approvals.requests import Line
from cbt.errors import Conflict, InvalidInput
from cbt.proctoring import act
from cbt.proctoring.act import (
    Act,
    ActRequest,
    ActResult,
    ActScope,
    Form,
    HeadButton,
    Preview,
    always,
    perhaps,
    read_clock_time,
    read_reason,
    read_reason_of,
)
from cbt.proctoring.desk import Desk, acting, close_papers, count_time, kept, restored, uncount_time
from cbt.proctoring.store import COUNTERSIGNED, EVACUATED, open_hold
from cbt.rules.states import ClosedBy, SittingState
from cbt.rules.violations import EVACUATION
from cbt.runner.attempt_changes import goes_on, moved_on, under_way
from cbt.sittings import room_clock
from cbt.sittings.models import RoomHold


def _hold(request: ActRequest) -> ActResult:
    """全场暂停, from now or from an instant before it; what lies back is time given to the room.

    More than 10 minutes in sum need a second person; a hold from now never does. Attempts the deadline closed
    after that instant come back with their time.

    Source: R-25, R-62.
    """
    since = request.now
    if request.form.get("since") == "at":
        from_at = read_clock_time(request.form, "from_at", now=request.now, zone=request.zone)
        if from_at is None:
            raise InvalidInput("proctoring.clock_time", field="from_at")
        since = from_at
    code, reason = read_reason_of(request.form, request.reasons)
    with acting(request) as desk:
        counted = count_time(desk, request.now - since, None)
        hold = stop_clocks(desk, from_at=since, reason_code=code, reason=reason)
        desk.log("hold", code=code, reason=reason, since=since.isoformat())
        desk.remember([(None, {"hold": hold.id, "at": kept(request.now), "counted": list(counted.values())})])
        return desk.said()


def take_back_hold(desk: Desk, before: dict[str, Any]) -> bool:
    """Let the room go on: what it stood is given back, what lay before the act is not (R-25)."""
    hold, at = desk.session.get_one(RoomHold, before["hold"]), restored(before["at"])
    if hold.to_at is not None or desk.board.head.evacuated or at is None:
        return False
    hold.from_at = max(hold.from_at, at)
    room_clock.resume_room(desk.session, desk.room, now=desk.now, actor=desk.by.actor)
    if not goes_on(desk.session, desk.room.id, under_way(desk.session, desk.room.id), now=desk.now):
        raise Conflict("proctoring.undo_time_used")
    desk.refresh_clocks()
    uncount_time(desk, before["counted"])
    return True


def stop_clocks(desk: Desk, *, from_at: datetime, reason_code: str, reason: str) -> RoomHold:
    """Hold the room from an instant on, and work its papers' clocks out again."""
    hold = room_clock.hold_room(
        desk.session,
        desk.room,
        from_at=from_at,
        now=desk.now,
        reason_code=reason_code,
        reason=reason,
        actor=desk.by.actor,
    )
    desk.refresh_clocks(reopen=from_at < desk.now)
    return hold


def _since_line(form: Form) -> Iterator[Line]:
    if form.get("since") == "at":
        yield ("approval.line.since", "text", form.get("from_at", ""))


def _resume_room(request: ActRequest) -> ActResult:
    """恢复全场: the clocks go on with all the time given back; after an evacuation it takes two.

    A room that was evacuated before its start is only entered again: its clock has not begun.

    Source: R-25, R-62.
    """
    reason, actor = read_reason(request.form, required=False), request.by.actor
    with acting(request) as desk:
        if desk.board.head.evacuated:
            desk.need_second()
        if desk.board.head.admits:
            room_clock.reenter_room(desk.session, desk.room, now=request.now, actor=actor)
        else:
            hold = open_hold(desk.session, desk.room.id)
            room_clock.resume_room(desk.session, desk.room, now=request.now, actor=actor)
            desk.refresh_clocks()
            if hold is not None and not desk.board.head.evacuated:
                desk.remember([(None, {"hold": hold.id, "at": kept(request.now)})])
        desk.log("resume_room", reason=reason)
        return desk.said()


def _take_back_resume(desk: Desk, before: dict[str, Any]) -> bool:
    """Hold the room again from where it stood, unless somebody has ended a unit or a paper since (R-25)."""
    at = restored(before["at"])
    if desk.board.head.state is not SittingState.RUNNING or at is None:
        return False
    if moved_on(desk.session, desk.room.id, since=at):
        return False
    room_clock.hold_again(desk.session, desk.room, before["hold"], now=desk.now, actor=desk.by.actor)
    desk.refresh_clocks()
    return True


def _second_to_resume(preview: Preview) -> str:
    return "always" if preview.board.head.evacuated else ""


ACTS = (
    Act(
        "hold",
        ActScope.ROOM,
        _hold,
        fields=("hold",),
        second=perhaps,
        lines=(_since_line, act.reason_code, act.reason),
        undo_room=take_back_hold,
        tone="stop",
        head=HeadButton(10, lambda head: head.state is SittingState.RUNNING, apart=True),
    ),
    Act(
        "resume_room",
        ActScope.ROOM,
        _resume_room,
        fields=("reason_optional",),
        second=_second_to_resume,
        lines=(act.reason,),
        undo_room=_take_back_resume,
        tone="main",
        head=HeadButton(
            20,
            lambda head: head.state is SittingState.HELD or (head.admits and head.evacuated),
            kind="main",
        ),
    ),
)


def _evacuate(request: ActRequest) -> ActResult:
    """紧急疏散: one proctor, one confirmation. A running clock stops at once, and every page tells to leave.

    Source: R-23, R-62.
    """
    now = request.now
    with acting(request) as desk:
        if desk.board.head.evacuated:
            raise Conflict("proctoring.evacuated")
        if desk.board.head.over:
            raise Conflict("proctoring.room_over")
        if desk.room.state == SittingState.HELD:
            # The former hold ends where the evacuation begins, so that both stand on record.
            room_clock.resume_room(desk.session, desk.room, now=now, actor=request.by.actor)
        if desk.room.state == SittingState.RUNNING:
            stop_clocks(desk, from_at=now, reason_code=EVACUATION, reason=EVACUATION)
        room_clock.evacuate_room(desk.session, desk.room, now=now)
        desk.audit("room.evacuate", f"sitting_room:{desk.room.ref}")
        desk.log(EVACUATED)
        return desk.said()


def _countersign(request: ActRequest) -> ActResult:
    """The chief countersigns an evacuation, also once it is over; a proctor asks the chief to.

    Source: R-62.
    """
    reason = read_reason(request.form)
    with acting(request) as desk:
        if not request.by.chief:
            desk.need_second()
        desk.need_chief()
        if not desk.board.needs_countersign:
            raise Conflict("proctoring.nothing_to_countersign")
        desk.audit("room.countersign", f"sitting_room:{desk.room.ref}", reason=reason)
        desk.log(COUNTERSIGNED, reason=reason)
        return desk.said()


def _evacuate_close(request: ActRequest) -> ActResult:
    """疏散收卷: close every paper of an evacuated room as it stood when the room was left.

    Source: R-61, R-62.
    """
    reason = read_reason(request.form)
    with acting(request) as desk:
        if desk.board.head.over:
            raise Conflict("proctoring.room_over")
        left_at = desk.board.head.held_from
        if not desk.board.head.evacuated or left_at is None:
            raise Conflict("proctoring.not_evacuated")
        desk.need_second()
        still_open = tuple(
            seat for seat in desk.board.seats if seat.under_way or (seat.never_began and seat.attempt_id)
        )
        desk.touch(still_open)
        close_papers(desk, still_open, closed_by=ClosedBy.EVACUATION, closed_at=left_at, reason=reason)
        silent = sum(seat.started_at is None for seat in still_open)
        # Each is counted as on the record: who never opened the paper is 到场未作答.
        begun = str(len(still_open) - silent)
        desk.log("evacuate_close", count=begun, unanswered=str(silent), reason=reason)
        return desk.said()


EVACUATION_ACTS = (
    Act(
        "evacuate",
        ActScope.ROOM,
        _evacuate,
        fields=("evacuate",),
        final="evacuate",
        tone="stop",
        head=HeadButton(20, lambda head: not head.evacuated and not head.over, kind="stop", apart=True),
    ),
    Act(
        "countersign",
        ActScope.ROOM,
        _countersign,
        fields=("reason",),
        second=perhaps,
        lines=(act.reason,),
        final="signed",
        tone="main",
    ),
    Act(
        "evacuate_close",
        ActScope.ROOM,
        _evacuate_close,
        fields=("reason",),
        second=always,
        lines=(act.reason,),
        final="force",
        tone="stop",
        head=HeadButton(30, lambda head: head.evacuated and head.open, kind="stop"),
    ),
)
