"""Changes of the exams room."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute, Session

from cbt.audit import chain
from cbt.errors import NotFound
from cbt.exams.files import blueprint_text, read_blueprint, read_reasons, shipped_reasons
from cbt.exams.models import BlueprintVersion, ReasonsVersion
from cbt.exams.reasons.spec import REASONS_FILE
from cbt.exams.store import last_version, version_in_force
from cbt.rules.canonical import digest


def store_blueprint(
    session: Session,
    text: str,
    *,
    now: datetime,
    actor: str,
    name: str = "blueprint",
    act: str = "blueprint.load",
    reason: str = "",
) -> BlueprintVersion:
    """Put a blueprint's text in force and return its version; a text that was stored before adds no row.

    `name` is the file in refusals, `act` what the log calls it. Raises InvalidInput("blueprint.refused") for one
    that does not add up.

    Source: R-1, R-43.
    """
    sha = digest(text)
    known = session.scalar(select(BlueprintVersion).where(BlueprintVersion.sha256 == sha))
    ref = known.ref if known is not None else read_blueprint(text, name=name).ref
    current = last_version(session, ref)
    if known is not None and known is current and known.withdrawn_at is None:
        return known
    after = {"sha256": sha}
    if current is not None:
        # The later one holds, also where a clock was set back.
        now_held = max(now, current.loaded_at + timedelta(microseconds=1))
        before = {"sha256": current.sha256}
    else:
        now_held, before = now, {}
    row = known or BlueprintVersion(ref=ref, sha256=sha, source=text, loaded_at=now_held)
    row.loaded_at, row.withdrawn_at = now_held, None
    session.add(row)
    session.flush()
    subject = f"blueprint:{ref}"
    chain.record(
        session, at=now, actor=actor, act=act, subject=subject, reason=reason, before=before, after=after
    )
    return row


def withdraw_blueprint(session: Session, ref: str, *, now: datetime, actor: str) -> None:
    """Take a blueprint out of force: nothing new begins with it, people and forms keep it; a repeat is harmless.

    Raise NotFound("blueprint.unknown").
    """
    if last_version(session, ref) is None:
        raise NotFound("blueprint.unknown", ref=ref)
    row = version_in_force(session, ref)
    if row is None:
        return
    row.withdrawn_at = now
    before = {"sha256": row.sha256}
    chain.record(
        session, at=now, actor=actor, act="blueprint.withdraw", subject=f"blueprint:{ref}", before=before
    )


def keep_file(session: Session, text: str, *, now: datetime, actor: str, name: str) -> None:
    """Put the text of a blueprint file in force, unless it is what the file said when it was last taken.

    So what was decided elsewhere since then outlives a start. Raises as `store_blueprint` does.
    """
    ref, sha = read_blueprint(text, name=name).ref, digest(text)
    last = session.scalar(
        select(BlueprintVersion)
        .where(BlueprintVersion.ref == ref, BlueprintVersion.filed_at.is_not(None))
        .order_by(BlueprintVersion.filed_at.desc(), BlueprintVersion.id.desc())
        .limit(1)
    )
    if last is not None and last.sha256 == sha:
        return
    row = store_blueprint(session, text, now=now, actor=actor, name=name)
    later = last is not None and last.filed_at is not None and last.filed_at >= now
    row.filed_at = last.filed_at + timedelta(microseconds=1) if later and last and last.filed_at else now


def load_reasons(session: Session, folder: Path, *, now: datetime, actor: str, usable: bool = True) -> None:
    """Put the folder's table of reasons in force, the shipped one where the folder has none.

    Where the folder's is not `usable`, what was in force stays; so does what was edited in the browser since
    the file was last taken, and over a shipped one in any case. The shipped one is the first of every
    installation: what was recorded before there were versions was recorded under it. Raises
    InvalidInput("reasons.refused") for a table that does not hold.

    Source: R-63.
    """
    own = folder / REASONS_FILE
    if session.scalar(select(ReasonsVersion.id).limit(1)) is None:
        _file_reasons(session, shipped_reasons(), now=now, actor=actor)
    current = _latest(session, ReasonsVersion.loaded_at)
    if usable and (own.is_file() or (current is not None and current.filed_at is not None)):
        _file_reasons(session, own if own.is_file() else shipped_reasons(), now=now, actor=actor)


def _file_reasons(session: Session, path: Path, *, now: datetime, actor: str) -> None:
    text = blueprint_text(path)
    read_reasons(text, name=path.name)
    last = _latest(session, ReasonsVersion.filed_at)
    if last is not None and last.sha256 == digest(text):
        return
    row = store_reasons(session, text, now=now, actor=actor, act="reasons.load")
    row.filed_at = row.loaded_at


def store_reasons(
    session: Session, text: str, *, now: datetime, actor: str, act: str, reason: str = ""
) -> ReasonsVersion:
    """Put a table's text in force and return its version; a text that was stored before adds no row.

    Source: R-63.
    """
    sha, current = digest(text), _latest(session, ReasonsVersion.loaded_at)
    row = session.scalar(select(ReasonsVersion).where(ReasonsVersion.sha256 == sha))
    if row is not None and row is current:
        return row
    # The later one holds, also where a clock was set back.
    at = now if current is None else max(now, current.loaded_at + timedelta(microseconds=1))
    row = row or ReasonsVersion(sha256=sha, source=text, loaded_at=at)
    row.loaded_at, row.filed_at = at, None
    session.add(row)
    session.flush()
    before = {} if current is None else {"sha256": current.sha256}
    after = {"sha256": sha}
    chain.record(
        session, at=now, actor=actor, act=act, subject="reasons", reason=reason, before=before, after=after
    )
    return row


def _latest(session: Session, by: InstrumentedAttribute[Any]) -> ReasonsVersion | None:
    query = select(ReasonsVersion).where(by.is_not(None)).order_by(by.desc(), ReasonsVersion.id.desc())
    return session.scalar(query.limit(1))
