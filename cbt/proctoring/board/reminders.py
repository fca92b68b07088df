"""提醒 of a room with their receipts: how many pages were sent each of the latest, had it, were read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from cbt.db.known.selects import KnownSelect
from cbt.delivery.models import Attempt, Message

SHOWN_FOR = timedelta(minutes=15)
MOST_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Reminder:
    """One text that was sent at one moment, to however many."""

    at: datetime
    text: str
    sent: int
    delivered: int
    read: int


_LATEST = KnownSelect(
    select(
        Message.sent_at,
        Message.text,
        func.count().label("sent"),
        func.count(Message.delivered_at).label("delivered"),
        func.count(Message.read_at).label("read"),
    )
    .join(Attempt, Attempt.id == Message.attempt_id)
    .where(
        Attempt.sitting_room_id == bindparam("room"),
        Message.sent_at > bindparam("since"),
        Message.withdrawn_at.is_(None),
    )
    .group_by(Message.sent_at, Message.text)
    .order_by(Message.sent_at.desc())
    .limit(MOST_SHOWN)
)


def reminders_of(session: Session, sitting_room_id: int, *, now: datetime) -> tuple[Reminder, ...]:
    """Return the latest reminders of a room that were not taken back, the newest first (one query)."""
    return tuple(Reminder(*row) for row in _LATEST.rows(session, room=sitting_room_id, since=now - SHOWN_FOR))


def still_shown(reminders: Iterable[Reminder], *, now: datetime) -> tuple[Reminder, ...]:
    """Return those of some reminders that are not too long ago."""
    return tuple(one for one in reminders if one.at > now - SHOWN_FOR)
