"""A room whose seats are to change: read under lock, and refused where they are not changed here any more."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy.orm import Session

from cbt.batches.seating.cases import forms_in
from cbt.batches.seating.store import CHANGEABLE
from cbt.candidates.seating.room import SeatedRoom, seated_room
from cbt.errors import Conflict
from cbt.rules.states.sitting import SittingState
from cbt.sittings.models import Sitting
from cbt.sittings.store import sitting_by_ref


def open_room(
    session: Session,
    sitting_ref: str,
    room_ref: str,
    *,
    seen: str = "",
    forms: Mapping[int, int] | None = None,
) -> tuple[Sitting, SeatedRoom]:
    """Return a room whose seats change in this unit of work, with its sitting.

    What is done to it was worked out before: raise Conflict("seating.changed") where it is not as it was `seen`,
    and where other `forms` (by registration) are drawn in it, ("seating.drawn") where there were to be none.
    """
    # Locked, so that nobody draws forms for seats that change.
    sitting = sitting_by_ref(session, sitting_ref, lock=True)
    room = seated_room(session, sitting, room_ref)
    changeable(room)
    if forms is not None and (there := forms_in(session, room)) != forms:
        raise Conflict("seating.changed" if forms or not there else "seating.drawn")
    if seen and room.seen != seen:
        raise Conflict("seating.changed")
    return sitting, room


def changeable(room: SeatedRoom) -> None:
    """Raise Conflict("seating.closed") where the seats of a room are not changed here any more."""
    if SittingState(room.view.sitting_room.state) not in CHANGEABLE:
        raise Conflict("seating.closed")
