"""Versions of blueprints and of the table of reasons: put in force, withdrawn, taken from a folder."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import flask
from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute, Session

from cbt.audit import chain
from cbt.blueprints.models import BlueprintVersion, ReasonsVersion
from cbt.blueprints.reason_file import REASONS_FILE
from cbt.blueprints.store import (
    blueprint_files,
    blueprint_text,
    last_version,
    read_blueprint,
    read_reasons,
    shipped_reasons,
    too_long,
    version_in_force,
)
from cbt.config import Settings
from cbt.errors import CbtError, InvalidInput, NotFound
from cbt.http.i18n import explain
from cbt.rules.canonical import digest
from cbt.rules.exam import ExamBlueprint

log = logging.getLogger(__name__)


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
    version = session.scalar(select(BlueprintVersion).where(BlueprintVersion.sha256 == sha))
    ref = version.ref if version is not None else read_blueprint(text, name=name).ref
    current = last_version(session, ref)
    if version is not None and version is current and version.withdrawn_at is None:
        return version
    after = {"sha256": sha}
    if current is not None:
        # The later one holds, also where a clock was set back.
        now_held = max(now, current.loaded_at + timedelta(microseconds=1))
        before = {"sha256": current.sha256}
    else:
        now_held, before = now, {}
    row = version or BlueprintVersion(ref=ref, sha256=sha, source=text, loaded_at=now_held)
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


# The folder of blueprint files: what its files say, which cannot be used, and what a start takes from them.
#
# A file that cannot be used stops nothing: what was in force stays in force, and whoever is concerned is
# told. A file is taken when its text is another than at the last start, so that what was decided in the
# browser since then stays.


@dataclass(frozen=True, slots=True)
class FolderFile:
    """A file of the folder: what it says, or what keeps it from being used."""

    name: str
    text: str = ""
    blueprint: ExamBlueprint | None = None
    """None for the file of reasons, and for one that cannot be used."""
    error: CbtError | None = None

    @property
    def line(self) -> int:
        """Return where the first thing is that is wrong with it; 0 where nothing is, or no line has it."""
        line = self.error.params.get("line", 0) if self.error else 0
        return line if isinstance(line, int) else 0


def look(folder: Path) -> list[FolderFile]:
    """Return every blueprint file of a folder and its file of reasons; nothing is raised over any of them.

    Of two files with one ref the second, by name, cannot be used: InvalidInput("blueprint.ref_twice").
    """
    files: list[FolderFile] = []
    refs: dict[str, str] = {}
    for path in blueprint_files(folder):
        file = _read(path)
        if file.blueprint is not None:
            ref = file.blueprint.ref
            if ref in refs:
                twice = InvalidInput("blueprint.ref_twice", name=file.name, ref=ref, other=refs[ref])
                file = replace(file, blueprint=None, error=twice)
            else:
                refs[ref] = file.name
        files.append(file)
    own = folder / REASONS_FILE
    return [*files, _read(own)] if own.is_file() else files


def faults(folder: Path) -> list[FolderFile]:
    return [one for one in look(folder) if one.error is not None]


def own_folder() -> Path:
    settings: Settings = flask.current_app.extensions["cbt_settings"]
    return settings.blueprint_dir


def told_faults() -> list[tuple[str, str]]:
    """Return what is wrong with each file that cannot be used, and what to do, in the reader's language."""
    return [explain(one.error) for one in faults(own_folder()) if one.error is not None]


def load_folder(
    session: Session, folder: Path, files: Sequence[FolderFile], *, now: datetime, actor: str
) -> None:
    """Take what is new in the files that were `files` in a folder; those that cannot be used are logged."""
    bad = [one for one in files if one.error is not None]
    for file in bad:
        assert file.error is not None
        log.error(
            "%s is not used, what was in force stays: %s at line %s",
            file.name,
            file.error.params.get("what", file.error.code),
            file.line or "-",
        )
    load_reasons(session, folder, now=now, actor=actor, usable=REASONS_FILE not in {one.name for one in bad})
    for file in files:
        if file.blueprint is not None:
            keep_file(session, file.text, now=now, actor=actor, name=file.name)


def _read(path: Path) -> FolderFile:
    try:
        text = blueprint_text(path)
        if path.name == REASONS_FILE:
            read_reasons(text, name=path.name)
            return FolderFile(path.name, text)
        return FolderFile(path.name, text, read_blueprint(text, name=path.name))
    except CbtError as error:
        return FolderFile(path.name, error=error)
    except (RecursionError, MemoryError):
        return FolderFile(path.name, error=too_long(str(path)))
