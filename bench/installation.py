"""An installation to measure: real banks and forms, one sitting of many candidates, everybody signed in."""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import flask
from sqlalchemy import insert, select
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from cbt.application.app import create_app
from cbt.assembly.steps import draw_and_freeze
from cbt.bank.service import import_bank
from cbt.candidates.models import AdmissionTicket, Candidate, Registration
from cbt.config import Settings, read_settings
from cbt.db.migrate import migrate
from cbt.db.types import db
from cbt.db.unit_of_work import unit_of_work
from cbt.delivery.models import Attempt
from cbt.delivery.paper.layout import layout_of
from cbt.delivery.save.guard import AttemptInfo
from cbt.demo.browsers import Sitter, signed_in
from cbt.demo.past import LEVEL, PAPER, Papers
from cbt.exams.files import blueprint_text
from cbt.exams.steps import store_blueprint
from cbt.exams.store import paper_of
from cbt.rules.states.attempt import State
from cbt.sittings.clock.doors import admit_if_due
from cbt.sittings.clock.running import adjust_room, start_room
from cbt.sittings.models import Seat, SittingRoom
from cbt.sittings.planning.places import create_centre, create_room
from cbt.sittings.planning.sittings import create_batch, create_sitting, publish_sitting

ACTOR = "cli"
FORMS = 8
SEATS_PER_ROOM = 100
AGO = timedelta(minutes=40)
"""The rooms started so long ago: 交卷 is allowed already, whatever time is given back on the way."""
MORE_TIME = timedelta(hours=4)
"""延时 for everybody, so that no deadline comes while the bench runs."""


@dataclass(slots=True)
class Installation:
    """What was built: the app of this process, the sitting, and everybody in it."""

    app: flask.Flask
    environ: dict[str, str]
    sitting_ref: str = ""
    room_ref: str = ""
    proctor: str = ""
    """The cookie of somebody who may see every room."""
    sitters: list[Sitter] = field(default_factory=list)


History = Callable[[Engine, Papers], int]
"""Fills the database with what was before; returns the highest id it gave to candidates and attempts."""


@contextmanager
def installation(
    folder: Path, *, attempts: int, database_url: str = "", history: History | None = None
) -> Iterator[Installation]:
    """Build an installation below `folder` and let go of it at the end of the block; the seed is fixed.

    The database is the embedded one, or the empty one of PostgreSQL that `database_url` names.
    """
    environ = {
        "CBT_DATA_DIR": str(folder / "data"),
        "CBT_KEY_DIR": str(folder / "keys"),
        "CBT_DATABASE_URL": database_url,
        "CBT_SLOW_MS": "60000",  # a log of slow requests is no part of what is measured
    }
    settings = read_settings(environ)
    app = create_app(settings)
    built = Installation(app, environ)
    with app.app_context():
        try:
            migrate()
            papers = _papers(built, settings)
            before = 0 if history is None else history(db.engine, papers)
            _people(built, papers, people=range(before + 1, before + attempts + 1))
            yield built
        finally:
            app.extensions["cbt_journal"].writer.close()
            db.engine.dispose()


def _papers(built: Installation, settings: Settings) -> Papers:
    now: datetime = built.app.extensions["cbt_clock"].now()
    import_bank(settings.bank_dir / LEVEL, now=now, actor=ACTOR)
    with unit_of_work() as session:
        text = blueprint_text(settings.blueprint_dir / f"{LEVEL}.toml")
        version_id = store_blueprint(session, text, now=now, actor=ACTOR).id
        rng = random.Random(1)
        forms = [
            draw_and_freeze(session, blueprint_version_id=version_id, paper_code=PAPER, now=now, rng=rng)
            for _ in range(FORMS)
        ]
        ids = tuple([form.id for form in forms])
        return Papers(version_id, ids, tuple([layout_of(form.content) for form in forms]))


def _people(built: Installation, papers: Papers, *, people: range) -> None:
    now: datetime = built.app.extensions["cbt_clock"].now()
    with unit_of_work() as session:
        built.sitting_ref, rooms = _sitting(session, len(people), now - AGO)
        built.room_ref = rooms[0].ref
        registrations = _registrations(session, papers.version_id, rooms, people, now)
        _attempts(session, papers, registrations)
        built.sitters, built.proctor = signed_in(built.app, session, registrations, now=now)


def _sitting(session: Session, people: int, started_at: datetime) -> tuple[str, list[SittingRoom]]:
    """Plan a sitting with enough rooms and start them all."""
    earlier = started_at - timedelta(days=1)
    centre = create_centre(session, name="考点", address="", now=earlier, actor=ACTOR)
    rooms = [
        create_room(
            session, centre, name=f"机房 {number}", seats=SEATS_PER_ROOM, spares=0, now=earlier, actor=ACTOR
        )
        for number in range(1, 1 + -(-people // SEATS_PER_ROOM))
    ]
    sitting = create_sitting(
        session,
        batch=create_batch(session, name="批次", now=earlier, actor=ACTOR),
        centre=centre,
        name="第 1 场",
        planned_start_at=started_at,
        rooms=rooms,
        now=earlier,
        actor=ACTOR,
    )
    publish_sitting(session, sitting, now=earlier, actor=ACTOR)
    session.flush()
    query = select(SittingRoom).where(SittingRoom.sitting_id == sitting.id).order_by(SittingRoom.id)
    started = list(session.scalars(query))
    for room in started:
        admit_if_due(session, room, now=started_at - timedelta(minutes=30))
        start_room(session, room, now=started_at, actor=ACTOR)
        adjust_room(
            session,
            room,
            now=started_at,
            amount=MORE_TIME,
            kind="general",
            reason_code="other",
            reason="",
            actor=ACTOR,
        )
    return sitting.ref, started


def _registrations(
    session: Session, version_id: int, rooms: list[SittingRoom], people: range, now: datetime
) -> list[dict[str, Any]]:
    """Register candidates as rows; return the rows of the registrations."""
    batch_id = create_batch(session, name="报名", now=now, actor=ACTOR).id
    seats = session.execute(
        select(SittingRoom.id, SittingRoom.sitting_id, Seat.id)
        .join(Seat, Seat.room_id == SittingRoom.room_id)
        .where(SittingRoom.id.in_([room.id for room in rooms]))
        .order_by(SittingRoom.id, Seat.number)
    ).all()
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
            for number in people
        ],
    )
    session.execute(
        insert(AdmissionTicket),
        [
            {"id": number, "batch_id": batch_id, "candidate_id": number, "number": f"{number:012d}"}
            for number in people
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
        for number, (room_id, sitting_id, seat_id) in zip(people, seats, strict=False)
    ]
    session.execute(insert(Registration), rows)
    return rows


def _attempts(session: Session, papers: Papers, registrations: list[dict[str, Any]]) -> None:
    """Add one attempt per registration; a few forms are enough, a form is read, never written."""
    grace = paper_of(session, papers.version_id, PAPER).clock.grace
    session.execute(
        insert(Attempt),
        [
            {
                "id": row["id"],
                "ref": f"at_{row['id']}_{secrets.token_urlsafe(6)}",
                "registration_id": row["id"],
                "sitting_room_id": row["sitting_room_id"],
                "form_id": papers.forms[row["id"] % len(papers.forms)],
                "layout": papers.layouts[row["id"] % len(papers.forms)],
                "state": State.READY,
                "grace": grace,
                "has_message": False,
                "lease_epoch": 0,
            }
            for row in registrations
        ],
    )


def choose_answers(built: Installation) -> None:
    """Give every sitter an answer for each position of its form; needs the attempts to be committed."""
    journal = built.app.extensions["cbt_journal"]
    with built.app.app_context():
        for sitter in built.sitters:
            sitter.answers = _answers(journal.infos.get(sitter.attempt_ref), sitter.attempt_id)


def _answers(info: AttemptInfo, start: int) -> list[tuple[int, str]]:
    return [
        (position, "ABCD"[(start + position) % len(shape["order"])])
        for position, shape in enumerate(info.shapes, 1)
    ]
