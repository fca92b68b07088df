"""A small centre that tests live in: people with names, a room of six seats, papers of both levels."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import flask
from flask.testing import FlaskClient
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from cbt.accounts.passwords import hash_password
from cbt.assembly.models import Form
from cbt.candidates.models import Registration
from cbt.demo.build import BODY
from cbt.demo.world import (
    ACTOR,
    Entrant,
    Hall,
    Identity,
    Seated,
    StoredPaper,
    Variant,
    add_staff,
    build_premises,
    plan_sitting,
    prepare_papers,
    seat_everybody,
)
from cbt.door.arrival import check_in, record_arrival
from cbt.enrolment.models import ONLY, AssessmentBody
from cbt.rules.roles import Role
from cbt.runner.models import Attempt
from cbt.runner.paper.draw import draw_for_sitting
from cbt.sittings.models import SittingRoom
from cbt.sittings.places import open_binding
from cbt.sittings.room_clock import admit_if_due, start_room
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.helpers import FakeClock, sign_in_as, utc
from tests.moments import Course, Moment

START = utc("2026-11-20T08:00:00+08:00")
PLANNED = utc("2026-11-24T09:00:00+08:00")
PASSWORD = "correct horse battery"


@dataclass
class Person:
    """A staff member of the world."""

    ref: str
    login: str
    id: int


@dataclass
class World:
    """Everything tests name: `people` by role, `sitters` by short name; `app` and `clock` of this test."""

    people: dict[str, Person] = field(default_factory=dict)
    sitters: dict[str, Seated] = field(default_factory=dict)
    room_ref: str = ""
    other_room_ref: str = ""
    room_id: int = 0
    sitting_ref: str = ""
    sitting_room_id: int = 0
    batch_ref: str = ""
    room_code: str = ""
    papers: dict[Variant, StoredPaper] = field(default_factory=dict, repr=False)
    app: flask.Flask = field(default=None, repr=False)  # type: ignore[assignment]  # set by `on` before it is used
    clock: FakeClock = field(default=None, repr=False)  # type: ignore[assignment]  # set by `on` before it is used
    course: Course | None = field(default=None, repr=False)

    def copy(self) -> World:
        """Return this world with lists of its own, so that what is added to one is not in the other."""
        return replace(self, people=dict(self.people), sitters=dict(self.sitters), papers=dict(self.papers))

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


def _entrant(number: int, name: str, level: str, paper: str, *, room: int = 0, **granted: Any) -> Entrant:
    person = Identity(name, f"31010119900101{number:03d}X", f"26110001{number:04d}", "测试单位")
    return Entrant(room, Variant(f"customer-service-{level}", paper), person=person, **granted)


PEOPLE = {
    "theory": _entrant(1, "王小明", "l3", "theory"),
    "skills": _entrant(2, "李娜", "l2", "skills"),
    "extra": _entrant(3, "赵敏", "l3", "theory", extra=timedelta(minutes=15)),
    "factor": _entrant(4, "孙浩", "l3", "skills", factor=Decimal("1.5")),
    "late": _entrant(5, "陈静", "l2", "skills"),
    "second": _entrant(6, "周杰", "l2", "theory"),
    "elsewhere": _entrant(7, "吴磊", "l3", "theory", room=1),
}


def named_nobody(world: World, ask: Callable[[], Any]) -> Any:
    """Return what is answered while the assessment body has no name."""

    def name(text: str) -> None:
        with world.app.app_context(), unit_of_work() as session:
            session.execute(update(AssessmentBody).values(name=text))

    name("")
    answer = ask()
    name(BODY.name)
    return answer


def build_world(app: flask.Flask) -> World:
    """Fill a migrated database; the caller is in the app's context."""
    world, now, entrants = World(), START, list(PEOPLE.values())
    world.papers = prepare_papers(
        app.extensions["cbt_settings"],
        [one.variant for one in entrants],
        forms=0,
        now=now,
        rng=random.Random(7),
    )
    with unit_of_work() as session:
        hashed = hash_password(PASSWORD)
        for name in (*Role, "proctor_elsewhere"):
            staff = add_staff(
                session,
                Role("proctor" if name == "proctor_elsewhere" else name),
                login=name.replace("_", "-"),
                name=f"{name}-老师",
                now=now,
                password_hash=hashed,
            )
            world.people[str(name)] = Person(staff.ref, staff.login, staff.id)
        # This body asks for no publicity, so that whoever is not about it releases results at once.
        session.add(AssessmentBody(id=ONLY, **asdict(replace(BODY, publicity_days=0))))
        seated = _sitting(session, world, entrants, now)
    draw_for_sitting(world.sitting_ref, now=now, actor="staff:test", seed=7)
    with reading() as session:
        drawn = {one.registration_id: one for one in session.scalars(select(Attempt))}
    for key, one in zip(PEOPLE, seated, strict=True):
        attempt = drawn[one.registration_id]
        world.sitters[key] = replace(one, attempt_id=attempt.id, attempt_ref=attempt.ref)
    return world


def _sitting(session: Session, world: World, entrants: list[Entrant], now: datetime) -> list[Seated]:
    premises = build_premises(
        session,
        [Hall("机房 A", 8, 2), Hall("机房 B", 4, 1)],
        centre="第 111 号鉴定站所",
        address="松江区",
        batch="2026 年第四批",
        second_by_password=True,
        now=now,
    )
    duties = (
        {world.people[role].id: role for role in ("proctor", "chief_proctor")},
        {world.people["proctor_elsewhere"].id: "proctor"},
    )
    sitting, rooms = plan_sitting(session, premises, at=PLANNED, now=now, duties=duties)
    room = premises.rooms[0]
    open_binding(session, room, now=now, actor=ACTOR, length=PLANNED - now + timedelta(days=1))
    world.room_ref, world.other_room_ref = rooms[0].ref, rooms[1].ref
    world.sitting_room_id, world.room_id = rooms[0].id, room.id
    world.sitting_ref, world.batch_ref, world.room_code = sitting.ref, premises.batch.ref, room.room_code
    return seat_everybody(session, entrants, world.papers, rooms, now=now)


def form_of(session: Session, attempt_id: int) -> dict[str, object]:
    """Return the frozen form of an attempt."""
    text = session.scalars(
        select(Form.content).join(Attempt, Attempt.form_id == Form.id).where(Attempt.id == attempt_id)
    ).one()
    return dict(json.loads(text))
