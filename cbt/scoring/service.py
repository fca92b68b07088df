"""Scores closed attempts. The row is the queue: whatever is closed and unscored is scored by the next sweep.

Source: R-50 to R-54.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from cbt.assembly.models import Form
from cbt.audit import chain
from cbt.bank.store import contents
from cbt.candidates.models import Registration
from cbt.db.unit_of_work import reading, unit_of_work
from cbt.delivery.digests import journal_digests
from cbt.delivery.models import Attempt
from cbt.delivery.store import latest_answers
from cbt.errors import NotFound
from cbt.exams.store import paper_of
from cbt.rules.attempt_state import State
from cbt.rules.canonical import digest
from cbt.rules.scoring import ScoreSheet, score_form
from cbt.scoring.models import Score
from cbt.sittings.models import Sitting

log = logging.getLogger(__name__)
CHUNK = 200
KEY_REVISION = 0
"""The revision of the answer keys as the items were published; corrections (R-54) count from 1."""


def score_closed(*, now: datetime) -> int:
    """Score every closed attempt that has no score for its present journal; return how many.

    The answers are read after the closing has committed. One attempt that cannot be scored does not keep
    the others from it.
    """
    with reading() as session:
        waiting = list(session.scalars(select(Attempt.id).where(Attempt.state == State.CLOSED)))
    scored = 0
    for start in range(0, len(waiting), CHUNK):
        chunk = waiting[start : start + CHUNK]
        try:
            scored += _score(chunk, now=now)
        except Exception:
            log.exception("a chunk of %d closed attempts is scored one by one", len(chunk))
            scored += sum(_score_alone(attempt_id, now=now) for attempt_id in chunk)
    return scored


def _score_alone(attempt_id: int, *, now: datetime) -> int:
    try:
        return _score([attempt_id], now=now)
    except Exception:
        log.exception("attempt %d could not be scored", attempt_id)
        return 0


def _score(attempt_ids: Sequence[int], *, now: datetime) -> int:
    with unit_of_work() as session:
        attempts = session.scalars(
            select(Attempt)
            .where(Attempt.id.in_(attempt_ids), Attempt.state == State.CLOSED)
            .order_by(Attempt.id)
            .with_for_update()
        ).all()
        if not attempts:
            return 0
        sheets = sheets_of(session, attempts)
        numbers = _last_numbers(session, [attempt.id for attempt in attempts])
        for attempt in attempts:
            sheet = sheets[attempt.id]
            text = sheet.to_json()
            sealed = digest(text)
            session.add(
                Score(
                    attempt_id=attempt.id,
                    number=numbers.get(attempt.id, 0) + 1,
                    key_revision=KEY_REVISION,
                    journal_digest=attempt.journal_digest or "",
                    raw=sheet.raw,
                    score=sheet.score,
                    passed=sheet.passed,
                    sheet=text,
                    sha256=sealed,
                    scored_at=now,
                )
            )
            chain.record(
                session,
                at=now,
                actor="scheduler",
                act="attempt.score",
                subject=f"attempt:{attempt.ref}",
                after={"sheet": sealed},
            )
        ids = [attempt.id for attempt in attempts]
        session.flush()
        session.execute(update(Attempt).where(Attempt.id.in_(ids)).values(state=State.SCORED))
        return len(attempts)


def _last_numbers(session: Session, attempt_ids: Sequence[int]) -> dict[int, int]:
    rows = session.execute(
        select(Score.attempt_id, func.max(Score.number))
        .where(Score.attempt_id.in_(attempt_ids))
        .group_by(Score.attempt_id)
    )
    return {row[0]: row[1] for row in rows}


def sheets_of(session: Session, attempts: Sequence[Attempt]) -> dict[int, ScoreSheet]:
    """Work out the score sheet of each attempt from its frozen form and its journal."""
    ids = [attempt.id for attempt in attempts]
    answers = latest_answers(session, ids)
    forms = {
        form.id: form
        for form in session.scalars(select(Form).where(Form.id.in_([one.form_id for one in attempts])))
    }
    registrations = {
        row.id: row
        for row in session.scalars(
            select(Registration).where(Registration.id.in_([one.registration_id for one in attempts]))
        )
    }
    sheets = {}
    for attempt in attempts:
        form, registration = forms[attempt.form_id], registrations[attempt.registration_id]
        frozen = json.loads(form.content)
        keys = {(one["item"], int(one["version"])) for one in frozen["positions"]}
        sheets[attempt.id] = score_form(
            frozen,
            contents(session, keys, form.bank_id),
            answers[attempt.id],
            paper=paper_of(session, registration.blueprint_version_id, registration.paper),
        )
    return sheets


@dataclass(frozen=True, slots=True)
class Verified:
    """One attempt's check: the form's hash, the journal's digest, the sheet's bytes and its points."""

    attempt_ref: str
    score: str
    form_ok: bool
    journal_ok: bool
    sheet_ok: bool

    @property
    def ok(self) -> bool:
        """Return whether everything fits."""
        return self.form_ok and self.journal_ok and self.sheet_ok


def verify_sitting(sitting_ref: str) -> list[Verified]:
    """Rescore every scored attempt of a sitting from the journal and compare bytes.

    Raises NotFound("sitting.unknown") for a sitting without scored attempts of that name.

    Source: R-54, I6.
    """
    with reading() as session:
        sitting_id = session.scalar(select(Sitting.id).where(Sitting.ref == sitting_ref))
        if sitting_id is None:
            raise NotFound("sitting.unknown")
        attempts = session.scalars(
            select(Attempt)
            .join(Registration, Registration.id == Attempt.registration_id)
            .where(Registration.sitting_id == sitting_id, Attempt.state == State.SCORED)
            .order_by(Attempt.id)
        ).all()
        checked: list[Verified] = []
        for start in range(0, len(attempts), CHUNK):
            checked += _verify(session, attempts[start : start + CHUNK])
        return checked


def _verify(session: Session, attempts: Sequence[Attempt]) -> list[Verified]:
    ids = [attempt.id for attempt in attempts]
    sheets = sheets_of(session, attempts)
    digests = journal_digests(session, ids)
    scores = latest_scores(session, ids)
    forms = session.execute(
        select(Form.id, Form.content, Form.sha256)
        .join(Attempt, Attempt.form_id == Form.id)
        .where(Attempt.id.in_(ids))
    )
    intact = {row.id: digest(row.content) == row.sha256 for row in forms}
    checked = []
    for attempt in attempts:
        score = scores[attempt.id]
        sheet = sheets[attempt.id]
        text = sheet.to_json()
        # Results are released from the row's own columns, so they must say what the sheet says.
        plain = (score.raw, score.score, score.passed) == (sheet.raw, sheet.score, sheet.passed)
        checked.append(
            Verified(
                attempt_ref=attempt.ref,
                score=str(score.score),
                form_ok=intact[attempt.form_id],
                journal_ok=digests[attempt.id] == attempt.journal_digest == score.journal_digest,
                sheet_ok=plain and text == score.sheet and digest(text) == score.sha256,
            )
        )
    return checked


def latest_scores(session: Session, attempt_ids: Sequence[int]) -> dict[int, Score]:
    """Return the score that counts of each attempt: the one with the highest number."""
    rows = session.scalars(
        select(Score).where(Score.attempt_id.in_(attempt_ids)).order_by(Score.attempt_id, Score.number)
    )
    return {score.attempt_id: score for score in rows}
