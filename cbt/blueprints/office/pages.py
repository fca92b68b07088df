"""Blueprints as their pages show them: the list, one version, what a text would become, and changed lines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from difflib import unified_diff

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.blueprints.models import BlueprintVersion
from cbt.blueprints.office.text_check import CheckedText
from cbt.blueprints.store import (
    BatchUse,
    NumberedVersion,
    blueprint_of,
    last_version,
    numbered_version,
    uses_of,
    version_in_force,
    versions_of,
)
from cbt.blueprints.summary import PaperTable, paper_table
from cbt.rules.canonical import digest
from cbt.rules.exam.blueprint import ExamBlueprint

MOST_LINES = 1500
"""Of longer texts nothing is said: to compare them takes as long as their lines multiplied."""
MOST_SHOWN = 400


@dataclass(frozen=True, slots=True)
class ChangedLine:
    """A line that is new ("+"), gone ("-"), beside these (" "), or left out between them ("…")."""

    mark: str
    text: str


def changed_lines(before: str, after: str) -> list[ChangedLine]:
    """Return what differs, each with a line around it; nothing where nothing does, or the texts are too long."""
    old, new = before.splitlines(), after.splitlines()
    if len(old) > MOST_LINES or len(new) > MOST_LINES:
        return []
    found = []
    for line in list(unified_diff(old, new, n=1, lineterm=""))[2:]:
        if line.startswith("@@"):
            found.append(ChangedLine("…", ""))
        else:
            found.append(ChangedLine(line[:1], line[1:]))
    return found[1 : MOST_SHOWN + 1]


VersionHead = tuple[int, datetime, datetime | None, datetime | None]
"""A version's id, when it was loaded, filed and withdrawn."""


@dataclass(frozen=True, slots=True)
class ListedBlueprint:
    """A blueprint as the list shows it: its last version in force, and how many batches use any of them."""

    blueprint: ExamBlueprint
    number: int
    loaded_at: datetime
    from_file: bool
    batches: int
    withdrawn: bool


@dataclass(frozen=True, slots=True)
class ShownBlueprint:
    """One version of a blueprint, the numbers of all, which is in force (0: none), and which batch uses which."""

    version: NumberedVersion
    versions: list[NumberedVersion]
    in_force: int
    blueprint: ExamBlueprint
    papers: list[PaperTable]
    uses: Mapping[int, list[BatchUse]]
    """By the id of a version."""
    changes: list[ChangedLine]
    """What putting it in force would change."""


@dataclass(frozen=True, slots=True)
class TextTarget:
    """What a sound text would become: version `number` of its blueprint, over the one `in_force`, by its digest."""

    ref: str
    number: int
    in_force: str
    same: bool
    """Whether it is word for word what is in force."""
    papers: list[PaperTable]
    changes: list[ChangedLine]
    """What it would change of what is in force."""


def listed(session: Session) -> list[ListedBlueprint]:
    """Return every blueprint, by ref."""
    heads: defaultdict[str, list[VersionHead]] = defaultdict(list)
    columns = (
        BlueprintVersion.ref,
        BlueprintVersion.id,
        BlueprintVersion.loaded_at,
        BlueprintVersion.filed_at,
        BlueprintVersion.withdrawn_at,
    )
    for ref, number, loaded_at, filed_at, withdrawn_at in session.execute(
        select(*columns).order_by(BlueprintVersion.id)
    ):
        heads[ref].append((number, loaded_at, filed_at, withdrawn_at))
    batches: defaultdict[int, set[str]] = defaultdict(set)
    for use in uses_of(session, [head[0] for some in heads.values() for head in some]):
        batches[use.version_id].add(use.batch_ref)
    found = []
    for _, some in sorted(heads.items()):
        place, (version, loaded_at, filed_at, withdrawn_at) = max(
            enumerate(some, 1), key=lambda one: (one[1][1], one[1][0])
        )
        using = {batch for head in some for batch in batches[head[0]]}
        found.append(
            ListedBlueprint(
                blueprint_of(session, version),
                place,
                loaded_at,
                filed_at is not None,
                len(using),
                withdrawn_at is not None,
            )
        )
    return found


def shown(session: Session, ref: str, number: int | None = None) -> ShownBlueprint:
    """Return a version of a blueprint, by default the one in force; raise as `numbered_version` does."""
    versions = versions_of(session, ref)
    current = version_in_force(session, ref)
    in_force = next((one.number for one in versions if one.row is current), 0)
    last = last_version(session, ref)
    latest = next((one.number for one in versions if one.row is last), 0)
    version = numbered_version(session, ref, latest if number is None else number)
    blueprint = blueprint_of(session, version.row.id)
    uses: defaultdict[int, list[BatchUse]] = defaultdict(list)
    for use in uses_of(session, [one.row.id for one in versions]):
        uses[use.version_id].append(use)
    papers = [paper_table(paper) for paper in blueprint.papers.values()]
    other = current is not None and current is not version.row
    changes = changed_lines(current.source, version.row.source) if current and other else []
    return ShownBlueprint(version, versions, in_force, blueprint, papers, uses, changes)


def target_of(session: Session, text: CheckedText) -> TextTarget | None:
    """Return what a checked text would become; None for one that says no blueprint."""
    if text.blueprint is None:
        return None
    ref, sha = text.blueprint.ref, digest(text.text)
    versions = versions_of(session, ref)
    current = version_in_force(session, ref)
    known = next((one.number for one in versions if one.row.sha256 == sha), len(versions) + 1)
    papers = [paper_table(paper) for paper in text.blueprint.papers.values()]
    same = current is not None and current.sha256 == sha
    changes = changed_lines(current.source, text.text) if current is not None else []
    return TextTarget(ref, known, current.sha256 if current else "", same, papers, changes)
