"""结束场次 and 中止; whether a room can be ended, with the names behind each figure.

Source: R-60, R-61.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from cbt.errors import Conflict
from cbt.proctoring import act
from cbt.proctoring.act import Act, ActRequest, ActResult, ActScope, HeadButton, Preview, always, read_reason
from cbt.proctoring.acts.room_hold import stop_clocks
from cbt.proctoring.board.live import Board
from cbt.proctoring.board.seat_state import SeatState
from cbt.proctoring.board.seat_view import SeatView
from cbt.proctoring.desk import acting, close_papers
from cbt.rules.states import (
    UNANSWERED,
    Balance,
    Blocker,
    ClosedBy,
    RoomCounts,
    SittingState,
    balance,
    can_end,
)
from cbt.rules.violations import OTHER
from cbt.runner.attempt_states import OVER
from cbt.sittings.room_clock import abort_room, end_room, lock_sitting

_UNDER_WAY = {
    SeatState.ANSWERING: "interacting",
    SeatState.OFFLINE: "interacting",
    SeatState.UNITS_DONE: "units_done",
    SeatState.SUSPENDED: "suspended",
    SeatState.MOVING: "moving",
}


@dataclass(frozen=True, slots=True)
class Ending:
    """A room about to be ended: the figures, who stands where, and what to look at before the end."""

    counts: RoomCounts
    balance: Balance
    who: Mapping[str, tuple[SeatView, ...]]
    """The seats behind each figure of `counts`."""
    zero_answers: tuple[SeatView, ...]
    undelivered: tuple[SeatView, ...]
    violations: int


def ending(board: Board, *, now: datetime) -> Ending:
    """Count a room for its end; each registration is counted once, 违纪 beside it."""
    seat_views: defaultdict[str, list[SeatView]] = defaultdict(list)
    for seat in board.seats:
        seat_views[place_of(seat, now=now)].append(seat)
    undecided = [seat for seat in board.seats if seat.proposals]
    figures = Counter({place: len(seats) for place, seats in seat_views.items()})
    counts = RoomCounts(
        expected=len(board.seats),
        undecided=sum(len(seat.proposals) for seat in undecided),
        **figures,
    )
    seat_views["undecided"] = undecided
    return Ending(
        counts=counts,
        balance=balance(counts),
        who={place: tuple(seats) for place, seats in seat_views.items()},
        zero_answers=tuple(
            seat
            for seat in board.seats
            if seat.state is SeatState.CLOSED and not board.numbers[seat.ref].answered
        ),
        undelivered=tuple(seat for seat in board.seats if seat.undelivered),
        violations=sum(1 for seat in board.seats if seat.violation_code is not None),
    )


def place_of(seat: SeatView, *, now: datetime) -> str:
    """Return the figure of `RoomCounts` a seat is counted in.

    Who arrived and never opened the paper is 到场未作答 once it is closed or its time is over; before that
    they could still sign in, and block the end.

    Source: R-12, R-61.
    """
    if seat.state is SeatState.CLOSED and seat.closing:
        return UNANSWERED if seat.closing == UNANSWERED else f"by_{seat.closing}"
    if seat.state is SeatState.ABSENT:
        return "absent"
    if seat.state in _UNDER_WAY:
        return _UNDER_WAY[seat.state]
    over = seat.may_run_until is not None and seat.may_run_until <= now
    if seat.arrived_at is not None and over:
        return UNANSWERED
    if seat.signed_in_at is not None:
        return "not_begun"
    return "not_arrived" if seat.arrived_at is None else "not_signed_in"


def _shown(preview: Preview) -> Mapping[str, object]:
    return {"closing": ending(preview.board, now=preview.now), "blockers": _blockers(preview)}


def _blockers(preview: Preview) -> list[Blocker]:
    """Return what is in the way of the end, in the order in which to deal with it (R-61)."""
    return can_end(ending(preview.board, now=preview.now).counts)


def _end(request: ActRequest) -> ActResult:
    """结束场次, once everybody is accounted for; who came and wrote nothing is closed as 到场未作答.

    Raise Conflict("proctoring.cannot_end") with what is in the way.

    Source: R-12, R-61.
    """
    now, reason = request.now, read_reason(request.form, required=False)
    with acting(request) as desk:
        counted = ending(desk.board, now=now)
        blockers = can_end(counted.counts)
        if blockers:
            raise Conflict("proctoring.cannot_end", count=sum(blocker.count for blocker in blockers))
        silent = tuple(
            seat
            for seat in desk.board.seats
            if seat.never_began and seat.attempt_id is not None and seat.attempt_state not in OVER
        )
        lock_sitting(desk.session, desk.room)  # before papers: the end moves it, too
        if silent:
            close_papers(
                desk, silent, closed_by=ClosedBy.DEADLINE, closed_at=now, reason="present_unanswered"
            )
        end_room(desk.session, desk.room, now=now, actor=request.by.actor, reason=reason)
        desk.log(
            "end",
            expected=str(counted.balance.expected),
            present=str(counted.balance.present),
            absent=str(counted.balance.absent),
            reason=reason,
        )
        return desk.said()


def _abort(request: ActRequest) -> ActResult:
    """中止: two people, one of them the chief; the papers stop where they are and stay unscored.

    Source: R-60, R-62.
    """
    now, reason = request.now, read_reason(request.form)
    with acting(request) as desk:
        desk.need_second()
        desk.need_chief()
        if desk.room.state == SittingState.RUNNING:
            stop_clocks(desk, from_at=now, reason_code=OTHER, reason=reason)
        # The clocks are not worked out again: they stand where the hold stopped them, for good.
        abort_room(desk.session, desk.room, now=now, reason=reason, actor=request.by.actor)
        desk.log("abort", reason=reason)
        return desk.said()


ACTS = (
    Act(
        "end",
        ActScope.ROOM,
        _end,
        fields=("end",),
        shows=_shown,
        blocked=lambda preview: bool(_blockers(preview)),
        final="end",
        head=HeadButton(50, lambda head: head.open),
    ),
    Act(
        "abort",
        ActScope.ROOM,
        _abort,
        fields=("abort", "reason"),
        second=always,
        lines=(act.reason,),
        final="end",
        tone="stop",
        head=HeadButton(30, lambda head: head.state is SittingState.HELD, kind="quiet", apart=True),
    ),
)
