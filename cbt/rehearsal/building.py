"""The throwaway installation: the paper in its bank, a trial with everybody at the door, one who runs it."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

import flask
from sqlalchemy import ScalarSelect, select, update
from sqlalchemy.orm import Session

from cbt.assembly.sources import DrawSources
from cbt.assembly.steps import draw_and_freeze
from cbt.candidates.models import Registration
from cbt.config import Settings
from cbt.db.engine import begin_installation
from cbt.db.migrate import migrate
from cbt.db.unit_of_work import unit_of_work
from cbt.demo.browsers import Signer
from cbt.demo.papers import ACTOR, StoredPaper, Variant, bring_banks
from cbt.demo.places import Hall, add_staff, build_premises, plan_sitting
from cbt.demo.seating import Entrant, Seated, seat_everybody
from cbt.exams.steps import store_blueprint
from cbt.exams.store import paper_of
from cbt.rehearsal.apps import app_for
from cbt.rehearsal.source import Source, put_bank
from cbt.rules.door.admission import last_six
from cbt.rules.exam.paper import Paper
from cbt.rules.roles import Role
from cbt.rules.states.purpose import Purpose
from cbt.sittings.clock.doors import admit_if_due
from cbt.sittings.models import Seat, SittingRoom
from cbt.web.addresses import path_of
from cbt.web.who.login import token_hash
from cbt.web.who.machine import MACHINE_COOKIE, tokens_of

PER_ROOM = 100
FORMS = 8
PLANNED_AHEAD = timedelta(minutes=1)
ARRIVED_BEFORE = timedelta(minutes=20)
PLANNED_BEFORE = timedelta(days=1)
_WAITS = re.compile(r"^(\s*(?:earliest|closed_before_end)\s*=\s*)[0-9.]+", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Player:
    """One virtual candidate: how they sign in, at which machine, and the addresses of their paper."""

    number: int
    ticket: str
    last_six: str = field(repr=False)
    cookies: dict[str, str] = field(repr=False)
    attempt_id: int
    attempt_ref: str
    paths: dict[str, str]


@dataclass(frozen=True, slots=True)
class Stage:
    """What was built: the candidates, and the addresses and cookie of whoever starts the rooms."""

    players: tuple[Player, ...]
    starts: tuple[str, ...]
    """The addresses of 统一开考, one a room."""
    proctor: str = field(repr=False)
    csrf_token: str = field(repr=False)
    seconds: float
    """How long the paper lasts, compressed."""


def build_stage(settings: Settings, source: Source, seats: int, seconds: float) -> Stage:
    """Build it; runs in a child, on folders that are empty."""
    begin_installation(settings)
    with app_for(settings) as app:
        now: datetime = app.extensions["cbt_clock"].now()
        migrate()
        if not source.rows:
            bring_banks(settings, [source.blueprint], now=now)
        return _build(app, source, seats, seconds, now)


def _build(app: flask.Flask, source: Source, seats: int, seconds: float, now: datetime) -> Stage:
    with unit_of_work() as session:
        put_bank(session, source.rows)
        # Time is compressed, so that whoever is done need not wait for the earliest hand-in.
        text = without_waits(source.text)
        version = store_blueprint(session, text, now=now, actor=ACTOR).id
        sources, rng = DrawSources(session), random.Random(seats)
        forms = [
            draw_and_freeze(
                session, sources, blueprint_version_id=version, paper_code=source.paper, now=now, rng=rng
            ).id
            for _ in range(min(FORMS, seats))
        ]
        terms = paper_of(session, version, source.paper)
        variant = Variant(source.blueprint, source.paper)
        papers = {variant: StoredPaper(version, terms, tuple(forms))}
        factor = factor_for(terms, seconds)
        entrants = [Entrant(number // PER_ROOM, variant, factor=factor) for number in range(seats)]
        halls = [
            Hall(f"{number + 1}", min(PER_ROOM, seats - number * PER_ROOM))
            for number in range(-(-seats // PER_ROOM))
        ]
        chief = add_staff(session, Role.CHIEF_PROCTOR, login="rehearsal", name="rehearsal", now=now)
        premises = build_premises(session, halls, now=now - PLANNED_BEFORE)
        duties = [{chief.id: "chief_proctor"} for _ in halls]
        _sitting, rooms = plan_sitting(
            session,
            premises,
            at=now + PLANNED_AHEAD,
            now=now - PLANNED_BEFORE,
            duties=duties,
            purpose=Purpose.TRIAL,
        )
        for room in rooms:
            admit_if_due(session, room, now=now)
        arrived = now - ARRIVED_BEFORE
        seated = seat_everybody(session, entrants, papers, rooms, now=now, arrived_at=arrived)
        session.execute(update(Registration).values(signed_in_at=None, confirmed_at=None, pledged_at=None))
        signer = Signer(app)
        proctor = signer.sign_in(session, kind="staff", subject_ref=chief.ref, machine="desk", now=now)
        refs = dict(session.execute(select(SittingRoom.id, SittingRoom.ref)).all())
        players = []
        for number, one in enumerate(seated):
            machine = f"rehearsal-{number}"
            seat = select(Registration.seat_id).where(Registration.id == one.registration_id)
            bind(session, seat.scalar_subquery(), machine, now=now)
            players.append(player_of(app, number, one, machine))
        starts = [path_of(app, "proctoring.act", room_ref=ref, code="start") for ref in refs.values()]
        return Stage(tuple(players), tuple(starts), proctor, signer.csrf_token, seconds)


def without_waits(text: str) -> str:
    """Return a blueprint's text in which nobody waits for the earliest hand-in."""
    return _WAITS.sub(r"\g<1>0", text)


def bind(session: Session, seat_id: ScalarSelect[int] | int, machine: str, *, now: datetime) -> None:
    """Give a seat the machine of that name."""
    session.execute(
        update(Seat).where(Seat.id == seat_id).values(machine_hash=token_hash(machine), bound_at=now)
    )


def factor_for(terms: Paper, seconds: float) -> Decimal:
    """Return by what the time of a paper is multiplied, units included (R-30)."""
    return (Decimal(str(seconds)) / Decimal(str(terms.duration.total_seconds()))).quantize(
        Decimal("0.000001")
    )


def player_of(app: flask.Flask, number: int, one: Seated, machine: str) -> Player:
    """Return somebody who signs in at that machine."""
    ref = one.attempt_ref
    said = ("start", "answers", "advance", "submit", "clock")
    own = {name: path_of(app, f"attempts.{name}", ref=ref) for name in said}
    pages = {
        "seat": path_of(app, "door.seat_page"),
        "sign_in": path_of(app, "door.sign_in_here"),
        "confirm": path_of(app, "door.confirm"),
        "notice": path_of(app, "door.notice"),
        "wait": path_of(app, "door.wait"),
        "waits": path_of(app, "delivery.wait_state"),
        "ahead": path_of(app, "delivery.ahead"),
        "runner": path_of(app, "delivery.runner", ref=ref),
        "done": path_of(app, "delivery.done", ref=ref),
        "news": path_of(app, "news.since", ref=ref),
    }
    return Player(
        number=number,
        ticket=one.ticket,
        last_six=last_six(one.document),
        cookies={MACHINE_COOKIE: tokens_of(app).issue(machine)},
        attempt_id=one.attempt_id,
        attempt_ref=ref,
        paths=own | pages,
    )
