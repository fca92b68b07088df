"""An arena is built on an empty database: rooms, papers, people, drawn forms."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.application.app import create_app
from cbt.assembly.steps import draw_and_freeze
from cbt.bank.service import import_bank
from cbt.candidates.models import Registration
from cbt.config import Settings
from cbt.db.migrate import migrate
from cbt.db.types import db
from cbt.db.unit_of_work import unit_of_work
from cbt.delivery.steps import create_attempt
from cbt.exams.files import blueprint_text
from cbt.exams.steps import store_blueprint
from cbt.exams.store import paper_of
from cbt.paths import product_dir
from cbt.rules.exam.paper import Paper
from cbt.sittings.clock.doors import admit_if_due
from cbt.sittings.clock.running import start_room
from cbt.sittings.models import Seat, SittingRoom
from cbt.sittings.planning.places import create_centre, create_room
from cbt.sittings.planning.sittings import create_batch, create_sitting, publish_sitting
from torture.arena.installation import ACTOR, BEGIN, Arena, HandClock, Sitter, Variant, Wanted
from torture.arena.people import add_candidate


@contextmanager
def arena(settings: Settings, wanted: Sequence[Wanted], *, rng: random.Random) -> Iterator[Arena]:
    """Build an installation on an empty database and let go of it at the end of the block.

    Everybody has come through the door; every room starts at BEGIN.
    """
    clock = HandClock(BEGIN - timedelta(days=1))
    app = create_app(settings, clock=clock)
    app.testing = True
    app.config["WTF_CSRF_ENABLED"] = False
    built = Arena(app, clock)
    try:
        with app.app_context():
            migrate()
            _build(built, wanted, rng)
        # Each request has a context of its own from here on: what `flask.g` keeps is one request's.
        yield built
    finally:
        app.extensions["cbt_journal"].writer.close()
        with app.app_context():
            db.engine.dispose()


def _build(built: Arena, wanted: Sequence[Wanted], rng: random.Random) -> None:
    now = built.clock.now()
    for level in sorted({one.variant.level for one in wanted}):
        import_bank(product_dir("question_bank") / level, now=now, actor=ACTOR)
    with unit_of_work() as session:
        papers = {one: _paper(session, one, now, rng) for one in dict.fromkeys(w.variant for w in wanted)}
        rooms = _rooms(session, wanted, now)
        built.rooms = [room.id for room in rooms]
        _people(session, built, wanted, papers, rooms, now)
    built.clock.move_to(BEGIN)
    with unit_of_work() as session:
        for room_id in built.rooms:
            started = session.get_one(SittingRoom, room_id)
            admit_if_due(session, started, now=BEGIN - timedelta(minutes=30))
            start_room(session, started, now=BEGIN, actor=ACTOR)


def _paper(session: Session, variant: Variant, now: datetime, rng: random.Random) -> tuple[int, int, Paper]:
    """Store one variant's blueprint and draw a form from it; return their ids and the paper."""
    text = blueprint_text(product_dir("blueprints") / f"{variant.level}.toml")
    for old, new in variant.changes:
        text = text.replace(old, new)
    version_id = store_blueprint(session, text, now=now, actor=ACTOR).id
    form = draw_and_freeze(
        session, blueprint_version_id=version_id, paper_code=variant.paper, now=now, rng=rng
    )
    return version_id, form.id, paper_of(session, version_id, variant.paper)


def _rooms(session: Session, wanted: Sequence[Wanted], now: datetime) -> list[SittingRoom]:
    seats = max(sum(1 for one in wanted if one.room == room) for room in {one.room for one in wanted})
    centre = create_centre(session, name="考点", address="", now=now, actor=ACTOR)
    planned = [
        create_room(session, centre, name=f"机房 {n}", seats=seats, spares=0, now=now, actor=ACTOR)
        for n in range(1, 2 + max(one.room for one in wanted))
    ]
    sitting = create_sitting(
        session,
        batch=create_batch(session, name="批次", now=now, actor=ACTOR),
        centre=centre,
        name="第 1 场",
        planned_start_at=BEGIN,
        rooms=planned,
        now=now,
        actor=ACTOR,
    )
    publish_sitting(session, sitting, now=now, actor=ACTOR)
    session.flush()
    query = select(SittingRoom).where(SittingRoom.sitting_id == sitting.id).order_by(SittingRoom.id)
    return list(session.scalars(query))


def _people(
    session: Session,
    built: Arena,
    wanted: Sequence[Wanted],
    papers: Mapping[Variant, tuple[int, int, Paper]],
    rooms: Sequence[SittingRoom],
    now: datetime,
) -> None:
    batch = create_batch(session, name="报名", now=now, actor=ACTOR)
    session.flush()
    free = {
        room.id: list(session.scalars(select(Seat).where(Seat.room_id == room.room_id).order_by(Seat.number)))
        for room in rooms
    }
    for number, one in enumerate(wanted, 1):
        room = rooms[one.room]
        version_id, form_id, paper = papers[one.variant]
        add_candidate(session, number, batch_id=batch.id, now=now)
        registration = Registration(
            ref=f"re_{number}",
            candidate_id=number,
            ticket_id=number,
            sitting_id=room.sitting_id,
            sitting_room_id=room.id,
            seat_id=free[room.id].pop().id,
            blueprint_version_id=version_id,
            blueprint_ref=one.variant.level,
            paper=one.variant.paper,
            kind="first",
            factor=one.factor,
            extra=one.extra,
            accommodation_note="",
            arrived_at=now,
            checked_in_at=now,
            signed_in_at=now,
            confirmed_at=now,
            pledged_at=now,
        )
        session.add(registration)
        session.flush()
        attempt = create_attempt(
            session,
            registration_id=registration.id,
            sitting_room_id=room.id,
            form_id=form_id,
            grace=paper.clock.grace,
        )
        session.flush()
        built.sitters.append(Sitter(attempt.id, attempt.ref, registration.ref, room.id, paper))
