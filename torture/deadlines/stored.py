"""What is stored after drawn lives, held against what was acknowledged and the oracle's ends.

Source: R-21, R-29; I1, I2, I4.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.audit.models import AuditEntry
from cbt.ops.backup.verification import verify_everything
from cbt.runner.models import JournalEntry, LateEntry
from cbt.storage.unit_of_work import reading
from torture.arena import Sitter
from torture.deadlines.acting import Run
from torture.deadlines.plan import Plan


def check_stored(run: Run, plans: Sequence[Plan]) -> None:
    """Compare what is stored with what was acknowledged and with the oracle's ends."""
    broken = run.tried.broken
    with reading() as session:
        for plan, sitter in zip(plans, run.arena.sitters, strict=True):
            broken += _check_attempt(session, run, plan, sitter)
        closings = Counter(
            session.scalars(select(AuditEntry.subject).where(AuditEntry.act == "attempt.close"))
        )
    for sitter in run.arena.sitters:
        if closings[f"attempt:{sitter.ref}"] != 1:
            broken.append(f"I4: attempt {sitter.attempt_id} has {closings[f'attempt:{sitter.ref}']} closings")
    broken += [f"{check.name}: {check.findings}" for check in verify_everything() if not check.ok]


def _check_attempt(session: Session, run: Run, plan: Plan, sitter: Sitter) -> list[str]:
    name = f"attempt {sitter.attempt_id}"
    rows: Sequence[Any] = session.scalars(
        select(JournalEntry).where(JournalEntry.attempt_id == sitter.attempt_id)
    ).all()
    late = set(session.scalars(select(LateEntry.seq).where(LateEntry.attempt_id == sitter.attempt_id)))
    stored = {row.seq: (row.position, row.received_at) for row in rows}
    found = []
    if stored != run.acknowledged[sitter.attempt_id]:
        found.append(f"I1: {name} stores {stored}, acknowledged {run.acknowledged[sitter.attempt_id]}")
    if not run.refused[sitter.attempt_id] <= late:
        found.append(f"R-29: {name} keeps {late} of {run.refused[sitter.attempt_id]}")
    last_at = plan.closes_at + plan.life.terms.grace
    for row in rows:
        if row.received_at >= last_at:
            found.append(f"I2: {name} took seq {row.seq} at {row.received_at}, its end was {last_at}")
        if row.received_at >= plan.closes_at and not row.in_grace:
            found.append(f"R-21: {name} does not say that seq {row.seq} came in the grace")
    return found
