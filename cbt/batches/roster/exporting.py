"""The roster of a batch going out: every sitting in one workbook, which comes in again as it is."""

from __future__ import annotations

from datetime import datetime

from cbt.audit.chain import record
from cbt.batches.store import held_of
from cbt.candidates.roster.export import rows_of
from cbt.candidates.store import entries_of_batch
from cbt.db.unit_of_work import reading, unit_of_work
from cbt.errors import InvalidInput
from cbt.exams.store import blueprint_of
from cbt.sittings.store import batch_by_ref


def export_rows(*, batch_ref: str, reason: str, actor: str, now: datetime) -> list[list[str]]:
    """Return the roster rows of a batch, numbers in full where a `reason` is given; the export is in the log.

    Raise InvalidInput("candidates.reason") for a reason of one letter, or of more than 500.
    """
    reason = reason.strip()
    if reason and not 2 <= len(reason) <= 500:
        raise InvalidInput("candidates.reason", field="reason")
    with reading() as session:
        batch = batch_by_ref(session, batch_ref)
        entries = entries_of_batch(session, batch.id)
        blueprints = {
            version: blueprint_of(session, version)
            for version in {entry.registration.blueprint_version_id for entry in entries}
        }
        held = held_of(session, batch.id)
        rows = rows_of(entries, blueprints, batch.name, reveal=bool(reason), held=held)
    after = {"rows": len(rows), "numbers": "full" if reason else "masked"}
    with unit_of_work() as session:
        record(
            session,
            at=now,
            actor=actor,
            act="roster.export",
            subject=f"batch:{batch.ref}",
            reason=reason,
            after=after,
        )
    return rows
