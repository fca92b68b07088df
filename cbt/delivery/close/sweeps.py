"""What happens to attempts by time alone: no browser and no click is needed.

Every sweep is an idempotent, conditional update in chunks; requests check the deadline themselves, so a
late or doubled sweep changes nobody's result.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.db.ahead import side_by_side
from cbt.db.unit_of_work import reading, unit_of_work
from cbt.delivery.close.outage import settle_rooms
from cbt.delivery.close.sealed import sealed_here
from cbt.delivery.close.steps import close_rows, lock_open
from cbt.delivery.models import Attempt
from cbt.delivery.moving import RUNNING
from cbt.delivery.save.digests import journal_texts
from cbt.delivery.steps import refresh_clocks
from cbt.rules.clock import timing
from cbt.rules.states.attempt import ClosedBy, State

CHUNK = 200
log = logging.getLogger(__name__)


def expire_overdue(*, now: datetime) -> int:
    """Close every attempt whose time is up, at its own deadline; return how many this call closed.

    What an outage gave back counts first. One attempt that cannot be closed does not keep the others open.

    Source: R-21, R-27, R-28.
    """
    settle_rooms(now=now)
    with reading() as session:
        due = _overdue(session, now)
    closed = 0
    chunks = [due[start : start + CHUNK] for start in range(0, len(due), CHUNK)]
    with side_by_side(_journals, chunks, threads=1) as ahead:
        for chunk, journals in ahead:
            try:
                closed += _close(chunk, journals(), now=now)
            except Exception:
                log.exception("a chunk of %d overdue attempts is closed one by one", len(chunk))
                closed += sum(_close_alone(attempt_id, now=now) for attempt_id in chunk)
    return closed


def _journals(attempt_ids: Sequence[int]) -> dict[int, str]:
    """Read journals before their attempts are locked, while others may still write."""
    with reading() as session:
        return journal_texts(session, attempt_ids)


def _overdue(session: Session, now: datetime) -> list[int]:
    rows = session.execute(
        select(Attempt.id, Attempt.closes_at, Attempt.grace)
        .where(Attempt.state.in_(RUNNING), Attempt.closes_at <= now - timing.COMMIT_MARGIN)
        .order_by(Attempt.id)
    )
    return [row.id for row in rows if timing.sweep_due(now, closes_at=row.closes_at, grace=row.grace)]


def _close(attempt_ids: Sequence[int], journals: Mapping[int, str], *, now: datetime) -> int:
    with unit_of_work() as session:
        # The end may have moved since it was read: an extension granted meanwhile keeps the attempt open.
        due = [
            one
            for one in lock_open(session, attempt_ids, closed_by=ClosedBy.DEADLINE)
            if one.state in RUNNING and timing.sweep_due(now, closes_at=one.closes_at, grace=one.grace)
        ]
        sealed = close_rows(
            session,
            due,
            now=now,
            closed_at=None,
            closed_by=ClosedBy.DEADLINE,
            actor="scheduler",
            known=journals,
        )
    sealed_here().keep(sealed)  # it is mostly this process that scores them next
    return len(due)


def _close_alone(attempt_id: int, *, now: datetime) -> int:
    try:
        return _close([attempt_id], {}, now=now)
    except Exception:
        log.exception("attempt %d could not be closed", attempt_id)
        return 0


def advance_overdue(*, now: datetime) -> int:
    """Move attempts on whose unit's time is up, with or without a browser; return how many moved.

    What an outage gave back counts first.

    Source: R-24, R-27.
    """
    settle_rooms(now=now)
    moved = 0
    while (count := _advance_chunk(now=now)) == CHUNK:
        moved += count
    return moved + count


def _advance_chunk(*, now: datetime) -> int:
    with reading() as session:
        rows = session.execute(
            select(Attempt.id, Attempt.sitting_room_id, Attempt.unit_ends_at, Attempt.grace)
            .where(
                Attempt.state == State.INTERACTING,
                Attempt.unit_ends_at <= now - timing.COMMIT_MARGIN,
                Attempt.unit_ends_at < Attempt.closes_at,
            )
            .order_by(Attempt.id)
            .limit(CHUNK)
        ).all()
    rooms: dict[int, list[int]] = {}
    for row in rows:
        if timing.sweep_due(now, closes_at=row.unit_ends_at, grace=row.grace):
            rooms.setdefault(row.sitting_room_id, []).append(row.id)
    moved = 0
    for room_id, attempt_ids in rooms.items():
        with unit_of_work() as session:
            moved += len(refresh_clocks(session, now=now, sitting_room_id=room_id, attempt_ids=attempt_ids))
    return moved
