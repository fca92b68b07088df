"""What approved late answers change of the journal's, so that every scoring counts them the same way.

Source: R-29, R-41; I3, I6.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from cbt.delivery.models import JournalEntry, LateEntry
from cbt.scoring.models import LateRuling, RuledAttempt, RuledEntry

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
