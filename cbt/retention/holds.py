"""Use cases: nothing of a batch is destroyed while it is held, and who held it does not lift that (R-95)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.accounts.two_people import insist_on_two
from cbt.audit.chain import record
from cbt.db.unit_of_work import unit_of_work
from cbt.errors import Conflict
from cbt.retention.models import Destruction, RetentionHold
from cbt.rules.roles import Role
from cbt.rules.second_person import PersonStep
from cbt.sittings.models import Batch
from cbt.sittings.store import batch_by_ref
from cbt.web.refs import new_ref
from cbt.web.texts import required

REASON = 300
HOLDERS = (Role.OFFICER, Role.ADMIN)
"""Who holds a batch, and lifts what another of them held."""


def holds_of(session: Session, batch_id: int) -> Sequence[RetentionHold]:
    """Return the holds of a batch, the latest first."""
    query = select(RetentionHold).where(RetentionHold.batch_id == batch_id)
    return session.scalars(query.order_by(RetentionHold.id.desc())).all()


def standing_hold(session: Session, batch_id: int) -> RetentionHold | None:
    """Return the hold of a batch that was not lifted, None where there is none."""
    query = select(RetentionHold).where(RetentionHold.batch_id == batch_id, RetentionHold.lifted_at.is_(None))
    return session.scalar(query.limit(1))


def place_hold(batch_ref: str, *, reason: str, now: datetime, actor: str) -> None:
    """Hold a batch; what was asked of its destruction before is refused when it is confirmed.

    Raise InvalidInput("retention.no_reason"), Conflict("retention.held"), ("retention.running") for one whose
    destruction has begun.

    Source: R-95.
    """
    reason = required(reason, "retention.no_reason", "reason", limit=REASON)
    with unit_of_work() as session:
        batch = locked_batch(session, batch_ref)
        if standing_hold(session, batch.id) is not None:
            raise Conflict("retention.held")
        begun = select(Destruction.id).where(
            Destruction.batch_id == batch.id,
            Destruction.kind == "electronic",
            Destruction.state.in_(("running", "done")),
        )
        if session.scalar(begun.limit(1)) is not None:
            raise Conflict("retention.running")
        session.add(
            RetentionHold(
                ref=new_ref("rh", 10),
                batch_id=batch.id,
                reason=reason,
                placed_at=now,
                placed_by=actor,
                lifted_by="",
                lift_reason="",
            )
        )
        record(session, at=now, actor=actor, act="retention.hold", subject=batch.logged_as, reason=reason)


def lift_hold(batch_ref: str, *, reason: str, now: datetime, actor: str) -> None:
    """Lift the hold of a batch, as somebody else than who placed it.

    Raise InvalidInput("retention.no_reason"), Conflict("retention.not_held"), ("retention.own_hold"), and as
    `insist_on_two` does.

    Source: R-62, R-95.
    """
    reason = required(reason, "retention.no_reason", "reason", limit=REASON)
    with unit_of_work() as session:
        batch = locked_batch(session, batch_ref)
        hold = standing_hold(session, batch.id)
        if hold is None:
            raise Conflict("retention.not_held")
        insist_on_two(
            session,
            [PersonStep(hold.placed_by, hold.placed_at)],
            actor,
            roles=HOLDERS,
            same=Conflict("retention.own_hold"),
            now=now,
        )
        hold.lifted_at, hold.lifted_by, hold.lift_reason = now, actor, reason
        record(session, at=now, actor=actor, act="retention.lift", subject=batch.logged_as, reason=reason)


def locked_batch(session: Session, ref: str) -> Batch:
    """Return a batch, locked, so that holds and destructions of it take turns."""
    batch = batch_by_ref(session, ref)
    session.refresh(batch, with_for_update=True)
    return batch
