"""A sitting-room goes from state to state, once for whoever asks first, and its sitting follows.

The `where` repeats the state that was seen, so racing callers are harmless. A room is locked before its sitting,
and several in the order of their ids, here and by whoever holds a whole sitting (store.hold_sitting): nobody waits
in a circle.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from cbt.db.known.selects import KnownSelect
from cbt.errors import Conflict, TextId
from cbt.rules.states.sitting import SittingEvent, SittingState, aggregate, next_state
from cbt.sittings.models import RoomHold, Sitting, SittingRoom

_STATES = KnownSelect(
    select(SittingRoom.state).where(SittingRoom.sitting_id == bindparam("sitting")).distinct()
)


def move_room(session: Session, room: SittingRoom, event: SittingEvent, **values: Any) -> None:
    """Take a room to the state an event leads to and set `values` with it, once.

    Racing callers get Conflict("sitting.transition").

    Source: R-60.
    """
    if not move_room_if_first(session, room, event, **values):
        said = TextId(f"sittings.state.{room.state}")
        raise Conflict("sitting.transition", state=said, event=event.value)


def move_room_if_first(session: Session, room: SittingRoom, event: SittingEvent, **values: Any) -> bool:
    """Move a room like `move_room`; return whether this call did. Where the room is, `room` says then.

    Source: R-60.
    """
    seen = SittingState(room.state)
    reached = next_state(seen, event)
    moved = session.scalar(
        update(SittingRoom)
        .where(SittingRoom.id == room.id, SittingRoom.state == seen.value)
        .values(state=reached.value, **values)
        .returning(SittingRoom)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    if moved is None:
        session.refresh(room)
        return False
    # Two rooms that move at once would each see the other where it was: the second waits for the first.
    held = {"key_share": True}
    sitting = session.get_one(Sitting, room.sitting_id, with_for_update=held, populate_existing=True)
    refresh_sitting_state(session, sitting)
    return True


def refresh_sitting_state(
    session: Session, sitting: Sitting, *, without_rooms: SittingEvent | None = None
) -> None:
    """Set the state of a sitting from its rooms'; one that has none yet goes where `without_rooms` leads.

    Source: R-7, R-60.
    """
    states = [SittingState(state) for (state,) in _STATES.rows(session, sitting=sitting.id)]
    if states:
        sitting.state = aggregate(states).value
    elif without_rooms is not None:
        sitting.state = next_state(SittingState(sitting.state), without_rooms).value
    session.flush()


def close_hold(session: Session, room: SittingRoom, *, now: datetime, actor: str) -> None:
    """End the hold a room is under, if any; nobody is outside any more."""
    session.execute(
        update(RoomHold)
        .where(RoomHold.sitting_room_id == room.id, RoomHold.to_at.is_(None))
        .values(to_at=now, resumed_by=actor)
    )
    room.evacuated_at = None
    session.flush()
