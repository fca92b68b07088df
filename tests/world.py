"""A small centre that tests live in: people with names, a room of six seats, papers of both levels."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.accounts.models import Staff
from cbt.accounts.sign_in.passwords import hash_password
from cbt.assembly.models import Form
from cbt.bank.models import BankRange, Item, ItemBank, ItemVersion, KnowledgePoint
from cbt.candidates.models import AdmissionTicket, Candidate, Registration
from cbt.candidates.personal import DOCUMENT, document_index
from cbt.db.private.sealing import seal
from cbt.db.unit_of_work import reading, unit_of_work
from cbt.delivery.models import Attempt
from cbt.delivery.paper.drawing import draw_for_sitting
from cbt.door.arrival.checking import check_in, record_arrival
from cbt.exams.steps import store_blueprint
from cbt.paths import product_dir
from cbt.rules.canonical import canonical_json, digest
from cbt.rules.door.admission import mask_document
from cbt.rules.roles import Role
from cbt.sittings.clock.doors import admit_if_due
from cbt.sittings.clock.running import start_room
from cbt.sittings.models import Room, Seat, Sitting, SittingRoom
from cbt.sittings.planning.places import create_centre, create_room, open_binding
from cbt.sittings.planning.sittings import create_batch, create_sitting, publish_sitting
from cbt.sittings.planning.staff import assign_staff
from cbt.web.refs import new_ref
from tests.helpers import FakeClock, sign_in_as, utc
from tests.moments import Course, Moment

START = utc("2026-11-20T08:00:00+08:00")
PLANNED = utc("2026-11-24T09:00:00+08:00")
PASSWORD = "correct horse battery"
LEVELS = ("l3", "l2")


@dataclass
class Person:
    """A staff member of the world."""

    ref: str
    login: str
    id: int


@dataclass
class Sitter:
    """A candidate of the world with one registration."""

    name: str
    document: str
    ticket: str
    registration_ref: str
    registration_id: int
    seat: int
    attempt_ref: str = ""
    attempt_id: int = 0


@dataclass
class World:
    """Everything tests name: `people` by role, `sitters` by short name; `app` and `clock` of this test."""

    people: dict[str, Person] = field(default_factory=dict)
    sitters: dict[str, Sitter] = field(default_factory=dict)
    room_ref: str = ""
    other_room_ref: str = ""
    room_id: int = 0
    sitting_ref: str = ""
    sitting_room_id: int = 0
    batch_ref: str = ""
    room_code: str = ""
    app: flask.Flask = field(default=None, repr=False)  # type: ignore[assignment]  # set by `on` before it is used
    clock: FakeClock = field(default=None, repr=False)  # type: ignore[assignment]  # set by `on` before it is used
    course: Course | None = field(default=None, repr=False)

    def on(self, app: flask.Flask, clock: FakeClock, course: Course | None = None) -> World:
        """Return this world on the database copy of one test; `course` is how far that has come."""
        return replace(self, app=app, clock=clock, course=course)

    def staff(self, role: str) -> FlaskClient:
        """Return a signed-in browser of the person with `role`."""
        return sign_in_as(self.app, kind="staff", subject_ref=self.people[role].ref, machine=f"m-{role}")

    def candidate(self, name: str, *, machine: str | None = None) -> FlaskClient:
        """Return a signed-in browser of a candidate."""
        sitter = self.sitters[name]
        return sign_in_as(
            self.app,
            kind="candidate",
            subject_ref=sitter.registration_ref,
            machine=machine or f"seat-{sitter.seat}",
        )

    def admit_all(self) -> None:
        """Bring everybody to the waiting room, half an hour before the start."""
        if self.course is not None and self.course.reach(Moment.ADMITTED):
            self.clock.set(PLANNED - timedelta(minutes=10))
            return
        self.clock.set(PLANNED - timedelta(minutes=35))
        with self.app.app_context(), unit_of_work() as session:
            for room in session.scalars(select(SittingRoom)):
                admit_if_due(session, room, now=self.clock.now())
            for row in session.scalars(select(Registration)):
                now = self.clock.now()
                record_arrival(session, row, now=now, arrived_at=now, actor="staff:test")
                check_in(
                    session, row, now=now, document_type="resident_id", last_four="0001", actor="staff:test"
                )
        self.clock.set(PLANNED - timedelta(minutes=10))
        with self.app.app_context(), unit_of_work() as session:
            for row in session.scalars(select(Registration)):
                row.signed_in_at = row.confirmed_at = row.pledged_at = self.clock.now()

    def start(self, at: datetime = PLANNED) -> None:
        """Start every room of the sitting at `at`."""
        self.clock.set(at)
        if at == PLANNED and self.course is not None and self.course.reach(Moment.RUNNING):
            return
        with self.app.app_context(), unit_of_work() as session:
            for room in session.scalars(select(SittingRoom)):
                start_room(session, room, now=at, actor="staff:test")


def build_world(app: flask.Flask) -> World:
    """Fill a migrated database; the caller is in the app's context."""
    world = World()
    now = START
    with unit_of_work() as session:
        _staff(session, world, now)
        versions = {level: _level(session, level, now) for level in LEVELS}
        sitting, room = _room(session, world, now)
        _sitters(session, world, versions, sitting, room, now)
    draw_for_sitting(world.sitting_ref, now=now, actor="staff:test", seed=7)
    with reading() as session:
        for sitter in world.sitters.values():
            attempt = session.scalars(
                select(Attempt).where(Attempt.registration_id == sitter.registration_id)
            ).one()
            sitter.attempt_ref, sitter.attempt_id = attempt.ref, attempt.id
    return world


def _staff(session: Session, world: World, now: datetime) -> None:
    from cbt.accounts.models import StaffRole

    hashed = hash_password(PASSWORD)
    names = [role.value for role in Role] + ["proctor_elsewhere"]
    for name in names:
        role = "proctor" if name == "proctor_elsewhere" else name
        staff = Staff(
            ref=new_ref("st"), login=name.replace("_", "-"), name=f"{name}-老师", password_hash=hashed,
            must_change_password=False, created_at=now, roles=[StaffRole(role=role)],
        )  # fmt: skip
        session.add(staff)
        session.flush()
        world.people[name] = Person(staff.ref, staff.login, staff.id)


def _level(session: Session, level: str, now: datetime) -> int:
    text = (product_dir("blueprints") / f"customer-service-{level}.toml").read_text("utf-8")
    load_bank(session, product_dir("question_bank") / f"customer-service-{level}", now)
    return store_blueprint(session, text, now=now, actor="cli").id


def load_bank(session: Session, folder: Path, now: datetime) -> None:
    """Store a text bank row by row, as simply as can be."""
    taxonomy = tomllib.loads((folder / "taxonomy.toml").read_text("utf-8"))
    bank = ItemBank(ref=folder.name, name=folder.name, note="")
    session.add(bank)
    session.flush()
    for row in taxonomy["range"]:
        session.add(BankRange(bank_id=bank.id, code=row["code"], name=row["name"], weight=row["weight"]))
    for row in taxonomy["point"]:
        session.add(
            KnowledgePoint(bank_id=bank.id, code=row["code"], name=row["name"], importance=row["importance"])
        )
    for path in sorted([*folder.glob("theory/*.toml"), *folder.glob("skills/*.toml")]):
        for raw in tomllib.loads(path.read_text("utf-8"))["item"]:
            if "part" in raw:
                raw["parts"] = raw.pop("part")
            ref = raw.pop("ref")
            item = Item(
                bank_id=bank.id,
                ref=ref,
                type=raw["type"],
                point=raw["point"],
                unit=raw.get("unit"),
                version=1,
                difficulty=raw["difficulty"],
            )
            session.add(item)
            session.flush()
            text = canonical_json(raw)
            session.add(
                ItemVersion(
                    item_id=item.id, number=1, content=text, sha256=digest(text), actor="cli", created_at=now
                )
            )


def _room(session: Session, world: World, now: datetime) -> tuple[Sitting, Room]:
    centre = create_centre(
        session, name="第 111 号鉴定站所", address="松江区", now=now, actor="cli", second_by_password=True
    )
    room = create_room(session, centre, name="机房 A", seats=8, spares=2, now=now, actor="cli")
    other = create_room(session, centre, name="机房 B", seats=4, spares=1, now=now, actor="cli")
    batch = create_batch(session, name="2026 年第四批", now=now, actor="cli")
    sitting = create_sitting(
        session, batch=batch, centre=centre, name="第 1 场", planned_start_at=PLANNED, rooms=[room, other],
        now=now, actor="cli",
    )  # fmt: skip
    rooms = session.scalars(
        select(SittingRoom).where(SittingRoom.sitting_id == sitting.id).order_by(SittingRoom.id)
    ).all()
    for role in ("proctor", "chief_proctor"):
        assign_staff(session, rooms[0], staff_id=world.people[role].id, duty=role, now=now, actor="cli")
    assign_staff(
        session, rooms[1], staff_id=world.people["proctor_elsewhere"].id, duty="proctor", now=now, actor="cli"
    )
    publish_sitting(session, sitting, now=now, actor="cli")
    world.room_ref, world.other_room_ref = rooms[0].ref, rooms[1].ref
    world.sitting_room_id, world.room_id = rooms[0].id, room.id
    open_binding(session, room, now=now, actor="cli", length=PLANNED - now + timedelta(days=1))
    world.sitting_ref, world.batch_ref, world.room_code = sitting.ref, batch.ref, room.room_code
    return sitting, room


PEOPLE = [
    ("theory", "王小明", "l3", "theory", {}, 0),
    ("skills", "李娜", "l2", "skills", {}, 0),
    ("extra", "赵敏", "l3", "theory", {"extra": timedelta(minutes=15)}, 0),
    ("factor", "孙浩", "l3", "skills", {"factor": Decimal("1.5")}, 0),
    ("late", "陈静", "l2", "skills", {}, 0),
    ("second", "周杰", "l2", "theory", {}, 0),
    ("elsewhere", "吴磊", "l3", "theory", {}, 1),
]


def _sitters(
    session: Session, world: World, versions: dict[str, int], sitting: Sitting, room: Room, now: datetime
) -> None:
    rooms = session.scalars(
        select(SittingRoom).where(SittingRoom.sitting_id == sitting.id).order_by(SittingRoom.id)
    ).all()
    for index, (key, name, level, paper, easing, place) in enumerate(PEOPLE, 1):
        document = f"31010119900101{index:03d}X"
        person = Candidate(
            ref=new_ref("ca"), name=name, gender="", document_type="resident_id",
            document_sealed=seal(document, DOCUMENT), document_index=document_index(document),
            document_masked=mask_document(document), phone_sealed=None, employer="测试单位", created_at=now,
        )  # fmt: skip
        session.add(person)
        session.flush()
        ticket = AdmissionTicket(
            batch_id=sitting.batch_id, candidate_id=person.id, number=f"26110001{index:04d}"
        )
        session.add(ticket)
        seats = session.scalars(
            select(Seat)
            .where(Seat.room_id == rooms[place].room_id, Seat.spare.is_(False))
            .order_by(Seat.number)
        ).all()
        seat = seats[index - 1 if place == 0 else 0]
        session.flush()
        row = Registration(
            ref=new_ref("re"), candidate_id=person.id, ticket_id=ticket.id, sitting_id=sitting.id,
            sitting_room_id=rooms[place].id, seat_id=seat.id, blueprint_version_id=versions[level],
            blueprint_ref=f"customer-service-{level}", paper=paper, kind="first",
            factor=easing.get("factor", Decimal(1)), extra=easing.get("extra", timedelta(0)),
            accommodation_note="",
        )  # fmt: skip
        session.add(row)
        session.flush()
        world.sitters[key] = Sitter(name, document, ticket.number, row.ref, row.id, seat.number)


def form_of(session: Session, attempt_id: int) -> dict[str, object]:
    """Return the frozen form of an attempt."""
    text = session.scalars(
        select(Form.content).join(Attempt, Attempt.form_id == Form.id).where(Attempt.id == attempt_id)
    ).one()
    return dict(json.loads(text))
