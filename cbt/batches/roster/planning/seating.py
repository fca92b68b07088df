"""Which seat of its room a paper gets: the one that is named, else the next one that is free and no spare one."""

from __future__ import annotations

from cbt.batches.roster.planning.places import OpenRoom
from cbt.sittings.models import Seat


class FreeSeats:
    """Gives the free seats of rooms, each once; spare ones only to who asks for one by number. Source: R-16."""

    def __init__(self) -> None:
        self._free: dict[int, dict[int, Seat]] = {}
        self._next: dict[int, list[int]] = {}

    def take(self, room: OpenRoom, number: int | None) -> Seat | None:
        """Return a seat of a room, None when the one that is asked for, or every one, is taken."""
        if room.key not in self._free:
            self._free[room.key] = dict(room.free)
            plain = [number for number, seat in room.free.items() if not seat.spare]
            self._next[room.key] = sorted(plain, reverse=True)
        free, rest = self._free[room.key], self._next[room.key]
        if number is not None:
            return free.pop(number, None)
        while rest:
            if (seat := free.pop(rest.pop(), None)) is not None:
                return seat
        return None
