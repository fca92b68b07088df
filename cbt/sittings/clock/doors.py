"""The doors of a sitting-room, opened by hand or on the minute."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.db.unit_of_work import reading, unit_of_work
from cbt.errors import TooEarly
from cbt.rules.states.sitting import SittingEvent, SittingState
from cbt.sittings.clock.moving import move_room_if_first
from cbt.sittings.models import Sitting, SittingRoom

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
