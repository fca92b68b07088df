"""撤销: an act taken back, for every seat it touched or for the room, where it can still be."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import select

from cbt.errors import Conflict, NotAllowed, NotFound
from cbt.proctoring.board.around import UNDO_FOR
from cbt.proctoring.board.seat_view import SeatView
from cbt.proctoring.desk.act import Act, ActScope, Asked, Picked
from cbt.proctoring.desk.acting import Desk, acting
from cbt.proctoring.desk.said import Said
from cbt.proctoring.models import UndoableAct
from cbt.rules.roles import Role


def taking_back(acts: Iterable[Act]) -> Act:
    """Return the act that takes back those of `acts` that know how."""
    ways = {act.code: act for act in acts if act.undoable}

    def undo(asked: Asked) -> Said:
        """Take an act back while it can be; whoever moved on since then is left as they are.

        Raise Conflict("proctoring.undo_over") when it is too late or was taken back already.
        """
        with acting(asked) as desk:
            row = _still_open(desk, asked.form.get("undo", ""), ways)
            row.undone_at = asked.now
            undone = _take_back(desk, ways[row.act], json.loads(row.params))
            if undone is None:
                raise Conflict("proctoring.undo_moved_on")
            for seat in undone:
                desk.audit(f"undo.{row.act}", f"registration:{seat.ref}")
                desk.log(f"undo_{row.act}", seat, reason="")
            if not undone:
                desk.audit(f"undo.{row.act}", f"sitting_room:{desk.room.ref}")
                desk.log(f"undo_{row.act}", reason="")
            return desk.said(Picked(tuple(undone), ()))

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
    undone, room = [], False
    for registration_id, was in before:
        if registration_id is None:
            room = act.undo_room is not None and act.undo_room(desk, was)
        elif act.undo is not None and registration_id in by_id:
            seat = by_id[registration_id]
            if act.undo(desk, seat, was):
                undone.append(seat)
    return undone if undone or room else None
