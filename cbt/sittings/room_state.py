"""The state of a sitting-room, and of its sitting with it: doors, start, end, abort, scoring, release.

A room goes from state to state once, for whoever asks first. The `where` repeats the state that was seen, so
racing callers are harmless. A room is locked before its sitting, and several in the order of their ids, here
and by whoever holds a whole sitting (store.hold_sitting): nobody waits in a circle.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import String, UpdateBase, bindparam, select, update
from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.errors import Conflict, TextId, TooEarly
from cbt.rules.states.sitting import SittingEvent, SittingState, aggregate, next_state
from cbt.sittings.models import RoomHold, Sitting, SittingRoom
from cbt.storage.prepared import KnownChange, KnownSelect
from cbt.storage.types import UtcDateTime
from cbt.storage.unit_of_work import reading, unit_of_work
from cbt.storage.write_queue.change_set import Rows

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


SWEEP_CHUNK = 200


def admit_room(session: Session, room: SittingRoom, *, now: datetime, actor: str) -> bool:
    """Open the doors of a published room: published → admitting; raise TooEarly before check-in opens.

    Return whether this call did; where somebody else moved it in the same moment, `room` says where it is.

    Source: R-11, R-60.
    """
    opens_at = session.scalar(select(Sitting.check_in_opens_at).where(Sitting.id == room.sitting_id))
    if opens_at is not None and now < opens_at:
        raise TooEarly("sitting.doors_closed", available_at=opens_at)
    first = move_room_if_first(session, room, SittingEvent.ADMIT)
    if first:
        record(session, at=now, actor=actor, act="room.admit", subject=room.logged_as)
    return first


def admit_if_due(session: Session, room: SittingRoom, *, now: datetime) -> bool:
    """Open the doors of a published room whose check-in time has come; return whether it admits or goes on.

    The scheduler does this on the minute; whoever comes first does it as well, so nothing depends on it.
    """
    if room.state == SittingState.PUBLISHED.value:
        try:
            admit_room(session, room, now=now, actor="scheduler")
        except TooEarly:
            return False
    return room.state in {SittingState.ADMITTING.value, SittingState.RUNNING.value, SittingState.HELD.value}


def open_doors(*, now: datetime) -> int:
    """Open the doors of published rooms whose check-in time has come; return how many this call opened.

    Each room by itself: one that somebody else is moving keeps no other one waiting.

    Source: R-11.
    """
    with reading() as session:
        due = session.scalars(
            select(SittingRoom.id)
            .join(Sitting, Sitting.id == SittingRoom.sitting_id)
            .where(SittingRoom.state == SittingState.PUBLISHED.value, Sitting.check_in_opens_at <= now)
            .order_by(SittingRoom.id)
            .limit(SWEEP_CHUNK)
        ).all()
    return sum(_open(room_id, now=now) for room_id in due)


def _open(room_id: int, *, now: datetime) -> bool:
    with unit_of_work() as session:
        room = session.get_one(SittingRoom, room_id)
        published = room.state == SittingState.PUBLISHED.value
        return published and admit_room(session, room, now=now, actor="scheduler")


def end_room(session: Session, room: SittingRoom, *, now: datetime, actor: str, reason: str = "") -> None:
    """End a running or held room; whether it may end (R-61) is the caller's question.

    Source: R-60.
    """
    move_room(session, room, SittingEvent.END, ended_at=now)
    close_hold(session, room, now=now, actor=actor)
    record(session, at=now, actor=actor, act="room.end", subject=room.logged_as, reason=reason)


def abort_room(session: Session, room: SittingRoom, *, now: datetime, reason: str, actor: str) -> None:
    """Abort a running or held room (中止): its attempts are kept unscored.

    Source: R-60.
    """
    move_room(session, room, SittingEvent.ABORT, ended_at=now)
    close_hold(session, room, now=now, actor=actor)
    record(session, at=now, actor=actor, act="room.abort", subject=room.logged_as, reason=reason)


def score_room(session: Session, room: SittingRoom, *, now: datetime, actor: str) -> None:
    """Note that every attempt of an ended room is scored.

    Source: R-60.
    """
    move_room(session, room, SittingEvent.SCORE)
    record(session, at=now, actor=actor, act="room.score", subject=room.logged_as)


def release_sitting(session: Session, sitting: Sitting, *, now: datetime, actor: str) -> None:
    """Release the results of a sitting, which is held: every scored room → released.

    Raise Conflict("sitting.transition") while a room that took place is not scored.

    Source: R-60.
    """
    left_out = {SittingState.CANCELLED.value, SittingState.ABORTED.value}
    rooms = session.scalars(select(SittingRoom).where(SittingRoom.sitting_id == sitting.id)).all()
    move_rooms(session, [room for room in rooms if room.state not in left_out], SittingEvent.RELEASE)
    sitting.released_at = now
    refresh_sitting_state(session, sitting)
    record(session, at=now, actor=actor, act="sitting.release", subject=f"sitting:{sitting.ref}")
