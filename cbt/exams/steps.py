"""Changes of the exams room."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.audit import chain
from cbt.exams.files import blueprint_text, read_blueprint, read_reasons, shipped_reasons
from cbt.exams.models import BlueprintVersion, ReasonsVersion
from cbt.exams.reasons.spec import REASONS_FILE
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


def load_reasons(session: Session, folder: Path, *, now: datetime, actor: str) -> None:
    """Keep the folder's table of reasons as the current version, the shipped one where the folder has none.

    The shipped one is the first of every installation: what was recorded before there were versions was
    recorded under it. Raises InvalidInput("reasons.refused") for a table that does not hold.

    Source: R-63.
    """
    own = folder / REASONS_FILE
    if session.scalar(select(ReasonsVersion.id).limit(1)) is None:
        _keep_reasons(session, shipped_reasons(), now=now, actor=actor)
    _keep_reasons(session, own if own.is_file() else shipped_reasons(), now=now, actor=actor)


def _keep_reasons(session: Session, path: Path, *, now: datetime, actor: str) -> None:
    text = blueprint_text(path)
    read_reasons(text, name=path.name)
    sha = digest(text)
    row = session.scalar(select(ReasonsVersion).where(ReasonsVersion.sha256 == sha))
    if row is not None:
        row.loaded_at = max(row.loaded_at, now)
        return
    session.add(ReasonsVersion(sha256=sha, source=text, loaded_at=now))
    session.flush()
    chain.record(session, at=now, actor=actor, act="reasons.load", subject="reasons", after={"sha256": sha})
