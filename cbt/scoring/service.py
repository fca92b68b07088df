"""Scores closed attempts. The row is the queue: whatever is closed and unscored is scored by the next sweep.

Source: R-50 to R-54.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, and_, func, insert, select
from sqlalchemy.orm import Session

from cbt.assembly.arranging import checked, keep
from cbt.audit import chain
from cbt.candidates.models import Registration
from cbt.db.long_texts import rows_with_text
from cbt.db.unit_of_work import reading, unit_of_work
from cbt.db.writing.parcels import writing
from cbt.delivery.models import Attempt
from cbt.delivery.moving import move_all
from cbt.delivery.save.digests import is_seal
from cbt.rules.canonical import digest, digest_of
from cbt.rules.states.attempt import Event, State
from cbt.scoring.ahead import side_by_side
from cbt.scoring.approved import approved_answers
from cbt.scoring.models import Score
from cbt.scoring.sheets import Scored, Scorers
from cbt.sittings.store import sitting_by_ref

log = logging.getLogger(__name__)
CHUNK = 200
PIECE = 40
VERIFIERS = 3
"""So many chunks are read and compared at once: the database works while the interpreter does."""
KEY_REVISION = 0
"""The revision of the answer keys as the items were published; corrections (R-54) count from 1."""


def score_closed(*, now: datetime) -> int:
    """Score every closed attempt that has no score for its present journal; return how many.

    The answers are read after the closing has committed, and the sheets worked out a chunk ahead of the one that is
    written, outside its transaction. One attempt that cannot be scored does not keep the others from it.
    """
    with reading() as session:
        waiting = list(session.scalars(select(Attempt.id).where(Attempt.state == State.CLOSED)))
    chunks = [waiting[start : start + CHUNK] for start in range(0, len(waiting), CHUNK)]
    scored, scorers = 0, Scorers()

    def work_out(attempt_ids: Sequence[int]) -> dict[int, Scored]:
        with reading() as session:
            return scorers.score(session, attempt_ids, late=False)

    with side_by_side(work_out, chunks, threads=1) as ahead:
        for chunk, found in zip(chunks, ahead, strict=True):
            for piece in _pieces(chunk):
                try:
                    scored += _score(piece, found(), scorers, now=now)
                except Exception:
                    log.exception("%d closed attempts are scored one by one", len(piece))
                    scored += sum(_score_alone(attempt_id, scorers, now=now) for attempt_id in piece)
    return scored


def _pieces(chunk: Sequence[int]) -> Iterator[Sequence[int]]:
    """Return a chunk in the pieces that are written by a transaction each: small while requests wait to be written.

    Papers are handed in while others save, and a save waits for whatever transaction there is.
    """
    size = PIECE if writing().writer.unanswered else CHUNK
    return (chunk[start : start + size] for start in range(0, len(chunk), size))


def _score_alone(attempt_id: int, scorers: Scorers, *, now: datetime) -> int:
    try:
        return _score([attempt_id], {}, scorers, now=now)
    except Exception:
        log.exception("attempt %d could not be scored", attempt_id)
        return 0


def _score(
    attempt_ids: Sequence[int], found: Mapping[int, Scored], scorers: Scorers, *, now: datetime
) -> int:
    """Write the scores of attempts; what was `found` counts where the journal is the one that is sealed now."""
    with unit_of_work() as session:
        attempts = session.execute(
            select(Attempt.id, Attempt.ref, Attempt.journal_digest)
            .where(Attempt.id.in_(attempt_ids), Attempt.state == State.CLOSED)
            .order_by(Attempt.id)
            .with_for_update()
        ).all()
        if not attempts:
            return 0
        ids = [attempt.id for attempt in attempts]
        late = approved_answers(session, ids)
        again = [
            one.id
            for one in attempts
            if one.id in late or one.id not in found or digest(found[one.id].journal) != one.journal_digest
        ]
        scored = {**found, **(scorers.score(session, again) if again else {})}
        numbers = _last_numbers(session, ids)
        rows = []
        for attempt_id, ref, journal_digest in attempts:
            sheet = scored[attempt_id].sheet
            sealed = digest_of(sheet.content)
            rows.append(
                {
                    "attempt_id": attempt_id,
                    "number": numbers.get(attempt_id, 0) + 1,
                    "key_revision": KEY_REVISION,
                    "journal_digest": journal_digest or "",
                    "raw": sheet.raw,
                    "score": sheet.score,
                    "passed": sheet.passed,
                    "sheet": sheet.text,
                    "sha256": sealed,
                    "scored_at": now,
                }
            )
            chain.record(
                session,
                at=now,
                actor="scheduler",
                act="attempt.score",
                subject=f"attempt:{ref}",
                after={"sheet": sealed},
            )
        session.execute(insert(Score), rows)
        move_all(session, ids, Event.SCORE)
        keep(session, scorers.take_unprepared())
        return len(attempts)


def _last_numbers(session: Session, attempt_ids: Sequence[int]) -> dict[int, int]:
    rows = session.execute(
        select(Score.attempt_id, func.max(Score.number))
        .where(Score.attempt_id.in_(attempt_ids))
        .group_by(Score.attempt_id)
    )
    return {row[0]: row[1] for row in rows}


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


def verify_sitting(sitting_ref: str) -> list[Verified]:
    """Rescore every scored attempt of a sitting from the form and the journal and compare bytes.

    The forms are read, and what was prepared of one counts only where it was made of that very content. Several
    chunks are looked at at once.

    Raises NotFound("sitting.unknown") for a sitting without scored attempts of that name.

    Source: R-54, I6.
    """
    with reading() as session:
        sitting_id = sitting_by_ref(session, sitting_ref).id
        attempt_ids = session.scalars(
            select(Attempt.id)
            .join(Registration, Registration.id == Attempt.registration_id)
            .where(Registration.sitting_id == sitting_id, Attempt.state == State.SCORED)
            .order_by(Attempt.id)
        ).all()
    scorers = Scorers(checked)

    def check(chunk: Sequence[int]) -> list[Verified]:
        with reading() as session:
            return _verify(session, chunk, scorers)

    chunks = [attempt_ids[start : start + CHUNK] for start in range(0, len(attempt_ids), CHUNK)]
    with side_by_side(check, chunks, threads=VERIFIERS) as ahead:
        return [one for checked in ahead for one in checked()]


def _verify(session: Session, attempt_ids: Sequence[int], scorers: Scorers) -> list[Verified]:
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
