"""Which batches use a version of a blueprint: those in which people are registered for papers of it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cbt.candidates.models import Registration
from cbt.exams.desk.uses import BatchUse
from cbt.sittings.models import Batch, Sitting


def blueprint_uses(session: Session, version_ids: Sequence[int]) -> list[BatchUse]:
    """Return the batches that use these versions, the latest first."""
    if not version_ids:
        return []
    counts = (
        select(Registration.blueprint_version_id, Registration.sitting_id, func.count().label("people"))
        .where(Registration.blueprint_version_id.in_(version_ids))
        .group_by(Registration.blueprint_version_id, Registration.sitting_id)
        .subquery()
    )
    rows = session.execute(
        select(counts.c.blueprint_version_id, Batch.ref, Batch.name, func.sum(counts.c.people))
        .join(Sitting, Sitting.id == counts.c.sitting_id)
        .join(Batch, Batch.id == Sitting.batch_id)
        .group_by(counts.c.blueprint_version_id, Batch.id, Batch.ref, Batch.name)
        .order_by(Batch.id.desc(), counts.c.blueprint_version_id)
    )
    return [BatchUse(version, ref, name, int(people)) for version, ref, name, people in rows]
