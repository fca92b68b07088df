"""Queries of the batches room."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, case, func, or_, select
from sqlalchemy.orm import Session

from cbt.candidates.models import Registration
from cbt.results.publicity.store import sittings_held
from cbt.rules.states.sitting import SittingState
from cbt.sittings.models import Batch, BatchLevel, Centre, Sitting
from cbt.sittings.planning.purposes import official_only
from cbt.web.i18n import local_zone

CANCELLED = SittingState.CANCELLED.value
AHEAD = [
    state.value
    for state in (
        SittingState.DRAFT,
        SittingState.PUBLISHED,
        SittingState.ADMITTING,
        SittingState.RUNNING,
        SittingState.HELD,
    )
]
UNRELEASED = [SittingState.ENDED.value, SittingState.SCORED.value]


def sittings_page(
    session: Session, batch_id: int, *, limit: int, offset: int
) -> tuple[list[tuple[Sitting, Centre]], int]:
    """Return a page of the sittings of a batch by planned start, cancelled ones last, and how many there are."""
    query = (
        select(Sitting, Centre)
        .join(Centre, Centre.id == Sitting.centre_id)
        .where(Sitting.batch_id == batch_id)
        .order_by(case((Sitting.state == CANCELLED, 1), else_=0), Sitting.planned_start_at, Sitting.id)
    )
    found = [(sitting, centre) for sitting, centre in session.execute(query.limit(limit).offset(offset))]
    total = session.scalar(select(func.count()).select_from(Sitting).where(Sitting.batch_id == batch_id))
    return found, total or 0


def held_of(session: Session, batch_id: int) -> dict[int, tuple[Sitting, Centre]]:
    """Return every sitting of a batch with its centre, by the id of the sitting."""
    query = select(Sitting, Centre).join(Centre, Centre.id == Sitting.centre_id)
    rows = session.execute(query.where(Sitting.batch_id == batch_id))
    return {sitting.id: (sitting, centre) for sitting, centre in rows}


def counts_by_paper(session: Session, batch_id: int) -> dict[tuple[int, str], int]:
    """Return how many are registered for a paper of a batch: (blueprint version, paper) -> registrations."""
    query = (
        select(Registration.blueprint_version_id, Registration.paper, func.count())
        .join(Sitting, Sitting.id == Registration.sitting_id)
        .where(Sitting.batch_id == batch_id, Sitting.state != CANCELLED)
        .group_by(Registration.blueprint_version_id, Registration.paper)
    )
    return {(version, paper): people for version, paper, people in session.execute(query)}


def shape_of(session: Session, batch_id: int) -> list[tuple[int, list[str]]]:
    """Return the levels a batch examines, each by its blueprint version with the codes of its papers."""
    query = (
        select(BatchLevel.blueprint_version_id, BatchLevel.papers)
        .where(BatchLevel.batch_id == batch_id)
        .order_by(BatchLevel.level, BatchLevel.id)
    )
    return [(version, papers.split(",")) for version, papers in session.execute(query)]


def batches_ahead(
    session: Session, *, now: datetime, results: bool, limit: int, offset: int
) -> tuple[Sequence[Batch], int]:
    """Return a page of the batches that are not over, the latest first, and how many there are.

    One is not over while a result of it is held by an objection, or decided about and not released; with `results`,
    neither is one whose results are still to be shown and released.
    """
    held = select(Sitting.id).where(Sitting.batch_id == Batch.id, Sitting.id.in_(sittings_held()))
    open_ones = or_(_ahead(now), held.exists())
    if results:
        waiting = select(Sitting.id).where(
            Sitting.batch_id == Batch.id, Sitting.state.in_(UNRELEASED), official_only()
        )
        open_ones = or_(open_ones, waiting.exists())
    query = select(Batch).where(open_ones).order_by(Batch.id.desc()).limit(limit).offset(offset)
    total = session.scalar(select(func.count()).select_from(Batch).where(open_ones))
    return session.scalars(query).all(), total or 0


def _ahead(now: datetime) -> ColumnElement[bool]:
    """Return what holds for a batch that is not over: a sitting lies ahead, or none is planned and its days do."""
    mine = select(Sitting.id).where(Sitting.batch_id == Batch.id)
    today = now.astimezone(local_zone()).date()
    still = or_(Batch.ends_on.is_(None), Batch.ends_on >= today)
    planned = mine.where(Sitting.state != CANCELLED)
    return or_(mine.where(Sitting.state.in_(AHEAD)).exists(), and_(~planned.exists(), still))
