"""Whether a room can be examined in: what its machines report, against what an examination needs.

What a machine says of itself is taken as a hint where something is missing, never as proof that all is well: the
server's own clock rules, and an answer counts once the server has it.

Source: R-16, R-20.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from cbt.rules.planning.clashes import Gravity

OLDEST_BROWSERS: Mapping[str, int] = {"Chrome": 109, "Edge": 109, "Firefox": 115, "Safari": 16}
"""The first versions that keep what an answer page needs."""
NARROWEST, LOWEST = 1024, 600
CLOCK_OFF = timedelta(minutes=2)
SLOW_TRIP, SLOWEST_TRIP = timedelta(seconds=1), timedelta(seconds=5)
REPORTS_FOR = timedelta(minutes=10)
"""What a machine reported so long ago says nothing of now."""
SEEN_FOR = timedelta(minutes=1)
"""A machine that was heard of within this is there."""


class Keeping(StrEnum):
    """Where a machine can keep an answer that is not delivered yet."""

    DISK = "disk"
    LOCAL = "local"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class MachineReport:
    """What a machine said of itself, and `age`, how long ago; `trips` are spans from a save to its receipt."""

    browser: str
    version: int
    clock_off: timedelta
    width: int
    height: int
    keeping: Keeping
    trips: tuple[timedelta, ...]
    age: timedelta

    @property
    def trip(self) -> timedelta | None:
        """The middle one of the round trips; None without any."""
        ranked = sorted(self.trips)
        return ranked[(len(ranked) - 1) // 2] if ranked else None


@dataclass(frozen=True, slots=True)
class SeatReadiness:
    """A seat of the room: whether it is a spare one, somebody is to sit there, a machine is bound to it."""

    number: int
    spare: bool
    taken: bool
    bound: bool
    report: MachineReport | None = None


@dataclass(frozen=True, slots=True)
class RoomFault:
    """One thing that is not as it should be; `seats` are those it is about, none for the room as a whole."""

    code: str
    gravity: Gravity
    seats: tuple[int, ...] = ()
    params: Mapping[str, object] = field(default_factory=dict)

    @property
    def stops(self) -> bool:
        """Whether nobody should start with it."""
        return self.gravity is Gravity.STOP


def seat_faults(seat: SeatReadiness) -> list[RoomFault]:
    """Return what is wrong at one seat, what stops first. A spare seat without a machine is no fault of its own.

    Source: R-16.
    """
    if not seat.bound:
        return [RoomFault("unbound", Gravity.STOP, (seat.number,))] if seat.taken else []
    report = seat.report
    if report is None or report.age > REPORTS_FOR:
        gravity = Gravity.STOP if seat.taken else Gravity.WARN
        return [RoomFault("silent", gravity, (seat.number,))]
    found = [
        RoomFault(code, gravity, (seat.number,), params)
        for code, gravity, params in (*_of_browser(report), *_of_machine(report))
    ]
    return sorted(found, key=lambda one: not one.stops)


_Seen = Iterable[tuple[str, Gravity, Mapping[str, object]]]


def _of_browser(report: MachineReport) -> _Seen:
    oldest = OLDEST_BROWSERS.get(report.browser)
    if oldest is None:
        yield "browser_unknown", Gravity.WARN, {}
    elif report.version < oldest:
        named = {"browser": report.browser, "version": report.version, "oldest": oldest}
        yield "browser_old", Gravity.STOP, named
    if report.keeping is Keeping.NONE:
        yield "keeps_nothing", Gravity.STOP, {}
    elif report.keeping is Keeping.LOCAL:
        yield "keeps_little", Gravity.WARN, {}


def _of_machine(report: MachineReport) -> _Seen:
    trip = report.trip
    if trip is None:
        yield "no_trip", Gravity.STOP, {}
    elif trip > SLOW_TRIP:
        gravity = Gravity.STOP if trip > SLOWEST_TRIP else Gravity.WARN
        yield "slow_trip", gravity, {"seconds": f"{trip.total_seconds():.1f}"}
    if abs(report.clock_off) > CLOCK_OFF:
        yield "clock", Gravity.WARN, {"minutes": round(abs(report.clock_off) / timedelta(minutes=1))}
    if report.width < NARROWEST or report.height < LOWEST:
        yield "screen", Gravity.WARN, {"width": report.width, "height": report.height}


def room_faults(
    seats: Collection[SeatReadiness], *, printed: bool, server: Gravity | None
) -> list[RoomFault]:
    """Return what is wrong in a room, what stops first: its seats, spare machines, printing, the server.

    `printed`: somebody saw a test page of today. `server` is what the server's own examination came to.
    """
    by_code: dict[tuple[str, Gravity], list[RoomFault]] = {}
    for seat in seats:
        for one in seat_faults(seat):
            by_code.setdefault((one.code, one.gravity), []).append(one)
    found = [
        RoomFault(code, gravity, tuple(number for one in own for number in one.seats), own[0].params)
        for (code, gravity), own in by_code.items()
    ]
    if not spares_there(seats):
        found.append(RoomFault("spares", Gravity.WARN))
    if not printed:
        found.append(RoomFault("printing", Gravity.WARN))
    if server is not None:
        found.append(RoomFault("server", server))
    return sorted(found, key=lambda one: not one.stops)


def spares_there(seats: Iterable[SeatReadiness]) -> int:
    """Return how many machines at spare seats nobody is to have were heard of within the last minute."""
    return sum(
        seat.spare and not seat.taken and seat.report is not None and seat.report.age <= SEEN_FOR
        for seat in seats
    )
