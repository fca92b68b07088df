"""The process of a brought roster: it is checked, and what was confirmed is stored whole or taken back."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path

from sqlalchemy.orm import Session

from cbt.batches.roster import findings as kept
from cbt.batches.roster.entries import (
    PersonEntry,
    RosterRun,
    SeatLine,
    Storable,
    seat_lines,
    storable,
    store_in_parcels,
    take_back,
)
from cbt.batches.roster.findings import RosterSummary, marked_of, offered_papers, shares_of
from cbt.batches.roster.models import FILE, ROSTERS, RosterCheck
from cbt.batches.roster.plan import RosterTerms, seen_of, terms_of
from cbt.batches.roster.roster_import import (
    CheckedRoster,
    begin,
    choices_of,
    log_import,
    plan_sheets,
    target_of,
    version_of,
)
from cbt.candidates.roster.column_mapping import TableLayout, kept_hands, layouts_of
from cbt.candidates.roster.file import open_roster
from cbt.errors import CbtError, Conflict, InvalidInput
from cbt.rules.door.admission import mask_document
from cbt.sittings.models import Batch
from cbt.spreadsheets import check_process as shared
from cbt.spreadsheets.check_process import (
    Beat,
    Beating,
    Clock,
    Unwanted,
    keep_copy,
    put_pieces_away,
    put_pieces_down,
)
from cbt.spreadsheets.file_checks import CheckState, FilePiece, Stretch, blocks, by_kind
from cbt.storage.unit_of_work import reading, unit_of_work


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


def work_on(ref: str, *, folder: Path, clock: Clock, beat: Beating = Beat) -> bool:
    """Do what roster `ref` waits for; return whether it came to its end well."""

    def store_it(check: RosterCheck, told: Beat, now: datetime) -> None:
        store_confirmed(check, told, folder=folder)

    return shared.work_on(
        ROSTERS, ref, clock=clock, beat=beat, review=partial(_check, folder), store=store_it
    )


def _check(folder: Path, check: RosterCheck, told: Beat) -> None:
    terms = terms_of(check.asked)
    with reading() as session:
        body = file_of(session, check)
        batch_ref = session.get_one(Batch, check.batch_id).ref
    told.tell(CheckState.READING, 0, 0)
    sheets = open_roster(check.file_name, body)
    told.tell(CheckState.CHECKING, 0, 0)
    with reading() as session:
        target = target_of(session, batch_ref=batch_ref, sitting_ref=terms.sitting)
        hands = {**kept_hands(session, sheets), **terms.hands}
        layouts = layouts_of(sheets, hands)
        seen = seen_of(session, check.batch_id, only=target.only)
        try:
            checked = plan_sheets(
                session, target, sheets, terms, file_name=check.file_name, folder=folder, hands=hands
            )
        except InvalidInput as error:
            if error.code != "roster.no_header" or not layouts:
                raise
            checked = None  # somebody says what the columns are
    pieces = _unread(layouts) if checked is None else _pieces(checked, terms, layouts, seen)
    put_pieces_down(ROSTERS, check.id, pieces)
    told.check()
    told.in_front(lambda: _be_ready(check))
    if checked is not None and checked.plan.findings:
        copy = marked_of(sheets, checked, terms.locale)
        keep_copy(ROSTERS, check.id, (kept.MARKED, 0, ROSTERS.sealed(copy)), told)


def file_of(session: Session, check: RosterCheck) -> bytes:
    """Return a brought file."""
    return ROSTERS.opened(ROSTERS.part(session, check, FILE), bytes)


def _be_ready(check: RosterCheck) -> None:
    with unit_of_work() as session:
        if not ROSTERS.end(session, check.ref, CheckState.READY):
            raise Unwanted


def _unread(layouts: list[TableLayout]) -> Iterator[FilePiece]:
    nothing = Stretch(0, 0)
    found = RosterSummary(0, 0, 0, 0, 0, 0, [], nothing, [], [], [], {}, [], [], layouts, "")
    yield kept.SUMMARY, 0, ROSTERS.sealed(found)


def _pieces(
    checked: CheckedRoster, terms: RosterTerms, layouts: list[TableLayout], seen: str
) -> Iterator[FilePiece]:
    plan = checked.plan
    findings, kinds = by_kind(plan.findings)
    yield from _lines(kept.FINDINGS, findings)
    yield from _lines(kept.CHANGES, plan.changes)
    what = storable(plan)
    yield from _lines(kept.PEOPLE, what.people)
    yield kept.REST, 0, ROSTERS.sealed(replace(what, people=[]))
    masked = {one.index: mask_document(one.document_number) for one in what.people}
    seats, stretches = list[SeatLine](), dict[int, Stretch]()
    for key, lines in seat_lines(plan.placements, masked).items():
        stretches[key] = Stretch(len(seats), len(lines))
        seats += lines
    yield from _lines(kept.SEATS, seats)
    found = RosterSummary(
        rows=checked.roster.total,
        people=plan.people,
        papers=len(plan.placements),
        already=plan.already,
        changed=len(plan.changes),
        renewed=len(plan.renewed),
        kinds=kinds,
        changes=Stretch(0, len(plan.changes)),
        left=plan.left,
        sittings=shares_of(plan, checked.choices, stretches, terms.closed),
        offered=offered_papers(checked),
        headers=checked.roster.headers,
        ignored=list(checked.roster.ignored),
        sheets_left=list(checked.roster.sheets_left),
        layouts=layouts,
        seen=seen,
        used={one.choice.blueprint.ref: one.choice.version_id for one in plan.placements},
    )
    yield kept.SUMMARY, 0, ROSTERS.sealed(found)


def _lines(name: str, lines: Sequence[object]) -> Iterator[FilePiece]:
    for number, some in blocks(lines):
        yield name, number, ROSTERS.sealed(some)
