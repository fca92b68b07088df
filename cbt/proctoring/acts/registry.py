"""Every act of a proctor by its code, what the bar and the board's head offer, and 撤销 of an act.

An act is taken back for every seat it touched, or for the room, where it can still be.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sqlalchemy import select

from cbt.errors import Conflict, NotAllowed, NotFound
from cbt.proctoring.act import Act, ActRequest, ActResult, ActScope, BarPlace, Selection
from cbt.proctoring.acts import (
    attendance,
    compensation,
    incidents,
    notices,
    papers,
    room_end,
    room_hold,
    room_relocation,
    room_start,
    time_adjustment,
)
from cbt.proctoring.board.live import UNDO_FOR, Board, RoomHead
from cbt.proctoring.board.seat_view import SeatView
from cbt.proctoring.desk import Desk, acting
from cbt.proctoring.models import UndoableAct
from cbt.rules.roles import Role


def taking_back(acts: Iterable[Act]) -> Act:
    """Return the act that takes back those of `acts` that know how."""
    ways = {act.code: act for act in acts if act.undoable}

    def undo(request: ActRequest) -> ActResult:
        """Take an act back while it can be; whoever moved on since then is left as they are.

        Raise Conflict("proctoring.undo_over") when it is too late or was taken back already.
        """
        with acting(request) as desk:
            row = _still_open(desk, request.form.get("undo", ""), ways)
            row.undone_at = request.now
            undone = _take_back(desk, ways[row.act], json.loads(row.params))
            if undone is None:
                raise Conflict("proctoring.undo_moved_on")
            for seat in undone:
                desk.audit(f"undo.{row.act}", f"registration:{seat.ref}")
                desk.log(f"undo_{row.act}", seat, reason="")
            if not undone:
                desk.audit(f"undo.{row.act}", f"sitting_room:{desk.room.ref}")
                desk.log(f"undo_{row.act}", reason="")
            return desk.said(Selection(tuple(undone), ()))

    return Act("undo", ActScope.ROOM, undo, fields=("undo",), carries=("undo",), final="undo", tone="main")


def _still_open(desk: Desk, ref: str, ways: Mapping[str, Act]) -> UndoableAct:
    row = desk.session.scalar(select(UndoableAct).where(UndoableAct.ref == ref))
    if row is None or row.sitting_room_id != desk.room.id or not row.undoable or row.act not in ways:
        raise NotFound("proctoring.no_undo")
    over = desk.board.head.over and not ways[row.act].after_the_end
    if row.undone_at is not None or desk.now >= row.at + UNDO_FOR or over:
        raise Conflict("proctoring.undo_over")
    if row.by != desk.by.actor and not desk.by.principal.has(Role.CHIEF_PROCTOR):
        raise NotAllowed("proctoring.undo_other")
    return row


def _take_back(desk: Desk, act: Act, before: list[tuple[int | None, Any]]) -> list[SeatView] | None:
    """Take an act back; return the seats for which that could still be (none: the room), None where nowhere."""
    by_id = {seat.registration_id: seat for seat in desk.board.seats}
    desk.hold_people([by_id[one] for one, _ in before if one in by_id])
    undone, room = [], False
    for registration_id, was in before:
        if registration_id is None:
            room = act.undo_room is not None and act.undo_room(desk, was)
        elif act.undo is not None and registration_id in by_id:
            seat = by_id[registration_id]
            if act.undo(desk, seat, was):
                undone.append(seat)
    return undone if undone or room else None


_GROUPS = (
    attendance.DOOR_ACTS,
    attendance.PRESENCE_ACTS,
    time_adjustment.ACTS,
    papers.PAPER_ACTS,
    papers.MACHINE_CHANGE_ACTS,
    incidents.ACTS,
    incidents.REPORT_ACTS,
    notices.MESSAGE_ACTS,
    notices.HAND_ACTS,
    compensation.ACTS,
    compensation.TOGETHER_ACTS,
    notices.ALERT_ACTS,
    room_start.ACTS,
    room_hold.ACTS,
    room_hold.EVACUATION_ACTS,
    room_relocation.ACTS,
    room_end.ACTS,
)
_PLAIN = tuple(act for group in _GROUPS for act in group)
EVERY = (*_PLAIN, taking_back(_PLAIN))
ACTS = {act.code: act for act in EVERY}


def act_of(code: str) -> Act:
    """Return the act; raise NotFound for an unknown one."""
    if code not in ACTS:
        raise NotFound("proctoring.no_act")
    return ACTS[code]


def bar(*, started: bool) -> tuple[tuple[Act, ...], tuple[Act, ...]]:
    """Return what the bar offers for a selection: the usual acts, and those behind 更多."""
    return _BAR_RUNNING if started else _BAR_BEFORE


def offers(seat: SeatView, board: Board) -> list[str]:
    return [act.code for group in bar(started=board.started) for act in group if not act.refuses(seat, board)]


def head_acts(head: RoomHead) -> tuple[tuple[Act, ...], tuple[Act, ...]]:
    """Return the acts that have a button in the board's head now, and apart from them those that stop a room."""
    shown = [(button, act) for button, act in _HEAD if button.shown(head)]
    return (
        tuple(act for button, act in shown if not button.apart),
        tuple(act for button, act in shown if button.apart),
    )


def _placed(place_of: Callable[[Act], BarPlace | None]) -> tuple[tuple[Act, ...], tuple[Act, ...]]:
    placed = [(place, act) for act in _PLAIN if (place := place_of(act)) is not None]
    placed.sort(key=lambda one: one[0].rank)
    return (
        tuple(act for place, act in placed if place.usual),
        tuple(act for place, act in placed if not place.usual),
    )


_BAR_BEFORE = _placed(lambda act: act.before)
_BAR_RUNNING = _placed(lambda act: act.running)
_HEAD = sorted(
    ((act.head, act) for act in _PLAIN if act.head is not None),
    key=lambda one: one[0].rank,
)
