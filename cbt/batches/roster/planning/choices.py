"""By which blueprints the rows of a batch are understood: those of its shape, else whatever is in force."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.orm import Session

from cbt.batches.store import shape_of
from cbt.candidates.roster.choosing import BlueprintChoice, choices
from cbt.exams.models import BlueprintVersion
from cbt.exams.store import blueprint_of


def choices_of(session: Session, batch_id: int, folder: Path) -> list[BlueprintChoice]:
    """Return what a row of a batch can mean: its levels with their papers, without a shape whatever is in force."""
    shape = shape_of(session, batch_id)
    if not shape:
        return choices(session, folder)
    return [
        BlueprintChoice(
            blueprint_of(session, version),
            session.get_one(BlueprintVersion, version).source,
            version,
            tuple(papers),
        )
        for version, papers in shape
    ]
