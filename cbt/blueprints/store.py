"""Queries of stored blueprints: what a version says, versions in force, and the batches that use them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.blueprints.files import load_blueprint_file, read_blueprint
from cbt.blueprints.models import BlueprintVersion
from cbt.errors import NotFound
from cbt.rules.exam import ExamBlueprint, Paper
from cbt.storage.types import db
from cbt.storage.unit_of_work import reading

__all__ = [
    "blueprint_kept",
    "blueprint_of",
    "blueprints_of",
    "current_version",
    "load_blueprint_file",
    "paper_of",
    "read_blueprint",
]


# A version never changes, so a process keeps it; by the dialect object, which one database's engines share.
_kept: WeakKeyDictionary[Any, dict[int, ExamBlueprint]] = WeakKeyDictionary()


def blueprint_of(session: Session, blueprint_version_id: int) -> ExamBlueprint:
    """Return the blueprint a stored version says; raise NotFound("blueprint.unknown")."""
    return blueprints_of(session, [blueprint_version_id])[blueprint_version_id]


def blueprint_kept(blueprint_version_id: int) -> ExamBlueprint:
    """Return what a stored version says, without a query where this process knows; raise as `blueprint_of`."""
    kept = _kept.get(db.engine.dialect, {}).get(blueprint_version_id)
    if kept is not None:
        return kept
    with reading() as session:
        return blueprint_of(session, blueprint_version_id)


def blueprints_of(session: Session, version_ids: Collection[int]) -> dict[int, ExamBlueprint]:
    """Return what stored versions say, with one query for all that nobody asked before; raise as `blueprint_of`."""
    kept = _kept.setdefault(session.get_bind().dialect, {})
    wanted = set(version_ids)
    if wanted - kept.keys():
        query = select(BlueprintVersion).where(BlueprintVersion.id.in_(wanted - kept.keys()))
        for row in session.scalars(query):
            kept[row.id] = read_blueprint(row.source, name=row.ref, stored=True)
    for missing in wanted - kept.keys():
        raise NotFound("blueprint.unknown", ref=str(missing))
    return {one: kept[one] for one in wanted}


def paper_of(session: Session, blueprint_version_id: int, paper_code: str) -> Paper:
    """Return one paper of a stored version; raise NotFound("blueprint.no_such_paper")."""
    blueprint = blueprint_of(session, blueprint_version_id)
    if paper_code not in blueprint.papers:
        raise NotFound("blueprint.no_such_paper", ref=blueprint.ref, paper=paper_code)
    return blueprint.papers[paper_code]


def current_version(session: Session, ref: str) -> BlueprintVersion:
    """Return the version of blueprint `ref` that is in force; raise NotFound("blueprint.unknown")."""
    row = version_in_force(session, ref)
    if row is None:
        raise NotFound("blueprint.unknown", ref=ref)
    return row


def version_in_force(session: Session, ref: str) -> BlueprintVersion | None:
    """Return the version of blueprint `ref` that is in force; None where none is, or it was withdrawn."""
    last = last_version(session, ref)
    return None if last is None or last.withdrawn_at is not None else last


def last_version(session: Session, ref: str) -> BlueprintVersion | None:
    """Return the version of blueprint `ref` that was loaded last, withdrawn or not; None where there is none."""
    return session.scalar(
        select(BlueprintVersion)
        .where(BlueprintVersion.ref == ref)
        .order_by(BlueprintVersion.loaded_at.desc(), BlueprintVersion.id.desc())
        .limit(1)
    )


@dataclass(frozen=True, slots=True)
class NumberedVersion:
    """A version and its number among those of its blueprint, from 1 in the order in which they came."""

    number: int
    row: BlueprintVersion


def versions_of(session: Session, ref: str) -> list[NumberedVersion]:
    """Return every version of a blueprint, the first first."""
    rows = session.scalars(
        select(BlueprintVersion).where(BlueprintVersion.ref == ref).order_by(BlueprintVersion.id)
    )
    return [NumberedVersion(number, row) for number, row in enumerate(rows, 1)]


def numbered_version(session: Session, ref: str, number: int) -> NumberedVersion:
    """Return one version of a blueprint by its number; raise NotFound("blueprint.no_version")."""
    versions = versions_of(session, ref)
    if not versions:
        raise NotFound("blueprint.unknown", ref=ref)
    if not 1 <= number <= len(versions):
        raise NotFound("blueprint.no_version", ref=ref, number=number)
    return versions[number - 1]


def current_versions(session: Session) -> list[BlueprintVersion]:
    """Return the version in force of every blueprint that has one, in the order of the refs."""
    latest: dict[str, BlueprintVersion] = {}
    rows = session.scalars(select(BlueprintVersion).order_by(BlueprintVersion.loaded_at, BlueprintVersion.id))
    for row in rows:
        latest[row.ref] = row
    return [latest[ref] for ref in sorted(latest) if latest[ref].withdrawn_at is None]


def stored_refs(session: Session) -> set[str]:
    """Return the refs of all blueprints that were ever stored, withdrawn ones too."""
    return set(session.scalars(select(BlueprintVersion.ref).distinct()))


_EXTENSION = "cbt_blueprint_uses"


@dataclass(frozen=True, slots=True)
class BatchUse:
    """A batch in which people are registered for papers of a version, and how many registrations there are."""

    version_id: int
    batch_ref: str
    batch_name: str
    registrations: int


FindUses = Callable[[Session, Sequence[int]], list[BatchUse]]


def register_uses(app: flask.Flask, find: FindUses) -> None:
    """Have `find` say which batches use versions, by their ids, the latest batch first."""
    app.extensions[_EXTENSION] = find


def uses_of(session: Session, version_ids: Sequence[int]) -> list[BatchUse]:
    find: FindUses = flask.current_app.extensions[_EXTENSION]
    return find(session, version_ids)
