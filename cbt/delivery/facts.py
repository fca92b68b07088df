"""What an attempt's clock follows from, and what its row says of the clock; read by fact_reader.py.

Source: R-20 to R-28.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from cbt.delivery.models import Attempt
from cbt.delivery.moving import follow
from cbt.rules.clock import timing
from cbt.rules.clock.facts import Adjustment, AttemptClock, Facts, Pause, UnitEnd, UnitWindow, present
from cbt.rules.clock.windows import clock_at, windows_ahead
from cbt.rules.exam.paper import Paper

CLOCK = (
    "closes_at",
    "earliest_submit_at",
    "open_unit",
    "unit_ends_at",
    "prior_unit",
    "prior_unit_ends_at",
)
"""What an attempt's row says of its clock (see clock_columns)."""


@dataclass(frozen=True, slots=True)
class RoomFacts:
    """What moves the clocks of everybody in a sitting-room."""

    state: str
    started_at: datetime | None
    holds: tuple[Pause, ...]
    adjustments: tuple[Adjustment, ...]
    outages: tuple[Pause, ...]
    """Whole-room adjustments that move the earliest submit, as pauses of their length (R-23)."""
    evacuated: bool = False
    """Whether everybody is to be outside."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a candidate was granted before the start (R-30), and the paper it is granted for."""

    factor: Fraction
    extra: timedelta
    version_id: int
    paper: str


@dataclass(slots=True)
class OwnFacts:
    """What moves the clock of one candidate alone."""

    units_done: list[UnitEnd] = field(default_factory=list)
    suspensions: list[Pause] = field(default_factory=list)
    adjustments: list[Adjustment] = field(default_factory=list)


def timing_facts(
    room: RoomFacts, paper: Paper, terms: Terms, own: OwnFacts, *, started_at: datetime
) -> Facts:
    """Return everything the clock of an attempt follows from; the room must have started."""
    assert room.started_at is not None
    return Facts(
        room_started_at=room.started_at,
        started_at=started_at,
        duration=paper.duration,
        windows=paper.windows,
        factor=terms.factor,
        extra=terms.extra,
        holds=room.holds,
        suspensions=tuple(own.suspensions),
        adjustments=room.adjustments + tuple(own.adjustments),
        units_done=tuple(own.units_done),
        clock=paper.clock,
    )


def clock_columns(facts: Facts, paper: Paper, room: RoomFacts, clock: AttemptClock) -> dict[str, Any]:
    """Return what an attempt's row says of a clock: its columns, but for the state that `follow` moves."""
    return {
        "closes_at": clock.closes_at,
        "earliest_submit_at": timing.earliest_submit_at(
            facts.room_started_at,
            earliest=paper.submit.earliest,
            holds=room.holds,
            outages=room.outages,
            closes_at=clock.closes_at,
        ),
        "open_unit": clock.open_unit,
        "unit_ends_at": clock.unit_ends_at,
        "prior_unit": clock.prior_unit,
        "prior_unit_ends_at": clock.prior_unit_ends_at,
    }


@dataclass(frozen=True, slots=True)
class AttemptFacts:
    """One attempt with its paper and the facts of its clock."""

    attempt: Attempt
    paper: Paper
    facts: Facts
    room: RoomFacts

    def present(self, now: datetime) -> datetime:
        """Return `now`, but no earlier than what has happened to the attempt already (R-24)."""
        return present(self.facts, now=now, reached_at=self.attempt.prior_unit_ends_at)

    def clock(self, now: datetime) -> AttemptClock:
        """Return the clock at `now`, never before what has happened already."""
        return clock_at(self.facts, now=self.present(now))

    def windows(self, now: datetime) -> list[UnitWindow]:
        """Return the windows that are open or to come at `now`."""
        return windows_ahead(self.facts, now=self.present(now)) if self.paper.windows else []

    def store(self, clock: AttemptClock) -> None:
        """Write a clock to the attempt's row, with the state that goes with it."""
        follow(self.attempt, clock)
        for name, value in clock_columns(self.facts, self.paper, self.room, clock).items():
            setattr(self.attempt, name, value)
