"""Queries about scores."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.rules.form_score import ScoreSheet
from cbt.scoring.models import Score
from cbt.storage.write_queue.change_set import Rows

_ADD = (
    "INSERT INTO score (attempt_id, number, key_revision, journal_digest, raw, score, passed, sheet, sha256, "
    "scored_at) SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ? "
    "WHERE NOT EXISTS (SELECT 1 FROM score WHERE attempt_id = ? AND number >= ?)"
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


def score_rows(scores: Sequence[NewScore], *, at: datetime) -> Rows:
    """Return what writes scores, each while its attempt has none of this number or a later one."""
    rows = [
        (
            *(one.attempt_id, one.number, one.key_revision, one.journal_digest),
            None if one.sheet.raw is None else str(one.sheet.raw),
            None if one.sheet.score is None else str(one.sheet.score),
            *(one.sheet.passed, one.sheet.text, one.sha256, at),
            *(one.attempt_id, one.number),
        )
        for one in scores
    ]
    return Rows(_ADD, rows, len(rows))
