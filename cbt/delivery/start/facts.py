"""The facts a batch of starts follows from, read for all of them at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from functools import lru_cache
from typing import Any

from cbt.db.types import read_instant
from cbt.delivery.facts import SPREAD, RoomFacts, room_facts_of
from cbt.delivery.save.guard import Dialect
from cbt.rules.clock.facts import Adjustment, Pause, UnitDone

MOST_MACHINES = 20
"""So many machines of one attempt are remembered."""
_ROWS = (
    "SELECT a.id, a.started_at, a.lease_login_id, a.lease_machine, a.move_allowed_at, a.sitting_room_id, "
    "r.factor, r.extra, r.confirmed_at, r.pledged_at, r.query_at, l.seen_at, a.lease_machines "
    "FROM attempt a JOIN registration r ON r.id = a.registration_id "
    "LEFT JOIN attempt_live l ON l.attempt_id = a.id WHERE a.id"
)
_ROOMS = "SELECT id, state, started_at, evacuated_at FROM sitting_room WHERE id"
_HOLDS = "SELECT sitting_room_id, from_at, to_at FROM room_hold WHERE sitting_room_id"
_ROOM_GRANTS = (
    "SELECT sitting_room_id, at, amount, kind, moves_earliest FROM room_adjustment WHERE sitting_room_id"
)
_UNITS = "SELECT attempt_id, unit, at FROM unit_done WHERE attempt_id"
_PAUSES = "SELECT attempt_id, from_at, to_at FROM attempt_suspension WHERE attempt_id"
_GRANTS = "SELECT attempt_id, at, amount, kind FROM attempt_adjustment WHERE attempt_id"


@dataclass(slots=True)
class StartRow:
    """What only a start asks of an attempt; changed as the starts of a batch go by."""

    started_at: datetime | None
    lease_login_id: int | None
    lease_machine: str | None
    move_allowed: bool
    room_id: int
    factor: Fraction
    extra: timedelta
    came_in: bool
    seen_at: datetime | None
    lease_machines: str


@dataclass(slots=True)
class OwnFacts:
    """The personal facts of one attempt's clock."""

    units_done: list[UnitDone] = field(default_factory=list)
    suspensions: list[Pause] = field(default_factory=list)
    adjustments: list[Adjustment] = field(default_factory=list)


class FactReader:
    """Reads facts on the cursor of the transaction that has the attempts locked."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    def _select(self, cursor: Any, query: str, numbers: Sequence[int]) -> Iterable[Any]:
        among, values = self._dialect.among(numbers)
        cursor.execute(f"{query} {among}", values)
        return list(cursor.fetchall())

    def rows(self, cursor: Any, ids: Sequence[int]) -> dict[int, StartRow]:
        """Read what a start asks of attempts."""
        return {
            row[0]: StartRow(
                started_at=_instant(row[1]),
                lease_login_id=row[2],
                lease_machine=row[3],
                move_allowed=row[4] is not None,
                room_id=row[5],
                factor=_fraction(str(row[6])),
                extra=timedelta(microseconds=row[7]),
                came_in=None not in row[8:10] and row[10] is None,
                seen_at=_instant(row[11]),
                lease_machines=row[12],
            )
            for row in self._select(cursor, _ROWS, ids)
        }

    def rooms(self, cursor: Any, ids: Sequence[int]) -> dict[int, RoomFacts]:
        """Read the facts of sitting-rooms."""
        holds: dict[int, list[tuple[datetime, datetime | None]]] = defaultdict(list)
        for room_id, from_at, to_at in self._select(cursor, _HOLDS, ids):
            holds[room_id].append((read_instant(from_at), _instant(to_at)))
        grants: dict[int, list[tuple[datetime, timedelta, str, bool]]] = defaultdict(list)
        for room_id, at, amount, kind, moves in self._select(cursor, _ROOM_GRANTS, ids):
            grants[room_id].append((read_instant(at), timedelta(microseconds=amount), kind, bool(moves)))
        return {
            room_id: room_facts_of(
                state,
                _instant(started_at),
                holds[room_id],
                grants[room_id],
                evacuated=evacuated_at is not None,
            )
            for room_id, state, started_at, evacuated_at in self._select(cursor, _ROOMS, ids)
        }

    def own(self, cursor: Any, ids: Sequence[int]) -> Mapping[int, OwnFacts]:
        """Read the personal facts of attempts."""
        facts: dict[int, OwnFacts] = defaultdict(OwnFacts)
        for attempt_id, unit, at in self._select(cursor, _UNITS, ids):
            facts[attempt_id].units_done.append(UnitDone(unit, read_instant(at)))
        for attempt_id, from_at, to_at in self._select(cursor, _PAUSES, ids):
            facts[attempt_id].suspensions.append(Pause(read_instant(from_at), _instant(to_at)))
        for attempt_id, at, amount, kind in self._select(cursor, _GRANTS, ids):
            grant = Adjustment(read_instant(at), timedelta(microseconds=amount), SPREAD[kind])
            facts[attempt_id].adjustments.append(grant)
        return facts


def with_machine(known: str, machine: str) -> str:
    """Return the machines that had a lease, with one more: each once, the latest last."""
    return " ".join([*(one for one in known.split() if one != machine), machine][-MOST_MACHINES:])


def _instant(value: Any) -> datetime | None:
    return None if value is None else read_instant(value)


_fraction = lru_cache(maxsize=256)(Fraction)
