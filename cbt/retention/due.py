"""Which batches are due for destruction, which are not yet, which are held, which are gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import ColumnElement, and_, case, exists, func, not_, select
from sqlalchemy.orm import Session

from cbt.results.models import Release
from cbt.retention.models import Destruction, RetentionHold
from cbt.retention.terms import KeptYears, kept_years
from cbt.rules.retention import due_on, latest_due
from cbt.sittings.models import Batch, Sitting
from cbt.web.i18n import local_day, local_zone

PAGE = 50
LISTS = ("due", "held", "later", "gone")


@dataclass(frozen=True, slots=True)
class DueBatch:
    """A batch: the day it was last added to, and from when its electronic records and its paper are due."""

    batch: Batch
    last_on: date
    electronic_on: date
    paper_on: date


@dataclass(frozen=True, slots=True)
class DuePage:
    """A page of a list of batches, those due longest first; `counts` says how many each list has."""

    lines: Sequence[DueBatch]
    list: str
    counts: Mapping[str, int]
    page: int
    pages: int


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


def due_page(session: Session, *, list: str, today: date, page: int) -> DuePage:
    """Return a page of the batches of a list by electronic records. Source: R-95."""
    years = kept_years(session)
    chosen = list if list in LISTS else "due"
    counts = {
        name: session.scalar(select(func.count()).select_from(Batch).where(_chosen(name, today, years))) or 0
        for name in LISTS
    }
    pages = max(1, -(-counts[chosen] // PAGE))
    page = min(page, pages)
    last = _last()
    query = (
        select(Batch, last)
        .where(_chosen(chosen, today, years))
        .order_by(last, Batch.id)
        .limit(PAGE)
        .offset((page - 1) * PAGE)
    )
    lines = [_line(batch, at, years) for batch, at in session.execute(query)]
    return DuePage(lines, chosen, counts, page, pages)


def due_batch(session: Session, batch: Batch) -> DueBatch:
    """Return from when the records of a batch are due."""
    at = session.scalars(select(_last()).select_from(Batch).where(Batch.id == batch.id)).one()
    return _line(batch, at, kept_years(session))


def _line(batch: Batch, at: datetime, years: KeptYears) -> DueBatch:
    last_on = local_day(at)
    return DueBatch(batch, last_on, due_on(last_on, years.electronic), due_on(last_on, years.paper))
