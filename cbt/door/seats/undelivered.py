"""Answers of former candidates that a machine still holds (本机有未送达作答).

Source: R-16.
"""

from __future__ import annotations

from datetime import datetime

from cbt.db.unit_of_work import unit_of_work
from cbt.door.seats.finding import seat_of
from cbt.door.seats.record import note
from cbt.errors import InvalidInput
from cbt.sittings.models import Room
from cbt.web.who.machine import Machine

MOST_UNDELIVERED = 10_000


def report_undelivered(*, machine: Machine, count: int, now: datetime) -> None:
    """Keep how many answers of former candidates this machine still holds (本机有未送达作答).

    A machine bound to no seat has no place to list them and is not heard.

    Source: R-16.
    """
    if not 0 <= count <= MOST_UNDELIVERED:
        raise InvalidInput("seat.undelivered", field="count")
    with unit_of_work() as session:
        seat = seat_of(session, machine)
        if seat is None or seat.undelivered == count:
            return
        room = session.get_one(Room, seat.room_id)
        before, after = {"count": seat.undelivered}, {"count": count}
        seat.undelivered = count
        note(session, room, seat, "undelivered", now=now, before=before, after=after)
