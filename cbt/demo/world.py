"""A world of any size: banks, papers, centre and staff, a sitting with open doors, candidates at their seats."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

import flask
from flask_wtf.csrf import generate_csrf
from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.accounts.models import Staff, StaffRole
from cbt.assembly.draw import DrawSources, draw_and_freeze
from cbt.assembly.models import Form
from cbt.bank.service import import_bank
from cbt.blueprints.store import blueprint_text, paper_of
from cbt.blueprints.versions import store_blueprint
from cbt.candidates.models import AdmissionTicket, Candidate, Registration
from cbt.config import Settings
from cbt.http.auth.cookies import cookie_signer, session_cookie
from cbt.http.auth.login import CANDIDATE
from cbt.http.auth.login_store import open_login
from cbt.http.auth.machine import MACHINE_COOKIE, Machine, token_hash, tokens_of
from cbt.personal import document_index
from cbt.rules.door import mask_document
from cbt.rules.exam import Paper
from cbt.rules.planning.seat_plan import DoorCorner
from cbt.rules.roles import Role
from cbt.rules.states import Purpose
from cbt.runner.attempt_changes import create_attempt
from cbt.runner.models import Attempt
from cbt.runner.paper.layout import layout_of
from cbt.sittings.models import Batch, Centre, Room, Seat, Sitting, SittingRoom
from cbt.sittings.places import create_centre, create_room
from cbt.sittings.room_clock import admit_if_due
from cbt.sittings.service import assign_staff, create_batch, create_sitting, publish_sitting
from cbt.storage.crypto import DOCUMENT, seal
from cbt.storage.types import new_ref
from cbt.storage.unit_of_work import unit_of_work

ACTOR = "cli"


@dataclass(frozen=True, slots=True)
class Variant:
    """A paper with some of its terms changed: (text in the blueprint, text in its place)."""

    level: str
    paper: str
    changes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class StoredPaper:
    """A variant as the database has it: its blueprint's version, its terms, the forms drawn by it."""

    version_id: int
    terms: Paper
    forms: tuple[int, ...]


def bring_banks(settings: Settings, refs: Iterable[str], *, now: datetime) -> None:
    for ref in refs:
        import_bank(settings.bank_dir / ref, now=now, actor=ACTOR)


def prepare_papers(
    settings: Settings, variants: Iterable[Variant], *, forms: int, now: datetime, rng: random.Random
) -> dict[Variant, StoredPaper]:
    wanted = list(dict.fromkeys(variants))
    bring_banks(settings, sorted({one.level for one in wanted}), now=now)
    with unit_of_work() as session:
        return {one: _prepare(session, settings, one, forms, now, rng) for one in wanted}


def _prepare(
    session: Session, settings: Settings, variant: Variant, forms: int, now: datetime, rng: random.Random
) -> StoredPaper:
    text = blueprint_text(settings.blueprint_dir / f"{variant.level}.toml")
    for old, new in variant.changes:
        text = text.replace(old, new)
    version_id = store_blueprint(session, text, now=now, actor=ACTOR).id
    sources = DrawSources(session)
    drawn = [
        draw_and_freeze(
            session, sources, blueprint_version_id=version_id, paper_code=variant.paper, now=now, rng=rng
        ).id
        for _ in range(forms)
    ]
    return StoredPaper(version_id, paper_of(session, version_id, variant.paper), tuple(drawn))


Duties = Mapping[int, str]
"""Who runs a room: a person's id, `proctor` or `chief_proctor`."""


@dataclass(frozen=True, slots=True)
class Hall:
    """A room to build; the last `spares` of its seats are kept free, in rows of `per_row` (0: nobody knows)."""

    name: str
    seats: int
    spares: int = 0
    per_row: int = 0
    door: DoorCorner = DoorCorner.UNKNOWN


@dataclass(frozen=True, slots=True)
class Premises:
    """Where sittings are held, and the batch they belong to."""

    centre: Centre
    rooms: Sequence[Room]
    batch: Batch


@dataclass(frozen=True, slots=True)
class Ground:
    """A centre and its only room by their ids, and who runs it: what several units of work need."""

    centre: int
    room: int
    duties: Duties

    def premises(self, session: Session, batch: int) -> Premises:
        room = session.get_one(Room, self.room)
        return Premises(session.get_one(Centre, self.centre), [room], session.get_one(Batch, batch))


def build_premises(
    session: Session,
    halls: Iterable[Hall],
    *,
    now: datetime,
    centre: str = "考点",
    address: str = "",
    batch: str = "批次",
    second_by_password: bool = False,
    actor: str = ACTOR,
) -> Premises:
    """Add a centre with its rooms, and a batch."""
    place = create_centre(
        session, name=centre, address=address, now=now, actor=actor, second_by_password=second_by_password
    )
    rooms = [
        create_room(
            session,
            place,
            name=one.name,
            seats=one.seats,
            spares=one.spares,
            per_row=one.per_row,
            door=one.door,
            now=now,
            actor=actor,
        )
        for one in halls
    ]
    return Premises(place, rooms, create_batch(session, name=batch, now=now, actor=actor))


def plan_sitting(
    session: Session,
    premises: Premises,
    *,
    at: datetime,
    now: datetime,
    name: str = "第 1 场",
    duties: Sequence[Duties] = (),
    published: bool = True,
    purpose: Purpose = Purpose.OFFICIAL,
    actor: str = ACTOR,
) -> tuple[Sitting, list[SittingRoom]]:
    """Add a sitting planned for `at` in all rooms; `duties` are those of the first room, the second, …"""
    sitting = create_sitting(
        session,
        batch=premises.batch,
        centre=premises.centre,
        name=name,
        planned_start_at=at,
        rooms=premises.rooms,
        purpose=purpose,
        now=now,
        actor=actor,
    )
    session.flush()
    query = select(SittingRoom).where(SittingRoom.sitting_id == sitting.id).order_by(SittingRoom.id)
    rooms = list(session.scalars(query))
    for room, people in zip(rooms, duties, strict=False):
        for staff_id, duty in people.items():
            assign_staff(session, room, staff_id=staff_id, duty=duty, now=now, actor=actor)
    if published:
        publish_sitting(session, sitting, now=now, actor=actor)
    return sitting, rooms


def add_staff(
    session: Session, *roles: Role, login: str, name: str, now: datetime, password_hash: str = ""
) -> Staff:
    """Add somebody who has a password of their own already, or none and never types one."""
    staff = Staff(
        ref=new_ref("st"),
        login=login,
        name=name,
        password_hash=password_hash,
        must_change_password=False,
        created_at=now,
        roles=[StaffRole(role=role.value) for role in roles],
    )
    session.add(staff)
    session.flush()
    return staff


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


# A world of any size: one sitting whose doors are open, everybody at their seat with a form before them.
#
# Names, numbers, seats, papers and forms follow from the arguments; refs and codes are the product's own
# chance. The same on the embedded database and on PostgreSQL.

EARLIER = timedelta(days=1)
"""Everything was planned so long before the sitting."""


@dataclass(frozen=True, slots=True)
class Gathering:
    """One sitting, its rooms (id and ref) and everybody in it, in the order of the entrants."""

    sitting_ref: str
    rooms: Sequence[tuple[int, str]]
    seated: Sequence[Seated]


def gather(entrants: Sequence[Entrant], papers: Mapping[Variant, StoredPaper], *, at: datetime) -> Gathering:
    """Plan a sitting for `at` with a seat for everybody; at that instant all have come through the door."""
    people = Counter(one.room for one in entrants)
    halls = [Hall(f"机房 {number + 1}", people[number] or 1) for number in range(max(people) + 1)]
    with unit_of_work() as session:
        premises = build_premises(session, halls, now=at - EARLIER)
        sitting, rooms = plan_sitting(session, premises, at=at, now=at - EARLIER)
        for room in rooms:
            admit_if_due(session, room, now=at)
        seated = seat_everybody(session, entrants, papers, rooms, now=at - EARLIER, arrived_at=at)
        return Gathering(sitting.ref, [(room.id, room.ref) for room in rooms], seated)


class Signer:
    """Signs people in by the keys of an installation; all its browsers share one `csrf_token`."""

    def __init__(self, app: flask.Flask) -> None:
        self._app = app
        with app.test_request_context():
            self.csrf_token = generate_csrf()
            self._fields = dict(flask.session)
            self._signer = cookie_signer(app)

    def sign_in(self, session: Session, *, kind: str, subject_ref: str, machine: str, now: datetime) -> str:
        """Open a login session at the machine of that name; return the header Cookie of its browser."""
        at = Machine(token_hash(machine), "")
        token = open_login(kind=kind, subject_ref=subject_ref, machine=at, now=now).store(session)
        cookie = self._signer.dumps({**self._fields, "_user_id": token, "_fresh": True})
        name = session_cookie(self._app, staff=kind != CANDIDATE)
        return f"{name}={cookie}; {MACHINE_COOKIE}={tokens_of(self._app).issue(machine)}"
