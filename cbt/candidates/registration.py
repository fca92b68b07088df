"""How somebody becomes registered: a person, a 准考证 and its number, a seat for a paper.

Source: R-11, R-15.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TypeVar

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from cbt.blueprints.store import blueprint_of
from cbt.candidates.models import AdmissionTicket, Candidate, Registration
from cbt.errors import Conflict, InvalidInput
from cbt.http.i18n import local_zone
from cbt.personal import DETAILS, document_index
from cbt.rules.clock import LateRule
from cbt.rules.door import mask_document
from cbt.rules.exam import ExamBlueprint, Paper, SubmitPolicy
from cbt.rules.states import SittingState
from cbt.sittings.models import Centre, Room, Seat, Sitting, SittingRoom
from cbt.sittings.store import changes_of, former_starts, late_rule_of
from cbt.storage.crypto import DOCUMENT, seal
from cbt.storage.types import new_ref

T = TypeVar("T", bound=Hashable)
_RUNNING_DIGITS = (4, 5)
_BATCH_DIGITS = 3


@dataclass(frozen=True, slots=True)
class TicketLine:
    """One paper on a ticket: when and where."""

    registration: Registration
    sitting: Sitting
    centre: Centre
    room: Room
    seat: Seat
    blueprint: ExamBlueprint
    paper: Paper
    former_starts: tuple[datetime, ...] = ()
    """When it was to start before it was moved (改期): an earlier ticket may say so."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket as it is printed: one person, every paper of the batch."""

    number: str
    candidate: Candidate
    lines: tuple[TicketLine, ...]
    id: int = 0
    printed_at: datetime | None = None
    reprint_since: datetime | None = None

    @property
    def late_rules(self) -> list[tuple[str, LateRule]]:
        """How the cut-offs of its sittings are told, each with the papers it is for; "" for all of them."""
        return _told([(line.paper.name, late_rule_of(line.sitting)) for line in self.lines])

    @property
    def submit_rules(self) -> list[tuple[str, SubmitPolicy]]:
        """When its papers may be handed in, each with the papers it is for; "" for all of them."""
        return _told([(line.paper.name, line.paper.submit) for line in self.lines])


def _told(rules: Sequence[tuple[str, T]]) -> list[tuple[str, T]]:
    """Join the names of what has the same rule; name none when there is only one rule."""
    names: dict[T, list[str]] = {}
    for name, rule in rules:
        names.setdefault(rule, []).append(name)
    joined = [("、".join(dict.fromkeys(found)), rule) for rule, found in names.items()]
    return joined if len(joined) > 1 else [("", rule) for _, rule in joined]


def check_digit(digits: str) -> str:
    """Return the Luhn digit of a text of digits: it catches any one wrong digit and most swapped pairs."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (2 if place % 2 == 0 else 1)
        total += doubled - 9 if doubled > 9 else doubled
    return str(-total % 10)


def fresh_numbers(session: Session, *, batch_id: int, local_start: datetime, count: int) -> list[str]:
    """Return `count` unused ticket numbers: yymm + batch (3 digits) + running (4 digits, then 5) + check digit.

    `local_start` is the planned start in the centre's zone. Raise Conflict("ticket.used_up") when the
    running number does not suffice.
    """
    prefix = f"{local_start:%y%m}{batch_id % 10**_BATCH_DIGITS:0{_BATCH_DIGITS}d}"
    # Numbers a roster brought with it may share the prefix, so only ours of the right lengths count on.
    lengths = [len(prefix) + digits + 1 for digits in _RUNNING_DIGITS]
    query = select(func.max(AdmissionTicket.number)).where(
        AdmissionTicket.number.startswith(prefix), func.length(AdmissionTicket.number).in_(lengths)
    )
    highest = session.scalars(query.group_by(func.length(AdmissionTicket.number))).all()
    running = [number[len(prefix) : -1] for number in highest]
    first = max((int(one) for one in running if one.isdigit()), default=0) + 1
    if first + count > 10 ** max(_RUNNING_DIGITS):
        raise Conflict("ticket.used_up")
    plain = [f"{prefix}{first + place:0{min(_RUNNING_DIGITS)}d}" for place in range(count)]
    return [digits + check_digit(digits) for digits in plain]


def tickets_of(session: Session, ticket_ids: Sequence[int]) -> list[Ticket]:
    """Return tickets as they are printed, by number; papers by planned start, cancelled sittings left out.

    Source: R-11.
    """
    query = (
        select(AdmissionTicket, Candidate, Registration, Sitting, Centre, Room, Seat)
        .join(Candidate, Candidate.id == AdmissionTicket.candidate_id)
        .join(Registration, Registration.ticket_id == AdmissionTicket.id)
        .join(Sitting, Sitting.id == Registration.sitting_id)
        .join(Centre, Centre.id == Sitting.centre_id)
        .join(SittingRoom, SittingRoom.id == Registration.sitting_room_id)
        .join(Room, Room.id == SittingRoom.room_id)
        .join(Seat, Seat.id == Registration.seat_id)
        .where(AdmissionTicket.id.in_(ticket_ids), SittingRoom.state != SittingState.CANCELLED.value)
        .order_by(AdmissionTicket.number, Sitting.planned_start_at)
    )
    rows = session.execute(query).all()
    changes = changes_of(session, {row[3].id for row in rows})
    tickets: dict[AdmissionTicket, tuple[Candidate, list[TicketLine]]] = {}
    for ticket, candidate, registration, sitting, centre, room, seat in rows:
        blueprint = blueprint_of(session, registration.blueprint_version_id)
        paper = blueprint.papers[registration.paper]
        former = former_starts(sitting, changes.get(sitting.id, ()))
        line = TicketLine(registration, sitting, centre, room, seat, blueprint, paper, tuple(former))
        tickets.setdefault(ticket, (candidate, []))[1].append(line)
    return [
        Ticket(one.number, candidate, tuple(lines), one.id, one.printed_at, one.reprint_since)
        for one, (candidate, lines) in tickets.items()
    ]


REASONS = ("time", "place", "seat", "person", "papers")
"""What changed: 改期, sitting or room, seat, name or number or photo, which papers."""
_CHUNK = 400


def to_print_again(session: Session, ticket_ids: Collection[int], reason: str, *, now: datetime) -> int:
    """Mark tickets that were printed before a change; return how many of them were.

    A ticket that was never printed is right when it is.
    """
    marked = 0
    for some in _chunks(ticket_ids):
        query = select(AdmissionTicket).where(
            AdmissionTicket.id.in_(some), AdmissionTicket.printed_at.is_not(None)
        )
        for ticket in session.scalars(query.with_for_update()):
            reasons = [one for one in ticket.reprint_reasons.split(",") if one]
            ticket.reprint_reasons = ",".join(dict.fromkeys([*reasons, reason]))
            ticket.reprint_since = ticket.reprint_since or now
            marked += 1
    session.flush()
    return marked


def note_printed(session: Session, ticket_ids: Collection[int], *, now: datetime) -> None:
    """Note that tickets were printed as they are; a repeat changes nothing but the instant."""
    for some in _chunks(ticket_ids):
        session.execute(
            update(AdmissionTicket)
            .where(AdmissionTicket.id.in_(some))
            .values(printed_at=now, reprint_since=None, reprint_reasons="")
        )


def nothing_to_print(session: Session, ticket_id: int) -> None:
    """Note that a ticket has nothing on it any more: with its next paper it is one that was never printed."""
    session.execute(
        update(AdmissionTicket)
        .where(AdmissionTicket.id == ticket_id)
        .values(printed_at=None, reprint_since=None, reprint_reasons="")
    )


def _chunks(ids: Collection[int]) -> Iterator[list[int]]:
    ordered = sorted(ids)
    for start in range(0, len(ordered), _CHUNK):
        yield ordered[start : start + _CHUNK]


# How somebody becomes registered: a person, a ticket, a seat for a paper; a roster and a page share it.
#
# Source.


@dataclass(frozen=True, slots=True)
class NewPerson:
    """Somebody who is not known yet; the number is as `normalise_document` leaves it."""

    name: str
    document_type: str
    document_number: str = field(repr=False)
    details: Mapping[str, str] = field(default_factory=dict, repr=False)
    """By the names of `fields.DETAILS`."""


@dataclass(frozen=True, slots=True)
class PaperTerms:
    """How a paper is taken: `first` 新考 or `retake` 补考, the accommodation (R-30), what a roster noted."""

    kind: str = "first"
    factor: Decimal = Decimal(1)
    extra: timedelta = timedelta(0)
    accommodation: str = ""
    eligibility: str = ""
    note: str = ""
    tools: str = ""
    """As `rules/exam/tools` writes them."""


@dataclass(frozen=True, slots=True)
class SeatedPaper:
    """A paper by its blueprint's version, and the seat it is taken at."""

    version_id: int
    blueprint_ref: str
    paper: str
    sitting_room_id: int
    seat_id: int


def add_candidate(session: Session, person: NewPerson, *, now: datetime) -> Candidate:
    """Add a person; numbers are sealed."""
    candidate = Candidate(
        ref=new_ref("ca"),
        name=person.name,
        document_type=person.document_type,
        document_sealed=seal(person.document_number, DOCUMENT),
        document_index=document_index(person.document_number),
        document_masked=mask_document(person.document_number),
        created_at=now,
        **{detail.column: detail.stored(person.details.get(name, "")) for name, detail in DETAILS.items()},
    )
    session.add(candidate)
    return candidate


def issue_tickets(
    session: Session,
    *,
    batch_id: int,
    local_start: datetime,
    wanted: Sequence[tuple[Candidate, str]],
) -> dict[int, AdmissionTicket]:
    """Return the 准考证 of a batch for each candidate, by candidate id; who has none yet gets one.

    With a candidate goes the number a roster brought for them, "" for a fresh one. Raise
    Conflict("ticket.used_up").
    """
    session.flush()
    ids = {candidate.id for candidate, _ in wanted}
    query = select(AdmissionTicket).where(
        AdmissionTicket.batch_id == batch_id, AdmissionTicket.candidate_id.in_(ids)
    )
    tickets = {one.candidate_id: one for one in session.scalars(query)} if ids else {}
    missing = [(candidate.id, number) for candidate, number in wanted if candidate.id not in tickets]
    numberless = sum(not number for _, number in missing)
    fresh = iter(fresh_numbers(session, batch_id=batch_id, local_start=local_start, count=numberless))
    for candidate_id, number in missing:
        tickets[candidate_id] = AdmissionTicket(
            batch_id=batch_id, candidate_id=candidate_id, number=number or next(fresh)
        )
        session.add(tickets[candidate_id])
    session.flush()
    return tickets


def ticket_of(session: Session, sitting: Sitting, candidate: Candidate) -> AdmissionTicket:
    """Return a candidate's 准考证 of a sitting's batch, a new one where there is none."""
    local_start = sitting.planned_start_at.astimezone(local_zone())
    tickets = issue_tickets(
        session, batch_id=sitting.batch_id, local_start=local_start, wanted=[(candidate, "")]
    )
    return tickets[candidate.id]


def register(
    session: Session, sitting: Sitting, ticket: AdmissionTicket, seated: SeatedPaper, terms: PaperTerms
) -> Registration:
    """Register the holder of a ticket for a paper of a sitting."""
    registration = Registration(
        ref=new_ref("re"),
        candidate_id=ticket.candidate_id,
        ticket_id=ticket.id,
        sitting_id=sitting.id,
        sitting_room_id=seated.sitting_room_id,
        seat_id=seated.seat_id,
        blueprint_version_id=seated.version_id,
        blueprint_ref=seated.blueprint_ref,
        paper=seated.paper,
        kind=terms.kind,
        factor=terms.factor,
        extra=terms.extra,
        accommodation_note=terms.accommodation,
        tools=terms.tools,
        eligibility=terms.eligibility,
        note=terms.note,
    )
    session.add(registration)
    return registration


def give_seats(session: Session, seats: Mapping[int, Seat]) -> None:
    """Give people seats, by the ids of their registrations; that no two have one is the caller's to see to.

    Source: R-16.
    """
    for row in session.scalars(select(Registration).where(Registration.id.in_(seats))):
        row.seat_id = seats[row.id].id
    session.flush()


def reason_of(text: str) -> str:
    """Return the reason a person gave; raise InvalidInput("candidates.reason") without one."""
    plain = text.strip()
    if not 2 <= len(plain) <= 500:
        raise InvalidInput("candidates.reason", field="reason")
    return plain
