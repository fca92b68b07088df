"""The installation of a rehearsal: what is rehearsed, read from the real one, and the stage built of it.

Each works with an app made for a moment, in a child.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import flask
from sqlalchemy import ScalarSelect, Table, insert, select, update
from sqlalchemy.orm import Session

from cbt.application.app import create_app
from cbt.assembly.draw import DrawSources, draw_and_freeze
from cbt.blueprints.store import blueprint_of, blueprint_text, current_versions, paper_of, read_blueprint
from cbt.blueprints.versions import store_blueprint
from cbt.candidates.models import Registration
from cbt.clock import Clock
from cbt.config import Settings
from cbt.demo.world import (
    ACTOR,
    Entrant,
    Hall,
    Seated,
    Signer,
    StoredPaper,
    Variant,
    add_staff,
    bring_banks,
    build_premises,
    plan_sitting,
    seat_everybody,
)
from cbt.errors import NotFound
from cbt.http.app_context import path_of
from cbt.http.auth.machine import MACHINE_COOKIE, token_hash, tokens_of
from cbt.items.media import SCHEME
from cbt.items.models import BankRange, ImportRun, Item, ItemBank, ItemVersion, KnowledgePoint, Media
from cbt.ops.preflight import Database, find
from cbt.rules.door import last_six
from cbt.rules.exam import ExamBlueprint, Paper
from cbt.rules.roles import Role
from cbt.rules.states import Purpose
from cbt.sittings.models import Seat, SittingRoom
from cbt.sittings.room_clock import admit_if_due
from cbt.storage.engine import begin_installation
from cbt.storage.migrate import migrate
from cbt.storage.types import Base, db
from cbt.storage.unit_of_work import reading, unit_of_work


@contextmanager
def app_for(settings: Settings, clock: Clock | None = None) -> Iterator[flask.Flask]:
    """Make an app and its context for the length of the block, and let go of the database after it."""
    app = create_app(settings, clock=clock)
    with app.app_context():
        try:
            yield app
        finally:
            app.extensions["cbt_journal"].close()
            db.engine.dispose()


# What is rehearsed: a blueprint in force and its bank, read from an installation; the demo's where it has
# none.
#
# Nothing is written there, and nothing of people is read.

DEMO = "customer-service-l3"
_MEDIUM = re.compile(re.escape(SCHEME) + r"([0-9a-f]{32})")
Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Source:
    """A blueprint as text, the paper of it, and the rows of its bank; no rows: the text bank that ships."""

    blueprint: str
    text: str
    paper: str
    title: str
    own: bool
    """Whether it is the installation's own."""
    rows: Mapping[str, Rows] = field(default_factory=dict)


def read_source(settings: Settings, *, blueprint: str, paper: str) -> Source:
    """Return what to rehearse; runs in a child.

    Raise NotFound("blueprint.unknown"), ("blueprint.no_such_paper") for what is not there.
    """
    if find(settings).database is not Database.FILLED:
        return _demo(settings, blueprint or DEMO, paper)
    with app_for(settings), reading() as session:
        banks = set(session.scalars(select(ItemBank.ref)))
        stored = {one.ref: one for one in current_versions(session)}
        ready = {ref: one for ref, one in stored.items() if blueprint_of(session, one.id).bank in banks}
        if not ready:
            return _demo(settings, blueprint or DEMO, paper)
        ref = blueprint or (DEMO if DEMO in ready else min(ready))
        if ref not in ready:
            raise NotFound("blueprint.unknown", ref=ref)
        exam_blueprint = blueprint_of(session, ready[ref].id)
        rows = _rows(session, exam_blueprint.bank)
        code = _paper(exam_blueprint, paper)
        return Source(ref, ready[ref].source, code, exam_blueprint.paper_title(code), True, rows)


def _demo(settings: Settings, ref: str, paper: str) -> Source:
    path = settings.blueprint_dir / f"{ref}.toml"
    if not path.is_file():
        raise NotFound("blueprint.unknown", ref=ref)
    text = blueprint_text(path)
    blueprint = read_blueprint(text, name=ref)
    code = _paper(blueprint, paper)
    return Source(ref, text, code, blueprint.paper_title(code), False)


def _paper(blueprint: ExamBlueprint, wanted: str) -> str:
    code = wanted or next(iter(blueprint.papers))
    if code not in blueprint.papers:
        raise NotFound("blueprint.no_such_paper", ref=blueprint.ref, paper=code)
    return code


def _rows(session: Session, bank_ref: str) -> dict[str, Rows]:
    bank = session.scalars(select(ItemBank.id).where(ItemBank.ref == bank_ref)).one()
    items = select(Item.id).where(Item.bank_id == bank)
    rows = {
        "item_bank": _all(session, ItemBank, ItemBank.id == bank),
        "bank_range": _all(session, BankRange, BankRange.bank_id == bank),
        "knowledge_point": _all(session, KnowledgePoint, KnowledgePoint.bank_id == bank),
        "import_run": _all(session, ImportRun, ImportRun.bank_id == bank),
        "item": _all(session, Item, Item.bank_id == bank),
        "item_version": _all(session, ItemVersion, ItemVersion.item_id.in_(items)),
    }
    names = {name for row in rows["item_version"] for name in _MEDIUM.findall(row["content"])}
    rows["media"] = _all(session, Media, Media.name.in_(names)) if names else []
    return rows


def _all(session: Session, kind: type[Base], where: Any) -> Rows:
    return [dict(row) for row in session.execute(select(kind.__table__).where(where)).mappings()]


def put_bank(session: Session, rows: Mapping[str, Rows]) -> None:
    """Store the rows of a bank in an installation that has none, as they were."""
    tables: Sequence[Table] = [Base.metadata.tables[name] for name in rows]
    for table in tables:
        if rows[table.name]:
            session.execute(insert(table), rows[table.name])


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
        for number, place in enumerate(seated):
            machine = f"rehearsal-{number}"
            seat = select(Registration.seat_id).where(Registration.id == place.registration_id)
            bind(session, seat.scalar_subquery(), machine, now=now)
            players.append(player_of(app, number, place, machine))
        starts = [path_of(app, "proctoring.act", room_ref=ref, code="start") for ref in refs.values()]
        return Stage(tuple(players), tuple(starts), proctor, signer.csrf_token, seconds)


def without_waits(text: str) -> str:
    """Return a blueprint's text in which nobody waits for the earliest hand-in."""
    return _WAITS.sub(r"\g<1>0", text)


def bind(session: Session, seat_id: ScalarSelect[int] | int, machine: str, *, now: datetime) -> None:
    session.execute(
        update(Seat).where(Seat.id == seat_id).values(machine_hash=token_hash(machine), bound_at=now)
    )


def factor_for(terms: Paper, seconds: float) -> Decimal:
    """Return by what the time of a paper is multiplied, units included (R-30)."""
    return (Decimal(str(seconds)) / Decimal(str(terms.duration.total_seconds()))).quantize(
        Decimal("0.000001")
    )


def player_of(app: flask.Flask, number: int, place: Seated, machine: str) -> Player:
    """Return somebody who signs in at that machine."""
    ref = place.attempt_ref
    names = ("start", "answers", "advance", "submit", "clock")
    own = {name: path_of(app, f"attempts.{name}", ref=ref) for name in names}
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
        ticket=place.ticket,
        last_six=last_six(place.document),
        cookies={MACHINE_COOKIE: tokens_of(app).issue(machine)},
        attempt_id=place.attempt_id,
        attempt_ref=ref,
        paths=own | pages,
    )
