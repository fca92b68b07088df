"""Queries about scores."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.scoring.models import Score


def latest_scores(session: Session, attempt_ids: Collection[int]) -> dict[int, Score]:
    """Return the score that counts of each attempt: the one with the highest number."""
    rows = session.scalars(
        select(Score).where(Score.attempt_id.in_(attempt_ids)).order_by(Score.attempt_id, Score.number)
    )
    return {score.attempt_id: score for score in rows}
