"""The batches whose records are due for destruction, and the holds that keep them from it (R-95).

Nothing of a batch is destroyed while it is held, and who held it does not lift that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import ColumnElement, and_, case, exists, func, not_, select
from sqlalchemy.orm import Session

from cbt.accounts.two_people import insist_on_two
from cbt.audit.chain import record
from cbt.errors import Conflict
from cbt.http.form_values import required
from cbt.http.i18n import local_day, local_zone
from cbt.results.models import Release
from cbt.retention.models import Destruction, RetentionHold
from cbt.retention.terms import KeptYears, kept_years
from cbt.rules.retention import due_on, latest_due
from cbt.rules.roles import Role
from cbt.rules.second_person import PersonStep
from cbt.sittings.models import Batch, Sitting
from cbt.sittings.store import batch_by_ref
from cbt.storage.paging import ListPage, PageSpan
from cbt.storage.types import new_ref
from cbt.storage.unit_of_work import unit_of_work

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


PAGE = 50
LISTS = ("due", "held", "later", "gone")


@dataclass(frozen=True, slots=True)
class DueBatch:
    """A batch: the day it was last added to, and from when its electronic records and its paper are due."""

    batch: Batch
    last_on: date
    electronic_on: date
    paper_on: date


def _last() -> ColumnElement[datetime]:
    """Return when a batch was last added to: its last planned start or its last release, else when it was made."""
    of_batch = Sitting.batch_id == Batch.id
    start = select(func.max(Sitting.planned_start_at)).where(of_batch).correlate(Batch).scalar_subquery()
    released = (
        select(func.max(Release.released_at))
        .join(Sitting, Sitting.id == Release.sitting_id)
        .where(of_batch)
        .correlate(Batch)
        .scalar_subquery()
    )
    begun = func.coalesce(start, Batch.created_at)
    return case((released > begun, released), else_=begun)


def open_hold() -> ColumnElement[bool]:
    """Choose batches of which nothing is destroyed for now."""
    return exists().where(RetentionHold.batch_id == Batch.id, RetentionHold.lifted_at.is_(None))


def _gone() -> ColumnElement[bool]:
    return exists().where(
        Destruction.batch_id == Batch.id,
        Destruction.kind == "electronic",
        Destruction.state.in_(("running", "done")),
    )


def _chosen(name: str, today: date, years: KeptYears) -> ColumnElement[bool]:
    late = datetime.combine(latest_due(today, years.electronic) + timedelta(days=1), time(), local_zone())
    due, held, gone = _last() < late, open_hold(), _gone()
    chosen = {
        "due": and_(due, not_(held), not_(gone)),
        "held": and_(held, not_(gone)),
        "later": and_(not_(due), not_(held), not_(gone)),
        "gone": gone,
    }
    return chosen[name]


def due_page(session: Session, *, list: str, today: date, page: int) -> ListPage[DueBatch]:
    """Return a page of the batches of a list by electronic records, those due longest first. Source: R-95."""
    years = kept_years(session)
    chosen = list if list in LISTS else "due"
    counts = {
        name: session.scalar(select(func.count()).select_from(Batch).where(_chosen(name, today, years))) or 0
        for name in LISTS
    }
    span, last = PageSpan(counts[chosen], PAGE, page), _last()
    query = select(Batch, last).where(_chosen(chosen, today, years)).order_by(last, Batch.id)
    lines = [_line(batch, at, years) for batch, at in session.execute(span.cut(query))]
    return span.of(lines, kind=chosen, counts=counts)


def due_batch(session: Session, batch: Batch) -> DueBatch:
    """Return from when the records of a batch are due."""
    at = session.scalars(select(_last()).select_from(Batch).where(Batch.id == batch.id)).one()
    return _line(batch, at, kept_years(session))


def _line(batch: Batch, at: datetime, years: KeptYears) -> DueBatch:
    last_on = local_day(at)
    return DueBatch(batch, last_on, due_on(last_on, years.electronic), due_on(last_on, years.paper))
