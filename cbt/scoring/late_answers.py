"""Late answers in scoring: what approved ones change of the journal's, and the ruling of two people on them.

Every scoring counts approved answers the same way. An approval is scored under a new number.

Source: R-29, R-41, R-54, R-62, R-64; I3, I6.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from cbt.audit import chain
from cbt.errors import Conflict
from cbt.rules.canonical import digest
from cbt.rules.form_score import ScoreSheet
from cbt.rules.states import State
from cbt.runner.models import Attempt, JournalEntry, LateEntry
from cbt.scoring.models import LateRuling, RuledAttempt, RuledEntry, Score
from cbt.scoring.store import latest_scores
from cbt.sittings.models import Sitting
from cbt.storage.types import new_ref, to_micros

APPROVED, REJECTED = "approved", "rejected"
ANSWER = "answer"

Order = tuple[int, int]


def approved_answers(
    session: Session, attempt_ids: Collection[int], *, also: Collection[int] = ()
) -> dict[int, dict[int, str | None]]:
    """Return what was approved where it is newest: attempt id -> position -> canonical answer, None: cleared.

    `also` are ids of late entries to be taken as approved too, to see what an approval would change. A late
    answer never beats one that the journal holds under a later number.
    """
    approved = (
        select(RuledEntry.late_entry_id)
        .join(RuledAttempt, RuledAttempt.id == RuledEntry.ruled_attempt_id)
        .join(LateRuling, LateRuling.id == RuledAttempt.late_ruling_id)
        .where(RuledAttempt.attempt_id.in_(attempt_ids), LateRuling.verdict == APPROVED)
    )
    late = session.scalars(
        select(LateEntry)
        .where(
            LateEntry.attempt_id.in_(attempt_ids),
            LateEntry.kind == ANSWER,
            or_(LateEntry.id.in_(approved), LateEntry.id.in_(also)),
        )
        .order_by(LateEntry.attempt_id, LateEntry.lease_epoch, LateEntry.seq)
    ).all()
    changes: defaultdict[int, dict[int, str | None]] = defaultdict(dict)
    if not late:
        return changes
    newest = newest_orders(session, {entry.attempt_id for entry in late})
    for entry in late:
        place, order = (entry.attempt_id, entry.position), (entry.lease_epoch, entry.seq)
        if order >= newest.get(place, order):
            changes[entry.attempt_id][entry.position] = entry.value
    return changes


def newest_orders(session: Session, attempt_ids: Collection[int]) -> dict[tuple[int, int], Order]:
    """Return the number of the journal's latest answer of each (attempt id, position)."""
    rows = session.execute(
        select(JournalEntry.attempt_id, JournalEntry.position, JournalEntry.lease_epoch, JournalEntry.seq)
        .where(JournalEntry.attempt_id.in_(attempt_ids), JournalEntry.kind == ANSWER)
        .order_by(JournalEntry.lease_epoch, JournalEntry.seq)
    )
    return {(attempt_id, position): (epoch, seq) for attempt_id, position, epoch, seq in rows}


@dataclass(frozen=True, slots=True)
class LateAnswerView:
    """What was shown of one attempt: its late answers by their digest, its score, and what they make of it."""

    digest: str
    score_id: int
    after: ScoreSheet


@dataclass(frozen=True, slots=True)
class RulingAct:
    """One ruling: the verdict, the site fault it is about, why, and the two who decide."""

    verdict: str
    fault: str
    reason: str
    by: str
    second: str


def pending_entries(session: Session, attempt_ids: Collection[int]) -> dict[int, list[LateEntry]]:
    """Return the late answers of attempts that nobody has ruled on: attempt id -> entries in their order."""
    entries: defaultdict[int, list[LateEntry]] = defaultdict(list)
    rows = session.scalars(
        select(LateEntry)
        .outerjoin(RuledEntry, RuledEntry.late_entry_id == LateEntry.id)
        .where(
            LateEntry.attempt_id.in_(attempt_ids),
            LateEntry.kind == ANSWER,
            RuledEntry.late_entry_id.is_(None),
        )
        .order_by(LateEntry.attempt_id, LateEntry.position, LateEntry.lease_epoch, LateEntry.seq)
    )
    for row in rows:
        entries[row.attempt_id].append(row)
    return dict(entries)


def late_rulings_of(session: Session, attempt_id: int | None) -> list[tuple[LateRuling, RuledAttempt]]:
    """Return what was ruled on late answers of an attempt, in the order of the rulings; none without an attempt.

    Source: R-29.
    """
    rows = session.execute(
        select(LateRuling, RuledAttempt)
        .join(RuledAttempt, RuledAttempt.late_ruling_id == LateRuling.id)
        .where(RuledAttempt.attempt_id == attempt_id)
        .order_by(LateRuling.id)
    )
    return [(ruling, ruled) for ruling, ruled in rows]


def entries_digest(entries: Sequence[LateEntry]) -> str:
    """Return the sha256 over late entries in (lease_epoch, seq) order: what a ruling covered, to the byte."""
    lines = [
        [row.lease_epoch, row.seq, row.position, row.kind, row.value, to_micros(row.received_at)]
        for row in sorted(entries, key=lambda row: (row.lease_epoch, row.seq))
    ]
    return digest("\n".join(json.dumps(line, ensure_ascii=False) for line in lines))


def rule_on(
    session: Session, sitting_id: int, seen: Mapping[int, LateAnswerView], act: RulingAct, *, now: datetime
) -> list[RuledAttempt]:
    """Rule on everything pending of some attempts in one act; return a row for each.

    `seen` is what the two people were shown, by attempt. An approval adds a score under the next number where the
    sheet changes; the former stays on record. Nothing is worked out here: what an approval makes of the score was
    shown, and holds as long as answers and score are the same. Raise Conflict("late.changed") when evidence came,
    was ruled on or scored since, ("late.not_scored") while an attempt has no score.

    Source: R-29, R-62.
    """
    # What is written names the sitting, which comes before its papers (cbt/application/lock_order.py).
    of_sitting = select(Sitting.id).where(Sitting.id == sitting_id)
    session.execute(of_sitting.with_for_update(read=True, key_share=True)).all()
    attempts = session.scalars(
        select(Attempt).where(Attempt.id.in_(seen)).order_by(Attempt.id).with_for_update()
    ).all()
    pending = pending_entries(session, list(seen))
    if {one: entries_digest(entries) for one, entries in pending.items()} != {
        attempt_id: case.digest for attempt_id, case in seen.items()
    }:
        raise Conflict("late.changed")
    if any(attempt.state != State.SCORED for attempt in attempts):
        raise Conflict("late.not_scored")
    former = latest_scores(session, list(seen))
    if any(former[attempt_id].id != case.score_id for attempt_id, case in seen.items()):
        raise Conflict("late.changed")
    ruling = LateRuling(
        ref=new_ref("lr"),
        sitting_id=sitting_id,
        verdict=act.verdict,
        fault=act.fault,
        reason=act.reason,
        at=now,
        by=act.by,
        second=act.second,
    )
    session.add(ruling)
    session.flush()
    rows = {attempt.id: _ruled(ruling, pending[attempt.id], former[attempt.id]) for attempt in attempts}
    session.add_all(rows.values())
    session.flush()
    for attempt_id, row in rows.items():
        session.add_all(
            RuledEntry(late_entry_id=one.id, ruled_attempt_id=row.id) for one in pending[attempt_id]
        )
    session.flush()
    sheets = {one: case.after for one, case in seen.items()} if act.verdict == APPROVED else {}
    for attempt in attempts:
        row = rows[attempt.id]
        if attempt.id in sheets:
            score = _score_again(session, attempt, former[attempt.id], sheets[attempt.id], act, now=now)
            row.after_score_id = score.id
        _record(session, attempt, row, former[attempt.id], sheets.get(attempt.id), act, now=now)
    return list(rows.values())


def _ruled(ruling: LateRuling, entries: Sequence[LateEntry], before: Score) -> RuledAttempt:
    return RuledAttempt(
        late_ruling_id=ruling.id,
        attempt_id=before.attempt_id,
        entries=len(entries),
        digest=entries_digest(entries),
        before_score_id=before.id,
    )


def _score_again(
    session: Session, attempt: Attempt, former: Score, sheet: ScoreSheet, act: RulingAct, *, now: datetime
) -> Score:
    text = sheet.text
    if text == former.sheet:
        return former
    sealed = digest(text)
    score = Score(
        attempt_id=attempt.id,
        number=former.number + 1,
        key_revision=former.key_revision,
        journal_digest=attempt.journal_digest or "",
        raw=sheet.raw,
        score=sheet.score,
        passed=sheet.passed,
        sheet=text,
        sha256=sealed,
        scored_at=now,
    )
    session.add(score)
    session.flush()
    chain.record(
        session,
        at=now,
        actor=act.by,
        act="attempt.score",
        subject=f"attempt:{attempt.ref}",
        after={"sheet": sealed},
    )
    return score


def _record(
    session: Session,
    attempt: Attempt,
    row: RuledAttempt,
    former: Score,
    sheet: ScoreSheet | None,
    act: RulingAct,
    *,
    now: datetime,
) -> None:
    score = former.score if sheet is None else sheet.score
    chain.record(
        session,
        at=now,
        actor=act.by,
        act=f"attempt.late_{act.verdict}",
        subject=f"attempt:{attempt.ref}",
        reason=act.reason,
        before={"score": former.score},
        after={
            "second": act.second,
            "fault": act.fault,
            "entries": row.entries,
            "digest": row.digest,
            "score": score,
        },
    )
