"""What speaks against sittings as they stand, for whoever shows it or asks before an act."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence

from sqlalchemy.orm import Session

from cbt.batches.checks import people, places
from cbt.batches.checks.concern import KINDS, Concern, Concerned
from cbt.batches.checks.facts import (
    NOT_MOVED,
    Entered,
    elsewhere,
    entered,
    near_to,
    people_in_rooms,
    used_rooms,
    without_photo,
)
from cbt.batches.checks.retakes import objections, past_of
from cbt.rules.states.sitting import BEFORE_THE_START, SittingState
from cbt.sittings.models import Room, Sitting


def checks_of_sitting(
    session: Session, sitting: Sitting, moved: Mapping[int, Room] = NOT_MOVED
) -> list[Concern]:
    """Return everything that speaks against a sitting that has not begun, what stops first.

    The sitting may be as it is to be, and `moved` says in which rooms it is to be held (`used_rooms`).

    Source: R-4, R-7, R-8, R-15, R-16.
    """
    return checks_of_sittings(session, [sitting], moved)


def checks_of_sittings(
    session: Session, sittings: Collection[Sitting], moved: Mapping[int, Room] = NOT_MOVED
) -> list[Concern]:
    """Return everything that speaks against sittings (`sitting_ref` of each says against which); one that
    has begun or is off has no concerns. The number of queries does not grow with sittings or people.

    Source: R-4, R-7, R-8, R-15, R-16.
    """
    asked = [one for one in sittings if SittingState(one.state) in BEFORE_THE_START]
    if not asked:
        return []
    own = entered(session, asked)
    near = near_to(session, asked)
    found = [*_about_people(session, asked, near, own), *_about_places(session, asked, near, own, moved)]
    order = list(KINDS)
    return sorted(found, key=lambda one: (not one.stops, order.index(one.code)))


def checks_of_rooms(session: Session, sitting: Sitting) -> list[Concern]:
    """Return what speaks against the rooms of a sitting and who runs them; nobody who sits there is read.

    Source: R-7, R-16, R-62.
    """
    if SittingState(sitting.state) not in BEFORE_THE_START:
        return []
    near, own = near_to(session, [sitting]), {sitting.id}
    rooms = used_rooms(session, list(near.values()))
    return [
        *places.room_clashes(own, rooms),
        *places.staff_clashes(session, own, rooms),
        *places.seats(session, own, rooms, people_in_rooms(session, sitting)),
    ]


def stops_of(concerns: Sequence[Concern]) -> list[Concern]:
    """Return the concerns with which a sitting cannot be published."""
    return [one for one in concerns if one.stops]


def _about_people(
    session: Session, asked: Collection[Sitting], near: dict[int, Sitting], own: list[Entered]
) -> Iterator[Concern]:
    if not own:
        return
    yield from people.time_clashes(own, elsewhere(session, asked, near))
    shapes = people.shapes_of(session, {one.batch_id for one in asked})
    if shapes:
        yield from people.outside_shape(session, own, shapes)
    past = past_of(session, {one.person for one in own})
    yield from people.without_right(objections(session, own, past, also=frozenset()))
    lacking = without_photo(session, asked)
    for sitting in asked:
        if sitting.id in lacking:
            who = tuple(Concerned(name, ref) for name, ref in lacking[sitting.id])
            yield Concern("photos_missing", sitting.ref, {}, who)


def _about_places(
    session: Session,
    asked: Collection[Sitting],
    near: dict[int, Sitting],
    own: list[Entered],
    moved: Mapping[int, Room],
) -> Iterator[Concern]:
    rooms, ids = used_rooms(session, list(near.values()), moved), {one.id for one in asked}
    yield from places.room_clashes(ids, rooms)
    yield from places.staff_clashes(session, ids, rooms)
    yield from places.seats(session, ids, rooms, Counter(entry.sitting_room_id for entry in own))
