"""Why a paper of a line found no seat, in the words of its line: what stands in the way there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from cbt.batches.roster.planning.known import KnownPeople
from cbt.batches.roster.planning.places import OpenPlaces, OpenRoom, room_names
from cbt.candidates.roster.choosing import PaperRow
from cbt.rules.door.admission import overlaps
from cbt.rules.planning.places import LeftOver, SeatPlan

Remark = tuple[str, str, str, Mapping[str, Any]]
"""The column, what stands there, the code, its parameters."""


@dataclass(frozen=True, slots=True)
class AskedPaper:
    """A paper that is to be seated: who asks for it, and how long it runs for them."""

    one: PaperRow
    index: str
    length: timedelta


class Remarks:
    """Finds the words for who is left over; `narrow` where a roster is for one sitting."""

    def __init__(
        self,
        places: OpenPlaces,
        known: KnownPeople,
        asked: Sequence[AskedPaper],
        found: SeatPlan,
        *,
        narrow: bool,
    ) -> None:
        self._places, self._known, self._asked, self._narrow = places, known, asked, narrow
        self._own: dict[str, list[tuple[AskedPaper, OpenRoom]]] = defaultdict(list)
        for key, where in found.placed.items():
            self._own[asked[key].index].append((asked[key], places.by_key[where]))

    def about(self, key: int, reason: LeftOver) -> Remark:
        """Return what is to be noted of a paper that found no seat."""
        asked = self._asked[key]
        row = asked.one.row
        if reason is LeftOver.WISH:
            names = room_names(self._places.rooms)
            if row.room and not any(name == row.room for name in names):
                return "room", row.room, "roster.no_room", {"rooms": names}
            return "date", "", "roster.no_sitting", {}
        if reason is LeftOver.FULL and self._narrow:
            rooms = self._places.rooms
            free = sum(one.open_seats for one in rooms)
            return "seat", "", "roster.no_seat", {"free": free, "rooms": room_names(rooms)}
        if reason is LeftOver.TIME:
            return self._about_time(asked)
        return "paper", row.paper, f"roster.left_{reason.value}", {}

    def _about_time(self, asked: AskedPaper) -> Remark:
        row = asked.one.row
        if not (self._narrow or row.wish.timed or row.wish.placed):
            return "paper", row.paper, "roster.left_time", {}
        paper = asked.one.choice.blueprint.papers[asked.one.paper]
        rooms = self._places.wished(row.wish, paper.modes)
        starts = [one.sitting.planned_start_at for one in rooms]
        for known in self._known.registered(asked.index):
            if any(overlaps(known.span, (start, start + asked.length)) for start in starts):
                return "paper", row.paper, "roster.overlap", {"other": known.sitting.name}
        for other, at in self._own[asked.index]:
            if at.key in {one.key for one in rooms}:
                return "paper", row.paper, "roster.both_papers", {"other_row": other.one.row.row}
        return "paper", row.paper, "roster.left_time", {}
