"""A sitting-room goes from state to state, once for whoever asks first, and its sitting follows.

The `where` repeats the state that was seen, so racing callers are harmless. A room is locked before its sitting,
and several in the order of their ids, here and by whoever holds a whole sitting (store.hold_sitting): nobody waits
in a circle.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import String, UpdateBase, bindparam, select, update
from sqlalchemy.orm import Session

from cbt.db.known.changes import KnownChange
from cbt.db.known.selects import KnownSelect
from cbt.db.types import UtcDateTime
from cbt.db.writing.parcels import Rows
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


def move_rooms(session: Session, rooms: Sequence[SittingRoom], event: SittingEvent) -> None:
    """Take rooms of one sitting, which is held, to the state an event leads to, by one statement for each state.

    Raise Conflict("sitting.transition") as `move_room` does; nothing is moved then.

    Source: R-60.
    """
    by_state = groupby(sorted(rooms, key=lambda room: room.state), key=lambda room: room.state)
    for state, group in [(SittingState(state), list(group)) for state, group in by_state]:
        moved = session.execute(
            update(SittingRoom)
            .where(SittingRoom.id.in_([room.id for room in group]), SittingRoom.state == state.value)
            .values(state=next_state(state, event).value)
            .returning(SittingRoom.id)
            .execution_options(synchronize_session=False)
        ).all()
        if len(moved) != len(group):
            said = TextId(f"sittings.state.{state.value}")
            raise Conflict("sitting.transition", state=said, event=event.value)
        for room in group:
            session.expire(room)


def starting_rows(room: SittingRoom, *, now: datetime, actor: str) -> list[Rows]:
    """Return what takes an admitting room to its start as `move_room` does, to go along with what others write.

    Nothing is written of it where the room is evacuated or elsewhere by then.

    Source: R-20, R-60.
    """
    started = _STARTED.of(room=room.id, now=now, by=actor).rows(touches=1)
    # Wherever its other rooms go: a sitting runs while any of them runs.
    return [started, _RUNS.of(sitting=room.sitting_id).rows()]


def _start_of_room() -> UpdateBase:
    seen = SittingState.ADMITTING
    return (
        update(SittingRoom)
        .where(
            SittingRoom.id == bindparam("room"),
            SittingRoom.state == seen.value,
            SittingRoom.evacuated_at.is_(None),
        )
        .values(
            state=next_state(seen, SittingEvent.START).value,
            started_at=bindparam("now", type_=UtcDateTime),
            started_by=bindparam("by", type_=String),
        )
    )


def _run_of_sitting() -> UpdateBase:
    runs = aggregate([SittingState.RUNNING])
    return update(Sitting).where(Sitting.id == bindparam("sitting")).values(state=runs.value)


_STARTED = KnownChange(lambda _: _start_of_room())
_RUNS = KnownChange(lambda _: _run_of_sitting())


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
