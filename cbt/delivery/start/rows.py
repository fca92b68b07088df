"""What a start asks of attempts besides the facts of their clocks, read for a batch of them at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cbt.db.types import read_instant_or_none
from cbt.delivery.fact_reader import TERMS, terms_of
from cbt.delivery.facts import Terms
from cbt.delivery.save.guard import Dialect

MOST_MACHINES = 20
"""So many machines of one attempt are remembered."""
_ROWS = (
    "SELECT a.id, a.started_at, a.lease_login_id, a.lease_machine, a.move_allowed_at, a.sitting_room_id, "
    f"r.confirmed_at, r.pledged_at, r.query_at, l.seen_at, a.lease_machines, l.position, {TERMS} "
    "FROM attempt a JOIN registration r ON r.id = a.registration_id "
    "LEFT JOIN attempt_live l ON l.attempt_id = a.id WHERE a.id"
)


@dataclass(slots=True)
class StartRow:
    """What only a start asks of an attempt; changed as the starts of a batch go by."""

    started_at: datetime | None
    lease_login_id: int | None
    lease_machine: str | None
    move_allowed: bool
    room_id: int
    came_in: bool
    seen_at: datetime | None
    lease_machines: str
    place: int | None
    terms: Terms


def start_rows(cursor: Any, dialect: Dialect, ids: Sequence[int]) -> dict[int, StartRow]:
    """Read what starts ask of attempts, on the cursor of the transaction that has them locked."""
    among, values = dialect.among(ids)
    cursor.execute(f"{_ROWS} {among}", values)
    return {
        row[0]: StartRow(
            started_at=read_instant_or_none(row[1]),
            lease_login_id=row[2],
            lease_machine=row[3],
            move_allowed=row[4] is not None,
            room_id=row[5],
            came_in=None not in row[6:8] and row[8] is None,
            seen_at=read_instant_or_none(row[9]),
            lease_machines=row[10],
            place=row[11],
            terms=terms_of(row[12:]),
        )
        for row in cursor.fetchall()
    }


def with_machine(known: str, machine: str) -> str:
    """Return the machines that had a lease, with one more: each once, the latest last."""
    return " ".join([*(one for one in known.split() if one != machine), machine][-MOST_MACHINES:])
