"""Changes of the exams room."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.audit import chain
from cbt.exams.files import read_blueprint
from cbt.exams.models import BlueprintVersion
from cbt.rules.canonical import digest


def store_blueprint(
    session: Session, text: str, *, now: datetime, actor: str, name: str = "blueprint"
) -> BlueprintVersion:
    """Keep a blueprint's text as its current version; the same text again becomes current and adds no row.

    `name` is the file in refusals. Raises InvalidInput("blueprint.refused") for one that does not add up.

    Source: R-1, R-43.
    """
    blueprint = read_blueprint(text, name=name)
    sha = digest(text)
    row = session.scalar(
        select(BlueprintVersion).where(BlueprintVersion.ref == blueprint.ref, BlueprintVersion.sha256 == sha)
    )
    if row is not None:
        row.loaded_at = max(row.loaded_at, now)
        return row
    row = BlueprintVersion(ref=blueprint.ref, sha256=sha, source=text, loaded_at=now)
    session.add(row)
    session.flush()
    chain.record(
        session,
        at=now,
        actor=actor,
        act="blueprint.load",
        subject=f"blueprint:{blueprint.ref}",
        after={"sha256": sha},
    )
    return row
