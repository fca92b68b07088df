"""The clock of a sitting-room: started, held and resumed, given more time, its room evacuated.

Each takes the session of the caller's unit of work and leaves one line in the audit log.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from cbt.audit.chain import EntryDraft, record, record_entry, text_of
from cbt.errors import Conflict, InvalidInput
from cbt.rules.states.sitting import SittingEvent, SittingState
from cbt.sittings.models import RoomAdjustment, RoomHold, SittingRoom
from cbt.sittings.room_state import admit_room, close_hold, move_room, starting_rows
from cbt.storage.write_queue.change_set import Rows

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
