"""A world of any size: one sitting whose doors are open, everybody at their seat with a form before them.

Names, numbers, seats, papers and forms follow from the arguments; refs and codes are the product's own chance.
The same on the embedded database and on PostgreSQL.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cbt.db.unit_of_work import unit_of_work
from cbt.demo.papers import StoredPaper, Variant
from cbt.demo.places import Hall, build_premises, plan_sitting
from cbt.demo.seating import Entrant, Seated, seat_everybody
from cbt.sittings.clock.doors import admit_if_due

EARLIER = timedelta(days=1)
"""Everything was planned so long before the sitting."""


@dataclass(frozen=True, slots=True)
class Gathering:
    """One sitting, its rooms (id and ref) and everybody in it, in the order of the entrants."""

    sitting_ref: str
    rooms: Sequence[tuple[int, str]]
    seated: Sequence[Seated]


def gather(entrants: Sequence[Entrant], papers: Mapping[Variant, StoredPaper], *, at: datetime) -> Gathering:
    """Plan a sitting for `at` with a seat for everybody; at that instant all have come through the door."""
    people = Counter(one.room for one in entrants)
    halls = [Hall(f"机房 {number + 1}", people[number] or 1) for number in range(max(people) + 1)]
    with unit_of_work() as session:
        premises = build_premises(session, halls, now=at - EARLIER)
        sitting, rooms = plan_sitting(session, premises, at=at, now=at - EARLIER)
        for room in rooms:
            admit_if_due(session, room, now=at)
        seated = seat_everybody(session, entrants, papers, rooms, now=at - EARLIER, arrived_at=at)
        return Gathering(sitting.ref, [(room.id, room.ref) for room in rooms], seated)
