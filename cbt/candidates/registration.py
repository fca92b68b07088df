"""How somebody becomes registered: a person, a ticket, a seat for a paper; a roster and a page share it.

Source: R-7, R-16, R-30.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.candidates.models import AdmissionTicket, Candidate, Registration
from cbt.candidates.tickets import fresh_numbers
from cbt.errors import InvalidInput
from cbt.http.i18n import local_zone
from cbt.personal.fields import DETAILS
from cbt.personal.identity import DOCUMENT, document_index
from cbt.rules.door.admission import (
    mask_document,
)
from cbt.sittings.models import Seat, Sitting
from cbt.storage.crypto import seal
from cbt.storage.types import new_ref


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
    known = select(AdmissionTicket).where(
        AdmissionTicket.batch_id == batch_id, AdmissionTicket.candidate_id.in_(ids)
    )
    tickets = {one.candidate_id: one for one in session.scalars(known)} if ids else {}
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
