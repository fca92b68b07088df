"""Blueprints and reasons as they are read, from files and from stored text, and which versions are in force.

A text never changes, so each is read once and kept.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import flask
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.blueprints import reason_file as reasons_reader
from cbt.blueprints.models import BlueprintVersion
from cbt.blueprints.reader import read
from cbt.blueprints.reason_file import REASONS_FILE
from cbt.blueprints.toml_file import line_of, lines_of
from cbt.errors import InvalidInput, NotFound
from cbt.http.i18n import catalogues, explain
from cbt.paths import product_dir
from cbt.rules.canonical import digest
from cbt.rules.exam import ExamBlueprint, Flaw, Paper, check_names
from cbt.rules.violations import ReasonTable
from cbt.storage.types import db
from cbt.storage.unit_of_work import reading

MOST_BYTES = 256 * 1024
"""A blueprint takes some kilobytes; what is much longer is another kind of file."""


def read_blueprint(text: str, *, name: str, stored: bool = False) -> ExamBlueprint:
    """Return the blueprint a text says; `name` is the file or record it came from.

    Raises InvalidInput("blueprint.refused") with `name`, `count`, `file`, `line`, `what` and `fix` of the
    first finding, and `findings`: a list of dicts with `file`, `line`, `what`, `fix`, sentences in the
    person's language. A text that is `stored` already keeps the names it came with.

    Source: R-1, R-2.
    """
    blueprint, findings = _read(digest(text), text)
    if blueprint is not None and not stored and (findings := check_names(blueprint)):
        blueprint = None
    if blueprint is None:
        raise _refusal("blueprint.refused", findings, text, name)
    return blueprint


def read_reasons(text: str, *, name: str) -> ReasonTable:
    """Return the table of reasons a text says; raise InvalidInput("reasons.refused") like `read_blueprint`.

    Source: R-26, R-63.
    """
    table, findings = _read_reasons(digest(text), text)
    if table is None:
        raise _refusal("reasons.refused", findings, text, name)
    return table


def shipped_reasons() -> Path:
    return product_dir("blueprints") / REASONS_FILE


def blueprint_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.toml") if path.name != REASONS_FILE)


def load_blueprint_file(path: Path) -> ExamBlueprint:
    """Return the blueprint of a file; raise as `read_blueprint` and `blueprint_text` do."""
    return read_blueprint(blueprint_text(path), name=str(path))


def blueprint_text(path: Path) -> str:
    """Return the text of a blueprint file.

    A byte order mark, as some editors write it, is no part of it.

    Raises NotFound("blueprint.no_file"), InvalidInput("blueprint.not_text") or ("blueprint.too_long"), each with
    the path.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise too_long(str(path))
        return path.read_text("utf-8-sig")
    except OSError as error:
        raise NotFound("blueprint.no_file", path=str(path)) from error
    except UnicodeDecodeError as error:
        raise InvalidInput("blueprint.not_text", path=str(path)) from error


def too_long(path: str) -> InvalidInput:
    return InvalidInput("blueprint.too_long", path=path, most=MOST_BYTES // 1024)


def _refusal(code: str, findings: list[Flaw], text: str, name: str) -> InvalidInput:
    with catalogues():
        lines = lines_of(text)
        explained = [_explained(found, line_of(found, text, lines), name) for found in findings]
    listed = sorted(explained, key=lambda one: int(str(one["line"])))
    return InvalidInput(code, name=name, count=len(listed), **listed[0], findings=listed)


@lru_cache(maxsize=64)
def _read(_sha: str, text: str) -> tuple[ExamBlueprint | None, list[Flaw]]:
    return read(text)


@lru_cache(maxsize=16)
def _read_reasons(_sha: str, text: str) -> tuple[ReasonTable | None, list[Flaw]]:
    return reasons_reader.read(text)


def _explained(flaw: Flaw, line: int, name: str) -> dict[str, object]:
    what, fix = explain(InvalidInput(flaw.code, **shown(flaw)))
    return {"file": name, "line": line, "what": what, "fix": fix}


def shown(flaw: Flaw) -> dict[str, object]:
    """Return the parameters of a finding and `where`, the path as the file spells it."""
    where = ".".join(f"[{step + 1}]" if isinstance(step, int) else step for step in flaw.path)
    params = {**flaw.params, "where": where.replace(".[", "[")}
    return params | ({"kind": _(f"exams.kind.{params['kind']}")} if "kind" in params else {})


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


@cache
def sample_digests() -> frozenset[str]:
    """Return the digests of the blueprints that come with the product: samples, whoever's they would be."""
    return frozenset(digest(blueprint_text(path)) for path in blueprint_files(product_dir("blueprints")))


_DRAWABLE = "cbt_drawable_banks"
FindDrawable = Callable[[Session], Collection[str]]


def register_drawable(app: flask.Flask, find: FindDrawable) -> None:
    """Have `find` say the refs of the banks from which something can be drawn."""
    app.extensions[_DRAWABLE] = find


def drawable_banks(session: Session) -> Collection[str]:
    """Return the refs of the banks from which something can be drawn."""
    find: FindDrawable = flask.current_app.extensions[_DRAWABLE]
    return find(session)


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
