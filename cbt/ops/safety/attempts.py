"""Checks of what candidates did: every closed attempt's journal, every score worked out again.

Source: I6; R-54, R-64.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.assembly.arranging import arrange
from cbt.audit.models import AuditEntry
from cbt.delivery.models import Attempt
from cbt.delivery.save.digests import is_seal, journal_texts
from cbt.rules.canonical import digest
from cbt.rules.states.attempt import State
from cbt.scoring.models import Score
from cbt.scoring.sheets import Scorers

CHUNK = 200
Found = list[tuple[str, str]]


def check_journals(session: Session) -> tuple[int, Found]:
    """Compare the journal of every closed attempt with the digest on its row and in the audit log."""
    looked_at: int = 0
    found: Found = []
    for attempts in _chunks(session, (State.CLOSED, State.SCORED)):
        looked_at += len(attempts)
        journals = journal_texts(session, [attempt.id for attempt in attempts])
        sealed = _sealed(session, attempts, act="attempt.close", name="journal")
        for attempt in attempts:
            if not is_seal(attempt.journal_digest, journals[attempt.id]):
                found.append(("journal", attempt.ref))
            elif sealed[attempt.ref][-1:] != [attempt.journal_digest]:
                found.append(("journal_seal", attempt.ref))
    return looked_at, found


def check_scores(session: Session) -> tuple[int, Found]:
    """Score every scored attempt again and compare bytes; former scores are compared with their hash."""
    looked_at: int = 0
    found: Found = []
    scorers = Scorers(arrange)
    for attempts in _chunks(session, (State.SCORED,)):
        looked_at += len(attempts)
        texts = _rescored(session, [attempt.id for attempt in attempts], scorers)
        sealed = _sealed(session, attempts, act="attempt.score", name="sheet")
        scores = _scores(session, attempts)
        for attempt in attempts:
            what = _judge(attempt, scores[attempt.id], texts.get(attempt.id), sealed[attempt.ref])
            if what:
                found.append((what, attempt.ref))
    return looked_at, found


def _judge(attempt: Attempt, scores: Sequence[Score], again: str | None, sealed: Sequence[str]) -> str:
    """Return what is wrong with an attempt's scores, "" when nothing is."""
    if not scores:
        return "score_missing"
    if again is None:
        return "score_impossible"
    last = scores[-1]
    if any(digest(score.sheet) != score.sha256 for score in scores):
        return "score_hash"
    if again != last.sheet or last.journal_digest != attempt.journal_digest:
        return "score"
    # What is shown and released are the columns, not the sheet.
    shown = json.loads(again)
    score = None if shown["score"] is None else Decimal(str(shown["score"]))
    if (last.score, last.passed) != (score, shown["passed"]):
        return "score"
    return "" if last.sha256 in sealed else "score_seal"


def _chunks(session: Session, states: Sequence[State]) -> Iterator[Sequence[Attempt]]:
    after = 0
    while True:
        attempts = session.scalars(
            select(Attempt)
            .where(Attempt.id > after, Attempt.state.in_(states))
            .order_by(Attempt.id)
            .limit(CHUNK)
        ).all()
        if not attempts:
            return
        after = attempts[-1].id
        yield attempts
        session.expunge_all()


def _rescored(session: Session, attempt_ids: Sequence[int], scorers: Scorers) -> dict[int, str]:
    """Return the score sheet of each attempt; one that cannot be scored is left out and hides no other."""
    try:
        scored = scorers.score(session, attempt_ids)
    except Exception:
        if len(attempt_ids) == 1:
            return {}
        texts: dict[int, str] = {}
        for attempt_id in attempt_ids:
            texts |= _rescored(session, [attempt_id], scorers)
        return texts
    return {attempt_id: one.sheet.text for attempt_id, one in scored.items()}


def _scores(session: Session, attempts: Sequence[Attempt]) -> dict[int, list[Score]]:
    scores: dict[int, list[Score]] = defaultdict(list)
    ids = [attempt.id for attempt in attempts]
    rows = session.scalars(select(Score).where(Score.attempt_id.in_(ids)).order_by(Score.number))
    for score in rows:
        scores[score.attempt_id].append(score)
    return scores


def _sealed(session: Session, attempts: Sequence[Attempt], *, act: str, name: str) -> dict[str, list[str]]:
    """Return by attempt what the audit log says it was sealed with, in the order it was."""
    sealed: dict[str, list[str]] = defaultdict(list)
    subjects = [f"attempt:{attempt.ref}" for attempt in attempts]
    rows = session.execute(
        select(AuditEntry.subject, AuditEntry.after)
        .where(AuditEntry.act == act, AuditEntry.subject.in_(subjects))
        .order_by(AuditEntry.id)
    )
    for subject, after in rows:
        sealed[subject.removeprefix("attempt:")].append(_value(after, name))
    return sealed


def _value(after: str, name: str) -> str:
    try:
        return str(json.loads(after)[name])
    except (ValueError, KeyError, TypeError):
        return ""  # the entry was changed, which the chain's own check says
