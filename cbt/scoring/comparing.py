"""Holds scores as they are kept against what form and journal come to now.

Source: R-54, I6.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, and_, func, select
from sqlalchemy.orm import Session

from cbt.db.long_texts import rows_with_text
from cbt.delivery.models import Attempt
from cbt.delivery.save.digests import is_seal
from cbt.rules.canonical import digest_of
from cbt.scoring.models import Score
from cbt.scoring.sheets import Scorers


@dataclass(frozen=True, slots=True)
class Verified:
    """One attempt's check: the form's hash, the journal's digest, the sheet's bytes and its points.

    `score` is "" where there is none; `pending` is one that waits for people who mark.
    """

    attempt_ref: str
    score: str
    pending: bool
    form_ok: bool
    journal_ok: bool
    sheet_ok: bool

    @property
    def ok(self) -> bool:
        """Return whether everything fits."""
        return self.form_ok and self.journal_ok and self.sheet_ok


def compared(session: Session, attempt_ids: Sequence[int], scorers: Scorers) -> list[Verified]:
    """Return the check of each attempt, worked out again from its form and its journal.

    Source: R-54.
    """
    scored = scorers.score(session, attempt_ids)
    checked = {}
    for row, kept in rows_with_text(session, _kept_scores(attempt_ids)):
        attempt_id, ref, sealed, journal_digest, raw, score, passed, sha256 = row
        again = scored[attempt_id]
        sheet = again.sheet
        # Results are released from the row's own columns, so they must say what the sheet says.
        plain = (_points(raw), _points(score), passed) == (sheet.raw, sheet.score, sheet.passed)
        checked[attempt_id] = Verified(
            attempt_ref=ref,
            score="" if score is None else str(score),
            pending=kept is not None and score is None,
            form_ok=again.form_ok,
            journal_ok=sealed == journal_digest and is_seal(journal_digest, again.journal),
            sheet_ok=plain and sheet.content == kept and digest_of(sheet.content) == sha256,
        )
    return [checked[attempt_id] for attempt_id in attempt_ids]


def _points(kept: object) -> Decimal | None:
    return None if kept is None else Decimal(str(kept))


def _kept_scores(attempt_ids: Sequence[int]) -> Select[*tuple[Any, ...]]:
    """Find each attempt with the score that counts, the one with the highest number; without, all is None."""
    last = (
        select(Score.attempt_id, func.max(Score.number).label("number"))
        .where(Score.attempt_id.in_(attempt_ids))
        .group_by(Score.attempt_id)
        .subquery()
    )
    return (
        select(
            Attempt.id,
            Attempt.ref,
            Attempt.journal_digest.label("sealed_digest"),
            Score.journal_digest,
            Score.raw,
            Score.score,
            Score.passed,
            Score.sha256,
            Score.sheet,
        )
        .outerjoin(last, last.c.attempt_id == Attempt.id)
        .outerjoin(Score, and_(Score.attempt_id == last.c.attempt_id, Score.number == last.c.number))
        .where(Attempt.id.in_(attempt_ids))
    )
