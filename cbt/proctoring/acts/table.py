"""Every action of a room as data: to whom it applies, what it asks for, how its button looks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from cbt.errors import NotFound
from cbt.proctoring.board.live import Board
from cbt.proctoring.board.seat_state import UNDER_WAY, SeatState
from cbt.proctoring.board.seat_view import SeatView
from cbt.rules.states.attempt import ClosedBy, State
from cbt.rules.states.sitting import State as RoomState

Applies = Callable[[SeatView, Board], str]
"""Why an action does not apply to a seat, as a catalogue word; "" when it does."""

REASON_CODES = ("network", "device", "power", "system", "identity", "other")
"""网络, 设备, 停电, 系统, 身份核验延误, 其他. Source: R-26."""


class Scope(StrEnum):
    """Whom an action is about."""

    SEATS = "seats"
    ONE = "one"
    ROOM = "room"


@dataclass(frozen=True, slots=True)
class Act:
    """One action. `fields` names the parts of its form; `starred` asks for a second person (R-62)."""

    code: str
    scope: Scope
    applies: Applies
    fields: tuple[str, ...] = ()
    starred: bool = False
    tone: str = ""


def _yes(_seat: SeatView, _board: Board) -> str:
    return ""


def _not_here(seat: SeatView) -> str:
    if seat.state is SeatState.CLOSED:
        return "closed"
    return "absent" if seat.absent_at is not None else ""


def _arrive(seat: SeatView, _board: Board) -> str:
    return _not_here(seat) or ("arrived" if seat.arrived_at is not None else "")


def _at_door(seat: SeatView, _board: Board) -> str:
    return _not_here(seat) or ("began" if seat.started_at is not None else "")


def _sign_in(seat: SeatView, _board: Board) -> str:
    return _not_here(seat)


def _query(seat: SeatView, _board: Board) -> str:
    return "" if seat.query_at is not None else "no_query"


def _absent(seat: SeatView, _board: Board) -> str:
    entered = seat.checked_in_at is not None or seat.signed_in_at is not None
    return _not_here(seat) or ("entered" if entered else "")


def _undo_absent(seat: SeatView, _board: Board) -> str:
    return "" if seat.absent_at is not None else "not_absent"


def _leave(seat: SeatView, _board: Board) -> str:
    if seat.state not in UNDER_WAY:
        return "not_running"
    return "away" if seat.left_at is not None else ""


def _return(seat: SeatView, _board: Board) -> str:
    return "" if seat.left_at is not None else "not_away"


def _adjust(seat: SeatView, _board: Board) -> str:
    if seat.under_way or (seat.closed_by is ClosedBy.DEADLINE and seat.started_at is not None):
        return ""
    return _not_here(seat) or "not_running"


def _suspend(seat: SeatView, board: Board) -> str:
    if board.head.state is RoomState.HELD:
        return "held"
    running = seat.attempt_state in {State.INTERACTING, State.UNITS_DONE}
    return "" if running else _not_here(seat) or ("suspended" if seat.under_way else "not_running")


def _resume(seat: SeatView, board: Board) -> str:
    if board.head.state is RoomState.HELD:
        return "held"
    return "" if seat.attempt_state is State.SUSPENDED else "not_suspended"


def _move(seat: SeatView, _board: Board) -> str:
    return _not_here(seat) or ("no_form" if seat.attempt_id is None else "")


def _rebind(seat: SeatView, _board: Board) -> str:
    return "" if seat.claim_address is not None else "no_claim"


def _force(seat: SeatView, board: Board) -> str:
    if not board.head.open:
        return "not_running"
    if seat.under_way or (seat.never_began and seat.attempt_state is State.READY):
        return ""
    return _not_here(seat) or "not_arrived"


def _reopen(seat: SeatView, board: Board) -> str:
    if not board.head.open:
        return "not_running"
    return "" if seat.state is SeatState.CLOSED and seat.started_at is not None else "not_closed"


def _violation(seat: SeatView, _board: Board) -> str:
    return "absent" if seat.absent_at is not None else "" if seat.arrived_at is not None else "not_arrived"


def _remind(seat: SeatView, _board: Board) -> str:
    return "" if seat.under_way else _not_here(seat) or "not_running"


_ACTS = (
    Act("arrive", Scope.SEATS, _arrive, ("arrived_at",), tone="main"),
    Act("check_in", Scope.ONE, _at_door, ("document",), tone="main"),
    Act("code", Scope.SEATS, _sign_in),
    Act("allow_sign_in", Scope.SEATS, _sign_in, ("reason",)),
    Act("clear_query", Scope.SEATS, _query, ("reason",), tone="main"),
    Act("absent", Scope.SEATS, _absent, ("cause",)),
    Act("undo_absent", Scope.SEATS, _undo_absent, ("reason",)),
    Act("leave", Scope.ONE, _leave, ("escort",)),
    Act("return", Scope.SEATS, _return, tone="main"),
    Act("adjust", Scope.SEATS, _adjust, ("time",), tone="main"),
    Act("suspend", Scope.SEATS, _suspend, ("reason",)),
    Act("resume", Scope.SEATS, _resume, ("reason",), tone="main"),
    Act("move", Scope.ONE, _move, ("seat", "reason"), tone="main"),
    Act("rebind", Scope.ONE, _rebind),
    Act("force", Scope.SEATS, _force, ("reason",), starred=True, tone="stop"),
    Act("reopen", Scope.SEATS, _reopen, ("minutes_more", "reason"), starred=True),
    Act("violation", Scope.ONE, _violation, ("violation",), tone="stop"),
    Act("remind", Scope.SEATS, _remind, ("text",), tone="main"),
    Act("decide", Scope.ONE, _yes, ("gap",), tone="main"),
    Act("seen", Scope.ONE, _yes, ("alert",)),
    Act("undo", Scope.ROOM, _yes, ("undo",), tone="main"),
    Act("start", Scope.ROOM, _yes, ("start",), tone="main"),
    Act("adjust_room", Scope.ROOM, _yes, ("time",), tone="main"),
    Act("hold", Scope.ROOM, _yes, ("hold",), tone="stop"),
    Act("resume_room", Scope.ROOM, _yes, ("reason",), tone="main"),
    Act("evacuate", Scope.ROOM, _yes, ("evacuate",), tone="stop"),
    Act("countersign", Scope.ROOM, _yes, ("reason",), tone="main"),
    Act("evacuate_close", Scope.ROOM, _yes, ("reason",), starred=True, tone="stop"),
    Act("abort", Scope.ROOM, _yes, ("abort", "reason"), starred=True, tone="stop"),
    Act("end", Scope.ROOM, _yes, ("end",), tone="main"),
)
AFTER_THE_END = frozenset({"violation", "decide", "seen"})
"""What can still be done about a seat once the room is over; everything else would change what stands."""


def _until_over(applies: Applies) -> Applies:
    def asked(seat: SeatView, board: Board) -> str:
        return "room_over" if board.head.over else applies(seat, board)

    return asked


ACTS = {
    act.code: act if act.code in AFTER_THE_END else replace(act, applies=_until_over(act.applies))
    for act in _ACTS
}

NEEDS_REASON = frozenset(act.code for act in _ACTS if "reason" in act.fields)

# What the bar offers for a selection, the usual first; the rest stands behind 更多.
BAR_BEFORE = (
    ("arrive", "check_in", "code", "absent"),
    ("allow_sign_in", "clear_query", "move", "undo_absent"),
)
BAR_RUNNING = (
    ("remind", "adjust", "suspend", "resume", "move", "force"),
    ("check_in", "code", "allow_sign_in", "clear_query", "leave", "return", "violation", "reopen", "absent",
     "undo_absent"),
)  # fmt: skip


def act_of(code: str) -> Act:
    """Return the action; raise NotFound for an unknown one."""
    if code not in ACTS:
        raise NotFound("proctoring.no_act")
    return ACTS[code]


@dataclass(frozen=True, slots=True)
class Picked:
    """A selection, parted into those an action applies to and those it leaves alone, with why."""

    chosen: tuple[SeatView, ...]
    skipped: tuple[tuple[SeatView, str], ...]


def pick(act: Act, board: Board, refs: tuple[str, ...]) -> Picked:
    """Part the selected seats of the board; raise NotFound for a seat of another room.

    For 登记到场 an empty selection means everybody it applies to (全部已到场).
    """
    if act.scope is Scope.ROOM:
        return Picked((), ())
    seats = [board.seat(ref) for ref in refs]
    if any(seat is None for seat in seats):
        raise NotFound("proctoring.no_seat")
    known = [seat for seat in seats if seat is not None]
    if not refs and act.code == "arrive":
        known = [seat for seat in board.seats if not act.applies(seat, board)]
    verdicts = [(seat, act.applies(seat, board)) for seat in known]
    return Picked(
        chosen=tuple(seat for seat, why in verdicts if not why),
        skipped=tuple((seat, why) for seat, why in verdicts if why),
    )
