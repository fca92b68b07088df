"""Changes of a sitting-room's clock and state, callable by later rooms.

Each takes the session of the caller's unit of work, repeats the state it saw in its `where` (so racing
callers are harmless), and leaves one line in the audit log.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.errors import Conflict, InvalidInput, TooEarly
from cbt.rules.states.sitting import Event, State, aggregate, next_state
from cbt.sittings.models import RoomAdjustment, RoomHold, Sitting, SittingRoom

ADJUSTMENT_KINDS = ("site_fault", "general", "accommodation")
"""补时, 延时, 加时."""

_TIMED = frozenset({State.ADMITTING, State.RUNNING, State.HELD})


def admit_room(session: Session, room: SittingRoom, *, now: datetime, actor: str) -> None:
    """Open the doors of a published room: published → admitting; raise TooEarly before check-in opens.

    Source: R-11, R-60.
    """
    opens_at = session.scalar(select(Sitting.check_in_opens_at).where(Sitting.id == room.sitting_id))
    if opens_at is not None and now < opens_at:
        raise TooEarly("sitting.doors_closed", available_at=opens_at)
    _move(session, room, Event.ADMIT)
    _record(session, room, now=now, actor=actor, act="room.admit")


def admit_if_due(session: Session, room: SittingRoom, *, now: datetime) -> bool:
    """Open the doors of a published room whose check-in time has come; return whether it admits or goes on.

    The scheduler does this on the minute; whoever comes first does it as well, so nothing depends on it.
    """
    if room.state == State.PUBLISHED.value:
        opens_at = session.scalar(select(Sitting.check_in_opens_at).where(Sitting.id == room.sitting_id))
        if opens_at is None or now < opens_at:
            return False
        admit_room(session, room, now=now, actor="scheduler")
    return room.state in {State.ADMITTING.value, State.RUNNING.value, State.HELD.value}


def start_room(session: Session, room: SittingRoom, *, now: datetime, actor: str) -> None:
    """Start the clock of a room (统一开考); `started_at` is never edited afterwards.

    Raise Conflict("sitting.transition") when it has been started or does not admit, ("sitting.evacuated")
    while everybody is outside, TooEarly before its doors are open.

    Source: R-20.
    """
    if room.evacuated_at is not None:
        raise Conflict("sitting.evacuated")
    if room.state == State.PUBLISHED.value:
        admit_room(session, room, now=now, actor=actor)
    _move(session, room, Event.START, started_at=now, started_by=actor)
    _record(session, room, now=now, actor=actor, act="room.start", after={"started_at": now.isoformat()})


def hold_room(
    session: Session,
    room: SittingRoom,
    *,
    from_at: datetime,
    now: datetime,
    reason_code: str,
    reason: str,
    actor: str,
) -> RoomHold:
    """Hold a running room (全场暂停) from an instant that may lie in the past, until it is resumed.

    Raise InvalidInput("sitting.hold_from") for an instant before the start or in the future,
    Conflict("sitting.transition") when the room is not running.

    Source: R-25.
    """
    if room.started_at is not None and not room.started_at <= from_at <= now:
        raise InvalidInput("sitting.hold_from", field="from_at", started_at=room.started_at)
    _move(session, room, Event.HOLD)
    hold = RoomHold(
        sitting_room_id=room.id,
        from_at=from_at,
        to_at=None,
        reason_code=reason_code,
        reason=reason,
        held_by=actor,
        resumed_by=None,
    )
    session.add(hold)
    session.flush()
    after = {"from_at": from_at.isoformat(), "reason_code": reason_code}
    _record(session, room, now=now, actor=actor, act="room.hold", reason=reason, after=after)
    return hold


def evacuate_room(session: Session, room: SittingRoom, *, now: datetime) -> None:
    """Note that everybody is to leave a room; what it does to a running clock is a hold, and the caller's.

    Source: R-62.
    """
    room.evacuated_at = now
    session.flush()


def reenter_room(session: Session, room: SittingRoom, *, now: datetime, actor: str) -> None:
    """Note that everybody is back in a room that was evacuated before its start.

    Raise Conflict("sitting.not_evacuated") for any other.

    Source: R-62.
    """
    if room.evacuated_at is None or room.started_at is not None:
        raise Conflict("sitting.not_evacuated")
    room.evacuated_at = None
    session.flush()
    _record(session, room, now=now, actor=actor, act="room.reenter")


def resume_room(session: Session, room: SittingRoom, *, now: datetime, actor: str) -> None:
    """End the hold of a room; raise Conflict("sitting.transition") when it is not held.

    Source: R-25.
    """
    _move(session, room, Event.RESUME)
    _close_hold(session, room, now=now, actor=actor)
    _record(session, room, now=now, actor=actor, act="room.resume")


def adjust_room(
    session: Session,
    room: SittingRoom,
    *,
    now: datetime,
    amount: timedelta,
    kind: str,
    reason_code: str,
    reason: str,
    actor: str,
    moves_earliest: bool = False,
    since: datetime | None = None,
) -> RoomAdjustment:
    """Give a whole room more time: 补时 for a site fault, 延时 general, 加时 accommodation.

    It takes effect at `since` (the beginning of an outage: a unit that ended meanwhile gets its time
    back) or now. Raise InvalidInput("sitting.adjustment") unless the amount is positive and the kind known,
    Conflict("sitting.not_timed") when the room is neither admitting nor running nor held.

    Source: R-20.
    """
    if amount <= timedelta(0) or kind not in ADJUSTMENT_KINDS:
        raise InvalidInput("sitting.adjustment", field="minutes")
    if State(room.state) not in _TIMED:
        raise Conflict("sitting.not_timed")
    adjustment = RoomAdjustment(
        sitting_room_id=room.id,
        at=since or now,
        amount=amount,
        kind=kind,
        reason_code=reason_code,
        reason=reason,
        by=actor,
        moves_earliest=moves_earliest,
    )
    session.add(adjustment)
    session.flush()
    after = {"seconds": int(amount.total_seconds()), "kind": kind, "reason_code": reason_code}
    _record(session, room, now=now, actor=actor, act="room.adjust", reason=reason, after=after)
    return adjustment


def end_room(session: Session, room: SittingRoom, *, now: datetime, actor: str, reason: str = "") -> None:
    """End a running or held room; whether it may end (R-61) is the caller's question.

    Source: R-60.
    """
    _move(session, room, Event.END, ended_at=now)
    _close_hold(session, room, now=now, actor=actor)
    _record(session, room, now=now, actor=actor, act="room.end", reason=reason)


def abort_room(session: Session, room: SittingRoom, *, now: datetime, reason: str, actor: str) -> None:
    """Abort a running or held room (中止): its attempts are kept unscored.

    Source: R-60.
    """
    _move(session, room, Event.ABORT, ended_at=now)
    _close_hold(session, room, now=now, actor=actor)
    _record(session, room, now=now, actor=actor, act="room.abort", reason=reason)


def score_room(session: Session, room: SittingRoom, *, now: datetime, actor: str) -> None:
    """Note that every attempt of an ended room is scored.

    Source: R-60.
    """
    _move(session, room, Event.SCORE)
    _record(session, room, now=now, actor=actor, act="room.score")


def release_sitting(session: Session, sitting: Sitting, *, now: datetime, actor: str) -> None:
    """Release the results of a sitting: every scored room → released.

    Raise Conflict("sitting.transition") while a room that took place is not scored.

    Source: R-60.
    """
    left_out = {State.CANCELLED.value, State.ABORTED.value}
    rooms = session.scalars(select(SittingRoom).where(SittingRoom.sitting_id == sitting.id)).all()
    for room in rooms:
        if room.state not in left_out:
            _move(session, room, Event.RELEASE)
    sitting.released_at = now
    refresh_sitting_state(session, sitting)
    record(session, at=now, actor=actor, act="sitting.release", subject=f"sitting:{sitting.ref}")


def refresh_sitting_state(session: Session, sitting: Sitting, *, without_rooms: Event | None = None) -> None:
    """Set the state of a sitting from its rooms'; one that has none yet goes where `without_rooms` leads.

    Source: R-7, R-60.
    """
    states = session.scalars(select(SittingRoom.state).where(SittingRoom.sitting_id == sitting.id)).all()
    if states:
        sitting.state = aggregate(State(state) for state in states).value
    elif without_rooms is not None:
        sitting.state = next_state(State(sitting.state), without_rooms).value
    session.flush()


def move_room(session: Session, room: SittingRoom, event: Event) -> None:
    """Take a room to the state an event leads to, once; racing callers get Conflict("sitting.transition").

    Source: R-60.
    """
    _move(session, room, event)


def _move(session: Session, room: SittingRoom, event: Event, **values: Any) -> None:
    seen = State(room.state)
    reached = next_state(seen, event)
    moved = session.scalar(
        update(SittingRoom)
        .where(SittingRoom.id == room.id, SittingRoom.state == seen.value)
        .values(state=reached.value, **values)
        .returning(SittingRoom.id)
        .execution_options(synchronize_session=False)
    )
    session.refresh(room)
    if moved is None:
        raise Conflict("sitting.transition", state=room.state, event=event.value)
    refresh_sitting_state(session, session.get_one(Sitting, room.sitting_id))


def _close_hold(session: Session, room: SittingRoom, *, now: datetime, actor: str) -> None:
    session.execute(
        update(RoomHold)
        .where(RoomHold.sitting_room_id == room.id, RoomHold.to_at.is_(None))
        .values(to_at=now, resumed_by=actor)
    )
    room.evacuated_at = None
    session.flush()


def _record(
    session: Session,
    room: SittingRoom,
    *,
    now: datetime,
    actor: str,
    act: str,
    reason: str = "",
    after: Mapping[str, Any] | None = None,
) -> None:
    record(
        session, at=now, actor=actor, act=act, subject=f"sitting_room:{room.ref}", reason=reason, after=after
    )
