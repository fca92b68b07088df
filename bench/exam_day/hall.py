"""Where the day takes place: rooms whose doors are open, a form of one's own, somebody at each board."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import flask
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from cbt.assembly.draw import DrawSources, draw_and_freeze
from cbt.blueprints.store import blueprint_text, paper_of
from cbt.blueprints.versions import store_blueprint
from cbt.candidates.models import Registration
from cbt.config import Settings
from cbt.demo.world import (
    ACTOR,
    Entrant,
    Hall,
    Signer,
    StoredPaper,
    Variant,
    add_staff,
    bring_banks,
    build_premises,
    plan_sitting,
    seat_everybody,
)
from cbt.http.app_context import path_of
from cbt.http.auth.machine import MACHINE_COOKIE, tokens_of
from cbt.rehearsal.installation import Player, app_for, bind, factor_for, player_of, without_waits
from cbt.rules.roles import Role
from cbt.sittings.models import Seat, SittingRoom
from cbt.sittings.room_clock import admit_if_due
from cbt.storage.engine import begin_installation
from cbt.storage.migrate import migrate
from cbt.storage.unit_of_work import unit_of_work

LEVEL = "customer-service-l3"
SKILLS_EVERY = 5
"""One of so many rooms has the paper with units."""
MOVES_EVERY, FIRST_MOVE = 50, 25
"""One of so many people changes machines."""
BEFORE = timedelta(days=1)
ARRIVED = timedelta(minutes=20)


@dataclass(frozen=True, slots=True)
class Desk:
    """The proctor of a room: its ref, the addresses of its board, and the cookies of who has it open."""

    ref: str
    board: str
    live: str
    acts: str
    """The address of an act, without its code."""
    cookie: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Comer:
    """A candidate of the day: where they sit, and to which seat and machine they change where they do."""

    player: Player
    room: int
    registration: str
    spare_seat: int = 0
    spare_cookies: dict[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Day:
    """Everybody, and the rooms' desks."""

    comers: tuple[Comer, ...]
    desks: tuple[Desk, ...]
    csrf_token: str = field(repr=False)


def build_day(settings: Settings, *, people: int, per_room: int, seconds: float, arriving: float) -> Day:
    """Build it; runs in a child, on folders that are empty."""
    begin_installation(settings)
    with app_for(settings) as app:
        now: datetime = app.extensions["cbt_clock"].now()
        migrate()
        bring_banks(settings, [LEVEL], now=now)
        text = without_waits(blueprint_text(settings.blueprint_dir / f"{LEVEL}.toml"))
        with unit_of_work() as session:
            papers = _papers(session, text, people, now)
            return _build(session, app, papers, people, per_room, seconds, arriving, now)


def _papers(session: Session, text: str, people: int, now: datetime) -> dict[Variant, StoredPaper]:
    version = store_blueprint(session, text, now=now, actor=ACTOR).id
    sources, rng, found = DrawSources(session), random.Random(people), {}
    for code, forms in (("theory", people), ("skills", -(-people // SKILLS_EVERY))):
        drawn = [
            draw_and_freeze(
                session, sources, blueprint_version_id=version, paper_code=code, now=now, rng=rng
            ).id
            for _ in range(forms)
        ]
        terms = paper_of(session, version, code)
        found[Variant(LEVEL, code)] = StoredPaper(version, terms, tuple(drawn))
    return found


def _build(
    session: Session,
    app: flask.Flask,
    papers: dict[Variant, StoredPaper],
    people: int,
    per_room: int,
    seconds: float,
    arriving: float,
    now: datetime,
) -> Day:
    count = -(-people // per_room)
    variants = list(papers)
    of_room = [variants[room % SKILLS_EVERY == 1] for room in range(count)]
    factors = {variant: factor_for(paper.terms, seconds) for variant, paper in papers.items()}
    rooms_of = [number // per_room for number in range(people)]
    entrants = [Entrant(room, of_room[room], factor=factors[of_room[room]]) for room in rooms_of]
    staff = [
        add_staff(session, Role.CHIEF_PROCTOR, login=f"desk{room}", name=f"主考{room + 1}", now=now)
        for room in range(count)
    ]
    halls = [Hall(f"机房 {room + 1}", per_room + 1, spares=1) for room in range(count)]
    premises = build_premises(session, halls, now=now - BEFORE)
    _, rooms = plan_sitting(
        session,
        premises,
        at=now + timedelta(minutes=2, seconds=arriving),
        now=now - BEFORE,
        duties=[{one.id: "chief_proctor"} for one in staff],
    )
    for room in rooms:
        admit_if_due(session, room, now=now)
    seated = seat_everybody(session, entrants, papers, rooms, now=now - BEFORE, arrived_at=now - ARRIVED)
    session.execute(update(Registration).values(signed_in_at=None, confirmed_at=None, pledged_at=None))
    seats = dict(session.execute(select(Registration.id, Registration.seat_id)).all())
    comers = []
    for number, one in enumerate(seated):
        machine = f"m{number}"
        bind(session, seats[one.registration_id], machine, now=now)
        player = player_of(app, number, one, machine)
        moves = number % MOVES_EVERY == FIRST_MOVE
        spare = _spare(session, app, rooms[rooms_of[number]], number, now) if moves else (0, {})
        comers.append(Comer(player, rooms_of[number], one.registration_ref, *spare))
    signer = Signer(app)
    desks = [
        _desk(
            app,
            room.ref,
            signer.sign_in(session, kind="staff", subject_ref=one.ref, machine=f"desk{room.id}", now=now),
        )
        for room, one in zip(rooms, staff, strict=True)
    ]
    return Day(tuple(comers), tuple(desks), signer.csrf_token)


def _spare(
    session: Session, app: flask.Flask, room: SittingRoom, number: int, now: datetime
) -> tuple[int, dict[str, str]]:
    """Return the free seat of a room, with a machine at it."""
    seat = session.scalars(select(Seat).where(Seat.room_id == room.room_id, Seat.spare.is_(True))).one()
    bind(session, seat.id, f"spare{number}", now=now)
    return seat.number, {MACHINE_COOKIE: tokens_of(app).issue(f"spare{number}")}


def _desk(app: flask.Flask, ref: str, cookie: str) -> Desk:
    return Desk(
        ref,
        path_of(app, "proctoring.board", room_ref=ref),
        path_of(app, "proctoring.live", room_ref=ref),
        path_of(app, "proctoring.act", room_ref=ref, code="-").removesuffix("-"),
        cookie,
    )


def movers(comers: Sequence[Comer]) -> int:
    """Return how many change machines."""
    return sum(1 for one in comers if one.spare_seat)
