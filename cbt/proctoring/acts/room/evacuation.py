"""紧急疏散: leaving the room, the chief's countersignature, and closing the papers as they stood."""

from __future__ import annotations

from cbt.errors import Conflict
from cbt.proctoring.acts.room.holding import stop_clocks
from cbt.proctoring.desk import lines
from cbt.proctoring.desk.act import Act, ActScope, Asked, HeadButton, always
from cbt.proctoring.desk.acting import acting
from cbt.proctoring.desk.inputs import read_reason
from cbt.proctoring.desk.papers import close_papers
from cbt.proctoring.desk.said import Said
from cbt.rules.reasons import EVACUATION
from cbt.rules.states.attempt import ClosedBy
from cbt.rules.states.sitting import SittingState
from cbt.sittings.clock import running


def _evacuate(asked: Asked) -> Said:
    """紧急疏散: one proctor, one confirmation. A running clock stops at once, and every page tells to leave.

    Source: R-23, R-62.
    """
    now = asked.now
    with acting(asked) as desk:
        if desk.board.head.evacuated:
            raise Conflict("proctoring.evacuated")
        if desk.board.head.over:
            raise Conflict("proctoring.room_over")
        if desk.room.state == SittingState.HELD:
            # The former hold ends where the evacuation begins, so that both stand on record.
            running.resume_room(desk.session, desk.room, now=now, actor=asked.by.actor)
        if desk.room.state == SittingState.RUNNING:
            stop_clocks(desk, from_at=now, reason_code=EVACUATION, reason=EVACUATION)
        running.evacuate_room(desk.session, desk.room, now=now)
        desk.audit("room.evacuate", f"sitting_room:{desk.room.ref}")
        desk.log("evacuate")
        return desk.said()


def _countersign(asked: Asked) -> Said:
    """The chief countersigns an evacuation. Source: R-62."""
    reason = read_reason(asked.form)
    with acting(asked) as desk:
        desk.need_chief()
        if not desk.board.needs_countersign:
            raise Conflict("proctoring.not_evacuated")
        desk.audit("room.countersign", f"sitting_room:{desk.room.ref}", reason=reason)
        desk.log("countersign", reason=reason)
        return desk.said()


def _evacuate_close(asked: Asked) -> Said:
    """疏散收卷: close every paper of an evacuated room as it stood when the room was left.

    Source: R-61, R-62.
    """
    reason = read_reason(asked.form)
    with acting(asked) as desk:
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
        desk.log("evacuate_close", count=str(len(still_open)), reason=reason)
        return desk.said()


ACTS = (
    Act(
        "evacuate",
        ActScope.ROOM,
        _evacuate,
        fields=("evacuate",),
        final="evacuate",
        tone="stop",
        head=HeadButton(20, lambda head: not head.evacuated and not head.over, kind="stop", apart=True),
    ),
    Act("countersign", ActScope.ROOM, _countersign, fields=("reason",), final="signed", tone="main"),
    Act(
        "evacuate_close",
        ActScope.ROOM,
        _evacuate_close,
        fields=("reason",),
        second=always,
        lines=(lines.reason,),
        final="force",
        tone="stop",
        head=HeadButton(30, lambda head: head.evacuated and head.open, kind="stop"),
    ),
)
