"""What a plan may not hold at once: people, rooms and proctors in two places, more people than seats.

Spans are (start, end) of aware UTC instants, half-open; the ends are the longest individual deadlines.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from cbt.rules.door import Span, overlaps, too_close


class Gravity(StrEnum):
    """How much a finding about a plan weighs: it stops the plan, or warns of it."""

    STOP = "stop"
    WARN = "warn"


@dataclass(frozen=True, slots=True)
class Use:
    """Somebody or something (`who`) is taken up by one thing (`what`) for a while."""

    who: int
    what: int
    span: Span


@dataclass(frozen=True, slots=True)
class Clash:
    """Two uses of one person or room that overlap or have less than 15 minutes between them."""

    first: Use
    second: Use

    @property
    def overlapping(self) -> bool:
        return overlaps(self.first.span, self.second.span)


@dataclass(frozen=True, slots=True)
class RoomDuty:
    """A person runs a room for a while: from the doors on, and then while the paper runs."""

    staff: int
    sitting_room: int
    room: int
    centre: int
    chief: bool
    busy: Span
    """From the opening of the check-in to the longest deadline."""
    span: Span


@dataclass(frozen=True, slots=True)
class DoubleDuty:
    """One person in two rooms: both at work at once (`stop`), or one at its doors while the other works."""

    first: RoomDuty
    second: RoomDuty
    gravity: Gravity


@dataclass(frozen=True, slots=True)
class LevelShape:
    """What a batch examines of one level: which version of its blueprint, which papers."""

    version: int
    papers: frozenset[str]


class OffShape(StrEnum):
    """Why a registration is none of its batch's."""

    LEVEL = "level"
    PAPER = "paper"
    VERSION = "version"


def clashes(uses: Iterable[Use]) -> list[Clash]:
    """Return every two uses of one person or room that overlap or lie too near, by start.

    Source: R-7.
    """
    by_who: dict[int, list[Use]] = defaultdict(list)
    for use in sorted(uses, key=lambda one: (one.span, one.what)):
        by_who[use.who].append(use)
    return [clash for own in by_who.values() for clash in _near(own)]


def _near(own: list[Use]) -> Iterator[Clash]:
    for place, first in enumerate(own):
        for second in own[place + 1 :]:
            if not too_close(first.span, second.span):
                break  # they are sorted by start: whatever follows is farther from the first
            yield Clash(first, second)


def double_duties(duties: Iterable[RoomDuty]) -> list[DoubleDuty]:
    """Return where one person would have to be in two rooms.

    The same room again is one place, and a chief is in charge of all rooms of a centre at once.

    Source: R-7, R-62.
    """
    by_staff: dict[int, list[RoomDuty]] = defaultdict(list)
    for duty in sorted(duties, key=lambda one: (one.span, one.sitting_room)):
        by_staff[duty.staff].append(duty)
    return [
        DoubleDuty(first, second, Gravity.STOP if overlaps(first.span, second.span) else Gravity.WARN)
        for own in by_staff.values()
        for place, first in enumerate(own)
        for second in own[place + 1 :]
        if not _one_place(first, second) and overlaps(first.busy, second.busy)
    ]


def _one_place(first: RoomDuty, second: RoomDuty) -> bool:
    return first.room == second.room or (first.centre == second.centre and (first.chief or second.chief))


def hull(spans: Collection[Span]) -> Span:
    return min(start for start, _ in spans), max(end for _, end in spans)


def fullness(*, people: int, seats: int, spares: int) -> Gravity | None:
    """Return what is said of a room: more people than seats stop, people on the spare ones warn.

    Source: R-16.
    """
    if people > seats:
        return Gravity.STOP
    return Gravity.WARN if people > seats - spares else None


def off_shape(
    levels: Mapping[str, LevelShape], *, blueprint: str, version: int, paper: str
) -> tuple[OffShape, Gravity] | None:
    """Return why a registration is none of its batch's, or None; a batch that names no level takes all.

    `levels` are by the ref of their blueprint: the same level of another occupation is another level. Another
    version of the same blueprint warns, for its forms are drawn by other rules.

    Source: R-7, R-8.
    """
    if not levels:
        return None
    if blueprint not in levels:
        return OffShape.LEVEL, Gravity.STOP
    if paper not in levels[blueprint].papers:
        return OffShape.PAPER, Gravity.STOP
    return (OffShape.VERSION, Gravity.WARN) if version != levels[blueprint].version else None
