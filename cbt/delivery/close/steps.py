"""Closing attempts, by whomever: what later rooms call within their own unit of work."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.audit import chain
from cbt.db.types import read_instant_or_none
from cbt.delivery.close.closing import EVENT_OF, NOTHING_KNOWN, Closer, Closing, SealedJournal, new_receipt
from cbt.delivery.close.rows import counted_later
from cbt.delivery.models import Attempt
from cbt.delivery.moving import move
from cbt.delivery.save.guard import Dialect
from cbt.rules.states.attempt import ClosedBy, before

_ROWS = "SELECT id, ref, state, closes_at, grace, receipt FROM attempt WHERE id"


@dataclass(slots=True)
class OpenRow:
    """An attempt that a closing can happen to, as the unit of work that has it locked sees it."""

    id: int
    ref: str
    state: str
    closes_at: datetime | None
    grace: timedelta
    receipt: str | None


def close_attempts(
    session: Session,
    attempts: Sequence[Any],
    *,
    now: datetime,
    closed_at: datetime | None,
    closed_by: ClosedBy,
    actor: str,
    reason: str = "",
) -> list[int]:
    """Close attempts (given by rows with their `id`); one audit entry seals each with its journal's digest.

    `closed_at` None means each one's own `closes_at` (the deadline); either way no attempt closes before an answer
    that was acknowledged meanwhile (see `counted_later`). Rows that this closing cannot happen to (closed already,
    or by time while their clock stands) are left out, so racing callers are harmless; returns the ids of those this
    call closed.

    Source: R-21, R-28, R-60, R-64; I1, I4.
    """
    ids = [attempt.id for attempt in attempts]
    rows = lock_open(session, ids, closed_by=closed_by)
    close_rows(session, rows, now=now, closed_at=closed_at, closed_by=closed_by, actor=actor, reason=reason)
    return [row.id for row in rows]


def lock_open(session: Session, attempt_ids: Collection[int], *, closed_by: ClosedBy) -> list[OpenRow]:
    """Return, by id and locked, those attempts that such a closing can happen to."""
    if not attempt_ids:
        return []
    session.flush()
    dialect = Dialect(session.get_bind().dialect.name)
    among, values = dialect.among(sorted(attempt_ids))
    states, of_states = dialect.among([state.value for state in before(EVENT_OF[closed_by])])
    lock = " FOR UPDATE" if dialect.name == "postgresql" else ""
    query = f"{_ROWS} {among} AND state {states} ORDER BY id{lock}"
    return [
        OpenRow(number, ref, state, read_instant_or_none(closes_at), timedelta(microseconds=grace), receipt)
        for number, ref, state, closes_at, grace, receipt in session.connection().exec_driver_sql(
            query, (*values, *of_states)
        )
    ]


def close_rows(
    session: Session,
    rows: Sequence[OpenRow],
    *,
    now: datetime,
    closed_at: datetime | None,
    closed_by: ClosedBy,
    actor: str,
    reason: str = "",
    known: Mapping[int, str] = NOTHING_KNOWN,
) -> Mapping[int, SealedJournal]:
    """Close what `lock_open` returned in this unit of work as `close_attempts` says; return the journals by id.

    `known` are journals' texts that were read before.
    """
    event, closings = EVENT_OF[closed_by], []
    dialect, cursor = Dialect(session.get_bind().dialect.name), session.connection().connection.cursor()
    later = counted_later(cursor, dialect, [row.id for row in rows], closed_at)
    for row in rows:
        former = row.state
        move(row, event)
        at = closed_at if closed_at is not None else row.closes_at or now
        closing = Closing(
            attempt_id=row.id,
            ref=row.ref,
            former=former,
            state=row.state,
            closed_by=closed_by,
            closed_at=max(at, later.get(row.id, at)),
            receipt=row.receipt or new_receipt(),
            now=now,
            actor=actor,
            reason=reason,
        )
        closings.append(closing)
    entries, journals = Closer(dialect).close(cursor, closings, known)
    cursor.close()
    for entry in entries:
        chain.record_entry(session, entry)
    _see(session, rows)
    return journals


def _see(session: Session, rows: Sequence[OpenRow]) -> None:
    """Have the session see what became of attempts that it holds."""
    closed = {row.id for row in rows}
    held = [one.id for one in session.identity_map.values() if isinstance(one, Attempt) and one.id in closed]
    if held:
        query = select(Attempt).where(Attempt.id.in_(held)).execution_options(populate_existing=True)
        session.scalars(query).all()
