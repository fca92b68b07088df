"""Hold a roster against what is registered: who is new, which paper, which room and seat, what does not go.

Nothing is written here; the dry run and the import make the same plan.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from fractions import Fraction

from sqlalchemy.orm import Session

from cbt.batches.roster.planning.changes import change_of
from cbt.batches.roster.planning.known import KnownPeople
from cbt.batches.roster.planning.objections import objections_to
from cbt.batches.roster.planning.places import OpenPlaces, OpenRoom, room_names
from cbt.batches.roster.planning.remarks import AskedPaper, Remarks
from cbt.batches.roster.planning.seating import FreeSeats
from cbt.batches.roster.planning.values import LeftGroup, Placement, RosterPlan
from cbt.batches.roster.terms import RosterTerms
from cbt.candidates.roster.choosing import BlueprintChoice, Chooser, PaperRow
from cbt.candidates.roster.reading.file import Roster
from cbt.candidates.roster.reading.row import RosterRow
from cbt.errors import Conflict
from cbt.rules.door.admission import same_name
from cbt.rules.planning.distribution import distribute
from cbt.rules.planning.places import Held, LeftOver, SeatPlan, SeatWish
from cbt.rules.states.sitting import BEFORE_THE_START, SittingState
from cbt.sheets.columns import plain
from cbt.sheets.findings import Finding, Severity
from cbt.sittings.models import Batch, Sitting
from cbt.sittings.planning.purposes import is_official


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
        self._known = KnownPeople(session, batch.id, roster)
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
        self._taken: list[AskedPaper] = []
        self._named: set[tuple[int, int]] = set()

    def plan(self) -> RosterPlan:
        """Place every row."""
        for row in self._roster.rows:
            for one in self._read(row):
                self._take(one)
        self._place()
        for row in self._roster.refused:
            # Kept out already, but all that is wrong with it is to be seen at once.
            if row.level and (row.paper or row.marks):
                self._chooser.paper_rows(row)
        found = self._result
        found.people = len(set(self._known.indexes.values()))
        found.placements.sort(key=lambda one: one.row.order)
        objections, stopped = objections_to(self._session, found.placements)
        found.findings += objections
        found.placements = [one for place, one in enumerate(found.placements) if place not in stopped]
        sheets = {one.sheet: order for order, one in reversed(list(enumerate(self._roster.headings)))}
        found.findings.sort(key=lambda one: (sheets.get(one.place.sheet, len(sheets)), one.place.line))
        return found

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
        asked = self._chooser.paper_rows(row)
        return asked if self._stops == before else []

    def _check_person(self, row: RosterRow) -> None:
        index = self._known.indexes[row.order]
        known = self._known.candidates.get(index)
        if known is not None and not same_name(known.name, row.name):
            self._note(row, "name", row.name, "roster.name_differs", known=known.name)
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

    def _take(self, one: PaperRow) -> None:
        """Have a paper be seated, unless the person is registered for it, or it stands in the file twice."""
        row, index, ref = one.row, self._known.indexes[one.row.order], one.choice.blueprint.ref
        for known in self._known.registered(index):
            same = known.registration.paper == one.paper
            if self._only is not None:
                same = same and known.sitting.id == self._only.id
            else:
                same = same and known.sitting.batch_id == self._batch.id and is_official(known.sitting)
                same = same and known.registration.blueprint_ref == ref
            if same:
                change = change_of(one, self._known.candidates[index], known)
                if change is None:
                    self._result.already += 1
                else:
                    self._result.changes.append(change)
                return
        first = self._asked.setdefault((index, ref, one.paper), row)
        if first is not row:
            self._note(row, "paper", row.paper, "roster.twice", other_row=first.row)
            return
        if self._known.withdrew(index, ref, one.paper):
            self._note(row, "paper", row.paper, "roster.withdrawn", stop=False)
        ratio = Fraction(row.factor)
        duration = one.choice.blueprint.papers[one.paper].duration
        self._taken.append(AskedPaper(one, index, duration * ratio.numerator / ratio.denominator + row.extra))

    def _place(self) -> None:
        wanted = [
            wish for key, asked in enumerate(self._taken) if (wish := self._wish(key, asked)) is not None
        ]
        held = {index: self._held(index) for index in {one.person for one in wanted}}
        slots = self._places.slots(self._available, self._terms.closed, kept=self._named)
        found = distribute(wanted, slots, options=self._terms.options, held=held)
        seats = FreeSeats()
        # Rows that name their seat come first, so that no other row is given it.
        for key in sorted(found.placed, key=lambda key: (self._taken[key].one.row.seat is None, key)):
            self._seat(self._taken[key], self._places.by_key[found.placed[key]], seats)
        self._tell_left(found)

    def _seat(self, asked: AskedPaper, at: OpenRoom, seats: FreeSeats) -> None:
        row = asked.one.row
        seat = seats.take(at, row.seat)
        if seat is None:
            self._note(row, "seat", str(row.seat or ""), "roster.seat_taken")
            return
        candidate = self._known.candidates.get(asked.index)
        ticket = self._known.tickets.get(candidate.id, "") if candidate is not None else ""
        self._result.placements.append(Placement(asked.one, asked.index, candidate, ticket, at, seat))

    def _tell_left(self, found: SeatPlan) -> None:
        remarks = Remarks(self._places, self._known, self._taken, found, narrow=self._only is not None)
        groups = Counter[tuple[LeftOver, int, str]]()
        places = {id(choice): place for place, choice in enumerate(self._available)}
        for key, reason in found.left.items():
            one = self._taken[key].one
            groups[reason, places[id(one.choice)], one.paper] += 1
            if self._places.rooms:
                column, value, code, params = remarks.about(key, reason)
                self._note(one.row, column, value, code, **params)
        for (reason, place, paper), people in groups.items():
            blueprint = self._available[place].blueprint
            minutes = blueprint.papers[paper].duration // timedelta(minutes=1)
            names = blueprint.level_name, paper, blueprint.papers[paper].name
            self._result.left.append(LeftGroup(reason, blueprint.ref, *names, people, minutes))

    def _wish(self, key: int, asked: AskedPaper) -> SeatWish | None:
        row, paper = asked.one.row, asked.one.choice.blueprint.papers[asked.one.paper]
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
            person=asked.index,
            level=asked.one.choice.blueprint.ref,
            paper=asked.one.paper,
            length=asked.length,
            unit=row.group,
            slots=slots,
            morning=bool(paper.sections) if self._terms.halves else None,
            spare=row.seat is not None,
        )

    def _held(self, index: str) -> list[Held]:
        batch = self._batch.id
        return [
            Held(one.span, one.sitting.centre_id if one.sitting.batch_id == batch else None)
            for one in self._known.registered(index)
        ]
