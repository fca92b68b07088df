"""Queries of the destructions."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.retention.models import Destruction

ASKED, RUNNING, DONE, WITHDRAWN = "asked", "running", "done", "withdrawn"
SHOWN = 10
"""So many destructions under way are shown above a list."""


def under_way(session: Session) -> Sequence[Destruction]:
    """Return the destructions that wait for somebody or go on, the oldest first."""
    query = select(Destruction).where(Destruction.state.in_((ASKED, RUNNING)))
    return session.scalars(query.order_by(Destruction.id).limit(SHOWN)).all()


def destructions_of(session: Session, batch_id: int) -> Sequence[Destruction]:
    """Return the destructions of a batch in the order in which they were asked for."""
    query = select(Destruction).where(Destruction.batch_id == batch_id)
    return session.scalars(query.order_by(Destruction.id)).all()


def destruction_by_ref(session: Session, ref: str) -> Destruction:
    """Return a destruction; raise NotFound("retention.unknown")."""
    return Destruction.by_ref(session, ref, unknown="retention.unknown")
