"""An installation to measure: real banks and forms, one sitting of many candidates, everybody signed in."""

from __future__ import annotations

import random
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import flask
from flask_wtf.csrf import generate_csrf
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from cbt.app import create_app
from cbt.assembly.steps import draw_and_freeze
from cbt.bank.service import import_folder
from cbt.candidates.models import AdmissionTicket, Candidate, Registration
from cbt.config import Settings, read_settings
from cbt.db.base import db
from cbt.db.migrate import migrate
from cbt.db.unit_of_work import unit_of_work
from cbt.delivery.guard import AttemptInfo
from cbt.delivery.models import Attempt
from cbt.exams.files import blueprint_text
from cbt.exams.steps import store_blueprint
from cbt.exams.store import paper_of
from cbt.rules.attempt_state import State
from cbt.sittings import planning
from cbt.sittings.models import Seat, SittingRoom
from cbt.sittings.steps import admit_if_due, start_room
from cbt.web.login import LIFETIME, token_hash
from cbt.web.models import LoginSession

ACTOR = "cli"
LEVEL, PAPER = "customer-service-l3", "theory"
FORMS = 8
SEATS_PER_ROOM = 100
AGO = timedelta(minutes=31)
"""The rooms started so long ago: 交卷 is allowed already."""


@dataclass(slots=True)
class Sitter:
    """One candidate's browser: what it signed in with, and the lease and the next number once it has opened."""

    attempt_id: int
    attempt_ref: str
    cookie: str
    csrf_token: str
    answers: Sequence[tuple[int, str]]
    """(position, an answer that may come in there) of the positions it answers, over and over."""
    lease: str = ""
    epoch: int = 0
    seq: int = 0


@dataclass(slots=True)
class Installation:
    """What was built: the app of this process, the sitting, and everybody in it."""

    app: flask.Flask
    environ: dict[str, str]
    sitting_ref: str = ""
    sitters: list[Sitter] = field(default_factory=list)


@contextmanager
def installation(folder: Path, *, attempts: int) -> Iterator[Installation]:
    """Build an installation below `folder` and let go of it at the end of the block; the seed is fixed."""
    environ = {"CBT_DATA_DIR": str(folder / "data"), "CBT_KEY_DIR": str(folder / "keys")}
    settings = read_settings(environ)
    app = create_app(settings)
    built = Installation(app, environ)
    with app.app_context():
        try:
            migrate()
            _build(built, settings, attempts=attempts)
            yield built
        finally:
            app.extensions["cbt_journal"].writer.close()
            db.engine.dispose()


def _build(built: Installation, settings: Settings, *, attempts: int) -> None:
    now: datetime = built.app.extensions["cbt_clock"].now()
    import_folder(settings.bank_dir / LEVEL, now=now, actor=ACTOR)
    started_at = now - AGO
    with unit_of_work() as session:
        text = blueprint_text(settings.blueprint_dir / f"{LEVEL}.toml")
        version_id = store_blueprint(session, text, now=now, actor=ACTOR).id
        rng = random.Random(1)
        forms = [
            draw_and_freeze(session, blueprint_version_id=version_id, paper_code=PAPER, now=now, rng=rng).id
            for _ in range(FORMS)
        ]
        built.sitting_ref, rooms = _sitting(session, attempts, started_at)
        registrations = _registrations(session, version_id, rooms, attempts, now)
        _attempts(session, version_id, registrations, forms)
        built.sitters = _signed_in(built, session, now)


def _sitting(session: Session, people: int, started_at: datetime) -> tuple[str, list[SittingRoom]]:
    """Plan a sitting with enough rooms and start them all."""
    earlier = started_at - timedelta(days=1)
    centre = planning.create_centre(session, name="考点", address="", now=earlier, actor=ACTOR)
    rooms = [
        planning.create_room(
            session, centre, name=f"机房 {number}", seats=SEATS_PER_ROOM, spares=0, now=earlier, actor=ACTOR
        )
        for number in range(1, 1 + -(-people // SEATS_PER_ROOM))
    ]
    sitting = planning.create_sitting(
        session,
        batch=planning.create_batch(session, name="批次", now=earlier, actor=ACTOR),
        centre=centre,
        name="第 1 场",
        planned_start_at=started_at,
        rooms=rooms,
        now=earlier,
        actor=ACTOR,
    )
    planning.publish_sitting(session, sitting, now=earlier, actor=ACTOR)
    session.flush()
    started = list(session.scalars(select(SittingRoom).order_by(SittingRoom.id)))
    for room in started:
        admit_if_due(session, room, now=started_at - timedelta(minutes=30))
        start_room(session, room, now=started_at, actor=ACTOR)
    return sitting.ref, started


def _registrations(
    session: Session, version_id: int, rooms: list[SittingRoom], people: int, now: datetime
) -> list[dict[str, Any]]:
    """Register candidates as rows; return the rows of the registrations."""
    batch_id = planning.create_batch(session, name="报名", now=now, actor=ACTOR).id
    seats = session.execute(
        select(SittingRoom.id, SittingRoom.sitting_id, Seat.id)
        .join(Seat, Seat.room_id == SittingRoom.room_id)
        .where(SittingRoom.id.in_([room.id for room in rooms]))
        .order_by(SittingRoom.id, Seat.number)
    ).all()
    numbers = range(1, people + 1)
    session.execute(
        insert(Candidate),
        [
            {
                "id": number,
                "ref": f"ca_{number}",
                "name": f"考生{number}",
                "gender": "",
                "document_type": "resident_id",
                "document_sealed": b"",
                "document_index": f"{number:064d}",
                "document_masked": "",
                "employer": "",
                "created_at": now,
            }
            for number in numbers
        ],
    )
    session.execute(
        insert(AdmissionTicket),
        [
            {"id": number, "batch_id": batch_id, "candidate_id": number, "number": f"{number:012d}"}
            for number in numbers
        ],
    )
    rows = [
        {
            "id": number,
            "ref": f"re_{number}",
            "candidate_id": number,
            "ticket_id": number,
            "sitting_id": sitting_id,
            "sitting_room_id": room_id,
            "seat_id": seat_id,
            "blueprint_version_id": version_id,
            "blueprint_ref": LEVEL,
            "paper": PAPER,
            "kind": "first",
            "factor": Decimal(1),
            "extra": timedelta(0),
            "accommodation_note": "",
            "eligibility": "",
            "note": "",
            "arrived_at": now - AGO,
            "checked_in_at": now - AGO,
            "signed_in_at": now - AGO,
            "confirmed_at": now - AGO,
            "pledged_at": now - AGO,
        }
        for number, (room_id, sitting_id, seat_id) in zip(numbers, seats, strict=False)
    ]
    session.execute(insert(Registration), rows)
    return rows


def _attempts(
    session: Session, version_id: int, registrations: list[dict[str, Any]], forms: Sequence[int]
) -> None:
    """Add one attempt per registration; a few forms are enough, a form is read, never written."""
    grace = paper_of(session, version_id, PAPER).clock.grace
    session.execute(
        insert(Attempt),
        [
            {
                "id": row["id"],
                "ref": f"at_{row['id']}_{secrets.token_urlsafe(6)}",
                "registration_id": row["id"],
                "sitting_room_id": row["sitting_room_id"],
                "form_id": forms[row["id"] % len(forms)],
                "state": State.READY,
                "grace": grace,
                "has_message": False,
                "lease_epoch": 0,
            }
            for row in registrations
        ],
    )


def _signed_in(built: Installation, session: Session, now: datetime) -> list[Sitter]:
    """Open a login session for everybody; a browser's cookie is what the product would have set."""
    with built.app.test_request_context():
        csrf_token = generate_csrf()
        csrf_field = dict(flask.session)
        signer = built.app.session_interface.get_signing_serializer(built.app)  # type: ignore[attr-defined]
    rows, sitters = [], []
    known = session.execute(
        select(Attempt.id, Attempt.ref, Registration.ref)
        .join(Registration, Registration.id == Attempt.registration_id)
        .order_by(Attempt.id)
    )
    for attempt_id, attempt_ref, registration_ref in known:
        token = secrets.token_urlsafe(32)
        rows.append(
            {
                "kind": "candidate",
                "subject_ref": registration_ref,
                "token_hash": token_hash(token),
                "machine": f"m{attempt_id}",
                "created_at": now,
                "expires_at": now + LIFETIME,
            }
        )
        cookie = signer.dumps({**csrf_field, "_user_id": token, "_fresh": True})
        name = built.app.config["SESSION_COOKIE_NAME"]
        sitters.append(
            Sitter(attempt_id, attempt_ref, f"{name}={cookie}; cbt_machine=m{attempt_id}", csrf_token, ())
        )
    session.execute(insert(LoginSession), rows)
    return sitters


def choose_answers(built: Installation) -> None:
    """Give every sitter an answer for each position of its form; needs the attempts to be committed."""
    journal = built.app.extensions["cbt_journal"]
    for sitter in built.sitters:
        sitter.answers = _answers(journal.infos.get(sitter.attempt_ref), sitter.attempt_id)


def _answers(info: AttemptInfo, start: int) -> list[tuple[int, str]]:
    return [
        (position, "ABCD"[(start + position) % len(shape["order"])])
        for position, shape in enumerate(info.shapes, 1)
    ]
