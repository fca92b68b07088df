"""The facts of an attempt's clock: what it follows from, their one reader, and what its row says of it.

Source: R-20 to R-28.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from functools import lru_cache
from typing import Any

from sqlalchemy.orm import Session

from cbt.blueprints.store import paper_of
from cbt.rules import clock as timing
from cbt.rules.clock import (
    Adjustment,
    AttemptClock,
    Facts,
    Pause,
    Spread,
    UnitEnd,
    UnitWindow,
    clock_at,
    present,
    windows_ahead,
)
from cbt.rules.exam import Paper
from cbt.runner.attempt_states import follow
from cbt.runner.models import Attempt
from cbt.storage.engine import Dialect
from cbt.storage.types import read_instant, read_instant_or_none
from cbt.storage.unit_of_work import reading

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
        return windows_ahead(self.facts, now=self.present(now)) if self.paper.windows else []

    def store(self, clock: AttemptClock) -> None:
        """Write a clock to the attempt's row, with the state that goes with it."""
        follow(self.attempt, clock)
        for name, value in clock_columns(self.facts, self.paper, self.room, clock).items():
            setattr(self.attempt, name, value)


# The one reader of the facts of clocks: for starts, hand-ins, sweeps and what staff does.
#
# It speaks to the driver, for everybody begins at the same moment and whole rooms end at one.

SPREAD = {
    "site_fault": Spread.AT_INSTANT,
    "general": Spread.IN_PROPORTION,
    "accommodation": Spread.IN_PROPORTION,
}
"""补时 lengthens the window open at its instant; 延时 and 加时 are spread over what is left (R-24)."""
TERMS = "r.factor, r.extra, r.blueprint_version_id, r.paper"
"""The columns of a registration that `terms_of` reads."""
_TERMS = f"SELECT a.id, {TERMS} FROM attempt a JOIN registration r ON r.id = a.registration_id WHERE a.id"
_ROOMS = "SELECT id, state, started_at, evacuated_at FROM sitting_room WHERE id"
_HOLDS = "SELECT sitting_room_id, from_at, to_at FROM room_hold WHERE sitting_room_id"
_ROOM_GRANTS = (
    "SELECT sitting_room_id, at, amount, kind, moves_earliest FROM room_adjustment "
    "WHERE withdrawn_at IS NULL AND sitting_room_id"
)
_UNITS = "SELECT attempt_id, unit, at FROM unit_done WHERE attempt_id"
_PAUSES = "SELECT attempt_id, from_at, to_at FROM attempt_suspension WHERE attempt_id"
_GRANTS = (
    "SELECT attempt_id, at, amount, kind FROM attempt_adjustment WHERE withdrawn_at IS NULL AND attempt_id"
)


class FactReader:
    """Reads facts on the cursor of a transaction that may have the attempts locked."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    def _select(self, cursor: Any, query: str, numbers: Sequence[int]) -> Iterable[Any]:
        among, values = self._dialect.among(numbers)
        cursor.execute(f"{query} {among}", values)
        return list(cursor.fetchall())

    def rooms(self, cursor: Any, ids: Sequence[int]) -> dict[int, RoomFacts]:
        """Read the facts of sitting-rooms (three queries)."""
        holds: dict[int, list[Pause]] = defaultdict(list)
        for room_id, from_at, to_at in self._select(cursor, _HOLDS, ids):
            holds[room_id].append(Pause(read_instant(from_at), read_instant_or_none(to_at)))
        grants: dict[int, list[Adjustment]] = defaultdict(list)
        outages: dict[int, list[Pause]] = defaultdict(list)
        for room_id, raw_at, micros, kind, moves in self._select(cursor, _ROOM_GRANTS, ids):
            at, amount = read_instant(raw_at), timedelta(microseconds=micros)
            grants[room_id].append(Adjustment(at, amount, SPREAD[kind]))
            if moves:
                outages[room_id].append(Pause(at, at + amount))
        return {
            room_id: RoomFacts(
                state=state,
                started_at=read_instant_or_none(started_at),
                holds=tuple(holds[room_id]),
                adjustments=tuple(grants[room_id]),
                outages=tuple(outages[room_id]),
                evacuated=evacuated_at is not None,
            )
            for room_id, state, started_at, evacuated_at in self._select(cursor, _ROOMS, ids)
        }

    def terms(self, cursor: Any, ids: Sequence[int]) -> dict[int, Terms]:
        """Read what the candidates of attempts were granted (one query)."""
        return {row[0]: terms_of(row[1:]) for row in self._select(cursor, _TERMS, ids)}

    def own(self, cursor: Any, ids: Sequence[int]) -> Mapping[int, OwnFacts]:
        """Read what moves the clocks of attempts one by one (three queries)."""
        facts: dict[int, OwnFacts] = defaultdict(OwnFacts)
        for attempt_id, unit, at in self._select(cursor, _UNITS, ids):
            facts[attempt_id].units_done.append(UnitEnd(unit, read_instant(at)))
        for attempt_id, from_at, to_at in self._select(cursor, _PAUSES, ids):
            facts[attempt_id].suspensions.append(Pause(read_instant(from_at), read_instant_or_none(to_at)))
        for attempt_id, at, amount, kind in self._select(cursor, _GRANTS, ids):
            grant = Adjustment(read_instant(at), timedelta(microseconds=amount), SPREAD[kind])
            facts[attempt_id].adjustments.append(grant)
        return facts


def terms_of(row: Sequence[Any]) -> Terms:
    factor, extra, version_id, paper = row
    return Terms(_fraction(str(factor)), timedelta(microseconds=extra), version_id, paper)


def room_facts(session: Session, sitting_room_id: int) -> RoomFacts:
    """Read the facts of one sitting-room (three queries), as the session's own changes have left them."""
    session.flush()
    cursor = session.connection().connection.cursor()
    rooms = _reader(session).rooms(cursor, [sitting_room_id])
    cursor.close()
    return rooms[sitting_room_id]


def attempt_facts(session: Session, room: RoomFacts, attempts: Sequence[Attempt]) -> list[AttemptFacts]:
    """Return the facts of started attempts of one room (four queries, however many attempts)."""
    started = [(attempt, attempt.started_at) for attempt in attempts if attempt.started_at is not None]
    if room.started_at is None or not started:
        return []
    session.flush()
    ids = [attempt.id for attempt, _ in started]
    reader, cursor = _reader(session), session.connection().connection.cursor()
    terms, own = reader.terms(cursor, ids), reader.own(cursor, ids)
    cursor.close()
    gathered = []
    for attempt, started_at in started:
        granted = terms[attempt.id]
        paper = paper_of(session, granted.version_id, granted.paper)
        facts = timing_facts(room, paper, granted, own[attempt.id], started_at=started_at)
        gathered.append(AttemptFacts(attempt, paper, facts, room))
    return gathered


def _reader(session: Session) -> FactReader:
    return FactReader(Dialect(session.get_bind().dialect.name))


_fraction = lru_cache(maxsize=256)(Fraction)


def windows_of(attempt_id: int, *, now: datetime) -> Sequence[UnitWindow]:
    """Return the windows of an attempt that are open or to come; none before its start (R-24)."""
    with reading() as session:
        attempt = session.get_one(Attempt, attempt_id)
        facts = attempt_facts(session, room_facts(session, attempt.sitting_room_id), [attempt])
        return facts[0].windows(now) if facts else ()
