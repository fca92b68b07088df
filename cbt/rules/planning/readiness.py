"""Readiness: what each step of a batch to the examination lacks, and whether a room can be examined in.

All of it is worked out from what is stored, nothing is ticked off by hand.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

from cbt.rules.planning.clashes import Gravity
from cbt.rules.states import SittingState

_AHEAD = frozenset({SittingState.DRAFT, SittingState.PUBLISHED, SittingState.ADMITTING})


class StepState(StrEnum):
    """Where a step stands: done, lacking something, lacking what a day can do without, or not yet its turn."""

    DONE = "done"
    OPEN = "open"
    OPTIONAL = "optional"
    WAITS = "waits"


@dataclass(frozen=True, slots=True)
class SittingFacts:
    """What is known of a sitting that is not cancelled; `unattended` names rooms where people sit and nobody is."""

    ref: str
    state: SittingState
    starts_at: datetime
    rooms: int
    people: int
    undrawn: int
    unattended: tuple[str, ...] = ()
    chiefs: int = 0
    unarranged: int = 0
    """Rooms whose seats are as the roster came, while no form is drawn there."""
    outside: bool = False
    """Whether it lies outside the days of its batch."""
    counts: bool = True
    """Whether it is an examination, not a trial or practice of one."""
    asked: bool = False
    """Whether its results are to be shown before they are released."""
    shown_until: date | None = None
    """The last day on which its results are shown; None while they are not."""
    objections: int = 0
    """How many objections to its results are open."""
    rulings: int = 0
    """How many results wait for a ruling on a violation."""
    decided: int = 0
    """How many results were left out of its release, and nothing holds them any more."""


@dataclass(frozen=True, slots=True)
class BatchFacts:
    """What is known of a batch; people and tickets are those of its sittings that are not cancelled."""

    sittings: Sequence[SittingFacts] = ()
    people: int = 0
    without_photo: int = 0
    tickets: int = 0
    printed: int = 0
    again: int = 0
    """Tickets that were printed before something on them changed."""
    off_roster: int = 0
    """People of applications who may sit and are in no roster."""
    application: str = ""
    """The ref of the first application of these."""
    certificates: int = 0
    """How many certificates its people hold of what it examined."""
    certifiable: int = 0
    """How many of its people may have one and have none."""


@dataclass(frozen=True, slots=True)
class LackOfSitting:
    """One thing a sitting lacks: `rooms`, `candidates`, `proctors` (of `rooms`), `chief`, `forms` (`count`)."""

    code: str
    count: int = 0
    rooms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BatchStep:
    """A step of a batch: `reason` names the sentence, `counts` its numbers.

    `sitting`, or `application`, is where it is mended.
    """

    code: str
    state: StepState
    reason: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    sitting: str = ""
    application: str = ""


def lacks(sitting: SittingFacts) -> list[LackOfSitting]:
    """Return everything a sitting lacks for its day, in the order in which it is mended.

    A room that nobody sits in needs no proctor; where nobody sits at all, nobody need be in charge.

    Source: R-7, R-20, R-43, R-60, R-62.
    """
    missing = []
    if not sitting.rooms:
        missing.append(LackOfSitting("rooms"))
    if not sitting.people:
        missing.append(LackOfSitting("candidates"))
    if sitting.unattended:
        missing.append(LackOfSitting("proctors", len(sitting.unattended), sitting.unattended))
    if sitting.people and not sitting.chiefs:
        missing.append(LackOfSitting("chief"))
    if sitting.undrawn:
        missing.append(LackOfSitting("forms", sitting.undrawn))
    return missing


def steps_of(batch: BatchFacts, *, now: datetime) -> list[BatchStep]:
    """Return the steps of a batch: 名册, 照片, 场次, 座位, 组卷, 准考证, 监考, 发布.

    Only sittings that lie ahead can lack something.

    Source: R-7, R-15, R-43, R-60, R-62.
    """
    ahead = [sitting for sitting in batch.sittings if sitting.state in _AHEAD]
    steps = [_roster(batch), *_of_people(batch, ahead, now)]
    return [*steps, _publish(ahead, batch, steps)]


def next_step(steps: Sequence[BatchStep]) -> BatchStep | None:
    """Return the step to go on with: the first that is open, else the first a day can do without, else None."""
    for state in (StepState.OPEN, StepState.OPTIONAL):
        for step in steps:
            if step.state is state:
                return step
    return None


def _roster(batch: BatchFacts) -> BatchStep:
    if batch.off_roster:
        counts = {"people": batch.people, "missing": batch.off_roster}
        return BatchStep("roster", StepState.OPEN, "off_roster", counts, application=batch.application)
    if batch.people:
        return BatchStep("roster", StepState.DONE, "done", {"people": batch.people})
    if not any(sitting.rooms for sitting in batch.sittings):
        return BatchStep("roster", StepState.OPTIONAL, "early")
    return BatchStep("roster", StepState.OPEN, "none")


def _of_people(batch: BatchFacts, ahead: Sequence[SittingFacts], now: datetime) -> list[BatchStep]:
    """Return the steps between roster and publishing; all but the sittings wait for people."""
    sittings = _sittings(batch, ahead, now)
    if not batch.people:
        waiting = [
            BatchStep(code, StepState.WAITS, "people") for code in ("seats", "forms", "tickets", "proctors")
        ]
        return [BatchStep("photos", StepState.WAITS, "people"), sittings, *waiting]
    return [
        _photos(batch, ahead),
        sittings,
        _seats(batch, ahead),
        _forms(ahead),
        _tickets(batch, ahead),
        _proctors(ahead),
    ]


def _photos(batch: BatchFacts, ahead: Sequence[SittingFacts]) -> BatchStep:
    if batch.without_photo and ahead:
        counts = {"missing": batch.without_photo, "people": batch.people}
        return BatchStep("photos", StepState.OPTIONAL, "missing", counts, _first(ahead, "people"))
    if batch.without_photo:
        return BatchStep("photos", StepState.DONE, "without", {"missing": batch.without_photo})
    return BatchStep("photos", StepState.DONE, "done")


def _sittings(batch: BatchFacts, ahead: Sequence[SittingFacts], now: datetime) -> BatchStep:
    if not batch.sittings:
        return BatchStep("sittings", StepState.OPEN, "none")
    roomless = [sitting for sitting in ahead if not sitting.rooms]
    late = [sitting for sitting in ahead if sitting.state is SittingState.DRAFT and sitting.starts_at <= now]
    outside = [sitting for sitting in ahead if sitting.outside]
    for facts, state, reason in (
        (roomless, StepState.OPEN, "rooms"),
        (late, StepState.OPEN, "late"),
        (outside, StepState.OPTIONAL, "outside"),
    ):
        if facts:
            return BatchStep("sittings", state, reason, {"count": len(facts)}, facts[0].ref)
    counts = {"count": len(batch.sittings), "rooms": sum(sitting.rooms for sitting in batch.sittings)}
    return BatchStep("sittings", StepState.DONE, "done", counts)


def _seats(batch: BatchFacts, ahead: Sequence[SittingFacts]) -> BatchStep:
    """Return the step of seats: once forms are drawn, who sits where is settled (R-8)."""
    waiting = sum(sitting.unarranged for sitting in ahead)
    if waiting:
        return BatchStep("seats", StepState.OPEN, "arrange", {"rooms": waiting})
    return BatchStep("seats", StepState.DONE, "done", {"people": batch.people})


def _forms(ahead: Sequence[SittingFacts]) -> BatchStep:
    undrawn = [sitting for sitting in ahead if sitting.undrawn]
    if undrawn:
        counts = {"missing": sum(sitting.undrawn for sitting in undrawn), "sittings": len(undrawn)}
        return BatchStep("forms", StepState.OPEN, "missing", counts, undrawn[0].ref)
    return BatchStep("forms", StepState.DONE, "done")


def _tickets(batch: BatchFacts, ahead: Sequence[SittingFacts]) -> BatchStep:
    where = _first(ahead, "people")
    if batch.again and where:
        return BatchStep("tickets", StepState.OPTIONAL, "again", {"again": batch.again}, where)
    if batch.printed < batch.tickets and where:
        counts = {"missing": batch.tickets - batch.printed, "tickets": batch.tickets}
        return BatchStep("tickets", StepState.OPTIONAL, "missing", counts, where)
    if batch.printed < batch.tickets:
        counts = {"printed": batch.printed, "tickets": batch.tickets}
        return BatchStep("tickets", StepState.DONE, "some", counts)
    return BatchStep("tickets", StepState.DONE, "done", {"tickets": batch.tickets})


def _proctors(ahead: Sequence[SittingFacts]) -> BatchStep:
    unattended = [sitting for sitting in ahead if sitting.unattended]
    headless = [sitting for sitting in ahead if sitting.people and not sitting.chiefs]
    if unattended:
        counts = {
            "rooms": sum(len(sitting.unattended) for sitting in unattended),
            "sittings": len(unattended),
        }
        return BatchStep("proctors", StepState.OPEN, "missing", counts, unattended[0].ref)
    if headless:
        return BatchStep("proctors", StepState.OPEN, "chief", {"sittings": len(headless)}, headless[0].ref)
    return BatchStep("proctors", StepState.DONE, "done")


def _publish(ahead: Sequence[SittingFacts], batch: BatchFacts, before: Sequence[BatchStep]) -> BatchStep:
    drafts = [sitting for sitting in ahead if sitting.state is SittingState.DRAFT]
    ready = [sitting for sitting in drafts if not lacks(sitting)]
    if ready:
        counts = {"ready": len(ready), "drafts": len(drafts)}
        return BatchStep("publish", StepState.OPEN, "ready", counts, ready[0].ref)
    if batch.sittings and not drafts:
        return BatchStep("publish", StepState.DONE, "done", {"count": len(batch.sittings)})
    if any(step.state is StepState.OPEN for step in before):
        return BatchStep("publish", StepState.WAITS, "before")
    empty = [sitting for sitting in drafts if not sitting.people]
    return BatchStep("publish", StepState.OPEN, "empty", {"count": len(empty)}, empty[0].ref)


def _first(sittings: Sequence[SittingFacts], having: str) -> str:
    """Return the ref of the first sitting that has some of `having`, or an empty text."""
    return next((sitting.ref for sitting in sittings if getattr(sitting, having)), "")


_OVER = frozenset({SittingState.ENDED, SittingState.SCORED, SittingState.RELEASED})


def publicity_steps(batch: BatchFacts, *, today: date) -> list[BatchStep]:
    """Return the step of 公示 for the sittings that are over; none while there is nothing to show. Source: R-90."""
    over = [sitting for sitting in batch.sittings if sitting.state in _OVER and sitting.asked]

    if not over:
        return []
    waiting = [sitting for sitting in over if sitting.state is not SittingState.RELEASED]
    shown = [sitting for sitting in waiting if sitting.shown_until is not None]
    for reason, facts, count in (
        ("due", [one for one in waiting if one.shown_until is None], 0),
        ("objections", [one for one in over if one.objections], sum(one.objections for one in over)),
        ("rulings", [one for one in over if one.rulings], sum(one.rulings for one in over)),
        ("release", [one for one in shown if one.shown_until is not None and today > one.shown_until], 0),
        ("rest", [one for one in over if one.decided], sum(one.decided for one in over)),
    ):
        if facts:
            counts = {"count": count or len(facts)}
            return [BatchStep("publicity", StepState.OPEN, reason, counts, facts[0].ref)]
    if waiting:
        return [BatchStep("publicity", StepState.WAITS, "shown")]
    return [BatchStep("publicity", StepState.DONE, "done", {"count": len(over)})]


def certificate_steps(batch: BatchFacts) -> list[BatchStep]:
    """Return the step of 发证 once an examination is over; it waits for the first release. Source: R-62, R-93."""
    over = [sitting for sitting in batch.sittings if sitting.state in _OVER and sitting.counts]
    if not over:
        return []
    if batch.certifiable:
        counts = {"count": batch.certifiable, "issued": batch.certificates}
        return [BatchStep("certificates", StepState.OPEN, "ready", counts)]
    if not any(sitting.state is SittingState.RELEASED for sitting in over):
        return [BatchStep("certificates", StepState.WAITS, "release")]
    if batch.certificates:
        return [BatchStep("certificates", StepState.DONE, "done", {"count": batch.certificates})]
    return [BatchStep("certificates", StepState.DONE, "none")]


# Whether a room can be examined in: what its machines report, against what an examination needs.
#
# What a machine says of itself is taken as a hint where something is missing, never as proof that all is
# well: the
# server's own clock rules, and an answer counts once the server has it.
#
# Source: R-16, R-20.

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
    faults = [
        RoomFault(code, gravity, (seat.number,), params)
        for code, gravity, params in (*_of_browser(report), *_of_machine(report))
    ]
    return sorted(faults, key=lambda one: not one.stops)


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
        for seat_fault in seat_faults(seat):
            by_code.setdefault((seat_fault.code, seat_fault.gravity), []).append(seat_fault)
    faults = [
        RoomFault(code, gravity, tuple(number for one in own for number in one.seats), own[0].params)
        for (code, gravity), own in by_code.items()
    ]
    if not spares_there(seats):
        faults.append(RoomFault("spares", Gravity.WARN))
    if not printed:
        faults.append(RoomFault("printing", Gravity.WARN))
    if server is not None:
        faults.append(RoomFault("server", server))
    return sorted(faults, key=lambda one: not one.stops)


def spares_there(seats: Iterable[SeatReadiness]) -> int:
    """Return how many machines at spare seats nobody is to have were heard of within the last minute."""
    return sum(
        seat.spare and not seat.taken and seat.report is not None and seat.report.age <= SEEN_FOR
        for seat in seats
    )
