"""The digest that seals an attempt's journal when it is closed.

Source: R-64.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.db.types import to_micros
from cbt.delivery.models import JournalEntry


def journal_digests(session: Session, attempt_ids: Sequence[int]) -> dict[int, str]:
    """Return the sha256 over the rows of each attempt's journal in (lease_epoch, seq) order."""
    hashes = {attempt_id: hashlib.sha256() for attempt_id in attempt_ids}
    rows = session.execute(
        select(
            JournalEntry.attempt_id,
            JournalEntry.lease_epoch,
            JournalEntry.seq,
            JournalEntry.position,
            JournalEntry.kind,
            JournalEntry.value,
            JournalEntry.received_at,
        )
        .where(JournalEntry.attempt_id.in_(attempt_ids))
        .order_by(JournalEntry.attempt_id, JournalEntry.lease_epoch, JournalEntry.seq)
    )
    for row in rows:
        line = [row.lease_epoch, row.seq, row.position, row.kind, row.value, to_micros(row.received_at)]
        hashes[row.attempt_id].update(json.dumps(line, ensure_ascii=False).encode() + b"\n")
    return {attempt_id: sealed.hexdigest() for attempt_id, sealed in hashes.items()}
