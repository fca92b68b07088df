"""What was confirmed of a roster is stored: people after people, and then it is whole; or taken back."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from sqlalchemy.orm import Session

from cbt.batches.roster import summary as kept
from cbt.batches.roster.entering.entries import PersonEntry, Storable
from cbt.batches.roster.entering.parcels import RosterRun
from cbt.batches.roster.entering.storing import store_in_parcels, take_back
from cbt.batches.roster.importing import begin, log_import, target_of, version_of
from cbt.batches.roster.models import FILE, ROSTERS, RosterCheck
from cbt.batches.roster.planning.choices import choices_of
from cbt.batches.roster.summary import RosterSummary
from cbt.batches.roster.terms import terms_of
from cbt.db.unit_of_work import reading, unit_of_work
from cbt.errors import CbtError, Conflict
from cbt.sheets.checks.beating import Beat
from cbt.sheets.checks.models import CheckState
from cbt.sheets.checks.working import put_pieces_away
from cbt.sittings.models import Batch


def store_confirmed(check: RosterCheck, told: Beat, *, folder: Path) -> None:
    """Store what was confirmed of a roster, or go on with it; raise what keeps it out, and nothing of it stays."""
    with reading() as session:
        what = storable_of(session, check)
        digest = hashlib.sha256(ROSTERS.opened(ROSTERS.part(session, check, FILE), bytes)).hexdigest()
    run = told.in_front(lambda: _begin(check, folder))

    def finish(session: Session) -> None:
        batch_ref = session.get_one(Batch, check.batch_id).ref
        target = target_of(session, batch_ref=batch_ref, sitting_ref=terms_of(check.asked).sitting)
        log_import(session, target.subject, what, digest=digest, now=check.at, actor=check.actor)
        ROSTERS.end(session, check.ref, CheckState.DONE)
        ended = session.get(RosterCheck, check.id)
        if ended is not None:
            ended.begun = False
            ended.done = ended.total = what.papers + len(what.changes)

    try:
        store_in_parcels(
            what,
            run,
            tell=lambda done, total: told.tell_stored(done, total),
            in_front=told.in_front,
            finish=finish,
        )
    except CbtError:
        told.in_front(lambda: note_taken_back(check))
        raise
    with reading() as session:
        parts = ROSTERS.part_ids(session, check.id)
    put_pieces_away(ROSTERS, parts, told)


def storable_of(session: Session, check: RosterCheck) -> Storable:
    """Return what an import of a roster stores; raise NotFound where it was not checked."""
    rest = ROSTERS.opened(ROSTERS.part(session, check, kept.REST), Storable)
    people = [
        one
        for number in ROSTERS.part_numbers(session, check, kept.PEOPLE)
        for one in ROSTERS.opened(ROSTERS.part(session, check, kept.PEOPLE, number), list[PersonEntry])
    ]
    return replace(rest, people=people)


def _begin(check: RosterCheck, folder: Path) -> RosterRun:
    with unit_of_work() as session:
        found = ROSTERS.opened(ROSTERS.part(session, check, kept.SUMMARY), RosterSummary)
        new = [ref for ref, version in found.used.items() if version is None]
        there = {one.blueprint.ref: one for one in choices_of(session, check.batch_id, folder)} if new else {}
        if any(ref not in there for ref in new):
            raise Conflict("roster.changed")
        versions = {ref: version for ref, version in found.used.items() if version is not None}
        for ref in new:
            versions[ref] = version_of(session, there[ref], now=check.at, actor=check.actor)
        return begin(session, check.batch_id, versions, now=check.at)


def be_taken_back(check: RosterCheck, what: Storable) -> None:
    """Take back what an import that stopped has stored; a second call changes nothing."""
    with reading() as session:
        run = begin(session, check.batch_id, {}, now=check.at)
    take_back(what, run)
    note_taken_back(check)


def note_taken_back(check: RosterCheck) -> None:
    """Note that nothing of a roster is stored any more."""
    with unit_of_work() as session:
        stopped = session.get(RosterCheck, check.id)
        if stopped is not None:
            stopped.begun = False
