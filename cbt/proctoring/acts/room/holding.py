"""全场暂停 and 恢复全场."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from cbt.accounts.approvals.requests import Line
from cbt.delivery.withdrawing import goes_on, moved_on, under_way
from cbt.errors import Conflict, InvalidInput
from cbt.proctoring.desk import lines
from cbt.proctoring.desk.act import Act, ActScope, Asked, Form, HeadButton, Preview, perhaps
from cbt.proctoring.desk.acting import Desk, acting
from cbt.proctoring.desk.granted import count_time, uncount_time
from cbt.proctoring.desk.inputs import read_clock_time, read_reason, read_reason_of
from cbt.proctoring.desk.said import Said
from cbt.proctoring.desk.taking_back import kept, restored
from cbt.proctoring.store import open_hold
from cbt.rules.states.sitting import SittingState
from cbt.sittings.clock import running
from cbt.sittings.models import RoomHold


def _hold(asked: Asked) -> Said:
    """全场暂停, from now or from an instant before it; what lies back is time given to the room.

    More than 10 minutes in sum need a second person; a hold from now never does. Attempts the deadline closed
    after that instant come back with their time.

    Source: R-25, R-62.
    """
    since = asked.now
    if asked.form.get("since") == "at":
        from_at = read_clock_time(asked.form, "from_at", now=asked.now, zone=asked.zone)
        if from_at is None:
            raise InvalidInput("proctoring.clock_time", field="from_at")
        since = from_at
    code, reason = read_reason_of(asked.form, asked.reasons)
    with acting(asked) as desk:
        counted = count_time(desk, asked.now - since, None)
        hold = stop_clocks(desk, from_at=since, reason_code=code, reason=reason)
        desk.log("hold", code=code, reason=reason, since=since.isoformat())
        desk.remember([(None, {"hold": hold.id, "at": kept(asked.now), "counted": list(counted.values())})])
        return desk.said()


def take_back_hold(desk: Desk, before: dict[str, Any]) -> bool:
    """Let the room go on: what it stood is given back, what lay before the act is not (R-25)."""
    hold, at = desk.session.get_one(RoomHold, before["hold"]), restored(before["at"])
    if hold.to_at is not None or desk.board.head.evacuated or at is None:
        return False
    hold.from_at = max(hold.from_at, at)
    running.resume_room(desk.session, desk.room, now=desk.now, actor=desk.by.actor)
    if not goes_on(desk.session, desk.room.id, under_way(desk.session, desk.room.id), now=desk.now):
        raise Conflict("proctoring.undo_time_used")
    desk.refresh_clocks()
    uncount_time(desk, before["counted"])
    return True


def stop_clocks(desk: Desk, *, from_at: datetime, reason_code: str, reason: str) -> RoomHold:
    """Hold the room from an instant on, and work its papers' clocks out again."""
    hold = running.hold_room(
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


def _resume_room(asked: Asked) -> Said:
    """恢复全场: the clocks go on with all the time given back; after an evacuation it takes two.

    A room that was evacuated before its start is only entered again: its clock has not begun.

    Source: R-25, R-62.
    """
    reason, actor = read_reason(asked.form, required=False), asked.by.actor
    with acting(asked) as desk:
        if desk.board.head.evacuated:
            desk.need_second()
        if desk.board.head.admits:
            running.reenter_room(desk.session, desk.room, now=asked.now, actor=actor)
        else:
            hold = open_hold(desk.session, desk.room.id)
            running.resume_room(desk.session, desk.room, now=asked.now, actor=actor)
            desk.refresh_clocks()
            if hold is not None and not desk.board.head.evacuated:
                desk.remember([(None, {"hold": hold.id, "at": kept(asked.now)})])
        desk.log("resume_room", reason=reason)
        return desk.said()


def _take_back_resume(desk: Desk, before: dict[str, Any]) -> bool:
    """Hold the room again from where it stood, unless somebody has ended a unit or a paper since (R-25)."""
    at = restored(before["at"])
    if desk.board.head.state is not SittingState.RUNNING or at is None:
        return False
    if moved_on(desk.session, desk.room.id, since=at):
        return False
    running.hold_again(desk.session, desk.room, before["hold"], now=desk.now, actor=desk.by.actor)
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
        lines=(_since_line, lines.reason_code, lines.reason),
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
        lines=(lines.reason,),
        undo_room=_take_back_resume,
        tone="main",
        head=HeadButton(
            20,
            lambda head: head.state is SittingState.HELD or (head.admits and head.evacuated),
            kind="main",
        ),
    ),
)
