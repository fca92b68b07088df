"""The import of a roster: kept, checked, spread anew and confirmed from its pages, or whole from the command line.

It is stored whole or taken back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import ClassVar

from msgspec import structs
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.batches.applications import accepted_of, people_seen, photo_parcels
from cbt.batches.roster.entries import (
    TRIES,
    PersonEntry,
    RosterRun,
    SeatLine,
    Storable,
    TicketNumbers,
    seat_lines,
    storable,
    store_in_parcels,
    store_within,
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
from cbt.batches.roster.plan import RosterTerms, seen_of, terms_of, written
from cbt.batches.roster.planner import CheckedRoster, choices_of, dry_run, plan_sheets, target_of
from cbt.blueprints.store import blueprint_of
from cbt.blueprints.versions import own_folder, store_blueprint
from cbt.candidates.roster.columns import RosterLayout, kept_hands, layouts_of
from cbt.candidates.roster.file import open_roster
from cbt.candidates.roster.row import BlueprintChoice
from cbt.enrolment.applications.application import Applying, put_in_batch
from cbt.enrolment.applications.store import application_by_ref
from cbt.enrolment.fees.store import refuse_unpaid
from cbt.errors import CbtError, Conflict, InvalidInput
from cbt.http.i18n import local_day, local_zone
from cbt.imports.column_map import Hands, keep_mappings
from cbt.imports.machine import FINDINGS, MARKED, SUMMARY, ImportKind
from cbt.jobs.registry import Work
from cbt.rules.door import mask_document
from cbt.rules.roles import Role
from cbt.sittings.models import Batch, Sitting
from cbt.sittings.store import batch_by_ref
from cbt.spreadsheets.cells import SheetData
from cbt.spreadsheets.file_checks import CheckState, FilePiece, Stretch, by_kind
from cbt.storage.types import new_ref
from cbt.storage.unit_of_work import PIECE, put_down_joined, reading, unit_of_work
from cbt.storage.write_queue.change_set import Rows

MOST_BYTES = 20 * 1024 * 1024
TOGETHER = PIECE
"""Up to so many papers are stored in one unit of work."""


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


@dataclass(frozen=True, slots=True)
class ExaminedRoster:
    """A brought roster as it was read; `checked` is None where somebody must say what the columns are."""

    sheets: list[SheetData]
    layouts: list[RosterLayout]
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
            terms = terms_of(check.asked)
        run = work.in_front(lambda: self._begin(check))

        def finish(session: Session) -> None:
            batch_ref = session.get_one(Batch, check.batch_id).ref
            target = target_of(session, batch_ref=batch_ref, sitting_ref=terms.sitting)
            log_import(session, target.subject, what, digest=digest, now=check.at, actor=check.actor)
            if terms.application:
                by = Applying(check.actor, work.now, local_day(work.now), None)
                put_in_batch(session, terms.application, target.batch, by)
            ROSTERS.end(session, check.id, CheckState.DONE)
            ended = session.get(RosterCheck, check.id)
            if ended is not None:
                ended.begun = False
                ended.total = what.papers + len(what.changes)

        try:
            for parcel in _photos_of(terms):
                work.in_front(partial(put_down_joined, *parcel, tries=TRIES))
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


def _photos_of(terms: RosterTerms) -> list[list[Rows]]:
    """Return the photos that an application brings for who was registered before it came."""
    if not terms.application:
        return []
    with reading() as session:
        application = application_by_ref(session, terms.application, unit_id=None)
        return list(photo_parcels(session, [one.document_index for one in accepted_of(session, application)]))


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


def keep(
    *,
    batch_ref: str,
    file_name: str,
    body: bytes,
    locale: str,
    now: datetime,
    actor: str,
    sitting_ref: str = "",
    application: str = "",
    people: str = "",
) -> str:
    """Keep a roster for its check and return its ref; the person's former one for the batch goes.

    Of an `application` it is made of its accepted `people`, who are still the same when it is confirmed.

    Raise InvalidInput("roster.no_file"), Conflict("roster.under_way") while the former one is being imported,
    NotFound for an unknown batch or sitting.
    """
    if not body:
        raise InvalidInput("roster.no_file", field="file")
    with reading() as session:
        batch_ref = target_of(session, batch_ref=batch_ref, sitting_ref=sitting_ref).batch.ref
    terms = RosterTerms(locale=locale, sitting=sitting_ref, application=application, people=people)
    return BROUGHT.bring(
        batch_ref,
        (FILE, 0, ROSTERS.sealed(body)),
        ref=new_ref("rd"),
        file_name=file_name,
        asked=written(terms),
        now=now,
        actor=actor,
    )


def plan_again(*, batch_ref: str, ref: str, terms: RosterTerms, now: datetime, actor: str) -> None:
    """Have a kept roster be spread anew, under other terms.

    Raise NotFound("roster.draft_gone"), Conflict("roster.under_way") while a job is at it.
    """
    with unit_of_work() as session:
        check = BROUGHT.idle(session, batch_ref, ref, actor=actor)
        before = terms_of(check.asked)
        roster_terms = structs.replace(
            terms,
            locale=before.locale,
            sitting=before.sitting,
            hands=before.hands,
            application=before.application,
            people=before.people,
        )
        BROUGHT.wait_again(session, batch_ref, check, written(roster_terms), now=now)


def read_again(*, batch_ref: str, ref: str, hands: Hands, now: datetime, actor: str) -> None:
    """Have a kept roster be read with what is said of its columns; raise as `plan_again` does."""
    with unit_of_work() as session:
        check = BROUGHT.idle(session, batch_ref, ref, actor=actor)
        before = terms_of(check.asked)
        keep_mappings(session, hands, subject=f"batch:{batch_ref}", now=now, actor=actor)
        terms = structs.replace(before, hands={**before.hands, **hands})
        BROUGHT.wait_again(session, batch_ref, check, written(terms), now=now)


def confirm(*, batch_ref: str, ref: str, partial: bool, now: datetime, actor: str) -> None:
    """Have what was looked at be imported; the first of two who confirm does.

    Raise InvalidInput("roster.refused") for the whole of a file with errors, Conflict("roster.nothing") when
    nothing is new or changed, ("roster.changed") when rooms, times or seats are not as they were,
    ("roster.under_way"), NotFound("roster.draft_gone"); of an application also ("application.people_changed"), and
    as `accepted_of` and `refuse_unpaid` do.
    """
    with unit_of_work() as session:
        check = BROUGHT.idle(session, batch_ref, ref, actor=actor)
        if check.state != CheckState.READY:
            raise Conflict(ROSTERS.busy)
        summary = BROUGHT.summary_of(session, check)
        if summary.stops and not partial:
            raise InvalidInput("roster.refused", count=summary.stops)
        terms = terms_of(check.asked)
        there = summary.already if terms.application else 0
        if not (summary.papers or summary.changed or summary.renewed or there):
            raise Conflict("roster.nothing")
        if terms.application:
            _refuse_changed(session, terms)
        target = target_of(session, batch_ref=batch_ref, sitting_ref=terms.sitting)
        if seen_of(session, check.batch_id, only=target.only) != summary.seen:
            raise Conflict("roster.changed")
        terms = structs.replace(terms, partial=partial)
        BROUGHT.wait_to_be_stored(session, batch_ref, check, written(terms), total=summary.people, now=now)
        check.begun = True


def _refuse_changed(session: Session, terms: RosterTerms) -> None:
    application = application_by_ref(session, terms.application, unit_id=None)
    if people_seen(accepted_of(session, application)) != terms.people:
        raise Conflict("application.people_changed")
    refuse_unpaid(session, application, blueprint_of(session, application.blueprint_version_id).fees)
