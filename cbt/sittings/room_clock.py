"""A sitting-room's state and clock: doors, start, hold, more time, evacuation, end; its sitting with it.

A room goes from state to state once, for whoever asks first. The `where` repeats the state that was seen, so
racing callers are harmless. A room is locked before its sitting, and several in the order of their ids, here
and by whoever holds a whole sitting (store.hold_sitting): nobody waits in a circle. The order of all is
`cbt/application/lock_order.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import String, UpdateBase, bindparam, select, update
from sqlalchemy.orm import Session

from cbt.audit.chain import EntryDraft, record, record_entry, text_of
from cbt.errors import Conflict, InvalidInput, TextId, TooEarly
from cbt.rules.states import SittingEvent, SittingState, aggregate, next_sitting_state
from cbt.sittings.models import RoomAdjustment, RoomHold, Sitting, SittingRoom
from cbt.storage.prepared import PreparedChange, PreparedSelect
from cbt.storage.types import UtcDateTime
from cbt.storage.unit_of_work import reading, unit_of_work
from cbt.storage.write_queue.change_set import Rows

_STATES = PreparedSelect(
    select(SittingRoom.state).where(SittingRoom.sitting_id == bindparam("sitting")).distinct()
)


def move_room(session: Session, room: SittingRoom, event: SittingEvent, **values: Any) -> None:
    """Take a room to the state an event leads to and set `values` with it, once.

    Racing callers get Conflict("sitting.transition").

    Source: R-60.
    """
    if not move_room_if_first(session, room, event, **values):
        label = TextId(f"sittings.state.{room.state}")
        raise Conflict("sitting.transition", state=label, event=event.value)


def move_room_if_first(session: Session, room: SittingRoom, event: SittingEvent, **values: Any) -> bool:
    """Move a room like `move_room`; return whether this call did. Where the room is, `room` says then.

    Source: R-60.
    """
    seen = SittingState(room.state)
    reached = next_sitting_state(seen, event)
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
    refresh_sitting_state(session, lock_sitting(session, room))
    return True


def lock_sitting(session: Session, room: SittingRoom) -> Sitting:
    """Return the sitting of a locked room as it is now, locked: before any paper, where the room moves later."""
    held = {"key_share": True}
    return session.get_one(Sitting, room.sitting_id, with_for_update=held, populate_existing=True)


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
            .values(state=next_sitting_state(state, event).value)
            .returning(SittingRoom.id)
            .execution_options(synchronize_session=False)
        ).all()
        if len(moved) != len(group):
            label = TextId(f"sittings.state.{state.value}")
            raise Conflict("sitting.transition", state=label, event=event.value)
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
            state=next_sitting_state(seen, SittingEvent.START).value,
            started_at=bindparam("now", type_=UtcDateTime),
            started_by=bindparam("by", type_=String),
        )
    )


def _run_of_sitting() -> UpdateBase:
    runs = aggregate([SittingState.RUNNING])
    return update(Sitting).where(Sitting.id == bindparam("sitting")).values(state=runs.value)


_STARTED = PreparedChange(lambda _: _start_of_room())
_RUNS = PreparedChange(lambda _: _run_of_sitting())


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
        sitting.state = next_sitting_state(SittingState(sitting.state), without_rooms).value
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


# The clock of a sitting-room: started, held and resumed, given more time, its room evacuated.
#
# Each takes the session of the caller's unit of work and leaves one line in the audit log.

SITE_FAULT = "site_fault"
ADJUSTMENT_KINDS = (SITE_FAULT, "general", "accommodation")
"""补时, 延时, 加时."""
_TIMED = frozenset({SittingState.ADMITTING, SittingState.RUNNING, SittingState.HELD})


def start_room(session: Session, room: SittingRoom, *, now: datetime, actor: str) -> None:
    """Start the clock of a room (统一开考); `started_at` is never edited afterwards.

    Raise Conflict("sitting.transition") when it has been started or does not admit, ("sitting.evacuated")
    while everybody is outside, TooEarly before its doors are open.

    Source: R-20.
    """
    if room.evacuated_at is not None:
        raise Conflict("sitting.evacuated")
    if room.state == SittingState.PUBLISHED.value:
        admit_room(session, room, now=now, actor=actor)
    move_room(session, room, SittingEvent.START, started_at=now, started_by=actor)
    record_entry(session, _line_of_start(room, now=now, actor=actor))


@dataclass(frozen=True, slots=True)
class StartAlong:
    """What starts a room without a transaction of one's own."""

    rows: Sequence[Rows]
    line: EntryDraft


def starting_along(room: SittingRoom, *, now: datetime, actor: str) -> StartAlong | None:
    """Return what starts a room as `start_room` does, to go along with what others write.

    None where there is more to do, or to say. Where the room is no longer as it was read, nothing is written. Fifty
    rooms begin within seconds: each in a transaction of its own would keep the papers of the others waiting.

    Source: R-20.
    """
    if room.evacuated_at is not None or room.state != SittingState.ADMITTING:
        return None
    return StartAlong(starting_rows(room, now=now, actor=actor), _line_of_start(room, now=now, actor=actor))


def _line_of_start(room: SittingRoom, *, now: datetime, actor: str) -> EntryDraft:
    after = text_of({"started_at": now.isoformat()})
    return EntryDraft(at=now, actor=actor, act="room.start", subject=room.logged_as, after=after)


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
    move_room(session, room, SittingEvent.HOLD)
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
    record(session, at=now, actor=actor, act="room.hold", subject=room.logged_as, reason=reason, after=after)
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
    record(session, at=now, actor=actor, act="room.reenter", subject=room.logged_as)


def resume_room(session: Session, room: SittingRoom, *, now: datetime, actor: str) -> None:
    """End the hold of a room; raise Conflict("sitting.transition") when it is not held.

    Source: R-25.
    """
    move_room(session, room, SittingEvent.RESUME)
    close_hold(session, room, now=now, actor=actor)
    record(session, at=now, actor=actor, act="room.resume", subject=room.logged_as)


def hold_again(session: Session, room: SittingRoom, hold_id: int, *, now: datetime, actor: str) -> None:
    """Take the resuming of a room back: its hold goes on as though it had not ended.

    Raise Conflict("sitting.transition") when it is not running.

    Source: R-25.
    """
    move_room(session, room, SittingEvent.HOLD)
    hold = session.get_one(RoomHold, hold_id)
    hold.to_at = hold.resumed_by = None
    session.flush()
    after = {"from_at": hold.from_at.isoformat(), "reason_code": hold.reason_code}
    record(session, at=now, actor=actor, act="room.hold", subject=room.logged_as, after=after)


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
    _check_adjustment([room], amount=amount, kind=kind)
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
    _record_adjustment(session, room, adjustment, now=now)
    return adjustment


def give_back(
    session: Session,
    rooms: Sequence[SittingRoom],
    *,
    now: datetime,
    since: datetime,
    reason_code: str,
    reason: str,
    actor: str,
) -> None:
    """Give rooms the time since an instant that was taken from all of them (补时), in one statement.

    It takes effect then, or when the room began. Raise as `adjust_room`.

    Source: R-20, R-27.
    """
    amount = now - since
    _check_adjustment(rooms, amount=amount, kind=SITE_FAULT)
    adjustments = [
        RoomAdjustment(
            sitting_room_id=room.id,
            at=max(since, room.started_at or now),
            amount=amount,
            kind=SITE_FAULT,
            reason_code=reason_code,
            reason=reason,
            by=actor,
            moves_earliest=True,
        )
        for room in rooms
    ]
    session.bulk_save_objects(adjustments)
    for room, adjustment in zip(rooms, adjustments, strict=True):
        _record_adjustment(session, room, adjustment, now=now)


def _check_adjustment(rooms: Sequence[SittingRoom], *, amount: timedelta, kind: str) -> None:
    if amount <= timedelta(0) or kind not in ADJUSTMENT_KINDS:
        raise InvalidInput("sitting.adjustment", field="minutes")
    if any(SittingState(room.state) not in _TIMED for room in rooms):
        raise Conflict("sitting.not_timed")


def _record_adjustment(
    session: Session, room: SittingRoom, adjustment: RoomAdjustment, *, now: datetime
) -> None:
    record(
        session,
        at=now,
        actor=adjustment.by,
        act="room.adjust",
        subject=room.logged_as,
        reason=adjustment.reason,
        after={
            "seconds": int(adjustment.amount.total_seconds()),
            "kind": adjustment.kind,
            "reason_code": adjustment.reason_code,
        },
    )
