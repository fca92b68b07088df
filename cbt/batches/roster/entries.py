"""What an import stores of a plan: people, their papers and what changes, put down in parcels or taken back.

Parcels are worked out while nobody waits and put down a few people at a time. Each statement repeats what was
read before, so what was written meanwhile is never written over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from itertools import islice

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.batches.applications import NO_PHOTO, photo_parcels
from cbt.batches.roster.plan import Placement, RosterPlan, RowChange, renew, some_of
from cbt.candidates.models import AdmissionTicket, Candidate, Registration
from cbt.candidates.registration import fresh_numbers, to_print_again
from cbt.candidates.roster.row import RosterRow
from cbt.errors import Conflict, Unavailable
from cbt.personal import DETAILS
from cbt.rules.door import mask_document
from cbt.storage.crypto import DOCUMENT, seal
from cbt.storage.types import new_ref
from cbt.storage.unit_of_work import pieces_of, put_down_joined, reading, unit_of_work
from cbt.storage.write_queue.change_set import Rows, one_writes, put_down_in


@dataclass(frozen=True, slots=True)
class PaperEntry:
    """A paper at a seat; `ref` is what its registration will be called, so that it is known again."""

    ref: str
    blueprint: str
    paper: str
    kind: str
    factor: Decimal
    extra: timedelta
    tools: str
    accommodation: str
    eligibility: str
    note: str
    sitting_id: int
    sitting_room_id: int
    seat_id: int


@dataclass(frozen=True, slots=True)
class PersonEntry:
    """Somebody with the papers they are registered for; `ticket` is what a file brings, "" for none."""

    index: str
    ref: str
    name: str
    document_type: str
    document_number: str = field(repr=False)
    details: Mapping[str, str] = field(repr=False)
    ticket: str
    papers: list[PaperEntry]


@dataclass(frozen=True, slots=True)
class RenewedNumber:
    """Somebody whose number is sealed anew, because its key was lost."""

    candidate_id: int
    document_type: str
    document_number: str = field(repr=False)
    details: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class SeatLine:
    """A paper at a seat as it is shown before it is stored."""

    row: int
    name: str
    number: str
    unit: str
    level: str
    paper: str
    seat: int
    ticket: str
    kind: str


@dataclass(frozen=True, slots=True)
class Storable:
    """Everything that an import stores."""

    people: list[PersonEntry]
    changes: list[RowChange]
    renewed: list[RenewedNumber]
    already: int

    @property
    def papers(self) -> int:
        return sum(len(one.papers) for one in self.people)


def storable(plan: RosterPlan) -> Storable:
    entries: dict[str, PersonEntry] = {}
    for placement in plan.placements:
        if placement.index not in entries:
            entries[placement.index] = _person(placement)
        entries[placement.index].papers.append(_paper(placement))
    return Storable(list(entries.values()), plan.changes, _renewed(plan), plan.already)


def _renewed(plan: RosterPlan) -> list[RenewedNumber]:
    return [
        RenewedNumber(candidate.id, row.document_type, row.document_number, row.details)
        for candidate, row in plan.renewed
    ]


def _person(placement: Placement) -> PersonEntry:
    row = placement.row
    return PersonEntry(
        index=placement.index,
        ref=placement.candidate.ref if placement.candidate is not None else new_ref("ca"),
        name=row.name,
        document_type=row.document_type,
        document_number=row.document_number,
        details=row.details,
        ticket=placement.ticket or row.ticket,
        papers=[],
    )


def _paper(placement: Placement) -> PaperEntry:
    row = placement.row
    return PaperEntry(
        ref=new_ref("re"),
        blueprint=placement.choice.blueprint.ref,
        paper=placement.paper,
        kind=placement.asked.kind,
        factor=row.factor,
        extra=row.extra,
        tools=row.tools,
        accommodation=row.accommodation,
        eligibility=row.eligibility,
        note=row.note,
        sitting_id=placement.at.sitting.id,
        sitting_room_id=placement.at.sitting_room.id,
        seat_id=placement.seat.id,
    )


def seat_lines(placements: Sequence[Placement], masked: dict[str, str]) -> dict[int, list[SeatLine]]:
    """Return what is shown of each room, by seat: sitting-room id -> lines."""
    lines: dict[int, list[SeatLine]] = {}
    for placement in sorted(placements, key=lambda one: one.seat.number):
        lines.setdefault(placement.at.key, []).append(
            _line(placement, placement.row, masked[placement.index])
        )
    return lines


def _line(placement: Placement, row: RosterRow, masked: str) -> SeatLine:
    blueprint = placement.choice.blueprint
    return SeatLine(
        row=row.row,
        name=row.name,
        number=masked,
        unit=row.group,
        level=blueprint.level_name,
        paper=blueprint.papers[placement.paper].name,
        seat=placement.seat.number,
        ticket=placement.ticket or row.ticket,
        kind=placement.asked.kind,
    )


NUMBERS_AHEAD = 1000
"""So many ticket numbers are worked out together."""
READ_AHEAD = 250
"""What is stored of so many people is read together."""
CHUNK = 25
"""So many people make a parcel: saves that come along with one hardly notice."""
_MICROSECOND = timedelta(microseconds=1)
_OPEN = "('draft', 'published', 'admitting')"
_PERSON = (
    "ref", "name", "document_type", "document_sealed", "document_index", "document_masked", "created_at",
    *(detail.column for detail in DETAILS.values()),
)  # fmt: skip
_MARKS = ", ".join("?" * len(_PERSON))
NEW_PERSON = f"INSERT INTO candidate ({', '.join(_PERSON)}) VALUES ({_MARKS}) ON CONFLICT DO NOTHING"
NEW_TICKET = (
    "INSERT INTO admission_ticket (batch_id, candidate_id, number, reprint_reasons) "
    "SELECT b.id, c.id, ?, '' FROM batch b, candidate c WHERE b.id = ? AND c.document_index = ? "
    "ON CONFLICT DO NOTHING"
)
NEW_PAPER = (
    "INSERT INTO registration (ref, candidate_id, ticket_id, sitting_id, sitting_room_id, seat_id, "
    "blueprint_version_id, blueprint_ref, paper, kind, factor, extra, tools, accommodation_note, eligibility, "
    "note, query_about) SELECT ?, c.id, t.id, r.sitting_id, r.id, s.id, v.id, v.ref, ?, ?, ?, ?, ?, ?, ?, ?, '' "
    "FROM candidate c JOIN admission_ticket t ON t.candidate_id = c.id AND t.batch_id = ? "
    "JOIN blueprint_version v ON v.id = ? "
    f"JOIN sitting_room r ON r.id = ? AND r.sitting_id = ? AND r.state IN {_OPEN} "
    "JOIN seat s ON s.id = ? AND s.room_id = r.room_id "
    "WHERE c.document_index = ? ON CONFLICT DO NOTHING"
)
NO_PAPER = (
    "DELETE FROM registration WHERE ref = ? AND NOT EXISTS "
    "(SELECT 1 FROM attempt a WHERE a.registration_id = registration.id)"
)
NO_TICKET = (
    "DELETE FROM admission_ticket "
    "WHERE candidate_id IN (SELECT id FROM candidate WHERE ref = ? AND created_at = ?) "
    "AND NOT EXISTS (SELECT 1 FROM registration r WHERE r.ticket_id = admission_ticket.id) "
    "AND NOT EXISTS (SELECT 1 FROM withdrawal w WHERE w.ticket_id = admission_ticket.id)"
)
NO_PERSON = (
    "DELETE FROM candidate WHERE ref = ? AND created_at = ? "
    "AND NOT EXISTS (SELECT 1 FROM admission_ticket t WHERE t.candidate_id = candidate.id) "
    "AND NOT EXISTS (SELECT 1 FROM candidate_photo p WHERE p.candidate_id = candidate.id)"
)


class TicketNumbers:
    """Hands out ticket numbers that nobody has, worked out for many at once."""

    def __init__(self, batch_id: int, local_start: datetime) -> None:
        self._batch_id, self._local_start = batch_id, local_start
        self._ahead: list[str] = []

    def take(self, session: Session, count: int) -> list[str]:
        """Return so many numbers; raise Conflict("ticket.used_up")."""
        if len(self._ahead) < count:
            many = max(count, NUMBERS_AHEAD)
            self._ahead = fresh_numbers(
                session, batch_id=self._batch_id, local_start=self._local_start, count=many
            )
        taken, self._ahead = self._ahead[:count], self._ahead[count:]
        return taken

    def forget(self) -> None:
        """Work them out anew: somebody else was given some meanwhile."""
        self._ahead = []


@dataclass(frozen=True, slots=True)
class RosterRun:
    """What all parcels of an import share: the batch, its ticket numbers, the versions of its blueprints."""

    batch_id: int
    numbers: TicketNumbers
    versions: Mapping[str, int]
    at: datetime


def chunks(people: Iterable[PersonEntry], size: int = 0) -> Iterator[list[PersonEntry]]:
    """Yield people, a parcel's worth at a time, or so many."""
    rest = iter(people)
    while some := list(islice(rest, size or CHUNK)):
        yield some


def parcels_of(session: Session, some: Sequence[PersonEntry], run: RosterRun) -> list[list[Rows]]:
    """Return the rows by which some people are stored, parcel by parcel, as they are read now.

    Those that are stored already are passed over, so an import that stopped can go on; photos that people bring
    along come after them. Raise Conflict("ticket.used_up"), and ("roster.changed") when a seat was given away
    meanwhile.

    Source: R-7, R-16.
    """
    there = _stored(session, [paper.ref for one in some for paper in one.papers])
    photos = list(photo_parcels(session, [one.index for one in some]))
    open_ = [one for one in some if any(paper.ref not in there for paper in one.papers)]
    if not open_:
        return photos
    _seats_free(session, open_)
    candidate_ids = _known(session, [one.index for one in open_])
    tickets = _tickets(session, run.batch_id, list(candidate_ids.values()))
    lacking = [one for one in open_ if candidate_ids.get(one.index) not in tickets]
    numberless = [one.index for one in lacking if not one.ticket]
    numbers = run.numbers.take(session, len(numberless))
    number_of = {one.index: one.ticket for one in lacking if one.ticket}
    number_of |= dict(zip(numberless, numbers, strict=True))
    people = [_parcel(people, run, candidate_ids, number_of, there) for people in chunks(open_)]
    return people + photos


def _parcel(
    people: Sequence[PersonEntry],
    run: RosterRun,
    candidate_ids: Mapping[str, int],
    number_of: Mapping[str, str],
    there: Set[str],
) -> list[Rows]:
    fresh = [one for one in people if one.index not in candidate_ids]
    tickets = [(number_of[one.index], run.batch_id, one.index) for one in people if one.index in number_of]
    papers = [_new_paper(one, paper, run) for one in people for paper in one.papers if paper.ref not in there]
    parcel_rows = [
        *_places_held(paper for one in people for paper in one.papers if paper.ref not in there),
        Rows(NEW_PERSON, [_new_person(one, run.at) for one in fresh], len(fresh)),
        Rows(NEW_TICKET, tickets, len(tickets)),
        Rows(NEW_PAPER, papers, len(papers)),
    ]
    return [rows for rows in parcel_rows if rows.values]


def _places_held(papers: Iterable[PaperEntry]) -> list[Rows]:
    """Return what locks the rooms and sittings that new papers will name, rooms first; nothing where one writes.

    PostgreSQL locks what a row names in another order (cbt/application/lock_order.py).
    """
    if one_writes():
        return []
    places = list(papers)
    rooms, sittings = ({getattr(one, name) for one in places} for name in ("sitting_room_id", "sitting_id"))
    return [
        Rows(f"SELECT id FROM {table} WHERE id = ? FOR KEY SHARE", [(one,) for one in sorted(ids)])
        for table, ids in (("sitting_room", rooms), ("sitting", sittings))
    ]


def no_parcel_of(some: Sequence[PersonEntry], run: RosterRun) -> list[Rows]:
    """Return the rows by which some people are taken back: what hangs on nothing else, of people who were new."""
    new = [(one.ref, run.at) for one in some]
    refs = [(paper.ref,) for one in some for paper in one.papers]
    return [Rows(NO_PAPER, refs), Rows(NO_TICKET, new), Rows(NO_PHOTO, new), Rows(NO_PERSON, new)]


def _new_person(entry: PersonEntry, at: datetime) -> tuple[object, ...]:
    number = entry.document_number
    return (
        entry.ref,
        entry.name,
        entry.document_type,
        seal(number, DOCUMENT),
        entry.index,
        mask_document(number),
        at,
        *(detail.stored(entry.details[name]) for name, detail in DETAILS.items()),
    )


def _new_paper(entry: PersonEntry, paper: PaperEntry, run: RosterRun) -> tuple[object, ...]:
    time = (str(paper.factor), paper.extra // _MICROSECOND)
    terms = (paper.kind, *time, paper.tools, paper.accommodation)
    place = (run.versions[paper.blueprint], paper.sitting_room_id, paper.sitting_id, paper.seat_id)
    head = (paper.ref, paper.paper, *terms, paper.eligibility, paper.note)
    return (*head, run.batch_id, *place, entry.index)


def _stored(session: Session, refs: Sequence[str]) -> set[str]:
    query = select(Registration.ref)
    return {ref for some in some_of(refs) for ref in session.scalars(query.where(Registration.ref.in_(some)))}


def _known(session: Session, indexes: Sequence[str]) -> dict[str, int]:
    query = select(Candidate.document_index, Candidate.id)
    return {
        row[0]: row[1]
        for some in some_of(indexes)
        for row in session.execute(query.where(Candidate.document_index.in_(some)))
    }


def _tickets(session: Session, batch_id: int, candidate_ids: Sequence[int]) -> set[int]:
    query = select(AdmissionTicket.candidate_id).where(AdmissionTicket.batch_id == batch_id)
    return {
        one
        for some in some_of(candidate_ids)
        for one in session.scalars(query.where(AdmissionTicket.candidate_id.in_(some)))
    }


def _seats_free(session: Session, people: Sequence[PersonEntry]) -> None:
    """Raise Conflict("roster.changed") when somebody was given one of the seats meanwhile."""
    seats = {(paper.sitting_room_id, paper.seat_id): paper.ref for one in people for paper in one.papers}
    query = select(Registration.sitting_room_id, Registration.seat_id, Registration.ref).where(
        Registration.sitting_room_id.in_({room for room, _seat in seats}),
        Registration.seat_id.in_({seat for _room, seat in seats}),
    )
    for room, seat, ref in session.execute(query):
        if seats.get((room, seat), ref) != ref:
            raise Conflict("roster.changed")


TRIES = 5
"""A parcel that was not put down, or of which nobody knows, is worked out so often."""
_PERSON_CHANGE = "UPDATE candidate SET {column} = ? WHERE id = ?"
_TERMS = "UPDATE registration SET {column} = ? WHERE id = ?"
Front = Callable[[Callable[[], None]], None]
Finish = Callable[[Session], None]


def store_within(session: Session, what: Storable, run: RosterRun) -> None:
    """Store everything in one unit of work; raise Conflict("roster.changed") when somebody was quicker."""
    for parcel in parcels_of(session, what.people, run):
        if not put_down_in(session, *parcel):
            raise Conflict("roster.changed")
    store_the_rest(session, what, run)


def store_in_parcels(
    what: Storable,
    run: RosterRun,
    *,
    tell: Callable[[int, int], None],
    in_front: Front,
    finish: Finish,
) -> None:
    """Store what is not stored yet, then change what is known and `finish`; take it back whole when that fails."""
    try:
        done, total = 0, len(what.people)
        for some in chunks(what.people, READ_AHEAD):
            _store_some(some, run, partial(tell, done, total))
            done += len(some)
        tell(total, total)
        _change(what, run, in_front)
        in_front(lambda: _end(finish))
    except BaseException:
        in_front(lambda: take_back(what, run))
        raise


def _change(what: Storable, run: RosterRun, in_front: Front) -> None:
    """Change what is known already, some of it at a time: what a file says is the same when it is said again."""

    def within(change: Callable[[Session], object]) -> None:
        with unit_of_work() as session:
            change(session)

    for renewed in pieces_of(what.renewed):
        in_front(partial(within, partial(_renew_all, renewed=renewed)))
    for changes in pieces_of(what.changes):
        in_front(partial(within, partial(_change_all, changes=changes)))
    with reading() as session:
        tickets = _printed_tickets(session, what, run)
    for some in pieces_of(tickets):
        in_front(
            partial(
                within,
                partial(to_print_again, ticket_ids=some, reason="papers", now=run.at),
            )
        )


def _end(finish: Finish) -> None:
    with unit_of_work() as session:
        finish(session)


def _store_some(some: list[PersonEntry], run: RosterRun, rest: Callable[[], None]) -> None:
    for attempt in range(1, TRIES + 1):
        with reading() as session:
            parcels = parcels_of(session, some, run)
        try:
            if all(_put_down(parcel, rest) for parcel in parcels):
                return
        except Unavailable:  # it is there, or it is not: what is read next says so
            if attempt == TRIES:
                raise
        run.numbers.forget()
    raise Conflict("roster.changed")


def _put_down(parcel: list[Rows], rest: Callable[[], None]) -> bool:
    rest()
    return put_down_joined(*parcel)


def take_back(what: Storable, run: RosterRun) -> None:
    """Take back what of a roster is stored; a second call changes nothing."""
    for some in chunks(what.people):
        put_down_joined(*no_parcel_of(some, run), tries=TRIES)


def store_the_rest(session: Session, what: Storable, run: RosterRun) -> None:
    """Change what is known already, seal lost numbers anew, and have printed tickets be printed again."""
    _renew_all(session, renewed=what.renewed)
    _change_all(session, changes=what.changes)
    to_print_again(session, _printed_tickets(session, what, run), "papers", now=run.at)


def _renew_all(session: Session, *, renewed: Sequence[RenewedNumber]) -> None:
    for renewed_number in renewed:
        _renew(session, renewed_number)


def _change_all(session: Session, *, changes: Sequence[RowChange]) -> None:
    for table, values in ((_PERSON_CHANGE, _persons(changes)), (_TERMS, _papers(changes))):
        for column, rows in values.items():
            put_down_in(session, Rows(table.format(column=column), rows))


def _renew(session: Session, renewed_number: RenewedNumber) -> None:
    renew(session.get_one(Candidate, renewed_number.candidate_id), renewed_number)


def _persons(changes: Sequence[RowChange]) -> dict[str, list[tuple[object, ...]]]:
    rows: dict[str, list[tuple[object, ...]]] = {}
    for change in changes:
        for name, value in change.person.items():
            detail = DETAILS[name]
            rows.setdefault(detail.column, []).append((detail.stored(value), change.candidate_id))
    return rows


def _papers(changes: Sequence[RowChange]) -> dict[str, list[tuple[object, ...]]]:
    rows: dict[str, list[tuple[object, ...]]] = {}
    for change in changes:
        for column, value in change.terms.items():
            stored = int(value) if column == "extra" else value
            rows.setdefault(column, []).append((stored, change.registration_id))
    return rows


def _printed_tickets(session: Session, what: Storable, run: RosterRun) -> list[int]:
    """Return the tickets that were printed before one of these papers came to them."""
    query = (
        select(AdmissionTicket.id)
        .join(Registration, Registration.ticket_id == AdmissionTicket.id)
        .where(AdmissionTicket.batch_id == run.batch_id, AdmissionTicket.printed_at.is_not(None))
    )
    refs = [paper.ref for one in what.people for paper in one.papers]
    return [
        ticket
        for some in some_of(refs)
        for ticket in session.scalars(query.where(Registration.ref.in_(some)))
    ]
