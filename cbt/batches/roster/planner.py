"""The planner of a roster: it holds rows against what is registered, and gives papers a room and a seat.

Nothing is written here; the dry run and the import make the same plan. What the checks say, and who is left
over, become findings of the file.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from cbt.batches.checks.people import PlannedEntry, checks_of_kinds, checks_of_rows
from cbt.batches.roster.plan import (
    LeftGroup,
    OpenPlaces,
    OpenRoom,
    PaperOnFile,
    Placement,
    RegisteredPeople,
    RosterPlan,
    RosterTerms,
    RowChange,
    room_names,
)
from cbt.batches.store import shape_of
from cbt.blueprints.models import BlueprintVersion
from cbt.blueprints.store import blueprint_of
from cbt.candidates.models import Candidate
from cbt.candidates.roster.columns import kept_hands
from cbt.candidates.roster.file import Roster, open_roster, roster_of
from cbt.candidates.roster.row import BlueprintChoice, Chooser, PaperRow, RosterRow, choices
from cbt.errors import Conflict, NotFound
from cbt.imports.column_map import Hands
from cbt.personal import DETAILS
from cbt.rules.door import overlaps, same_name
from cbt.rules.planning.distribution import LeftOver, OwnSitting, SeatPlan, SeatWish, distribute
from cbt.rules.states import BEFORE_THE_START, SittingState
from cbt.sittings.models import Batch, Seat, Sitting
from cbt.sittings.store import batch_by_ref, is_official, sitting_by_ref
from cbt.spreadsheets.cells import SheetData
from cbt.spreadsheets.columns import plain
from cbt.spreadsheets.findings import Finding, Severity
from cbt.storage.unit_of_work import reading

COLUMNS = {"retake": "kind", "shape": "paper", "unpaid": "document_number"}
"""Where a concern stands, by the first word of its code."""
CHECK = "check."
"""How the codes of findings begin that the checks of a plan made."""


def objections_to(session: Session, placements: Sequence[Placement]) -> tuple[list[Finding], set[int]]:
    """Return what speaks against papers that are to be registered, and the places of those it stops.

    Source: R-4, R-7.
    """
    rows = [
        PlannedEntry(
            key=key,
            person=one.index,
            name=one.row.name,
            candidate_id=one.candidate.id if one.candidate is not None else None,
            sitting=one.at.sitting,
            version=one.choice.version_id,
            paper=one.paper,
            kind=one.asked.kind,
            factor=one.row.factor,
            extra=one.row.extra,
        )
        for key, one in enumerate(placements)
        if one.choice.version_id is not None
    ]
    findings, stopped = list[Finding](), set[int]()
    for key, concerns in checks_of_rows(session, rows).items():
        row = placements[key].row
        for concern in concerns:
            column = COLUMNS.get(concern.code.partition("_")[0], "paper")
            params = {**concern.params, "clause": concern.clause}
            severity = Severity.ERROR if concern.stops else Severity.HINT
            value = {"paper": row.paper, "kind": row.kind}.get(column, "")
            place = row.place(column)
            stopped |= {key} if concern.stops else set()
            findings.append(Finding(severity, CHECK + concern.code, place, value, row.name, params))
    return findings, stopped


_MICROSECOND = timedelta(microseconds=1)


def change_of(paper_row: PaperRow, candidate: Candidate, file: PaperOnFile) -> RowChange | None:
    """Return what a line changes of a registration, None for nothing; nothing changes once its room has started.

    Source: R-30.
    """
    if SittingState(file.sitting_room.state) not in BEFORE_THE_START:
        return None
    row, registration = paper_row.row, file.registration
    shown: list[tuple[str, str, str]] = []
    person: dict[str, str] = {}
    terms: dict[str, str] = {}
    for name, detail in DETAILS.items():
        value, stored = row.details[name], detail.value_of(candidate)
        if value and stored is not None and value != stored:  # one that nothing opens is sealed anew
            person[name] = value
            shown.append((name, detail.mask(stored), detail.mask(value)))
    if paper_row.kind != registration.kind and (row.marks or "kind" in row.heading.places):
        terms["kind"] = paper_row.kind
        shown.append(("kind", registration.kind, paper_row.kind))
    for column in ("eligibility", "note"):
        value, stored = getattr(row, column), getattr(registration, column)
        if value and value != stored:
            terms[column] = value
            shown.append((column, stored, value))
    if row.accommodation and (row.factor, row.extra, row.tools) != (
        registration.factor,
        registration.extra,
        registration.tools,
    ):
        terms["factor"] = str(row.factor)
        terms["extra"] = str(row.extra // _MICROSECOND)
        terms["tools"] = row.tools
        terms["accommodation_note"] = row.accommodation
        shown.append(("accommodation", registration.accommodation_note, row.accommodation))
    if not shown:
        return None
    return RowChange(row.row, row.name, candidate.id, registration.id, person, terms, tuple(shown))


Remark = tuple[str, str, str, Mapping[str, Any]]
"""The column, what stands there, the code, its parameters."""


@dataclass(frozen=True, slots=True)
class RequestedPaper:
    """A paper that is to be seated: who asks for it, and how long it runs for them."""

    one: PaperRow
    index: str
    length: timedelta


class Remarks:
    """Finds the words for who is left over; `narrow` where a roster is for one sitting."""

    def __init__(
        self,
        places: OpenPlaces,
        people: RegisteredPeople,
        papers: Sequence[RequestedPaper],
        plan: SeatPlan,
        *,
        narrow: bool,
    ) -> None:
        self._places, self._known, self._asked, self._narrow = places, people, papers, narrow
        self._own: dict[str, list[tuple[RequestedPaper, OpenRoom]]] = defaultdict(list)
        for key, where in plan.placed.items():
            self._own[papers[key].index].append((papers[key], places.by_key[where]))

    def about(self, key: int, reason: LeftOver) -> Remark:
        """Return what is to be noted of a paper that found no seat."""
        paper = self._asked[key]
        row = paper.one.row
        if reason is LeftOver.WISH:
            names = room_names(self._places.rooms)
            if row.room and not any(name == row.room for name in names):
                return "room", row.room, "roster.no_room", {"rooms": names}
            return "date", "", "roster.no_sitting", {}
        if reason is LeftOver.FULL and self._narrow:
            rooms = self._places.rooms
            free = sum(one.open_seats for one in rooms)
            return "seat", "", "roster.no_seat", {"free": free, "rooms": room_names(rooms)}
        if reason is LeftOver.TIME:
            return self._about_time(paper)
        return "paper", row.paper, f"roster.left_{reason.value}", {}

    def _about_time(self, requested_paper: RequestedPaper) -> Remark:
        row = requested_paper.one.row
        if not (self._narrow or row.wish.timed or row.wish.placed):
            return "paper", row.paper, "roster.left_time", {}
        paper = requested_paper.one.choice.blueprint.papers[requested_paper.one.paper]
        rooms = self._places.wished(row.wish, paper.modes)
        starts = [one.sitting.planned_start_at for one in rooms]
        for known_paper in self._known.registered(requested_paper.index):
            if any(overlaps(known_paper.span, (start, start + requested_paper.length)) for start in starts):
                return "paper", row.paper, "roster.overlap", {"other": known_paper.sitting.name}
        for other, at in self._own[requested_paper.index]:
            if at.key in {one.key for one in rooms}:
                return "paper", row.paper, "roster.both_papers", {"other_row": other.one.row.row}
        return "paper", row.paper, "roster.left_time", {}


class FreeSeats:
    """Gives the free seats of rooms, each once; spare ones only to who asks for one by number. Source: R-16."""

    def __init__(self) -> None:
        self._free: dict[int, dict[int, Seat]] = {}
        self._next: dict[int, list[int]] = {}

    def take(self, room: OpenRoom, number: int | None) -> Seat | None:
        """Return a seat of a room, None when the one that is asked for, or every one, is taken."""
        if room.key not in self._free:
            self._free[room.key] = dict(room.free)
            plain = [number for number, seat in room.free.items() if not seat.spare]
            self._next[room.key] = sorted(plain, reverse=True)
        free, rest = self._free[room.key], self._next[room.key]
        if number is not None:
            return free.pop(number, None)
        while rest:
            if (seat := free.pop(rest.pop(), None)) is not None:
                return seat
        return None


def plan_roster(
    session: Session,
    batch: Batch,
    roster: Roster,
    available: Sequence[BlueprintChoice],
    terms: RosterTerms,
    *,
    only: Sitting | None = None,
) -> RosterPlan:
    """Return what importing a roster into the sittings of a batch, or `only` into one of them, would do.

    Raise Conflict("roster.sitting_closed") for one in which a room has started, ("sitting.no_rooms").

    Source: R-4, R-6, R-7, R-16.
    """
    if only is not None and SittingState(only.state) not in BEFORE_THE_START:
        raise Conflict("roster.sitting_closed")
    return _Planner(session, batch, roster, available, terms, only).plan()


class _Planner:
    """Reads once what the rows refer to, then places all of them."""

    def __init__(
        self,
        session: Session,
        batch: Batch,
        roster: Roster,
        available: Sequence[BlueprintChoice],
        terms: RosterTerms,
        only: Sitting | None,
    ) -> None:
        self._session, self._batch, self._roster, self._terms = session, batch, roster, terms
        self._only, self._available = only, available
        self._chooser = Chooser(available, note=self._note, mode=only.mode if only is not None else "")
        self._known = RegisteredPeople(session, batch.id, roster)
        self._places = OpenPlaces(session, batch.id, only=only)
        if only is not None and not self._places.rooms:
            raise Conflict("sitting.no_rooms")
        self._result = RosterPlan(
            findings=list(roster.findings), renewed=self._known.renewed, rooms=self._places.rooms
        )
        self._stops = len(self._result.stops)
        self._names: dict[str, RosterRow] = {}
        self._ticket_rows: dict[str, str] = {}
        self._asked: dict[tuple[str, str, str], RosterRow] = {}
        self._taken: list[RequestedPaper] = []
        self._named: set[tuple[int, int]] = set()
        self._changing: dict[int, RosterRow] = {}

    def plan(self) -> RosterPlan:
        """Place every row."""
        for row in self._roster.rows:
            for paper_row in self._read(row):
                self._take(paper_row)
        self._place()
        for row in self._roster.refused:
            # Kept out already, but all that is wrong with it is to be seen at once.
            if row.level and (row.paper or row.marks):
                self._chooser.paper_rows(row)
        plan = self._result
        plan.people = len(set(self._known.indexes.values()))
        plan.placements.sort(key=lambda one: one.row.order)
        objections, stopped = objections_to(self._session, plan.placements)
        plan.findings += objections
        plan.placements = [one for place, one in enumerate(plan.placements) if place not in stopped]
        self._object_to_changes(plan)
        sheets = {one.sheet: order for order, one in reversed(list(enumerate(self._roster.headings)))}
        plan.findings.sort(key=lambda one: (sheets.get(one.place.sheet, len(sheets)), one.place.line))
        return plan

    def _object_to_changes(self, plan: RosterPlan) -> None:
        """Hold a line that makes a registration a 新考 or a 补考 to the same rule as one that is new.

        Source: R-4.
        """
        kinds = {one.registration_id: one.terms["kind"] for one in plan.changes if "kind" in one.terms}
        stopped = set[int]()
        for registration_id, concerns in checks_of_kinds(self._session, kinds).items():
            row = self._changing[registration_id]
            for concern in concerns:
                params = {**concern.params, "clause": concern.clause}
                severity = Severity.ERROR if concern.stops else Severity.HINT
                place = row.place("kind")
                plan.findings.append(
                    Finding(severity, CHECK + concern.code, place, row.kind, row.name, params)
                )
                stopped |= {registration_id} if concern.stops else set()
        plan.changes = [one for one in plan.changes if one.registration_id not in stopped]

    def _note(
        self, row: RosterRow, column: str, value: str, code: str, *, stop: bool = True, **params: object
    ) -> None:
        severity = Severity.ERROR if stop else Severity.HINT
        self._stops += stop
        self._result.findings.append(Finding(severity, code, row.place(column), value[:80], params=params))

    def _read(self, row: RosterRow) -> list[PaperRow]:
        """Return the papers of a row that can be registered, noting everything against it."""
        before = self._stops
        if row.batch and plain(row.batch) != plain(self._batch.name):
            self._note(row, "batch", row.batch, "roster.other_batch", batch=self._batch.name)
        self._check_person(row)
        self._check_ticket(row)
        rows = self._chooser.paper_rows(row)
        return rows if self._stops == before else []

    def _check_person(self, row: RosterRow) -> None:
        index = self._known.indexes[row.order]
        candidate = self._known.candidates.get(index)
        if candidate is not None and not same_name(candidate.name, row.name):
            self._note(row, "name", row.name, "roster.name_differs", known=candidate.name)
        first = self._names.setdefault(index, row)
        if not same_name(first.name, row.name):
            self._note(row, "name", row.name, "roster.same_number", other_row=first.row)

    def _check_ticket(self, row: RosterRow) -> None:
        if not row.ticket:
            return
        index = self._known.indexes[row.order]
        candidate = self._known.candidates.get(index)
        own = self._known.tickets.get(candidate.id) if candidate is not None else None
        if own is not None and own != row.ticket:
            self._note(row, "ticket", row.ticket, "roster.other_ticket", number=own)
        elif own is None and row.ticket in self._known.holders:
            self._note(row, "ticket", row.ticket, "roster.ticket_taken")
        if self._ticket_rows.setdefault(row.ticket, index) != index:
            self._note(row, "ticket", row.ticket, "roster.ticket_twice")

    def _take(self, paper_row: PaperRow) -> None:
        """Have a paper be seated, unless the person is registered for it, or it stands in the file twice."""
        row, index, ref = (
            paper_row.row,
            self._known.indexes[paper_row.row.order],
            paper_row.choice.blueprint.ref,
        )
        for paper in self._known.registered(index):
            same = paper.registration.paper == paper_row.paper
            if self._only is not None:
                same = same and paper.sitting.id == self._only.id
            else:
                same = same and paper.sitting.batch_id == self._batch.id and is_official(paper.sitting)
                same = same and paper.registration.blueprint_ref == ref
            if same:
                change = change_of(paper_row, self._known.candidates[index], paper)
                if change is None:
                    self._result.already += 1
                else:
                    self._result.changes.append(change)
                    self._changing[change.registration_id] = row
                return
        first = self._asked.setdefault((index, ref, paper_row.paper), row)
        if first is not row:
            self._note(row, "paper", row.paper, "roster.twice", other_row=first.row)
            return
        if self._known.withdrew(index, ref, paper_row.paper):
            self._note(row, "paper", row.paper, "roster.withdrawn", stop=False)
        ratio = Fraction(row.factor)
        duration = paper_row.choice.blueprint.papers[paper_row.paper].duration
        self._taken.append(
            RequestedPaper(paper_row, index, duration * ratio.numerator / ratio.denominator + row.extra)
        )

    def _place(self) -> None:
        wanted = [
            wish for key, asked in enumerate(self._taken) if (wish := self._wish(key, asked)) is not None
        ]
        held = {index: self._held(index) for index in {one.person for one in wanted}}
        slots = self._places.slots(self._available, self._terms.closed, kept=self._named)
        plan = distribute(wanted, slots, options=self._terms.options, held=held)
        seats = FreeSeats()
        # Rows that name their seat come first, so that no other row is given it.
        for key in sorted(plan.placed, key=lambda key: (self._taken[key].one.row.seat is None, key)):
            self._seat(self._taken[key], self._places.by_key[plan.placed[key]], seats)
        self._tell_left(plan)

    def _seat(self, paper: RequestedPaper, at: OpenRoom, seats: FreeSeats) -> None:
        row = paper.one.row
        seat = seats.take(at, row.seat)
        if seat is None:
            self._note(row, "seat", str(row.seat or ""), "roster.seat_taken")
            return
        candidate = self._known.candidates.get(paper.index)
        ticket = self._known.tickets.get(candidate.id, "") if candidate is not None else ""
        self._result.placements.append(Placement(paper.one, paper.index, candidate, ticket, at, seat))

    def _tell_left(self, plan: SeatPlan) -> None:
        remarks = Remarks(self._places, self._known, self._taken, plan, narrow=self._only is not None)
        groups = Counter[tuple[LeftOver, int, str]]()
        places = {id(choice): place for place, choice in enumerate(self._available)}
        for key, reason in plan.left.items():
            row = self._taken[key].one
            groups[reason, places[id(row.choice)], row.paper] += 1
            if self._places.rooms:
                column, value, code, params = remarks.about(key, reason)
                self._note(row.row, column, value, code, **params)
        for (reason, place, paper), people in groups.items():
            blueprint = self._available[place].blueprint
            minutes = blueprint.papers[paper].duration // timedelta(minutes=1)
            names = blueprint.level_name, paper, blueprint.papers[paper].name
            self._result.left.append(LeftGroup(reason, blueprint.ref, *names, people, minutes))

    def _wish(self, key: int, requested_paper: RequestedPaper) -> SeatWish | None:
        row, paper = (
            requested_paper.one.row,
            requested_paper.one.choice.blueprint.papers[requested_paper.one.paper],
        )
        slots = None
        if row.wish.timed or row.wish.placed or self._only is not None:
            rooms = self._places.wished(row.wish, paper.modes)
            slots = frozenset(one.key for one in rooms)
            if row.seat is not None and len(rooms) > 1:
                self._note(row, "seat", str(row.seat), "roster.which_room", rooms=room_names(rooms))
                return None
            if row.seat is not None and rooms:
                self._named.add((rooms[0].key, row.seat))
        return SeatWish(
            key=key,
            person=requested_paper.index,
            level=requested_paper.one.choice.blueprint.ref,
            paper=requested_paper.one.paper,
            length=requested_paper.length,
            unit=row.group,
            slots=slots,
            morning=bool(paper.sections) if self._terms.halves else None,
            spare=row.seat is not None,
        )

    def _held(self, index: str) -> list[OwnSitting]:
        batch = self._batch.id
        return [
            OwnSitting(one.span, one.sitting.centre_id if one.sitting.batch_id == batch else None)
            for one in self._known.registered(index)
        ]


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
