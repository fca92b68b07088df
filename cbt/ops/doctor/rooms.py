"""The room's part of the examination: what the machines of a sitting-room reported, as its page says it."""

from __future__ import annotations

from datetime import datetime

import flask
from sqlalchemy.orm import Session

from cbt.console.texts import text
from cbt.db.unit_of_work import reading
from cbt.ops.doctor.findings import Diagnosis, Grade
from cbt.proctoring.readiness.room import read_readiness
from cbt.sittings.models import SittingRoom
from cbt.sittings.store import RoomView, rooms_of_sitting
from cbt.web.cli import with_app

CHECK = "room"


@with_app
def room_findings(ref: str, *, now: datetime) -> list[Diagnosis]:
    """Return what is wrong in a sitting-room, or that all is well; raise NotFound("sitting.room_unknown").

    Whoever types this sees the whole installation, so it is asked of no duty.
    """
    with flask.current_app.test_request_context(), reading() as session:
        found = read_readiness(session, _view(session, ref), now=now)
    lines = [
        Diagnosis(CHECK, Grade.FAIL if one.stops else Grade.WARN, "fault", one.what, one.fix)
        for one in found.faults
    ]
    named = {"reported": found.reported, "bound": found.bound, "seats": len(found.seats)}
    return [*lines, Diagnosis(CHECK, Grade.OK, "reported", text("doctor.room.reported", **named), "")]


def _view(session: Session, ref: str) -> RoomView:
    room = SittingRoom.by_ref(session, ref, unknown="sitting.room_unknown")
    return next(
        view for view in rooms_of_sitting(session, room.sitting_id) if view.sitting_room.id == room.id
    )
