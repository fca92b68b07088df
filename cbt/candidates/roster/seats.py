"""The seats a roster can be given: free ones in room order, spares only when asked for by number."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.candidates.models import Registration
from cbt.candidates.roster.reading.row import RosterRow
from cbt.errors import Conflict
from cbt.rules.states.sitting import SittingState
from cbt.sheets.columns import plain
from cbt.sittings.models import Room, Seat, Sitting, SittingRoom
from cbt.sittings.store import rooms_of_sitting


class FreeSeats:
    """The free seats of a sitting, room by room; spare ones only for a row that asks for one by number."""

    def __init__(self, session: Session, sitting: Sitting, *, open_states: Collection[SittingState]) -> None:
        views = [
            view
            for view in rooms_of_sitting(session, sitting.id)
            if SittingState(view.sitting_room.state) in open_states
        ]
        if not views:
            raise Conflict("sitting.no_rooms")
        taken = set(
            session.scalars(select(Registration.seat_id).where(Registration.sitting_id == sitting.id))
        )
        room_ids = [view.room.id for view in views]
        seats = session.scalars(select(Seat).where(Seat.room_id.in_(room_ids)).order_by(Seat.number)).all()
        self._rooms = [(view.sitting_room, view.room) for view in views]
        self._free = {
            room.id: {seat.number: seat for seat in seats if seat.room_id == room.id and seat.id not in taken}
            for _, room in self._rooms
        }
        self.count = sum(not seat.spare for free in self._free.values() for seat in free.values())
        self.room_names = [room.name for _, room in self._rooms]

    def take(self, row: RosterRow) -> tuple[SittingRoom, Room, Seat] | str:
        """Return the room and seat of a row, taken from what is free, or the code of what is in the way."""
        rooms = self._rooms
        if row.room:
            rooms = [one for one in rooms if plain(one[1].name) == plain(row.room)]
            if not rooms:
                return "roster.no_room"
        if row.seat is not None:
            if len(rooms) > 1:
                return "roster.which_room"
            seat = self._free[rooms[0][1].id].pop(row.seat, None)
            return (*rooms[0], seat) if seat is not None else "roster.seat_taken"
        for sitting_room, room in rooms:
            free = self._free[room.id]
            number = next((number for number, seat in free.items() if not seat.spare), None)
            if number is not None:
                return sitting_room, room, free.pop(number)
        return "roster.no_seat"
