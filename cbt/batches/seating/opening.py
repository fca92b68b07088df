"""A room whose seats are to change: read under lock, and refused where they are not changed here any more."""

from __future__ import annotations

from sqlalchemy.orm import Session

from cbt.batches.seating.cases import DrawnForms, drawn_in
from cbt.batches.seating.store import CHANGEABLE
from cbt.candidates.seating.room import SeatedRoom, seated_room
from cbt.errors import Conflict
from cbt.rules.states.sitting import SittingState
from cbt.sittings.models import Sitting
from cbt.sittings.store import sitting_by_ref


def open_room(
    session: Session, sitting_ref: str, room_ref: str, *, undrawn: bool = False
) -> tuple[Sitting, SeatedRoom, DrawnForms]:
    # Locked, so that nobody draws forms for seats that change.
    sitting = sitting_by_ref(session, sitting_ref, lock=True)
    room = seated_room(session, sitting, room_ref)
    changeable(room)
    drawn = drawn_in(session, room)
    if undrawn and drawn.count:
        raise Conflict("seating.drawn")
    return sitting, room, drawn


def changeable(room: SeatedRoom) -> None:
    if SittingState(room.view.sitting_room.state) not in CHANGEABLE:
        raise Conflict("seating.closed")
