"""What the process of one roster does: read, plan, put it down; or store what was confirmed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path

from sqlalchemy.orm import Session

from cbt.batches.roster import summary as kept
from cbt.batches.roster.confirmed import store_confirmed
from cbt.batches.roster.entering.entries import SeatLine, seat_lines, storable
from cbt.batches.roster.files.marking import marked_of
from cbt.batches.roster.importing import CheckedRoster, plan_sheets, target_of
from cbt.batches.roster.models import FILE, ROSTERS, RosterCheck
from cbt.batches.roster.planning.places import seen_of
from cbt.batches.roster.summary import RosterSummary, offered_papers, shares_of
from cbt.batches.roster.terms import RosterTerms, terms_of
from cbt.candidates.roster.mapping import kept_hands
from cbt.candidates.roster.reading.file import open_roster
from cbt.candidates.roster.reading.hands import TableLayout, layouts_of
from cbt.db.unit_of_work import reading, unit_of_work
from cbt.errors import InvalidInput
from cbt.rules.door.admission import mask_document
from cbt.sheets.checks import working as shared
from cbt.sheets.checks.beating import Beat, Unwanted
from cbt.sheets.checks.keeping import FilePiece
from cbt.sheets.checks.models import CheckState
from cbt.sheets.checks.pieces import Stretch, blocks, by_kind
from cbt.sheets.checks.working import Beating, Clock, keep_copy, put_pieces_down
from cbt.sittings.models import Batch


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
