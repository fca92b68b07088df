"""What an end asks of attempts besides their guards, read for a batch of them at once: who, where, by which terms.

Source: R-20, R-24, R-30.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cbt.db.types import read_instant_or_none
from cbt.delivery.fact_reader import TERMS, FactReader, terms_of
from cbt.delivery.facts import OwnFacts, RoomFacts, Terms
from cbt.delivery.save.guard import Dialect

_ROWS = (
    f"SELECT a.id, a.ref, r.ref, a.sitting_room_id, a.started_at, a.receipt, a.closed_at, {TERMS} "
    "FROM attempt a JOIN registration r ON r.id = a.registration_id WHERE a.id"
)


@dataclass(slots=True)
class EndRow:
    """An attempt and what moves its clock; changed as the ends of a batch go by."""

    attempt_id: int
    ref: str
    registration_ref: str
    started_at: datetime | None
    receipt: str | None
    closed_at: datetime | None
    terms: Terms
    room: RoomFacts
    own: OwnFacts


def end_rows(cursor: Any, dialect: Dialect, ids: Sequence[int]) -> Mapping[int, EndRow]:
    """Read what ends ask of attempts (seven queries), on the cursor of the transaction that has them locked."""
    among, values = dialect.among(ids)
    cursor.execute(f"{_ROWS} {among}", values)
    rows = cursor.fetchall()
    reader = FactReader(dialect)
    rooms = reader.rooms(cursor, sorted({row[3] for row in rows}))
    own = reader.own(cursor, ids)
    return {
        row[0]: EndRow(
            attempt_id=row[0],
            ref=row[1],
            registration_ref=row[2],
            started_at=read_instant_or_none(row[4]),
            receipt=row[5],
            closed_at=read_instant_or_none(row[6]),
            terms=terms_of(row[7:]),
            room=rooms[row[3]],
            own=own[row[0]],
        )
        for row in rows
    }
