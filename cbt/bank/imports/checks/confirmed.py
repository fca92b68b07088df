"""What was confirmed is stored: begun, parcel after parcel, whole, and then made ready to be found."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy.orm import Session

from cbt.bank.imports.checks import steps, store
from cbt.bank.imports.checks.beating import Beat
from cbt.bank.imports.checks.models import CheckState, ImportCheck
from cbt.bank.imports.checks.records import ENTRIES, LISTS, CheckSummary, Stretch, blocks, opened
from cbt.bank.imports.outcome import Action, ImportedItem, chosen, tally
from cbt.bank.imports.running import TRIES, go_on
from cbt.bank.imports.storing import Bringing, begin_run
from cbt.bank.imports.terms import asked_of
from cbt.bank.models import ImportRun, ItemBank
from cbt.bank.search.index import index_all
from cbt.bank.store import refs_of
from cbt.db.unit_of_work import reading, unit_of_work
from cbt.db.writing.parcels import put_down
from cbt.errors import CbtError
from cbt.sheets.drafts import drop

PARTS_AT_ONCE = 4
"""So many pieces of a check are deleted together."""


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
        parts = store.part_ids(session, check.id)
    for start in range(0, len(parts), PARTS_AT_ONCE):
        put_down(steps.no_parts(parts[start : start + PARTS_AT_ONCE]), tries=TRIES)
        told.rest()
    index_all(told.rest)


def _unlink(check: ImportCheck) -> None:
    with unit_of_work() as session:
        steps.link_run(session, check.ref, None)


def _be_done(check: ImportCheck) -> None:
    with unit_of_work() as session:
        steps.end_check(session, check.ref, CheckState.DONE)
        drop(session, check.ref, actor=check.actor)


def _entries(session: Session, check: ImportCheck, found: CheckSummary) -> Iterator[ImportedItem]:
    whole = Stretch(0, found.total(*LISTS))
    for number, _some in blocks(range(whole.count)):
        yield from opened(store.part(session, check, ENTRIES, number), list[ImportedItem])


def _begin(check: ImportCheck, what: Bringing, *, now: datetime) -> int:
    with unit_of_work() as session:
        run: ImportRun = begin_run(session, what, now=now)
        steps.link_run(session, check.ref, run.id)
        return run.id
