"""The import of a roster: the blueprints by which rows are understood, the dry run, everybody or nobody."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.batches.roster.entries import (
    RosterRun,
    Storable,
    TicketNumbers,
    storable,
    store_in_parcels,
    store_within,
)
from cbt.batches.roster.plan import RosterPlan, RosterTerms
from cbt.batches.roster.planner import plan_roster
from cbt.batches.store import shape_of
from cbt.blueprints.models import BlueprintVersion
from cbt.blueprints.store import blueprint_of
from cbt.blueprints.versions import store_blueprint
from cbt.candidates.roster.columns import Hands, kept_hands
from cbt.candidates.roster.file import Roster, open_roster, roster_of
from cbt.candidates.roster.row import BlueprintChoice, choices
from cbt.errors import Conflict, InvalidInput, NotFound
from cbt.http.i18n import local_zone
from cbt.sittings.models import Batch, Sitting
from cbt.sittings.store import batch_by_ref, sitting_by_ref
from cbt.spreadsheets.cells import SheetData
from cbt.storage.unit_of_work import PIECE, reading, unit_of_work


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


TOGETHER = PIECE
"""Up to so many papers are stored in one unit of work."""


@dataclass(frozen=True, slots=True)
class RosterTarget:
    """What a roster is for: a batch, or one of its sittings alone."""

    batch: Batch
    only: Sitting | None = None

    @property
    def subject(self) -> str:
        return f"sitting:{self.only.ref}" if self.only is not None else f"batch:{self.batch.ref}"


@dataclass(frozen=True, slots=True)
class CheckedRoster:
    """A dry run: the file as it was read and what importing it would do."""

    target: RosterTarget
    roster: Roster
    plan: RosterPlan
    file_name: str
    choices: list[BlueprintChoice]


def target_of(session: Session, *, batch_ref: str = "", sitting_ref: str = "") -> RosterTarget:
    """Return what a roster is for; raise NotFound for an unknown one."""
    if not sitting_ref:
        return RosterTarget(batch_by_ref(session, batch_ref))
    sitting = sitting_by_ref(session, sitting_ref)
    batch = session.get_one(Batch, sitting.batch_id)
    if batch_ref and batch.ref != batch_ref:
        raise NotFound("sitting.unknown")
    return RosterTarget(batch, sitting)


def plan_sheets(
    session: Session,
    target: RosterTarget,
    sheets: list[SheetData],
    terms: RosterTerms,
    *,
    file_name: str,
    folder: Path,
    hands: Hands | None = None,
) -> CheckedRoster:
    """Return what importing the sheets of a file would do; raise as `roster_of` and `plan_roster` do."""
    mappings = {**kept_hands(session, sheets), **terms.hands} if hands is None else hands
    roster = roster_of(sheets, mappings)
    available = choices_of(session, target.batch.id, folder)
    plan = plan_roster(session, target.batch, roster, available, terms, only=target.only)
    return CheckedRoster(target, roster, plan, file_name, available)


def dry_run(
    *,
    file_name: str,
    body: bytes,
    folder: Path,
    batch_ref: str = "",
    sitting_ref: str = "",
    terms: RosterTerms | None = None,
) -> CheckedRoster:
    """Return what importing a file would do; nothing is stored.

    Raise InvalidInput as `read_roster` does, Conflict as `plan_roster` does.
    """
    sheets = open_roster(file_name, body)
    with reading() as session:
        target = target_of(session, batch_ref=batch_ref, sitting_ref=sitting_ref)
        return plan_sheets(
            session, target, sheets, terms or RosterTerms(), file_name=file_name, folder=folder
        )


def import_roster(
    *,
    file_name: str,
    body: bytes,
    folder: Path,
    now: datetime,
    actor: str,
    batch_ref: str = "",
    sitting_ref: str = "",
    terms: RosterTerms | None = None,
) -> CheckedRoster:
    """Register everybody in a file, or nobody.

    Raise InvalidInput("roster.refused") with the number of problems when something stops the file,
    Conflict("roster.changed") when somebody else took a seat or a number meanwhile.

    Source: R-7, R-16.
    """
    checked = dry_run(
        file_name=file_name,
        body=body,
        folder=folder,
        batch_ref=batch_ref,
        sitting_ref=sitting_ref,
        terms=terms,
    )
    plan = checked.plan
    if plan.stops and not (terms is not None and terms.partial):
        raise InvalidInput("roster.refused", count=len(plan.stops))
    what, digest = storable(plan), hashlib.sha256(body).hexdigest()

    def finish(session: Session) -> None:
        log_import(session, checked.target.subject, what, digest=digest, now=now, actor=actor)

    used = {one.choice.blueprint.ref: one.choice for one in plan.placements}
    try:
        with unit_of_work() as session:
            versions = {ref: version_of(session, one, now=now, actor=actor) for ref, one in used.items()}
            run = begin(session, checked.target.batch.id, versions, now=now)
            if what.papers <= TOGETHER:
                store_within(session, what, run)
                finish(session)
                return checked
    except IntegrityError as error:
        # Somebody else took a seat or a number between the plan and the commit (PostgreSQL).
        raise Conflict("roster.changed") from error
    store_in_parcels(what, run, tell=lambda _done, _total: None, in_front=lambda work: work(), finish=finish)
    return checked


def version_of(session: Session, choice: BlueprintChoice, *, now: datetime, actor: str) -> int:
    """Return the version of a blueprint; one that no start has taken yet is put in force."""
    if choice.version_id is not None:
        return choice.version_id
    return store_blueprint(session, choice.text, now=now, actor=actor, name=choice.blueprint.ref).id


def begin(session: Session, batch_id: int, versions: Mapping[str, int], *, now: datetime) -> RosterRun:
    first = session.scalar(select(func.min(Sitting.planned_start_at)).where(Sitting.batch_id == batch_id))
    return RosterRun(
        batch_id, TicketNumbers(batch_id, (first or now).astimezone(local_zone())), versions, now
    )


def log_import(
    session: Session, subject: str, what: Storable, *, digest: str, now: datetime, actor: str
) -> None:
    """Put an import into the log; by its digest: the name of a file is often somebody's."""
    after = {"file": digest, "registered": what.papers, "already": what.already}
    if what.changes:
        after["changed"] = len(what.changes)
    if what.renewed:
        after["numbers"] = len(what.renewed)
    record(session, at=now, actor=actor, act="roster.import", subject=subject, after=after)
