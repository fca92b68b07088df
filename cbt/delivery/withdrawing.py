"""Changes of attempts taken back soon after they were made, within the unit of work of a later room.

What was given stays on record with when it was taken back. A clock is as it was then: what stood still meanwhile
has been given back, and nothing is taken back that somebody has already used (R-20, R-25).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from cbt.delivery.fact_reader import attempt_facts, room_facts
from cbt.delivery.models import Attempt, AttemptAdjustment, AttemptSuspension, Message, UnitDone
from cbt.delivery.moving import ACTIVE, RUNNING
from cbt.delivery.steps import refresh_clocks, resume_attempt


def withdraw_time(session: Session, attempt: Attempt, adjustment_id: int, *, now: datetime) -> bool:
    """Take time back that was given to one candidate; return whether it could be.

    It cannot once their paper is over, or would be without it, or in another unit. Source: R-20.
    """
    row = session.get_one(AttemptAdjustment, adjustment_id)
    if row.withdrawn_at is not None or attempt.state not in ACTIVE:
        return False
    row.withdrawn_at = now
    if not goes_on(session, attempt.sitting_room_id, [attempt], now=now):
        row.withdrawn_at = None
        session.flush()
        return False
    refresh_clocks(session, now=now, sitting_room_id=attempt.sitting_room_id, attempt_ids=[attempt.id])
    return True


def goes_on(session: Session, sitting_room_id: int, attempts: Sequence[Attempt], *, now: datetime) -> bool:
    """Return whether the facts, as they stand now, leave every attempt time, and in the unit it is in."""
    session.flush()
    for entry in attempt_facts(session, room_facts(session, sitting_room_id), attempts):
        clock = entry.clock(now)
        if not clock.suspended and (clock.closes_at is None or clock.closes_at <= now):
            return False
        if clock.open_unit != entry.attempt.open_unit and not clock.units_done:
            return False
    return True


def under_way(session: Session, sitting_room_id: int) -> Sequence[Attempt]:
    """Return the attempts of a room that have begun and are not over, locked."""
    query = select(Attempt).where(Attempt.sitting_room_id == sitting_room_id, Attempt.state.in_(ACTIVE))
    rows = session.scalars(
        query.order_by(Attempt.id).with_for_update().execution_options(populate_existing=True)
    )
    return rows.all()


def moved_on(session: Session, sitting_room_id: int, *, since: datetime) -> bool:
    """Return whether somebody of a room has ended a unit or a paper after an instant."""
    ended = (
        select(UnitDone.id)
        .join(Attempt, Attempt.id == UnitDone.attempt_id)
        .where(Attempt.sitting_room_id == sitting_room_id, UnitDone.at > since)
    )
    closed = select(Attempt.id).where(Attempt.sitting_room_id == sitting_room_id, Attempt.closed_at > since)
    return any(session.scalar(query.limit(1)) is not None for query in (ended, closed))


def withdraw_suspension(
    session: Session, attempt: Attempt, suspension_id: int, *, now: datetime, actor: str
) -> bool:
    """Let a clock run again that was stopped by mistake; return whether it still stood. Source: R-25."""
    row = session.get_one(AttemptSuspension, suspension_id)
    if row.to_at is not None:
        return False
    resume_attempt(session, attempt, now=now, actor=actor)
    return True


def withdraw_resumption(
    session: Session, attempt: Attempt, suspension_id: int, *, open_unit: int | None, now: datetime
) -> bool:
    """Stop a clock again that was let run by mistake, from where it stood; return whether it still ran.

    What was answered meanwhile counts; what ran meanwhile is given back like the pause it was taken from. It is
    left alone once the candidate is in another unit or paused anew. Source: R-25.
    """
    row = session.get_one(AttemptSuspension, suspension_id)
    latest = select(AttemptSuspension.id).where(AttemptSuspension.attempt_id == attempt.id)
    last = session.scalar(latest.order_by(AttemptSuspension.id.desc()).limit(1))
    if row.to_at is None or last != row.id or attempt.state not in RUNNING or attempt.open_unit != open_unit:
        return False
    row.to_at = row.resumed_by = None
    refresh_clocks(session, now=now, sitting_room_id=attempt.sitting_room_id, attempt_ids=[attempt.id])
    return True


def withdraw_message(session: Session, attempt: Attempt, message_id: int, *, now: datetime) -> bool:
    """Take a 提醒 back that was not read yet; return whether it could be."""
    taken = session.scalar(
        update(Message)
        .where(Message.id == message_id, Message.read_at.is_(None), Message.withdrawn_at.is_(None))
        .values(withdrawn_at=now)
        .returning(Message.id)
    )
    if taken is None:
        return False
    waiting = select(Message.id).where(
        Message.attempt_id == attempt.id, Message.read_at.is_(None), Message.withdrawn_at.is_(None)
    )
    attempt.has_message = session.scalar(waiting.limit(1)) is not None
    session.flush()
    return True


def withdraw_permit(
    session: Session, attempt: Attempt, *, was_allowed_at: datetime | None, epoch: int
) -> bool:
    """Take 允许换机 back while no machine has made use of it; return whether it could be. Source: R-42."""
    taken = session.scalar(
        update(Attempt)
        .where(Attempt.id == attempt.id, Attempt.lease_epoch == epoch, Attempt.move_allowed_at.is_not(None))
        .values(move_allowed_at=was_allowed_at)
        .returning(Attempt.id)
    )
    session.refresh(attempt)
    return taken is not None
