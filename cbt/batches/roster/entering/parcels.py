"""The people of a roster as parcels: worked out while nobody waits, put down a few at a time.

Each statement repeats what was read before, so what was written meanwhile is never written over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.batches.applied.photos import NO_PHOTO, photo_parcels
from cbt.batches.roster.entering.entries import PaperEntry, PersonEntry
from cbt.batches.roster.planning.known import some_of
from cbt.candidates.models import AdmissionTicket, Candidate, Registration
from cbt.candidates.tickets import fresh_numbers
from cbt.db.private.sealing import seal
from cbt.db.writing.parcels import Rows
from cbt.errors import Conflict
from cbt.personal.fields import DETAILS
from cbt.personal.numbers import DOCUMENT
from cbt.rules.door.admission import mask_document

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
    known = _known(session, [one.index for one in open_])
    tickets = _tickets(session, run.batch_id, list(known.values()))
    lacking = [one for one in open_ if known.get(one.index) not in tickets]
    numberless = [one.index for one in lacking if not one.ticket]
    numbers = run.numbers.take(session, len(numberless))
    number_of = {one.index: one.ticket for one in lacking if one.ticket}
    number_of |= dict(zip(numberless, numbers, strict=True))
    people = [_parcel(people, run, known, number_of, there) for people in chunks(open_)]
    return people + photos


def _parcel(
    people: Sequence[PersonEntry],
    run: RosterRun,
    known: Mapping[str, int],
    number_of: Mapping[str, str],
    there: Set[str],
) -> list[Rows]:
    fresh = [one for one in people if one.index not in known]
    tickets = [(number_of[one.index], run.batch_id, one.index) for one in people if one.index in number_of]
    papers = [_new_paper(one, paper, run) for one in people for paper in one.papers if paper.ref not in there]
    found = [
        Rows(NEW_PERSON, [_new_person(one, run.at) for one in fresh], len(fresh)),
        Rows(NEW_TICKET, tickets, len(tickets)),
        Rows(NEW_PAPER, papers, len(papers)),
    ]
    return [rows for rows in found if rows.values]


def no_parcel_of(some: Sequence[PersonEntry], run: RosterRun) -> list[Rows]:
    """Return the rows by which some people are taken back: what hangs on nothing else, of people who were new."""
    new = [(one.ref, run.at) for one in some]
    refs = [(paper.ref,) for one in some for paper in one.papers]
    return [Rows(NO_PAPER, refs), Rows(NO_TICKET, new), Rows(NO_PHOTO, new), Rows(NO_PERSON, new)]


def _new_person(one: PersonEntry, at: datetime) -> tuple[object, ...]:
    number = one.document_number
    return (
        one.ref,
        one.name,
        one.document_type,
        seal(number, DOCUMENT),
        one.index,
        mask_document(number),
        at,
        *(detail.stored(one.details[name]) for name, detail in DETAILS.items()),
    )


def _new_paper(one: PersonEntry, paper: PaperEntry, run: RosterRun) -> tuple[object, ...]:
    time = (str(paper.factor), paper.extra // _MICROSECOND)
    terms = (paper.kind, *time, paper.tools, paper.accommodation)
    place = (run.versions[paper.blueprint], paper.sitting_room_id, paper.sitting_id, paper.seat_id)
    head = (paper.ref, paper.paper, *terms, paper.eligibility, paper.note)
    return (*head, run.batch_id, *place, one.index)


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
