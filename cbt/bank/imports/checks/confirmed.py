"""What was confirmed is stored: begun, parcel after parcel, whole, and then made ready to be found."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy.orm import Session

from cbt.bank.imports.checks import steps, store
from cbt.bank.imports.checks.models import CHECKS, ImportCheck
from cbt.bank.imports.checks.records import ENTRIES, LISTS, CheckSummary
from cbt.bank.imports.outcome import Action, ImportedItem, chosen, tally
from cbt.bank.imports.running import go_on
from cbt.bank.imports.storing import Bringing, begin_run, check_revision
from cbt.bank.imports.terms import asked_of
from cbt.bank.models import ImportRun, ItemBank
from cbt.bank.search.index import index_all
from cbt.bank.store import refs_of
from cbt.db.unit_of_work import reading, unit_of_work
from cbt.errors import CbtError
from cbt.sheets.checks.beating import Beat
from cbt.sheets.checks.models import CheckState
from cbt.sheets.checks.pieces import blocks
from cbt.sheets.checks.working import put_pieces_away
from cbt.sheets.drafts import drop


def store_confirmed(check: ImportCheck, told: Beat, *, now: datetime) -> None:
    """Store what was confirmed of a check, or go on with it; raise what keeps it out, and nothing of it stays."""
    asked = asked_of(check.asked)
    with reading() as session:
        bank_ref = session.get_one(ItemBank, check.bank_id).ref
        found = store.summary_of(session, check)
        there = list(_entries(session, check, found))
        entries = chosen(there, asked.mode, refs_of(session, bank_ref), near=asked.near)
    what = Bringing(
        bank_ref=bank_ref,
        file_name=check.file_name,
        form=found.form,
        revision=found.revision,
        counts={**tally(entries), Action.SKIP: found.total(*LISTS) - len(entries)},
        actor=check.actor,
        state=asked.state,
    )
    if check.run_id is None:
        check_revision(what)
    run_id = check.run_id or told.in_front(lambda: _begin(check, what, now=now))
    try:
        go_on(
            run_id,
            what,
            entries,
            now=now,
            tell=lambda done, total: told.tell_stored(done, total),
            words=lambda some: dict.fromkeys([entry.ref for entry in some], ""),
            in_front=told.in_front,
        )
    except CbtError:
        told.in_front(lambda: _unlink(check))
        raise
    told.in_front(lambda: _be_done(check))
    with reading() as session:
        parts = CHECKS.part_ids(session, check.id)
    put_pieces_away(CHECKS, parts, told)
    index_all(told.rest)


def _unlink(check: ImportCheck) -> None:
    with unit_of_work() as session:
        steps.link_run(session, check.ref, None)


def _be_done(check: ImportCheck) -> None:
    with unit_of_work() as session:
        CHECKS.end(session, check.ref, CheckState.DONE)
        drop(session, check.ref, actor=check.actor)


def _entries(session: Session, check: ImportCheck, found: CheckSummary) -> Iterator[ImportedItem]:
    for number, _some in blocks(range(found.total(*LISTS))):
        yield from CHECKS.opened(CHECKS.part(session, check, ENTRIES, number), list[ImportedItem])


def _begin(check: ImportCheck, what: Bringing, *, now: datetime) -> int:
    with unit_of_work() as session:
        run: ImportRun = begin_run(session, what, now=now)
        steps.link_run(session, check.ref, run.id)
        return run.id
