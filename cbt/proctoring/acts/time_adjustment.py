"""补时 and 延时: time for one or several, or for the whole room."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

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
    Selection,
    not_here,
    perhaps,
    read_minutes,
    read_reason_of,
    usual,
)
from cbt.proctoring.board.live import Board
from cbt.proctoring.board.seat_view import SeatView
from cbt.proctoring.desk import Desk, acting, count_time, sum_with, uncount_time, would_take_two
from cbt.rules.door import too_close
from cbt.rules.states import ClosedBy
from cbt.rules.violations import ReasonTable
from cbt.runner import attempt_changes as delivery
from cbt.runner.attempt_changes import goes_on, under_way, withdraw_time
from cbt.sittings import room_clock
from cbt.sittings.models import RoomAdjustment

GRANT_KINDS = ("site_fault", "general")
USUAL_MINUTES = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Grant:
    """Time to give: 补时 `site_fault` or 延时 `general`, with its reason code and words (R-20)."""

    amount: timedelta
    kind: str
    reason_code: str
    reason: str


def read_grant(form: Form, table: ReasonTable) -> Grant:
    kind = form.get("kind", "")
    if kind not in GRANT_KINDS:
        raise InvalidInput("proctoring.grant_kind", field="kind")
    code, reason = read_reason_of(form, table)
    return Grant(amount=read_minutes(form), kind=kind, reason_code=code, reason=reason)


@dataclass(frozen=True, slots=True)
class NewEnd:
    """When a paper, or one candidate's, ends now and after what is previewed."""

    label: str
    before: datetime
    after: datetime


def _seat_ends(preview: Preview) -> Mapping[str, object]:
    minutes = _minutes(preview)
    ends = tuple(
        NewEnd(f"{seat.label} {seat.name}", seat.closes_at, seat.closes_at + minutes)
        for seat in preview.picked.chosen
        if seat.closes_at is not None
    )
    return _shown(preview, minutes, ends)


def _room_ends(preview: Preview) -> Mapping[str, object]:
    minutes = _minutes(preview)
    ends = tuple(
        NewEnd(line.label, line.closes_at, line.closes_at + minutes)
        for line in preview.board.papers
        if line.closes_at is not None
    )
    return _shown(preview, minutes, ends)


def _minutes(preview: Preview) -> timedelta:
    return read_minutes(preview.form) if preview.form.get("minutes") else USUAL_MINUTES


def _shown(preview: Preview, minutes: timedelta, ends: tuple[NewEnd, ...]) -> Mapping[str, object]:
    """Show the ends an extension would move (nothing while the clocks stand), and what it would run into."""
    beyond = sum_with(preview, minutes) if would_take_two(preview, minutes) else None
    return {
        "minutes": minutes,
        "ends": ends,
        "clash": _clash(preview.board, minutes),
        "beyond": beyond,
    }


def _clash(board: Board, amount: timedelta) -> datetime | None:
    """Return the planned start of the room's next sitting when `amount` more runs into it (R-7)."""
    begins_at = board.next_start_at
    ends = [seat.may_run_until for seat in board.seats if seat.may_run_until is not None]
    if begins_at is None or not ends:
        return None
    runs_until = max(ends) + amount
    close = too_close((min(ends), runs_until), (begins_at, begins_at + timedelta(hours=1)))
    return begins_at if close else None


def _refuse_adjust(seat: SeatView, _board: Board) -> str:
    if seat.under_way or (seat.closed_by is ClosedBy.DEADLINE and seat.started_at is not None):
        return ""
    return not_here(seat) or "not_running"


def _adjust(request: ActRequest) -> ActResult:
    """补时 or 延时 for one or several; what one person alone gave is summed, however it is split.

    Source: R-20, R-28, R-62.
    """
    grant = read_grant(request.form, request.reasons)
    with acting(request) as desk:
        picked = _grantable(desk.pick(), grant)
        desk.touch(picked.chosen)
        counted = count_time(desk, grant.amount, picked.chosen)
        attempts = desk.attempts(picked.chosen)
        adjustments = {}
        for seat in picked.chosen:
            adjustments[seat.registration_id] = delivery.adjust_attempt(
                desk.session,
                attempts[seat.ref],
                now=request.now,
                amount=grant.amount,
                kind=grant.kind,
                reason_code=grant.reason_code,
                reason=grant.reason,
                actor=request.by.actor,
            )
            _log_grant(desk, "adjust", grant, seat)
        desk.session.flush()
        before = [
            (
                seat.registration_id,
                {
                    "adjustment": adjustments[seat.registration_id].id,
                    "counted": counted[seat.registration_id],
                },
            )
            for seat in picked.chosen
        ]
        desk.remember(before, undoable=any(seat.under_way for seat in picked.chosen))
        return desk.said(picked)


def _take_back(desk: Desk, seat: SeatView, before: dict[str, int]) -> bool:
    """Take time back that one candidate has not used yet; what it opened again stays open."""
    attempt = desk.attempts((seat,)).get(seat.ref)
    if attempt is None or not withdraw_time(desk.session, attempt, before["adjustment"], now=desk.now):
        return False
    uncount_time(desk, [before["counted"]])
    return True


def _grantable(picked: Selection, grant: Grant) -> Selection:
    """Only a site fault opens again what the deadline closed (R-28)."""
    if grant.kind == "site_fault":
        return picked
    over = [seat for seat in picked.chosen if not seat.under_way]
    if len(over) == len(picked.chosen):
        raise Conflict("proctoring.only_site_fault")
    return Selection(
        tuple(seat for seat in picked.chosen if seat.under_way),
        (*picked.skipped, *((seat, "closed") for seat in over)),
    )


def _adjust_room(request: ActRequest) -> ActResult:
    """补时 or 延时 for the whole room; beyond 10 minutes in all it needs a second person.

    Source: R-20, R-23, R-28, R-62.
    """
    grant = read_grant(request.form, request.reasons)
    with acting(request) as desk:
        if not desk.board.head.open:
            raise Conflict("proctoring.not_running")
        counted = count_time(desk, grant.amount, None)
        adjustment = room_clock.adjust_room(
            desk.session,
            desk.room,
            now=request.now,
            amount=grant.amount,
            kind=grant.kind,
            reason_code=grant.reason_code,
            reason=grant.reason,
            actor=request.by.actor,
        )
        desk.refresh_clocks(reopen=grant.kind == "site_fault")
        _log_grant(desk, "adjust_room", grant)
        desk.remember([(None, {"adjustment": adjustment.id, "counted": counted[None]})])
        return desk.said()


def _take_back_room(desk: Desk, before: dict[str, int]) -> bool:
    """Take time back from a whole room, unless somebody has used some of it already."""
    adjustment = desk.session.get_one(RoomAdjustment, before["adjustment"])
    if adjustment.withdrawn_at is not None or not desk.board.head.open:
        return False
    adjustment.withdrawn_at = desk.now
    if not goes_on(desk.session, desk.room.id, under_way(desk.session, desk.room.id), now=desk.now):
        raise Conflict("proctoring.undo_time_used")
    desk.refresh_clocks()
    uncount_time(desk, [before["counted"]])
    return True


def _log_grant(desk: Desk, kind: str, grant: Grant, seat: SeatView | None = None) -> None:
    desk.log(
        kind,
        seat,
        grant=grant.kind,
        code=grant.reason_code,
        reason=grant.reason,
        seconds=str(int(grant.amount.total_seconds())),
    )


_LINES = (act.grant_kind, act.minutes, act.reason_code, act.reason)

ACTS = (
    Act(
        "adjust",
        ActScope.SEATS,
        _adjust,
        _refuse_adjust,
        fields=("time",),
        shows=_seat_ends,
        second=perhaps,
        lines=_LINES,
        undo=_take_back,
        tone="main",
        running=usual(20),
    ),
    Act(
        "adjust_room",
        ActScope.ROOM,
        _adjust_room,
        fields=("time",),
        shows=_room_ends,
        second=perhaps,
        lines=_LINES,
        undo_room=_take_back_room,
        tone="main",
        head=HeadButton(40, lambda head: head.open),
    ),
)
