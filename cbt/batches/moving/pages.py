"""What the pages of a move show, gathered in one reading."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cbt.candidates.models import Registration
from cbt.rules.planning.moving import unmovable
from cbt.rules.states.sitting import SittingState
from cbt.sittings import store
from cbt.sittings.models import Batch, Centre, Room, Sitting
from cbt.sittings.store import RoomView, SeatCount


@dataclass(frozen=True, slots=True)
class MovePage:
    """A sitting with its rooms, who sits in each, and the rooms it could be held in instead, by centre."""

    sitting: Sitting
    batch: Batch
    rooms: list[RoomView]
    people: dict[int, int]
    choices: list[tuple[Centre, list[Room]]]
    seats: dict[int, SeatCount]
    too_late: str
    """Why it cannot be moved any more: a code of `Unmovable`, or an empty text."""


def move_page(session: Session, ref: str, *, now: datetime) -> MovePage:
    """Return what the form of a move shows."""
    sitting = store.sitting_by_ref(session, ref)
    rooms = store.rooms_of_sitting(session, sitting.id)
    of_centre: dict[int, list[Room]] = defaultdict(list)
    for room in session.scalars(select(Room).order_by(Room.name)):
        of_centre[room.centre_id].append(room)
    choices = [(centre, of_centre[centre.id]) for centre in store.centres(session)]
    counted = (
        select(Registration.sitting_room_id, func.count())
        .where(Registration.sitting_id == sitting.id)
        .group_by(Registration.sitting_room_id)
    )
    why = unmovable(SittingState(sitting.state), check_in_opens_at=sitting.check_in_opens_at, now=now)
    return MovePage(
        sitting=sitting,
        batch=session.get_one(Batch, sitting.batch_id),
        rooms=rooms,
        people={row[0]: row[1] for row in session.execute(counted)},
        choices=choices,
        seats=store.seat_counts(session, [room.id for _, found in choices for room in found]),
        too_late=why.value if why is not None else "",
    )
