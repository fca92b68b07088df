"""What the bench writes and reads by plain rows: full journals, due attempts, and whether anything is lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, insert, select, update

from bench.installation import Sitter
from cbt.db.unit_of_work import reading, unit_of_work
from cbt.delivery.models import Attempt, AttemptLive, JournalEntry
from cbt.rules.attempt_state import State
from cbt.rules.canonical import canonical_json

LONG_DUE = timedelta(minutes=1)
CHANGED = 20
"""So many answers are changed once: 120 saves for 100 positions."""
FIRST = "A"


def fill_journals(sitters: Sequence[Sitter], *, now: datetime) -> None:
    """Give every opened attempt an answer at each position, some after a first one that was changed."""
    for start in range(0, len(sitters), 200):
        rows = []
        chunk = sitters[start : start + 200]
        for sitter in chunk:
            changed = [(position, FIRST) for position, _ in sitter.answers[:CHANGED]]
            for position, value in [*changed, *sitter.answers]:
                sitter.seq += 1
                rows.append(
                    {
                        "attempt_id": sitter.attempt_id,
                        "lease_epoch": sitter.epoch,
                        "seq": sitter.seq,
                        "position": position,
                        "kind": "answer",
                        "value": canonical_json(value),
                        "received_at": now,
                        "in_grace": False,
                    }
                )
        with unit_of_work() as session:
            session.execute(insert(JournalEntry), rows)
            session.execute(
                update(AttemptLive)
                .where(AttemptLive.attempt_id.in_([sitter.attempt_id for sitter in chunk]))
                .values(
                    answered=func.length(AttemptLive.answered_map),
                    answered_map=func.replace(AttemptLive.answered_map, "0", "1"),
                )
            )


def make_due(*, now: datetime) -> int:
    """Open every attempt again with its time up; return how many there are."""
    with unit_of_work() as session:
        session.execute(
            update(Attempt).values(
                state=State.INTERACTING,
                closes_at=now - LONG_DUE,
                closed_at=None,
                closed_by=None,
                submitted_at=None,
                receipt=None,
                journal_digest=None,
            )
        )
        return session.scalar(select(func.count()).select_from(Attempt)) or 0


def count_in(state: State) -> int:
    """Return how many attempts are in `state`."""
    with reading() as session:
        return session.scalar(select(func.count()).where(Attempt.state == state)) or 0


def lost_answers(acknowledged: Mapping[int, set[tuple[int, int]]]) -> int:
    """Return how many acknowledged (epoch, seq), by attempt id, are not in the journal."""
    lost = 0
    query = select(JournalEntry.lease_epoch, JournalEntry.seq)
    with reading() as session:
        for attempt_id, numbers in acknowledged.items():
            rows = session.execute(query.where(JournalEntry.attempt_id == attempt_id))
            lost += len(numbers - {(epoch, seq) for epoch, seq in rows})
    return lost


def lost_starts(sitters: Sequence[Sitter]) -> int:
    """Return how many sitters hold a lease that the attempt's row does not know."""
    with reading() as session:
        epochs = {row.id: row.lease_epoch for row in session.execute(select(Attempt.id, Attempt.lease_epoch))}
    return sum(1 for one in sitters if one.lease and epochs[one.attempt_id] != one.epoch)


def lost_receipts(receipts: Mapping[int, str]) -> int:
    """Return how many acknowledged hand-ins the attempt's row does not know."""
    with reading() as session:
        stored = {row.id: row.receipt for row in session.execute(select(Attempt.id, Attempt.receipt))}
    return sum(1 for attempt_id, receipt in receipts.items() if stored[attempt_id] != receipt)
