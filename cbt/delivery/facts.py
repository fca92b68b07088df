"""Gathers the facts an attempt's clock follows from, and stores what the rule says.

Source: R-20 to R-28.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.candidates.models import Registration
from cbt.delivery.models import Attempt, AttemptAdjustment, AttemptSuspension
from cbt.delivery.models import UnitDone as UnitDoneRow
from cbt.delivery.moving import follow
from cbt.exams.store import paper_of
from cbt.rules.clock import timing
from cbt.rules.clock.facts import Adjustment, AttemptClock, Facts, Pause, Spread, UnitDone, present
from cbt.rules.clock.windows import clock_at
from cbt.rules.exam.paper import Paper
from cbt.sittings.models import RoomAdjustment, RoomHold, SittingRoom

SPREAD = {
    "site_fault": Spread.AT_INSTANT,
    "general": Spread.IN_PROPORTION,
    "accommodation": Spread.IN_PROPORTION,
}
"""补时 lengthens the window open at its instant; 延时 and 加时 are spread over what is left (R-24)."""


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


def room_facts(session: Session, sitting_room_id: int) -> RoomFacts:
    """Read the facts of one sitting-room (three queries)."""
    state, started_at, evacuated_at = session.execute(
        select(SittingRoom.state, SittingRoom.started_at, SittingRoom.evacuated_at).where(
            SittingRoom.id == sitting_room_id
        )
    ).one()
    holds = session.execute(
        select(RoomHold.from_at, RoomHold.to_at).where(RoomHold.sitting_room_id == sitting_room_id)
    ).all()
    adjustments = session.scalars(
        select(RoomAdjustment).where(RoomAdjustment.sitting_room_id == sitting_room_id)
    ).all()
    return room_facts_of(
        state,
        started_at,
        [(row.from_at, row.to_at) for row in holds],
        [(row.at, row.amount, row.kind, row.moves_earliest) for row in adjustments],
        evacuated=evacuated_at is not None,
    )


def room_facts_of(
    state: str,
    started_at: datetime | None,
    holds: Iterable[tuple[datetime, datetime | None]],
    adjustments: Sequence[tuple[datetime, timedelta, str, bool]],
    *,
    evacuated: bool,
) -> RoomFacts:
    """Return the facts of a sitting-room from its rows: holds (from, to), adjustments (at, amount, kind, moves)."""
    return RoomFacts(
        state=state,
        started_at=started_at,
        holds=tuple(Pause(from_at, to_at) for from_at, to_at in holds),
        adjustments=tuple(Adjustment(at, amount, SPREAD[kind]) for at, amount, kind, _ in adjustments),
        outages=tuple(Pause(at, at + amount) for at, amount, _, moves in adjustments if moves),
        evacuated=evacuated,
    )


def timing_facts(
    room: RoomFacts,
    paper: Paper,
    *,
    started_at: datetime,
    factor: Fraction,
    extra: timedelta,
    suspensions: Sequence[Pause] = (),
    adjustments: Sequence[Adjustment] = (),
    units_done: Sequence[UnitDone] = (),
) -> Facts:
    """Return everything the clock of an attempt follows from; the room must have started."""
    assert room.started_at is not None
    return Facts(
        room_started_at=room.started_at,
        started_at=started_at,
        duration=paper.duration,
        windows=paper.windows,
        factor=factor,
        extra=extra,
        holds=room.holds,
        suspensions=tuple(suspensions),
        adjustments=room.adjustments + tuple(adjustments),
        units_done=tuple(units_done),
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

    def store(self, clock: AttemptClock) -> None:
        """Write a clock to the attempt's row, with the state that goes with it."""
        follow(self.attempt, clock)
        for name, value in clock_columns(self.facts, self.paper, self.room, clock).items():
            setattr(self.attempt, name, value)


def attempt_facts(
    session: Session, room: RoomFacts, attempts: Sequence[Attempt], *, opened_at: datetime | None = None
) -> list[AttemptFacts]:
    """Return the facts of started attempts of one room (four queries, however many attempts).

    `opened_at` stands in for attempts that have not begun: the instant they are about to.
    """
    if room.started_at is None or not attempts:
        return []
    ids = [attempt.id for attempt in attempts]
    registrations = {
        row.id: row
        for row in session.scalars(
            select(Registration).where(Registration.id.in_([attempt.registration_id for attempt in attempts]))
        )
    }
    done: dict[int, list[UnitDone]] = defaultdict(list)
    for row in session.scalars(select(UnitDoneRow).where(UnitDoneRow.attempt_id.in_(ids))):
        done[row.attempt_id].append(UnitDone(row.unit, row.at))
    pauses: dict[int, list[Pause]] = defaultdict(list)
    for pause in session.scalars(select(AttemptSuspension).where(AttemptSuspension.attempt_id.in_(ids))):
        pauses[pause.attempt_id].append(Pause(pause.from_at, pause.to_at))
    grants: dict[int, list[Adjustment]] = defaultdict(list)
    for grant in session.scalars(select(AttemptAdjustment).where(AttemptAdjustment.attempt_id.in_(ids))):
        grants[grant.attempt_id].append(Adjustment(grant.at, grant.amount, SPREAD[grant.kind]))
    gathered = []
    for attempt in attempts:
        started_at = attempt.started_at or opened_at
        if started_at is None:
            continue
        registration = registrations[attempt.registration_id]
        paper = paper_of(session, registration.blueprint_version_id, registration.paper)
        facts = timing_facts(
            room,
            paper,
            started_at=started_at,
            factor=Fraction(registration.factor),
            extra=registration.extra,
            suspensions=pauses[attempt.id],
            adjustments=grants[attempt.id],
            units_done=done[attempt.id],
        )
        gathered.append(AttemptFacts(attempt, paper, facts, room))
    return gathered
