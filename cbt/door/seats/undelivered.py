"""Answers of former candidates that a machine still holds (本机有未送达作答).

Source: R-16.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.audit.models import AuditEntry
from cbt.db.unit_of_work import reading, unit_of_work
from cbt.door.seats.finding import seat_of
from cbt.door.seats.record import note, subject_of_entries
from cbt.errors import InvalidInput
from cbt.sittings.models import Room, Seat
from cbt.web.who.machine import Machine

MOST_UNDELIVERED = 10_000
AGAIN = timedelta(minutes=1)
"""A machine that goes on telling other numbers is put on record no oftener: whoever holds a machine's cookie cannot
make the server write."""


def report_undelivered(*, machine: Machine, count: int, now: datetime) -> None:
    """Keep how many answers of former candidates this machine still holds (本机有未送达作答).

    A machine bound to no seat has no place to list them and is not heard. Within a minute of an entry only that
    nothing is left any more is kept, without another entry: a proctor waits for it.

    Source: R-16.
    """
    if not 0 <= count <= MOST_UNDELIVERED:
        raise InvalidInput("seat.undelivered", field="count")
    with reading() as session:
        if _is_news(session, seat_of(session, machine), count, now=now) is None:
            return
    with unit_of_work() as session:
        seat = seat_of(session, machine)
        room = _is_news(session, seat, count, now=now)
        if seat is None or room is None:
            return
        before, after = {"count": seat.undelivered}, {"count": count}
        seat.undelivered = count
        if not _noted(session, room, seat, now=now):
            note(session, room, seat, "undelivered", now=now, before=before, after=after)


def _is_news(session: Session, seat: Seat | None, count: int, *, now: datetime) -> Room | None:
    """Return the room of a seat whose number is to be kept; None when there is nothing to keep."""
    if seat is None or seat.undelivered == count:
        return None
    room = session.get_one(Room, seat.room_id)
    return room if count == 0 or not _noted(session, room, seat, now=now) else None


def _noted(session: Session, room: Room, seat: Seat, *, now: datetime) -> bool:
    """Return whether there is an entry of less than a minute ago."""
    entry = select(AuditEntry.id).where(
        AuditEntry.subject == subject_of_entries(room, seat),
        AuditEntry.act == "seat.undelivered",
        AuditEntry.at > now - AGAIN,
    )
    return session.scalar(entry.limit(1)) is not None
