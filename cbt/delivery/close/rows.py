"""What an end asks of attempts besides their guards, read for a batch of them at once: who, where, by which terms.

Source: R-20, R-24, R-30.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cbt.db.types import read_instant, read_instant_or_none
from cbt.delivery.fact_reader import TERMS, FactReader, terms_of
from cbt.delivery.facts import OwnFacts, RoomFacts, Terms
from cbt.delivery.save.guard import Dialect

_ROWS = (
    f"SELECT a.id, a.ref, r.ref, a.sitting_room_id, a.started_at, a.receipt, a.closed_at, l.seen_at, "
    f"{TERMS} FROM attempt a JOIN registration r ON r.id = a.registration_id "
    "LEFT JOIN attempt_live l ON l.attempt_id = a.id WHERE a.id"
)
_LATER = (
    "SELECT j.attempt_id, max(CASE WHEN j.in_grace AND j.received_at > a.closes_at THEN a.closes_at "
    "ELSE j.received_at END) FROM attempt_live l JOIN attempt a ON a.id = l.attempt_id "
    "JOIN journal j ON j.attempt_id = l.attempt_id WHERE l.attempt_id {among} "
    "AND l.seen_at > {at} AND j.received_at > {at} GROUP BY j.attempt_id"
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
    seen_at: datetime | None
    """When the page was heard last, by any process: on PostgreSQL a guard is read before its row is locked."""
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
            seen_at=read_instant_or_none(row[7]),
            terms=terms_of(row[8:]),
            room=rooms[row[3]],
            own=own[row[0]],
        )
        for row in rows
    }


def counted_later(
    cursor: Any, dialect: Dialect, ids: Sequence[int], closed_at: datetime | None
) -> Mapping[int, datetime]:
    """Return of locked attempts when the last answer came, where that was after `closed_at` (None: their deadline).

    Whoever closes waits for the saves before it: what these acknowledged meanwhile counts, so the closing is no
    older. An answer that counts by the grace came by the deadline. A query of its own, after the lock: one that
    waits for it sees rows of other tables as they were before (PostgreSQL).

    Source: R-21; I1.
    """
    if not ids:
        return {}
    among, values = dialect.among(ids)
    at: tuple[Any, ...] = () if closed_at is None else (dialect.instant(closed_at),) * 2
    query = _LATER.format(among=among, at="a.closes_at" if closed_at is None else "?")
    cursor.execute(dialect.sql(query), (*values, *at))
    return {attempt_id: read_instant(received_at) for attempt_id, received_at in cursor.fetchall()}
