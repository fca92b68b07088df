"""The plan of a roster: how people are spread, which rooms are open, and who is registered already."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeVar

import msgspec
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cbt.blueprints.store import paper_of
from cbt.candidates.models import AdmissionTicket, Candidate, Registration, Withdrawal
from cbt.candidates.roster.file import Roster
from cbt.candidates.roster.row import NOON, BlueprintChoice, PaperRow, PlaceWish, RosterRow
from cbt.http.i18n import local_zone
from cbt.imports.column_map import HandMapping
from cbt.personal import DETAILS, document_index
from cbt.rules.canonical import canonical_json, digest
from cbt.rules.door import Span, mask_document, paper_span, same_name
from cbt.rules.planning.distribution import Fill, LeftOver, Slot, SpreadOptions, Units
from cbt.rules.states import BEFORE_THE_START, SittingState
from cbt.sittings.models import Centre, Room, Seat, Sitting, SittingRoom
from cbt.sittings.store import official_only, seat_counts
from cbt.spreadsheets.columns import plain
from cbt.spreadsheets.findings import Finding, Severity
from cbt.storage.crypto import DOCUMENT, personal_was_lost, readable, seal


class RosterTerms(msgspec.Struct, frozen=True):
    """How a roster is read and spread.

    `sitting` is the one it is for, "" for any of the batch; `closed` names what sittings do not take; `halves` puts
    theory into mornings and skills into afternoons. `partial` leaves out the lines that cannot be registered.
    `hands` says what columns are, by the digest of their headings; `locale` is the language a copy is marked in.
    `application` is the one whose people these are ("" for a file that was brought), `people` who they were then.
    """

    locale: str = "zh"
    sitting: str = ""
    level_together: bool = True
    units: Units = Units.ANY
    fill: Fill = Fill.IN_ORDER
    halves: bool = False
    closed: list[str] = []
    partial: bool = False
    hands: dict[str, HandMapping] = {}
    application: str = ""
    people: str = ""

    @property
    def options(self) -> SpreadOptions:
        return SpreadOptions(self.level_together, self.units, self.fill)


def written(terms: RosterTerms) -> str:
    return msgspec.json.encode(terms).decode()


def terms_of(text: str) -> RosterTerms:
    return msgspec.json.decode(text, type=RosterTerms)


@dataclass(frozen=True, slots=True)
class OpenRoom:
    """A room of a sitting that takes people; `free` gives its free seats by number, spare ones among them."""

    sitting_room: SittingRoom
    sitting: Sitting
    room: Room
    centre: Centre
    free: dict[int, Seat] = field(compare=False)
    seats: int = 0
    taken: int = 0

    @property
    def key(self) -> int:
        return self.sitting_room.id

    @property
    def local_start(self) -> datetime:
        """When its sitting begins, in the centre's zone."""
        return self.sitting.planned_start_at.astimezone(local_zone())

    @property
    def open_seats(self) -> int:
        return sum(not seat.spare for seat in self.free.values())


def limit_of(sitting_ref: str, blueprint_ref: str, paper: str) -> str:
    """Return the name of "this sitting takes this paper" among the terms of a draft."""
    return f"{sitting_ref}:{blueprint_ref}:{paper}"


class OpenPlaces:
    """Every open room of a batch, or of one of its sittings, by planned start and name.

    A roster of the whole batch fills what counts; a trial or practice has a roster of its own.
    """

    def __init__(self, session: Session, batch_id: int, *, only: Sitting | None = None) -> None:
        states = [state.value for state in BEFORE_THE_START]
        query = (
            select(SittingRoom, Sitting, Room, Centre)
            .join(Sitting, Sitting.id == SittingRoom.sitting_id)
            .join(Room, Room.id == SittingRoom.room_id)
            .join(Centre, Centre.id == Sitting.centre_id)
            .where(Sitting.batch_id == batch_id, Sitting.state.in_(states), SittingRoom.state.in_(states))
            .order_by(Sitting.planned_start_at, Sitting.id, Room.name)
        )
        query = query.where(official_only() if only is None else Sitting.id == only.id)
        rows = session.execute(query).all()
        seats = _seats(session, {room.id for _sr, _s, room, _c in rows})
        taken = _taken(session, {sitting.id for _sr, sitting, _r, _c in rows})
        self.rooms = [
            OpenRoom(
                sitting_room,
                sitting,
                room,
                centre,
                {one.number: one for one in seats[room.id] if (sitting_room.id, one.id) not in taken},
                sum(not one.spare for one in seats[room.id]),
                sum((sitting_room.id, one.id) in taken for one in seats[room.id]),
            )
            for sitting_room, sitting, room, centre in rows
        ]
        self.by_key = {one.key: one for one in self.rooms}
        self._wished: dict[tuple[PlaceWish, str], list[OpenRoom]] = {}

    def slots(
        self,
        offered: Iterable[BlueprintChoice],
        closed: Collection[str],
        *,
        kept: Collection[tuple[int, int]] = (),
    ) -> list[Slot]:
        """Return the rooms as the rule of distribution sees them; what is `closed` a sitting does not take.

        Seats that are `kept` (room, number) for who asks for them are none of the free ones.
        """
        choices = list(offered)
        takes: dict[int, frozenset[tuple[str, str]]] = {}
        for room in self.rooms:
            sitting = room.sitting
            if sitting.id not in takes:
                takes[sitting.id] = frozenset(
                    (choice.blueprint.ref, code)
                    for choice in choices
                    for code in choice.offered
                    if sitting.mode in choice.blueprint.papers[code].modes
                    and limit_of(sitting.ref, choice.blueprint.ref, code) not in closed
                )
        lost = Counter(
            key for key, number in kept if (seat := self.by_key[key].free.get(number)) and not seat.spare
        )
        return [
            Slot(
                key=one.key,
                sitting=one.sitting.id,
                centre=one.centre.id,
                start_at=one.sitting.planned_start_at,
                free=one.open_seats - lost[one.key],
                takes=takes[one.sitting.id],
                morning=one.local_start.time() < NOON,
            )
            for one in self.rooms
        ]

    def wished(self, wish: PlaceWish, mode: Collection[str]) -> list[OpenRoom]:
        """Return the rooms that are what a line wishes for."""
        like = (wish, ",".join(mode))
        if like not in self._wished:
            self._wished[like] = [
                one
                for one in self.rooms
                if wish.fits(one.local_start, sitting=one.sitting.name, centre=one.centre.name)
                and (not wish.room or plain(wish.room) == plain(one.room.name))
                and one.sitting.mode in mode
            ]
        return self._wished[like]


def _seats(session: Session, room_ids: Collection[int]) -> dict[int, list[Seat]]:
    seats: dict[int, list[Seat]] = defaultdict(list)
    for seat in session.scalars(select(Seat).where(Seat.room_id.in_(room_ids)).order_by(Seat.number)):
        seats[seat.room_id].append(seat)
    return seats


def _taken(session: Session, sitting_ids: Collection[int]) -> set[tuple[int, int]]:
    query = select(Registration.sitting_room_id, Registration.seat_id)
    rows = session.execute(query.where(Registration.sitting_id.in_(sitting_ids)))
    return {(row[0], row[1]) for row in rows}


def room_names(rooms: Sequence[OpenRoom]) -> list[str]:
    return list(dict.fromkeys(one.room.name for one in rooms))


def seen_of(session: Session, batch_id: int, *, only: Sitting | None = None) -> str:
    """Return a digest of what a plan hangs on: another one means that rooms, times or seats have changed since."""
    states = [state.value for state in BEFORE_THE_START]
    query = (
        select(SittingRoom.id, Sitting.planned_start_at, SittingRoom.room_id)
        .join(Sitting, Sitting.id == SittingRoom.sitting_id)
        .where(Sitting.batch_id == batch_id, Sitting.state.in_(states), SittingRoom.state.in_(states))
        .order_by(SittingRoom.id)
    )
    rooms = session.execute(query.where(official_only() if only is None else Sitting.id == only.id)).all()
    seats = seat_counts(session, sorted({room for _id, _start, room in rooms}))
    counted = select(Registration.sitting_room_id, func.count()).group_by(Registration.sitting_room_id)
    here = (
        select(SittingRoom.id)
        .join(Sitting, Sitting.id == SittingRoom.sitting_id)
        .where(Sitting.batch_id == batch_id)
    )
    taken = dict(session.execute(counted.where(Registration.sitting_room_id.in_(here))).all())
    facts = [
        [key, start.isoformat(), taken.get(key, 0), seats[room].seats if room in seats else 0]
        for key, start, room in rooms
    ]
    return digest(canonical_json(facts))


@dataclass(frozen=True, slots=True)
class Placement:
    """A paper of a person that can be registered: where, and as whom."""

    asked: PaperRow
    index: str
    candidate: Candidate | None
    ticket: str
    """The number they have already, "" for none."""
    at: OpenRoom
    seat: Seat

    @property
    def row(self) -> RosterRow:
        return self.asked.row

    @property
    def choice(self) -> BlueprintChoice:
        return self.asked.choice

    @property
    def paper(self) -> str:
        return self.asked.paper


@dataclass(frozen=True, slots=True)
class RowChange:
    """What a line says otherwise than what is registered: by column, what is stored and what it becomes."""

    row: int
    name: str
    candidate_id: int
    registration_id: int
    person: Mapping[str, str] = field(default_factory=dict)
    terms: Mapping[str, str] = field(default_factory=dict)
    shown: tuple[tuple[str, str, str], ...] = ()
    """(column, before, after), numbers masked."""


@dataclass(frozen=True, slots=True)
class LeftGroup:
    """People who found no seat for one reason: of which level and paper, and how many."""

    reason: LeftOver
    blueprint: str
    level: str
    paper: str
    name: str
    people: int
    minutes: int


@dataclass
class RosterPlan:
    """What an import would do; it may be done as a whole only without a finding that stops."""

    placements: list[Placement] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    already: int = 0
    changes: list[RowChange] = field(default_factory=list)
    left: list[LeftGroup] = field(default_factory=list)
    renewed: list[tuple[Candidate, RosterRow]] = field(default_factory=list)
    """People whose number nothing opens any more, found by ticket or masked number: it is sealed anew."""
    rooms: list[OpenRoom] = field(default_factory=list)
    people: int = 0
    """How many different people the readable lines name."""

    @property
    def stops(self) -> list[Finding]:
        return [found for found in self.findings if found.severity is Severity.ERROR]

    @property
    def hints(self) -> list[Finding]:
        return [found for found in self.findings if found.severity is Severity.HINT]


# The people of a roster as they are stored: who is registered for what, found by the number in the row.
#
# After a `personal.key` was lost they are found without the number, and it is sealed anew.
#
# Source.


class NumberAnew(Protocol):
    """What a line says of a person's numbers."""

    @property
    def document_type(self) -> str: ...
    @property
    def document_number(self) -> str: ...
    @property
    def details(self) -> Mapping[str, str]: ...


Renewed = dict[str, tuple[Candidate, RosterRow]]


def unreadable(session: Session, batch_id: int, rows: Mapping[str, RosterRow]) -> Renewed:
    """Return who of `rows` is registered with a number that nothing opens, by the index of the number in the row.

    Somebody is found by ticket and name, else by name, kind of document and masked number, when nobody else has
    the same.
    """
    masked = defaultdict[tuple[str, str], list[Candidate]](list)
    numbers = {mask_document(row.document_number) for row in rows.values()}
    for candidate in session.scalars(select(Candidate).where(Candidate.document_masked.in_(numbers))):
        if readable(candidate.document_sealed, DOCUMENT) is None:
            masked[candidate.document_type, candidate.document_masked].append(candidate)
    holders = _holders(session, batch_id, {row.ticket for row in rows.values() if row.ticket})
    renewed: Renewed = {}
    for index, row in rows.items():
        alike = masked[row.document_type, mask_document(row.document_number)]
        alike = [one for one in alike if same_name(one.name, row.name)]
        holder = holders.get(row.ticket)
        if holder is not None and same_name(holder.name, row.name):
            renewed[index] = (holder, row)
        elif len(alike) == 1:
            renewed[index] = (alike[0], row)
    return renewed


def _holders(session: Session, batch_id: int, tickets: set[str]) -> dict[str, Candidate]:
    query = (
        select(AdmissionTicket.number, Candidate)
        .join(Candidate, Candidate.id == AdmissionTicket.candidate_id)
        .where(AdmissionTicket.batch_id == batch_id, AdmissionTicket.number.in_(tickets))
    )
    rows = session.execute(query).all()
    return {row[0]: row[1] for row in rows if readable(row[1].document_sealed, DOCUMENT) is None}


def renew(candidate: Candidate, row: NumberAnew) -> None:
    """Seal anew what is sealed of a person, as a roster has it."""
    candidate.document_type = row.document_type
    candidate.document_sealed = seal(row.document_number, DOCUMENT)
    candidate.document_index = document_index(row.document_number)
    candidate.document_masked = mask_document(row.document_number)
    for name, detail in DETAILS.items():
        if detail.sealed and row.details[name]:
            setattr(candidate, detail.column, detail.stored(row.details[name]))


T = TypeVar("T")
AT_ONCE = 10_000
"""So many values a query is asked with: databases take no more than some tens of thousands."""
_OFF = (SittingState.CANCELLED.value, SittingState.ABORTED.value)


@dataclass(frozen=True, slots=True)
class PaperOnFile:
    """A paper that somebody is registered for, in a sitting that is on."""

    registration: Registration
    sitting: Sitting
    sitting_room: SittingRoom
    room: str
    seat: int
    span: Span


class RegisteredPeople:
    """The people of a roster as they are stored, by the index of their number."""

    def __init__(self, session: Session, batch_id: int, roster: Roster) -> None:
        numbers = {row.document_number for row in roster.rows}
        by_number = {number: document_index(number) for number in numbers}
        self.indexes = {row.order: by_number[row.document_number] for row in roster.rows}
        self.candidates = _candidates(session, list(by_number.values()))
        self.renewed: list[tuple[Candidate, RosterRow]] = []
        missing = {
            self.indexes[row.order]: row
            for row in roster.rows
            if self.indexes[row.order] not in self.candidates
        }
        for index, pair in (unreadable(session, batch_id, missing) if _lost(session) else {}).items():
            self.candidates[index] = pair[0]
            self.renewed.append(pair)
        ids = [candidate.id for candidate in self.candidates.values()]
        self.tickets = _tickets(session, batch_id, ids)
        self.holders = _ticket_holders(session, sorted({row.ticket for row in roster.rows if row.ticket}))
        self._registered = _registered(session, ids)
        self._withdrawn = _withdrawn(session, batch_id, ids)

    def registered(self, index: str) -> Sequence[PaperOnFile]:
        candidate = self.candidates.get(index)
        return self._registered[candidate.id] if candidate is not None else ()

    def withdrew(self, index: str, blueprint_ref: str, paper: str) -> bool:
        """Return whether somebody withdrew from a paper of the batch and was not brought back."""
        candidate = self.candidates.get(index)
        return candidate is not None and (candidate.id, blueprint_ref, paper) in self._withdrawn


def _lost(session: Session) -> bool:
    return personal_was_lost(session)


def some_of(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield values, as many at once as a query takes."""
    for start in range(0, len(values), AT_ONCE):
        yield values[start : start + AT_ONCE]


def _candidates(session: Session, indexes: Sequence[str]) -> dict[str, Candidate]:
    return {
        candidate.document_index: candidate
        for some in some_of(indexes)
        for candidate in session.scalars(select(Candidate).where(Candidate.document_index.in_(some)))
    }


def _tickets(session: Session, batch_id: int, candidate_ids: Sequence[int]) -> Mapping[int, str]:
    query = select(AdmissionTicket.candidate_id, AdmissionTicket.number)
    query = query.where(AdmissionTicket.batch_id == batch_id)
    return {
        row[0]: row[1]
        for some in some_of(candidate_ids)
        for row in session.execute(query.where(AdmissionTicket.candidate_id.in_(some)))
    }


def _ticket_holders(session: Session, numbers: Sequence[str]) -> Collection[str]:
    query = select(AdmissionTicket.number)
    return {
        number
        for some in some_of(numbers)
        for number in session.scalars(query.where(AdmissionTicket.number.in_(some)))
    }


def _withdrawn(session: Session, batch_id: int, candidate_ids: Sequence[int]) -> set[tuple[int, str, str]]:
    query = (
        select(Withdrawal.candidate_id, Withdrawal.blueprint_ref, Withdrawal.paper)
        .join(AdmissionTicket, AdmissionTicket.id == Withdrawal.ticket_id)
        .where(AdmissionTicket.batch_id == batch_id, Withdrawal.back_at.is_(None))
    )
    return {
        (row[0], row[1], row[2])
        for some in some_of(candidate_ids)
        for row in session.execute(query.where(Withdrawal.candidate_id.in_(some)))
    }


def _registered(session: Session, candidate_ids: Sequence[int]) -> dict[int, list[PaperOnFile]]:
    query = (
        select(Registration, Sitting, SittingRoom, Room.name, Seat.number)
        .join(Sitting, Sitting.id == Registration.sitting_id)
        .join(SittingRoom, SittingRoom.id == Registration.sitting_room_id)
        .join(Room, Room.id == SittingRoom.room_id)
        .join(Seat, Seat.id == Registration.seat_id)
        .where(Sitting.state.not_in(_OFF), SittingRoom.state.not_in(_OFF))
        .order_by(Registration.id)
    )
    files: dict[int, list[PaperOnFile]] = defaultdict(list)
    for some in some_of(candidate_ids):
        for registration, sitting, at, room, seat in session.execute(
            query.where(Registration.candidate_id.in_(some))
        ):
            paper = paper_of(session, registration.blueprint_version_id, registration.paper)
            span = paper_span(
                sitting.planned_start_at, paper, factor=registration.factor, extra=registration.extra
            )
            files[registration.candidate_id].append(PaperOnFile(registration, sitting, at, room, seat, span))
    return files
