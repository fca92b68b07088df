"""The one reader of the facts of clocks: for starts, hand-ins, sweeps and what staff does.

It speaks to the driver, for everybody begins at the same moment and whole rooms end at one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from fractions import Fraction
from functools import lru_cache
from typing import Any

from sqlalchemy.orm import Session

from cbt.db.types import read_instant, read_instant_or_none
from cbt.delivery.facts import AttemptFacts, OwnFacts, RoomFacts, Terms, timing_facts
from cbt.delivery.models import Attempt
from cbt.delivery.save.guard import Dialect
from cbt.exams.store import paper_of
from cbt.rules.clock.facts import Adjustment, Pause, Spread, UnitEnd

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
    """Return the terms of a row's TERMS."""
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
