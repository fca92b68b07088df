"""Where people of a sitting sat, and who sat beside whom.

Source: R-8, R-98.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.candidates.models import Registration
from cbt.rules.planning.seat_plan import RoomPlan
from cbt.runner.models import Attempt
from cbt.sittings.models import Room, Seat, SittingRoom
from cbt.sittings.places import plan_of_room


@dataclass(frozen=True, slots=True)
class SeatedAt:
    """A room of the sitting and the number of a seat in it."""

    room_id: int
    seat: int


def seats_of(session: Session, sitting_id: int) -> dict[int, SeatedAt]:
    """Return where each attempt of a sitting is written."""
    rows = session.execute(
        select(Attempt.id, Registration.sitting_room_id, Seat.number)
        .join(Registration, Registration.id == Attempt.registration_id)
        .join(Seat, Seat.id == Registration.seat_id)
        .where(Registration.sitting_id == sitting_id)
    )
    return {attempt_id: SeatedAt(room, number) for attempt_id, room, number in rows}


def plans_of(session: Session, sitting_id: int) -> dict[int, RoomPlan]:
    """Return the plan of each room of a sitting, by the key of the sitting's room."""
    rooms = session.execute(
        select(SittingRoom.id, Room)
        .join(Room, Room.id == SittingRoom.room_id)
        .where(SittingRoom.sitting_id == sitting_id)
    ).all()
    seats: defaultdict[int, list[Seat]] = defaultdict(list)
    query = select(Seat).where(Seat.room_id.in_([room.id for _key, room in rooms])).order_by(Seat.number)
    for seat in session.scalars(query):
        seats[seat.room_id].append(seat)
    return {key: plan_of_room(room, seats[room.id]) for key, room in rooms}


def beside(attempts: Sequence[int], seats: Mapping[int, SeatedAt], plans: Mapping[int, RoomPlan]) -> bytes:
    """Return who of `attempts` sat directly beside, before or behind whom: two places each, int32, once a pair."""
    at = {seats[attempt]: place for place, attempt in enumerate(attempts) if attempt in seats}
    return array("i", _pairs(at, plans)).tobytes()


def _pairs(at: Mapping[SeatedAt, int], plans: Mapping[int, RoomPlan]) -> Iterator[int]:
    for seated, place in at.items():
        for number in plans[seated.room_id].neighbours(seated.seat):
            other = at.get(SeatedAt(seated.room_id, number))
            if other is not None and place < other:
                yield from (place, other)


def steps_between(plan: RoomPlan, one: int, other: int) -> int | None:
    """Return how many rows or columns lie from one seat to another, whichever are more; None without known rows."""
    if not plan.known:
        return None
    at = {
        number: (row, column)
        for row, numbers in enumerate(plan.cells)
        for column, number in enumerate(numbers)
        if number
    }
    if one not in at or other not in at:
        return None
    (row, column), (other_row, other_column) = at[one], at[other]
    return max(abs(row - other_row), abs(column - other_column))
