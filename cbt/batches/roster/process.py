"""The import of a roster, as the machine of imports does it: it is checked, and stored whole or taken back."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import ClassVar

from sqlalchemy.orm import Session

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
from cbt.batches.roster.findings import (
    CHANGES,
    PEOPLE,
    REST,
    SEATS,
    RosterSummary,
    marked_of,
    offered_papers,
    shares_of,
)
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
from cbt.blueprints.versions import own_folder
from cbt.candidates.roster.columns import TableLayout, kept_hands, layouts_of
from cbt.candidates.roster.file import open_roster
from cbt.errors import CbtError, Conflict, InvalidInput
from cbt.imports.machine import FINDINGS, MARKED, SUMMARY, ImportKind
from cbt.jobs.registry import Work
from cbt.rules.door import mask_document
from cbt.rules.roles import Role
from cbt.sittings.models import Batch
from cbt.sittings.store import batch_by_ref
from cbt.spreadsheets.cells import SheetData
from cbt.spreadsheets.file_checks import CheckState, FilePiece, Stretch, by_kind
from cbt.storage.unit_of_work import reading, unit_of_work


@dataclass(frozen=True, slots=True)
class ExaminedRoster:
    """A brought roster as it was read; `checked` is None where somebody must say what the columns are."""

    sheets: list[SheetData]
    layouts: list[TableLayout]
    terms: RosterTerms
    seen: str
    checked: CheckedRoster | None


class RosterImport(ImportKind[RosterCheck, RosterSummary, ExaminedRoster]):
    """People and their papers for a batch; what is not confirmed is kept until its sittings are planned.

    It is sealed as the numbers in it will be. An import of it is not undone: people are withdrawn, or moved.
    """

    checks: ClassVar = ROSTERS
    code: ClassVar = "roster"
    roles: ClassVar = frozenset({Role.OFFICER})
    owner: ClassVar = "batch_id"
    subject: ClassVar = "batch"
    page: ClassVar = ("batches.roster.check", "draft")
    summary: ClassVar = RosterSummary
    life: ClassVar = timedelta(days=14)

    def owner_id(self, session: Session, owner_ref: str) -> int:
        """Return the key of a batch."""
        return batch_by_ref(session, owner_ref).id

    def half(self, check: RosterCheck) -> bool:
        """Return whether an import of it was begun that neither came to its end nor was taken back."""
        return check.begun

    def examine(self, check: RosterCheck, work: Work) -> ExaminedRoster:
        """Read the roster, and spread its people."""
        terms = terms_of(check.asked)
        with reading() as session:
            body = file_of(session, check)
            batch_ref = session.get_one(Batch, check.batch_id).ref
        sheets = open_roster(check.file_name, body)
        work.tell(0, sum(len(sheet.rows) for sheet in sheets))
        with reading() as session:
            target = target_of(session, batch_ref=batch_ref, sitting_ref=terms.sitting)
            hands = {**kept_hands(session, sheets), **terms.hands}
            layouts = layouts_of(sheets, hands)
            seen = seen_of(session, check.batch_id, only=target.only)
            name, folder, checked = check.file_name, own_folder(), None
            try:
                checked = plan_sheets(
                    session, target, sheets, terms, file_name=name, folder=folder, hands=hands
                )
            except InvalidInput as error:
                if error.code != "roster.no_header" or not layouts:
                    raise
        return ExaminedRoster(sheets, layouts, terms, seen, checked)

    def pieces(self, examined: ExaminedRoster) -> Iterator[FilePiece]:
        """Yield the findings, what would be stored and who would sit where, and all of it as a whole."""
        if examined.checked is None:
            nothing = Stretch(0, 0)
            unread = RosterSummary(
                0, 0, 0, 0, 0, 0, [], nothing, [], [], [], {}, [], [], examined.layouts, ""
            )
            yield SUMMARY, 0, ROSTERS.sealed(unread)
            return
        checked, plan = examined.checked, examined.checked.plan
        findings, kinds = by_kind(plan.findings)
        yield from self.lines(FINDINGS, findings)
        yield from self.lines(CHANGES, plan.changes)
        what = storable(plan)
        yield from self.lines(PEOPLE, what.people)
        yield REST, 0, ROSTERS.sealed(replace(what, people=[]))
        masked = {one.index: mask_document(one.document_number) for one in what.people}
        seats, stretches = list[SeatLine](), dict[int, Stretch]()
        for key, lines in seat_lines(plan.placements, masked).items():
            stretches[key] = Stretch(len(seats), len(lines))
            seats += lines
        yield from self.lines(SEATS, seats)
        roster_summary = RosterSummary(
            rows=checked.roster.total,
            people=plan.people,
            papers=len(plan.placements),
            already=plan.already,
            changed=len(plan.changes),
            renewed=len(plan.renewed),
            kinds=kinds,
            changes=Stretch(0, len(plan.changes)),
            left=plan.left,
            sittings=shares_of(plan, checked.choices, stretches, examined.terms.closed),
            offered=offered_papers(checked),
            headers=checked.roster.headers,
            ignored=list(checked.roster.ignored),
            sheets_left=list(checked.roster.sheets_left),
            layouts=examined.layouts,
            seen=examined.seen,
            used={one.choice.blueprint.ref: one.choice.version_id for one in plan.placements},
        )
        yield SUMMARY, 0, ROSTERS.sealed(roster_summary)

    def copies(self, examined: ExaminedRoster) -> Iterable[FilePiece]:
        """Yield the copy with the findings beside their rows."""
        if examined.checked is not None and examined.checked.plan.findings:
            copy = marked_of(examined.sheets, examined.checked, examined.terms.locale)
            yield MARKED, 0, ROSTERS.sealed(copy)

    def store(self, check: RosterCheck, work: Work) -> None:
        """Store who was confirmed, or go on with them."""
        with reading() as session:
            what = storable_of(session, check)
            digest = hashlib.sha256(file_of(session, check)).hexdigest()
        run = work.in_front(lambda: self._begin(check))

        def finish(session: Session) -> None:
            batch_ref = session.get_one(Batch, check.batch_id).ref
            target = target_of(session, batch_ref=batch_ref, sitting_ref=terms_of(check.asked).sitting)
            log_import(session, target.subject, what, digest=digest, now=check.at, actor=check.actor)
            ROSTERS.end(session, check.id, CheckState.DONE)
            ended = session.get(RosterCheck, check.id)
            if ended is not None:
                ended.begun = False
                ended.total = what.papers + len(what.changes)

        try:
            store_in_parcels(
                what,
                run,
                tell=work.tell,
                in_front=work.in_front,
                finish=finish,
            )
        except CbtError:
            work.in_front(lambda: _note_taken_back(check))
            raise
        self.put_away(check)

    def take_back(self, check: RosterCheck) -> None:
        """Take back what an import that stopped has stored."""
        with reading() as session:
            what = storable_of(session, check)
            run = begin(session, check.batch_id, {}, now=check.at)
        take_back(what, run)
        _note_taken_back(check)

    def _begin(self, check: RosterCheck) -> RosterRun:
        with unit_of_work() as session:
            summary = self.summary_of(session, check)
            new = [ref for ref, version in summary.used.items() if version is None]
            available = choices_of(session, check.batch_id, own_folder()) if new else []
            there = {one.blueprint.ref: one for one in available}
            if any(ref not in there for ref in new):
                raise Conflict("roster.changed")
            versions = {ref: version for ref, version in summary.used.items() if version is not None}
            for ref in new:
                versions[ref] = version_of(session, there[ref], now=check.at, actor=check.actor)
            return begin(session, check.batch_id, versions, now=check.at)


BROUGHT = RosterImport()


def file_of(session: Session, check: RosterCheck) -> bytes:
    return ROSTERS.opened(ROSTERS.part(session, check, FILE), bytes)


def storable_of(session: Session, check: RosterCheck) -> Storable:
    """Return what an import of a roster stores; raise NotFound where it was not checked."""
    rest = ROSTERS.opened(ROSTERS.part(session, check, REST), Storable)
    people = [
        one
        for number in ROSTERS.part_numbers(session, check, PEOPLE)
        for one in ROSTERS.opened(ROSTERS.part(session, check, PEOPLE, number), list[PersonEntry])
    ]
    return replace(rest, people=people)


def _note_taken_back(check: RosterCheck) -> None:
    with unit_of_work() as session:
        stopped = session.get(RosterCheck, check.id)
        if stopped is not None:
            stopped.begun = False
