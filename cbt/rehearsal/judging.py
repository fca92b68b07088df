"""What the database holds against what the candidates were told: nothing is lost, scores are as expected."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cbt.config import Settings
from cbt.db.unit_of_work import reading
from cbt.delivery.models import Attempt, JournalEntry
from cbt.delivery.save.entries import read_entries
from cbt.delivery.save.journal import Journal
from cbt.rehearsal.apps import app_for
from cbt.rehearsal.steps import Account
from cbt.rules.states.attempt import State
from cbt.scoring.sheets import Scorers
from cbt.scoring.store import latest_scores

SCORED_WITHIN = 30.0
LOOK_EVERY = 0.25


@dataclass(frozen=True, slots=True)
class Judgement:
    """`lost`: acknowledged answers the journal does not hold as they were; `wrong`: scores not as expected."""

    journal: int
    lost: int
    scored: int
    wrong: int


def judge(settings: Settings, accounts: Sequence[Account]) -> Judgement:
    """Wait until everybody is scored, then compare; runs in a child beside the server."""
    ids = [one.attempt_id for one in accounts]
    with app_for(settings) as app:
        until = time.monotonic() + SCORED_WITHIN
        while _unscored(ids) and time.monotonic() < until:
            time.sleep(LOOK_EVERY)
        with reading() as session:
            return _compared(session, app.extensions["cbt_journal"], accounts)


def _unscored(ids: Sequence[int]) -> int:
    with reading() as session:
        query = select(func.count()).where(Attempt.id.in_(ids), Attempt.state != State.SCORED)
        return session.scalar(query) or 0


def _compared(session: Session, journal: Journal, accounts: Sequence[Account]) -> Judgement:
    ids = [one.attempt_id for one in accounts]
    rows = session.execute(
        select(
            JournalEntry.attempt_id,
            JournalEntry.lease_epoch,
            JournalEntry.seq,
            JournalEntry.position,
            JournalEntry.value,
        ).where(JournalEntry.attempt_id.in_(ids), JournalEntry.kind == "answer")
    ).all()
    held = {(attempt, epoch, seq): (position, value) for attempt, epoch, seq, position, value in rows}
    refs = dict(session.execute(select(Attempt.id, Attempt.ref).where(Attempt.id.in_(ids))).all())
    scorers = Scorers().scorers_of(session, ids)
    scores = latest_scores(session, ids)
    lost = wrong = 0
    for one in accounts:
        info = journal.infos.get(refs[one.attempt_id])
        latest: dict[str, str] = {}
        for (epoch, seq), (position, value) in sorted(one.acknowledged.items()):
            entry = {"seq": seq, "kind": "answer", "position": position, "value": value}
            (said,) = read_entries(info, [entry])
            lost += held.get((one.attempt_id, epoch, seq)) != (position, said.value)
            latest[str(position)] = said.value or ""
        score = scores.get(one.attempt_id)
        expected = scorers[one.attempt_id].score(latest)
        wrong += score is not None and score.sheet != expected.text
    return Judgement(len(held), lost, len(scores), wrong)
