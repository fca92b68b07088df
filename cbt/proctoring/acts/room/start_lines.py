"""The line that a start leaves in a room's log, written only where the room may begin.

For a start that goes along with what others write: what it was allowed by is asked again as it is written.

Source: R-20, R-62.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Integer,
    String,
    UpdateBase,
    and_,
    bindparam,
    exists,
    insert,
    literal,
    or_,
    select,
    true,
)

from cbt.candidates.models import Registration
from cbt.db.known.changes import KnownChange
from cbt.db.types import UtcDateTime
from cbt.db.writing.parcels import Rows
from cbt.delivery.models import Attempt
from cbt.proctoring import store
from cbt.proctoring.desk.staff import By
from cbt.proctoring.models import Incident
from cbt.rules.canonical import canonical_json
from cbt.sittings.models import RoomStaff, SittingRoom


def by_hand(room: SittingRoom, by: By, *, now: datetime) -> Rows:
    """Return that of somebody's start, while they run the room."""
    line = _line(room, by.actor, by.names, now)
    return _BY_HAND.of(staff=by.principal.subject_id, chief=by.chief, **line).rows(touches=1)


def by_schedule(room: SittingRoom, actor: str, *, cutoff_at: datetime, now: datetime) -> Rows:
    """Return that of an armed room, while it is armed and nobody who came in time keeps it waiting."""
    return _BY_SCHEDULE.of(cutoff=cutoff_at, **_line(room, actor, "", now)).rows(touches=1)


def _line(room: SittingRoom, actor: str, who: str, now: datetime) -> dict[str, object]:
    return {"room": room.id, "now": now, "by": actor, "params": canonical_json({"who": who})}


_ROOM = bindparam("room", type_=Integer)


def _noted(kind: str, *where: ColumnElement[bool]) -> UpdateBase:
    """Return what adds the line of a start to the room's log, while everybody there has a form."""
    line: dict[str, ColumnElement[Any]] = {
        "sitting_room_id": _ROOM,
        "at": bindparam("now", type_=UtcDateTime),
        "kind": literal(kind),
        "params": bindparam("params", type_=String),
        "by": bindparam("by", type_=String),
    }
    of_room = Registration.sitting_room_id == _ROOM
    drawn = exists().where(Attempt.registration_id == Registration.id)
    all_drawn = and_(exists().where(of_room), ~exists().where(of_room, ~drawn))
    return insert(Incident).from_select(list(line), select(*line.values()).where(all_drawn, *where))


_BY_HAND = KnownChange(
    lambda _: _noted(
        "start",
        or_(
            bindparam("chief", type_=Boolean) == true(),
            exists().where(
                RoomStaff.sitting_room_id == _ROOM, RoomStaff.staff_id == bindparam("staff", type_=Integer)
            ),
        ),
    )
)
_BY_SCHEDULE = KnownChange(
    lambda _: _noted(
        "start_armed",
        exists().where(SittingRoom.id == _ROOM, SittingRoom.armed),
        ~exists().where(*store.not_ready(_ROOM, bindparam("cutoff", type_=UtcDateTime))),
    )
)
