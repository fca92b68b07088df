"""撤销: taking back an act that knows how, while it can be."""

from __future__ import annotations

import json
from collections.abc import Iterable

from sqlalchemy import select

from cbt.errors import Conflict, NotAllowed, NotFound
from cbt.proctoring.board.live import UNDO_FOR
from cbt.proctoring.desk.act import Act, ActScope, Asked, Picked
from cbt.proctoring.desk.acting import acting
from cbt.proctoring.desk.said import Said
from cbt.proctoring.models import UndoableAct
from cbt.rules.roles import Role


def taking_back(acts: Iterable[Act]) -> Act:
    """Return the act that takes back those of `acts` that know how."""
    ways = {act.code: act.undo for act in acts if act.undo is not None}

    def undo(asked: Asked) -> Said:
        """Take an act back while it can be; whoever moved on since then is left as they are.

        Raise Conflict("proctoring.undo_over") when it is too late or was taken back already.
        """
        by, now = asked.by, asked.now
        with acting(asked) as desk:
            row = desk.session.scalar(
                select(UndoableAct).where(UndoableAct.ref == asked.form.get("undo", ""))
            )
            if row is None or row.sitting_room_id != desk.room.id:
                raise NotFound("proctoring.no_undo")
            if row.undone_at is not None or now >= row.at + UNDO_FOR or desk.board.head.over:
                raise Conflict("proctoring.undo_over")
            if row.by != by.actor and not by.principal.has(Role.CHIEF_PROCTOR):
                raise NotAllowed("proctoring.undo_other")
            row.undone_at = now
            by_id = {seat.registration_id: seat for seat in desk.board.seats}
            undone = [
                by_id[registration_id]
                for registration_id, before in json.loads(row.params)
                if registration_id in by_id and ways[row.act](desk, by_id[registration_id], before)
            ]
            if not undone:
                raise Conflict("proctoring.undo_moved_on")
            for seat in undone:
                desk.audit(f"undo.{row.act}", f"registration:{seat.ref}")
                desk.log(f"undo_{row.act}", seat, reason="")
            return desk.said(Picked(tuple(undone), ()))

    return Act("undo", ActScope.ROOM, undo, fields=("undo",), carries=("undo",), tone="main")
