"""The people of a site: candidates through the door, with frozen forms and the cookies of their browsers."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

import flask
from flask_wtf.csrf import generate_csrf
from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.assembly.models import Form
from cbt.assembly.steps import draw_and_freeze
from cbt.bank.models import ItemVersion
from cbt.bank.service import import_bank
from cbt.candidates.models import AdmissionTicket, Candidate, Registration
from cbt.candidates.personal import DOCUMENT, document_index
from cbt.config import Settings
from cbt.db.private.sealing import seal
from cbt.db.unit_of_work import reading, unit_of_work
from cbt.delivery.models import Attempt
from cbt.delivery.steps import create_attempt
from cbt.exams.files import blueprint_text
from cbt.exams.steps import store_blueprint
from cbt.exams.store import paper_of
from cbt.rules.door.admission import mask_document
from cbt.sittings.clock.doors import admit_if_due
from cbt.sittings.models import Seat, Sitting, SittingRoom
from cbt.sittings.planning.places import create_centre, create_room
from cbt.sittings.planning.sittings import create_batch, create_sitting, publish_sitting
from cbt.web.refs import new_ref
from cbt.web.who.login import open_login, token_hash
from cbt.web.who.machine import MACHINE_COOKIE, tokens_of
from torture.judging.leaks import SecretTexts, secret_texts

LEVEL = "customer-service-l3"
SEATS = 30
SKILLS = 6
"""So many sit the skills paper with its strict units, the others the theory paper."""
FORMS = 3
ACTOR = "cli"
EARLIER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Person:
    """One candidate and what their browser was given at the door."""

    name: str
    ticket: str
    attempt_id: int
    attempt_ref: str
    registration_ref: str
    paper: str
    cookie: str = field(repr=False)
    csrf_token: str = field(repr=False)
    secrets: SecretTexts = field(repr=False)
    """What no reply to this browser may hold."""


def populate(app: flask.Flask, *, now: datetime) -> Sequence[Person]:
    """Fill a migrated database: bank, blueprint, forms, a sitting that admits, everybody at their seat."""
    settings: Settings = app.extensions["cbt_settings"]
    import_bank(settings.bank_dir / LEVEL, now=now, actor=ACTOR)
    with unit_of_work() as session:
        text = blueprint_text(settings.blueprint_dir / f"{LEVEL}.toml")
        version_id = store_blueprint(session, text, now=now, actor=ACTOR).id
        forms = _forms(session, version_id, now)
        sitting, room = _sitting(session, now)
        seats = session.scalars(select(Seat).where(Seat.room_id == room.room_id).order_by(Seat.number)).all()
        for number, seat in enumerate(seats, 1):
            paper = "skills" if number <= SKILLS else "theory"
            form = forms[paper][number % FORMS]
            _candidate(session, number, seat, sitting, room, version_id, form, now=now)
    return _people(app, now)


def _forms(session: Session, version_id: int, now: datetime) -> dict[str, list[Form]]:
    rng = random.Random(1)
    return {
        paper: [
            draw_and_freeze(session, blueprint_version_id=version_id, paper_code=paper, now=now, rng=rng)
            for _ in range(FORMS)
        ]
        for paper in ("theory", "skills")
    }


def _sitting(session: Session, now: datetime) -> tuple[Sitting, SittingRoom]:
    earlier = now - EARLIER
    centre = create_centre(session, name="考点", address="", now=earlier, actor=ACTOR)
    place = create_room(session, centre, name="机房", seats=SEATS, spares=0, now=earlier, actor=ACTOR)
    sitting = create_sitting(
        session,
        batch=create_batch(session, name="批次", now=earlier, actor=ACTOR),
        centre=centre,
        name="第 1 场",
        planned_start_at=now,
        rooms=[place],
        now=earlier,
        actor=ACTOR,
    )
    publish_sitting(session, sitting, now=earlier, actor=ACTOR)
    session.flush()
    room = session.scalars(select(SittingRoom)).one()
    admit_if_due(session, room, now=now)
    return sitting, room


def _candidate(
    session: Session,
    number: int,
    seat: Seat,
    sitting: Sitting,
    room: SittingRoom,
    version_id: int,
    form: Form,
    *,
    now: datetime,
) -> None:
    document = f"31010119900101{number:03d}X"
    person = Candidate(
        ref=new_ref("ca"),
        name=f"考生{number:03d}号",
        gender="",
        document_type="resident_id",
        document_sealed=seal(document, DOCUMENT),
        document_index=document_index(document),
        document_masked=mask_document(document),
        employer="",
        created_at=now,
    )
    session.add(person)
    session.flush()
    ticket = AdmissionTicket(
        batch_id=sitting.batch_id, candidate_id=person.id, number=f"26110001{number:04d}"
    )
    session.add(ticket)
    session.flush()
    registration = Registration(
        ref=new_ref("re"),
        candidate_id=person.id,
        ticket_id=ticket.id,
        sitting_id=sitting.id,
        sitting_room_id=room.id,
        seat_id=seat.id,
        blueprint_version_id=version_id,
        blueprint_ref=LEVEL,
        paper=form.paper,
        kind="first",
        factor=Decimal(1),
        extra=timedelta(0),
        accommodation_note="",
        arrived_at=now,
        checked_in_at=now,
        signed_in_at=now,
        confirmed_at=now,
        pledged_at=now,
    )
    session.add(registration)
    session.flush()
    create_attempt(
        session,
        registration_id=registration.id,
        sitting_room_id=room.id,
        form_id=form.id,
        grace=paper_of(session, version_id, form.paper).clock.grace,
    )


def _people(app: flask.Flask, now: datetime) -> Sequence[Person]:
    """Open a login session for everybody; the cookie is what the product would have set."""
    with app.test_request_context():
        csrf_token = generate_csrf()
        csrf_field = dict(flask.session)
        signer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]  # Flask's own
    with reading() as session:
        contents = list(session.scalars(select(ItemVersion.content)))
        rows = session.execute(
            select(Candidate.name, AdmissionTicket.number, Attempt.id, Attempt.ref, Registration)
            .join(Registration, Registration.candidate_id == Candidate.id)
            .join(AdmissionTicket, AdmissionTicket.id == Registration.ticket_id)
            .join(Attempt, Attempt.registration_id == Registration.id)
            .order_by(Attempt.id)
        ).all()
    marks = {row.id: (row.name, row.number, row.ref, row.Registration.ref) for row in rows}
    people = []
    with unit_of_work() as session:
        for row in rows:
            machine = f"m{row.id}"
            ref = row.Registration.ref
            own = token_hash(machine)
            token = open_login(session, kind="candidate", subject_ref=ref, machine=own, now=now)
            cookie = signer.dumps({**csrf_field, "_user_id": token, "_fresh": True})
            others = [mark for other, own in marks.items() if other != row.id for mark in own]
            people.append(
                Person(
                    name=row.name,
                    ticket=row.number,
                    attempt_id=row.id,
                    attempt_ref=row.ref,
                    registration_ref=ref,
                    paper=row.Registration.paper,
                    cookie=f"{app.config['SESSION_COOKIE_NAME']}={cookie}; "
                    f"{MACHINE_COOKIE}={tokens_of(app).issue(machine)}",
                    csrf_token=csrf_token,
                    secrets=secret_texts(contents, others),
                )
            )
    return people
