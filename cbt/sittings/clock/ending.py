"""How a sitting-room is over: ended or aborted, scored, its sitting released."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.rules.states.sitting import SittingEvent, SittingState
from cbt.sittings.clock.moving import close_hold, move_room, move_rooms, refresh_sitting_state
from cbt.sittings.models import Sitting, SittingRoom


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
