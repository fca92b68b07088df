"""Draws who sits in a room, what they are granted, and what happens to the whole room.

Source: R-20, R-21, R-23, R-24, R-25.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from cbt.demo.world import Entrant, Variant
from cbt.rules.exam import Paper
from torture.arena import BEGIN
from torture.deadlines.oracle import Grant, Stop, Terms

MS = timedelta(milliseconds=1)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
ZERO = timedelta(0)
ROOM_SEATS = 20
GRACE = "grace = 3"
VARIANTS = (
    Variant("customer-service-l3", "theory"),
    Variant("customer-service-l3", "theory", ((GRACE, "grace = 0"),)),
    Variant("customer-service-l2", "theory", (("closed_before_end = 0", "closed_before_end = 10"),)),
    Variant("customer-service-l3", "skills"),
    Variant("customer-service-l2", "skills"),
    Variant("customer-service-l3", "skills", (('unused_time = "carried"', 'unused_time = "lost"'),)),
    Variant("customer-service-l2", "skills", (('late_start = "scale"', 'late_start = "cut"'),)),
    Variant("customer-service-l2", "skills", (('unit_timing = "strict"', 'unit_timing = "pooled"'),)),
    Variant("customer-service-l3", "skills", ((GRACE, "grace = 1"), ("earliest = 30", "earliest = 44"))),
)


@dataclass(frozen=True, slots=True)
class Act:
    """One thing done at an instant: `what` names it, `who` counts the sitters (or the rooms, for a room's)."""

    at: datetime
    what: str
    who: int
    unit: int = 0
    expected: tuple[int, str] = (200, "")
    """Status and code of the reply; for a sweep, whether it may have closed (1) or not (0)."""
    amount: timedelta = ZERO
    since: datetime | None = None
    closed_at: datetime | None = None
    flag: bool = False


@dataclass(slots=True)
class RoomFate:
    """What happens to a whole room."""

    stops: list[Stop] = field(default_factory=list)
    known_at: list[datetime] = field(default_factory=list)
    """When each stop was entered: a backdated one later than it began."""
    grants: list[Grant] = field(default_factory=list)


def draw_people(count: int, rng: random.Random) -> list[Entrant]:
    """Return candidates for as many rooms as are needed, each with a paper and what it is granted."""
    return [
        Entrant(
            room=number // ROOM_SEATS,
            variant=rng.choice(VARIANTS),
            factor=rng.choice((Decimal(1), Decimal(1), Decimal("1.25"), Decimal("1.5"))),
            extra=rng.choice((ZERO, ZERO, 10 * MINUTE)),
        )
        for number in range(count)
    ]


def draw_room(rng: random.Random) -> RoomFate:
    """Draw the holds and the grants of a room; nothing overlaps, all of it is over before any paper ends."""
    fate = RoomFate()
    at = BEGIN + 6 * MINUTE
    for _ in range(rng.randrange(3)):
        at += span_of(rng, SECOND, 9 * MINUTE)
        back = rng.choice((ZERO, ZERO, span_of(rng, MS, 30 * SECOND)))
        known_at = at + back
        until = known_at + span_of(rng, MS, 8 * MINUTE)
        fate.stops.append(Stop(at, until, room=True))
        fate.known_at.append(known_at)
        at = until
    if rng.random() < 0.5:
        at += span_of(rng, SECOND, 5 * MINUTE)
        amount = span_of(rng, 3 * SECOND, 5 * MINUTE)
        kind = rng.randrange(3)
        fate.grants.append(Grant(at, amount, in_proportion=kind == 0, moves_earliest=kind == 2))
    return fate


def span_of(rng: random.Random, least: timedelta, most: timedelta) -> timedelta:
    """Draw a span of whole milliseconds."""
    return rng.randrange(least // MS, most // MS) * MS


def room_acts(who: int, fate: RoomFate) -> Iterator[Act]:
    """Yield what the proctors of a room do."""
    for stop, known_at in zip(fate.stops, fate.known_at, strict=True):
        yield Act(known_at, "hold", who, since=stop.from_at)
        yield Act(stop.to_at, "resume_room", who)
    for grant in fate.grants:
        what = "outage" if grant.moves_earliest else "adjust_room"
        yield Act(grant.at, what, who, amount=grant.amount, flag=grant.in_proportion)


def terms_of(paper: Paper) -> Terms:
    """Return the terms of a paper as the oracle counts with them."""
    return Terms(
        duration=paper.duration,
        windows=paper.windows,
        grace=paper.clock.grace,
        earliest=paper.submit.earliest,
        closed_before_end=paper.submit.closed_before_end,
        carried=paper.clock.unused_time == "carried",
        scaled=paper.clock.late_start == "scale",
    )
