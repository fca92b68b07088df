"""Hold a roster against what is registered: who is new, which paper, which seat, what does not go.

Nothing is written here; the dry run and the import make the same plan, the import inside its unit of work.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.candidates.models import AdmissionTicket, Candidate
from cbt.candidates.personal import document_index
from cbt.candidates.roster.choosing import BlueprintChoice, Chooser, PaperRow
from cbt.candidates.roster.reading.file import Roster
from cbt.candidates.roster.reading.row import RosterRow
from cbt.candidates.roster.renewing import unreadable
from cbt.candidates.roster.seats import FreeSeats
from cbt.candidates.spacing import Booked, booked, paper_span
from cbt.db.private.prints import personal_was_lost
from cbt.errors import Conflict
from cbt.rules.door.admission import Span, overlaps, same_name, too_close
from cbt.rules.exam.blueprint import Paper
from cbt.rules.states.sitting import SittingState
from cbt.sheets.columns import plain
from cbt.sheets.findings import Finding, Severity
from cbt.sittings.models import Batch, Room, Seat, Sitting, SittingRoom

OPEN_STATES = frozenset({SittingState.DRAFT, SittingState.PUBLISHED, SittingState.ADMITTING})
"""A roster is taken until the first room starts."""


@dataclass(frozen=True, slots=True)
class Placement:
    """A row that can be registered: who, which paper, where."""

    row: RosterRow
    index: str
    candidate: Candidate | None
    ticket: AdmissionTicket | None
    choice: BlueprintChoice
    paper: str
    kind: str
    sitting_room: SittingRoom
    room: Room
    seat: Seat


@dataclass
class RosterPlan:
    """What an import would do; it may be done only without a finding that stops."""

    placements: list[Placement] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    already: int = 0
    renewed: list[tuple[Candidate, RosterRow]] = field(default_factory=list)
    """People whose number nothing opens any more, found by ticket or masked number: it is sealed anew."""

    @property
    def stops(self) -> list[Finding]:
        """The findings that keep the file out."""
        return [found for found in self.findings if found.severity is Severity.ERROR]

    @property
    def hints(self) -> list[Finding]:
        """The findings that are only hints."""
        return [found for found in self.findings if found.severity is Severity.HINT]


def plan_roster(
    session: Session, sitting: Sitting, roster: Roster, available: Sequence[BlueprintChoice]
) -> RosterPlan:
    """Return what importing a roster into a sitting would do.

    Raise Conflict("roster.sitting_closed") once a room has started, ("sitting.no_rooms") without rooms.

    Source: R-6, R-7, R-16.
    """
    if SittingState(sitting.state) not in OPEN_STATES:
        raise Conflict("roster.sitting_closed")
    planner = _Planner(session, sitting, roster, available)
    return planner.plan()


class _Planner:
    """Reads once what the rows refer to, then places row by row."""

    def __init__(
        self, session: Session, sitting: Sitting, roster: Roster, available: Sequence[BlueprintChoice]
    ) -> None:
        self._sitting = sitting
        self._roster = roster
        self._chooser = Chooser(available, note=self._note, mode=sitting.mode)
        self._result = RosterPlan(findings=list(roster.findings))
        self._batch = session.get_one(Batch, sitting.batch_id)
        self._indexes = {row.order: document_index(row.document_number) for row in roster.rows}
        self._candidates = _candidates(session, set(self._indexes.values()))
        known = unreadable(session, sitting.batch_id, self._missing()) if personal_was_lost(session) else {}
        for index, (candidate, row) in known.items():
            self._candidates[index] = candidate
            self._result.renewed.append((candidate, row))
        self._tickets = _tickets_of_batch(
            session, sitting.batch_id, [c.id for c in self._candidates.values()]
        )
        self._holders = _ticket_holders(session, {row.ticket for row in roster.rows if row.ticket})
        self._booked: dict[str, list[Booked]] = {}
        by_id = {candidate.id: index for index, candidate in self._candidates.items()}
        for entry in booked(session, by_id):
            self._booked.setdefault(by_id[entry.candidate_id], []).append(entry)
        self._spans: dict[str, list[tuple[int, str, Span]]] = {}
        self._names: dict[str, RosterRow] = {}
        self._ticket_rows: dict[str, str] = {}
        self._free = FreeSeats(session, sitting, open_states=OPEN_STATES)

    def _missing(self) -> dict[str, RosterRow]:
        """Return the rows of people whom no number finds, by the index of theirs."""
        found = self._candidates
        return {
            self._indexes[row.order]: row
            for row in self._roster.rows
            if self._indexes[row.order] not in found
        }

    def plan(self) -> RosterPlan:
        """Place every row."""
        placed = [one for row in self._roster.rows for one in self._read(row)]
        # Rows that name their seat come first, so that no other row is given it.
        for one in sorted(placed, key=lambda one: (one.row.seat is None, one.row.order)):
            self._place(one)
        for row in self._roster.refused:
            # Kept out already, but all that is wrong with it is to be seen at once.
            if row.level and (row.paper or row.marks):
                self._chooser.paper_rows(row)
        self._result.placements.sort(key=lambda one: one.row.order)
        sheets = {one.sheet: order for order, one in reversed(list(enumerate(self._roster.headings)))}
        self._result.findings.sort(key=lambda one: (sheets.get(one.place.sheet, len(sheets)), one.place.line))
        return self._result

    def _note(
        self, row: RosterRow, column: str, value: str, code: str, *, stop: bool = True, **params: object
    ) -> None:
        severity = Severity.ERROR if stop else Severity.HINT
        self._result.findings.append(Finding(severity, code, row.place(column), value, params=params))

    def _read(self, row: RosterRow) -> list[PaperRow]:
        """Return the papers of a row that can be registered, noting everything against it."""
        before = len(self._result.stops)
        if row.batch and plain(row.batch) != plain(self._batch.name):
            self._note(row, "batch", row.batch, "roster.other_batch", batch=self._batch.name)
        self._check_person(row)
        self._check_ticket(row)
        asked = self._chooser.paper_rows(row)
        if len(self._result.stops) > before:
            return []
        return [one for one in asked if self._fits(row, one.choice.blueprint.papers[one.paper], one.paper)]

    def _check_person(self, row: RosterRow) -> None:
        index = self._indexes[row.order]
        known = self._candidates.get(index)
        if known is not None and not same_name(known.name, row.name):
            self._note(row, "name", row.name, "roster.name_differs", known=known.name)
        first = self._names.setdefault(index, row)
        if not same_name(first.name, row.name):
            self._note(row, "name", row.name, "roster.same_number", other_row=first.row)

    def _check_ticket(self, row: RosterRow) -> None:
        if not row.ticket:
            return
        index = self._indexes[row.order]
        candidate = self._candidates.get(index)
        own = self._tickets.get(candidate.id) if candidate is not None else None
        if own is not None and own.number != row.ticket:
            self._note(row, "ticket", row.ticket, "roster.other_ticket", number=own.number)
        elif own is None and row.ticket in self._holders:
            self._note(row, "ticket", row.ticket, "roster.ticket_taken")
        if self._ticket_rows.setdefault(row.ticket, index) != index:
            self._note(row, "ticket", row.ticket, "roster.ticket_twice")

    def _fits(self, row: RosterRow, paper: Paper, code: str) -> bool:
        index = self._indexes[row.order]
        span = paper_span(self._sitting.planned_start_at, paper, factor=row.factor, extra=row.extra)
        for entry in self._booked.get(index, []):
            if entry.sitting.id == self._sitting.id and entry.paper == code:
                self._result.already += 1
                return False
            if overlaps(entry.span, span):
                self._note(row, "paper", row.paper, "roster.overlap", other=entry.sitting.name)
                return False
            if too_close(entry.span, span):
                self._note(row, "paper", row.paper, "roster.close", stop=False, other=entry.sitting.name)
        for other_row, other_code, _ in self._spans.get(index, []):
            # Two papers of one person in one sitting begin at the same moment.
            twice = "roster.twice" if other_code == code else "roster.both_papers"
            self._note(row, "paper", row.paper, twice, other_row=other_row)
            return False
        self._spans.setdefault(index, []).append((row.row, code, span))
        return True

    def _place(self, one: PaperRow) -> None:
        row = one.row
        index = self._indexes[row.order]
        found = self._free.take(row)
        if isinstance(found, str):
            column = "room" if found == "roster.no_room" else "seat"
            value = row.room if column == "room" else str(row.seat or "")
            self._note(row, column, value, found, free=self._free.count, rooms=self._free.room_names)
            return
        candidate = self._candidates.get(index)
        ticket = self._tickets.get(candidate.id) if candidate is not None else None
        sitting_room, room, seat = found
        self._result.placements.append(
            Placement(
                row, index, candidate, ticket, one.choice, one.paper, one.kind, sitting_room, room, seat
            )
        )


def _candidates(session: Session, indexes: set[str]) -> dict[str, Candidate]:
    if not indexes:
        return {}
    query = select(Candidate).where(Candidate.document_index.in_(indexes))
    return {candidate.document_index: candidate for candidate in session.scalars(query)}


def _tickets_of_batch(
    session: Session, batch_id: int, candidate_ids: Sequence[int]
) -> Mapping[int, AdmissionTicket]:
    query = select(AdmissionTicket).where(
        AdmissionTicket.batch_id == batch_id, AdmissionTicket.candidate_id.in_(candidate_ids)
    )
    return {ticket.candidate_id: ticket for ticket in session.scalars(query)} if candidate_ids else {}


def _ticket_holders(session: Session, numbers: set[str]) -> set[str]:
    query = select(AdmissionTicket.number).where(AdmissionTicket.number.in_(numbers))
    return set(session.scalars(query)) if numbers else set()
