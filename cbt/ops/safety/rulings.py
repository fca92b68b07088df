"""Check of the rulings on late answers: what was ruled on is still, to the byte, what two people were shown.

Source: R-29, R-64; I6.
"""

from __future__ import annotations

import json
from collections import defaultdict

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.audit.models import AuditEntry
from cbt.delivery.models import Attempt, LateEntry
from cbt.scoring.approved import APPROVED, REJECTED
from cbt.scoring.late_answers import entries_digest
from cbt.scoring.models import LateRuling, RuledAttempt, RuledEntry

ACTS = [f"attempt.late_{verdict}" for verdict in (APPROVED, REJECTED)]


def check_rulings(session: Session) -> tuple[int, list[tuple[str, str]]]:
    """Compare the entries of every ruling with the digest on its row, and both with the audit log."""
    covered: defaultdict[int, list[LateEntry]] = defaultdict(list)
    for row_id, entry in session.execute(
        select(RuledEntry.ruled_attempt_id, LateEntry).join(
            LateEntry, LateEntry.id == RuledEntry.late_entry_id
        )
    ):
        covered[row_id].append(entry)
    sealed = _sealed(session)
    rows = session.execute(
        select(RuledAttempt, LateRuling.verdict, Attempt.ref)
        .join(LateRuling, LateRuling.id == RuledAttempt.late_ruling_id)
        .join(Attempt, Attempt.id == RuledAttempt.attempt_id)
        .order_by(RuledAttempt.id)
    ).all()
    found = []
    for row, verdict, ref in rows:
        if entries_digest(covered[row.id]) != row.digest:
            found.append(("ruling", ref))
        elif (f"attempt.late_{verdict}", f"attempt:{ref}", row.digest) not in sealed:
            found.append(("ruling_seal", ref))
    return len(rows), found


def _sealed(session: Session) -> set[tuple[str, str, str]]:
    rows = session.execute(
        select(AuditEntry.act, AuditEntry.subject, AuditEntry.after).where(AuditEntry.act.in_(ACTS))
    )
    sealed = set()
    for act, subject, after in rows:
        try:
            sealed.add((act, subject, str(json.loads(after)["digest"])))
        except (ValueError, KeyError, TypeError):
            continue  # the entry was changed, which the chain's own check says
    return sealed
