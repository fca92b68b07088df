"""Queries about scores."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.db.types import bind_instant
from cbt.db.writing.many_rows import insert_rows
from cbt.rules.scoring.score import ScoreSheet
from cbt.scoring.models import Score

_ADD = (
    "INSERT INTO score (attempt_id, number, key_revision, journal_digest, raw, score, passed, sheet, sha256, "
    "scored_at)"
)


@dataclass(frozen=True, slots=True)
class NewScore:
    """A score to be written: of which attempt, the how manieth, and what it follows from."""

    attempt_id: int
    number: int
    key_revision: int
    journal_digest: str
    sheet: ScoreSheet
    sha256: str


def latest_scores(session: Session, attempt_ids: Collection[int]) -> dict[int, Score]:
    """Return the score that counts of each attempt: the one with the highest number."""
    rows = session.scalars(
        select(Score).where(Score.attempt_id.in_(attempt_ids)).order_by(Score.attempt_id, Score.number)
    )
    return {score.attempt_id: score for score in rows}


def add_scores(session: Session, scores: Sequence[NewScore], *, at: datetime) -> None:
    """Write scores, at least one; hundreds come at once, so their values are bound here."""
    session.flush()
    dialect = session.get_bind().dialect.name
    scored_at = bind_instant(at, dialect)
    rows = [
        (
            *(one.attempt_id, one.number, one.key_revision, one.journal_digest),
            None if one.sheet.raw is None else str(one.sheet.raw),
            None if one.sheet.score is None else str(one.sheet.score),
            *(one.sheet.passed, one.sheet.text, one.sha256, scored_at),
        )
        for one in scores
    ]
    cursor = session.connection().connection.cursor()
    insert_rows(cursor, dialect, _ADD, rows)
    cursor.close()
