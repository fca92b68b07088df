"""The candidates of a world: people, tickets, registrations at a seat, and attempts where forms were drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.assembly.models import Form
from cbt.candidates.models import AdmissionTicket, Candidate, Registration
from cbt.db.private.sealing import seal
from cbt.delivery.models import Attempt
from cbt.delivery.paper.layout import layout_of
from cbt.delivery.steps import create_attempt
from cbt.demo.papers import StoredPaper, Variant
from cbt.personal.numbers import DOCUMENT, document_index
from cbt.rules.door.admission import mask_document
from cbt.sittings.models import Seat, Sitting, SittingRoom
from cbt.web.refs import new_ref

CHUNK = 500
DOOR = ("arrived_at", "checked_in_at", "signed_in_at", "confirmed_at", "pledged_at")


@dataclass(frozen=True, slots=True)
class Identity:
    """Who somebody is, and the number of their ticket."""

    name: str
    document: str
    ticket: str
    employer: str = ""


@dataclass(frozen=True, slots=True)
class Entrant:
    """One candidate to build: the room (counted from 0), the paper, what they are granted, who they are."""

    room: int
    variant: Variant
    factor: Decimal = Decimal(1)
    extra: timedelta = timedelta(0)
    person: Identity | None = None
    """None: somebody who has nothing but a number."""


@dataclass(frozen=True, slots=True)
class Seated:
    """Somebody at a seat; without an attempt (0 and "") until their form is drawn."""

    name: str
    document: str
    ticket: str
    seat: int
    sitting_room_id: int
    paper: str
    registration_id: int
    registration_ref: str
    attempt_id: int = 0
    attempt_ref: str = ""


def numbered(number: int) -> Identity:
    """Return a person whose name is part of no other's."""
    return Identity(f"考生{number:03d}号", f"{number:017d}X", f"2611{number:08d}")


def seat_everybody(
    session: Session,
    entrants: Sequence[Entrant],
    papers: Mapping[Variant, StoredPaper],
    rooms: Sequence[SittingRoom],
    *,
    now: datetime,
    arrived_at: datetime | None = None,
) -> list[Seated]:
    """Register everybody at the next free seat of their room that is no spare one; the rooms are a sitting's.

    They came through the door and wait since `arrived_at`, where it is given. The forms of a paper go round;
    where no paper has any, nobody gets an attempt.
    """
    batch_id = session.get_one(Sitting, rooms[0].sitting_id).batch_id
    free = {room.id: iter(_seats(session, room)) for room in rooms}
    people = [one.person or numbered(number) for number, one in enumerate(entrants, 1)]
    candidates = [_candidate(person, now) for person in people]
    session.add_all(candidates)
    session.flush()
    tickets = [
        AdmissionTicket(batch_id=batch_id, candidate_id=candidate.id, number=person.ticket)
        for candidate, person in zip(candidates, people, strict=True)
    ]
    session.add_all(tickets)
    session.flush()
    seats = [next(free[rooms[one.room].id]) for one in entrants]
    registrations = [
        Registration(
            ref=new_ref("re"),
            candidate_id=ticket.candidate_id,
            ticket_id=ticket.id,
            sitting_id=rooms[one.room].sitting_id,
            sitting_room_id=rooms[one.room].id,
            seat_id=seat.id,
            blueprint_version_id=papers[one.variant].version_id,
            blueprint_ref=one.variant.level,
            paper=one.variant.paper,
            kind="first",
            factor=one.factor,
            extra=one.extra,
            accommodation_note="",
            **dict.fromkeys(DOOR, arrived_at),
        )
        for one, ticket, seat in zip(entrants, tickets, seats, strict=True)
    ]
    session.add_all(registrations)
    session.flush()
    seated = [
        Seated(
            person.name,
            person.document,
            person.ticket,
            seat.number,
            row.sitting_room_id,
            row.paper,
            row.id,
            row.ref,
        )
        for person, seat, row in zip(people, seats, registrations, strict=True)
    ]
    if not any(paper.forms for paper in papers.values()):
        return seated
    attempts = _attempts(session, registrations, [papers[one.variant] for one in entrants])
    return [
        replace(one, attempt_id=attempt.id, attempt_ref=attempt.ref)
        for one, attempt in zip(seated, attempts, strict=True)
    ]


def _seats(session: Session, room: SittingRoom) -> Sequence[Seat]:
    taken = select(Registration.seat_id).where(Registration.sitting_room_id == room.id)
    free = select(Seat).where(Seat.room_id == room.room_id, Seat.spare.is_(False), Seat.id.not_in(taken))
    return session.scalars(free.order_by(Seat.number)).all()


def _candidate(person: Identity, now: datetime) -> Candidate:
    return Candidate(
        ref=new_ref("ca"),
        name=person.name,
        gender="",
        document_type="resident_id",
        document_sealed=seal(person.document, DOCUMENT),
        document_index=document_index(person.document),
        document_masked=mask_document(person.document),
        phone_sealed=None,
        employer=person.employer,
        created_at=now,
    )


def _attempts(
    session: Session, registrations: Sequence[Registration], papers: Sequence[StoredPaper]
) -> list[Attempt]:
    made = []
    chosen = [paper.forms[number % len(paper.forms)] for number, paper in enumerate(papers, 1)]
    for start in range(0, len(chosen), CHUNK):
        part = slice(start, start + CHUNK)
        # The forms of a chunk are read at once and not once an attempt; all of them would be too many.
        contents = session.execute(select(Form.id, Form.content).where(Form.id.in_(set(chosen[part]))))
        layouts = {form_id: layout_of(content) for form_id, content in contents}
        made += [
            create_attempt(
                session,
                registration_id=row.id,
                sitting_room_id=row.sitting_room_id,
                form_id=form_id,
                layout=layouts[form_id],
                grace=paper.terms.clock.grace,
            )
            for row, paper, form_id in zip(registrations[part], papers[part], chosen[part], strict=True)
        ]
        session.flush()
    return made
