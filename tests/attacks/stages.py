"""The stage attacks are played on: an examination that runs, everybody's objects, and what nobody may learn."""

from __future__ import annotations

import base64
import gzip
import io
import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from cbt.application.app import create_app
from cbt.candidates.models import AdmissionTicket, Candidate, CandidatePhoto, Registration
from cbt.candidates.registration import note_printed, to_print_again
from cbt.demo.world import add_staff
from cbt.http.auth.access import Access, access_of
from cbt.http.models import LoginSession
from cbt.items.models import ItemVersion
from cbt.rules.roles import Role
from cbt.runner.models import Attempt, Message
from cbt.sittings.models import Centre, Room
from cbt.storage.engine import begin_installation
from cbt.storage.types import db
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.bank.sheets import truth, workbook
from tests.candidates.rosters import resident, row, xlsx
from tests.conftest import Templates, base_settings, close_engine, installation
from tests.delivery.driver import Page
from tests.enrolment.test_applications import ASKED, PERSON
from tests.enrolment.test_units import UNIT
from tests.file_jobs import work_on
from tests.helpers import FakeClock, sign_in_as
from tests.world import PLANNED, START, World
from torture.judging.leaks import SecretTexts, secret_texts

BANK = "customer-service-l3"
ROLES = [role.value for role in Role]
INTRUDER = "late"
"""The candidate of the stage who tries what is not theirs; nothing of theirs is looked for."""
CALLERS = ["unsigned", "candidate", *ROLES]
PHOTO = b"\xff\xd8\xff\xe0" + b"the face of somebody else" * 4
NOBODY = "nobody"
EXAM_TABLES = (
    "centre", "room", "batch", "sitting", "sitting_room", "room_staff", "room_hold", "room_adjustment",
    "batch_level", "incident", "leave_record", "attempt", "journal", "unit_done", "attempt_suspension",
    "attempt_adjustment", "late_entry", "recovery_import", "message", "form", "import_run", "candidate",
    "candidate_photo", "admission_ticket", "registration", "release", "result", "score", "late_ruling",
    "staff", "staff_role", "incident_report", "report_addition", "inspector_comment", "granted_time",
)  # fmt: skip
"""What an examination consists of: a refused request changes none of it."""


@dataclass(frozen=True)
class Endpoint:
    """One rule of the URL map with one of its methods."""

    name: str
    rule: str
    method: str
    access: Access
    arguments: frozenset[str]

    def __str__(self) -> str:
        return f"{self.method} {self.rule}"


@cache
def endpoints() -> tuple[Endpoint, ...]:
    """Return every rule × method of the product; a view that says nothing has the kind `silent`."""
    with tempfile.TemporaryDirectory() as folder:
        settings = base_settings(Path(folder))
        begin_installation(settings)
        app = create_app(settings)
        found = tuple(_endpoints(app))
        close_engine(app)
    return found


def _endpoints(app: flask.Flask) -> Iterator[Endpoint]:
    for rule in sorted(app.url_map.iter_rules(), key=lambda one: one.rule):
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            access = access_of(app, rule.endpoint) or Access("silent")
            arguments = frozenset(rule.arguments - set(rule.defaults or ()))
            yield Endpoint(rule.endpoint, rule.rule, method, access, arguments)


class Stage:
    """A running exam of the world: three papers open, one with photo and reminder, drafts of files."""

    def __init__(self, world: World) -> None:
        self.world, self.app = world, world.app
        self.drafts = {"draft_ref": self._import_draft(), "draft": self._roster_draft(), "run_ref": NOBODY}
        self.application, self.list_draft = self._list_draft()
        self.staff_draft = self._staff_draft()
        world.admit_all()
        world.start()
        world.clock.set(PLANNED + timedelta(minutes=1))
        self.pages = {name: Page(world, name) for name in ("theory", "second", "skills", "elsewhere")}
        for page in self.pages.values():
            assert page.start().status_code == 200
            assert page.answer(1, "A").status_code in {200, 422}
        self._rows()
        self._known: dict[str, FlaskClient] = {}
        self._people: dict[str, str] = {}
        self._exam: tuple[object, dict[str, list[tuple[Any, ...]]]] | None = None
        with self.app.app_context():
            self._watching = db.engine.raw_connection() if db.engine.dialect.name == "sqlite" else None

    def _rows(self) -> None:
        with self.app.app_context(), unit_of_work() as session:
            for name in ("theory", "second", "elsewhere"):
                owner = session.get_one(Registration, self.world.sitters[name].registration_id)
                session.add(
                    CandidatePhoto(candidate_id=owner.candidate_id, mimetype="image/jpeg", image=PHOTO)
                )
            message = Message(
                attempt_id=self.world.sitters["second"].attempt_id,
                text="请看好自己的屏幕（周杰）",
                sent_at=self.world.clock.now(),
                by="staff:test",
            )
            session.add(message)
            both = (Role.AUTHOR, Role.OFFICER)
            self.colleague_ref = add_staff(session, *both, login="colleague", name="同事", now=START).ref
            session.get_one(Attempt, self.world.sitters["second"].attempt_id).has_message = True
            session.flush()
            self.message_id = message.id
            self.centre_ref = session.scalars(select(Centre.ref)).first() or ""
            self.room = session.scalars(select(Room.ref).where(Room.id == self.world.room_id)).one()

    def _import_draft(self) -> str:
        reply = self.world.staff("author").post(
            f"/bank/{BANK}/import", data={"file": (io.BytesIO(workbook([truth(answer="?")])), "题库.xlsx")}
        )
        assert reply.status_code == 303
        ref = str(reply.location).rsplit("/", 1)[1]
        with self.app.app_context():
            assert work_on(ref, clock=self.world.clock.now)
        return ref

    def _roster_draft(self) -> str:
        reply = self.world.staff("officer").post(
            f"/office/batches/{self.world.batch_ref}/roster",
            data={"file": (io.BytesIO(xlsx([row(1), row(2, level="特级")])), "名单.xlsx")},
        )
        assert reply.status_code == 303
        ref = str(reply.location).rsplit("/", 1)[1]
        with self.app.app_context():
            assert work_on(ref, clock=self.world.clock.now)
        return ref

    def _staff_draft(self) -> str:
        """Return the officer's list of clerks."""
        listed = xlsx(
            [["苗青", "单位经办人", UNIT["name"]], ["何处", "校长", ""]], ["姓名", "角色", "所属单位"]
        )
        reply = self.world.staff("officer").post(
            "/staff/lists", data={"file": (io.BytesIO(listed), "名单.xlsx")}
        )
        assert reply.status_code == 303
        ref = str(reply.location).rsplit("/", 1)[1]
        with self.app.app_context():
            assert work_on(ref, clock=self.world.clock.now)
        return ref

    def _list_draft(self) -> tuple[str, str]:
        """Return an application with somebody in it, and the officer's list for it."""
        officer = self.world.staff("officer")
        unit = str(officer.post("/office/units", data=UNIT).location).rsplit("/", 1)[1]
        page = str(officer.post("/office/applications/new", data=ASKED | {"unit": unit}).location)
        assert officer.post(f"{page}/people/new", data=PERSON).status_code == 303
        listed = xlsx([["周杰伦", resident(77)]], ["姓名", "身份证号码"])
        reply = officer.post(f"{page}/list", data={"file": (io.BytesIO(listed), "名单.xlsx")})
        assert reply.status_code == 303
        return page.rsplit("/", 1)[1], str(reply.location).rsplit("/", 1)[1]

    def colleague(self) -> FlaskClient:
        """Return the browser of an author and officer who made none of the drafts."""
        return sign_in_as(self.app, kind="staff", subject_ref=self.colleague_ref, machine="m-colleague")

    def fresh(self, caller: str) -> FlaskClient:
        """Return a new browser of `unsigned`, `candidate` (the intruder) or a person of the world."""
        if caller == "unsigned":
            return self.app.test_client()
        if caller == "candidate":
            return self.world.candidate(INTRUDER)
        return self.world.staff(caller)

    def client(self, caller: str) -> FlaskClient:
        """Return one browser of `caller` for requests that do not change who is signed in."""
        if caller not in self._known:
            self._known[caller] = self.fresh(caller)
        return self._known[caller]

    def forget_clients(self) -> None:
        """Let everybody sign in anew: somebody may have ended the other browsers' logins."""
        self._known.clear()

    def url(self, endpoint: Endpoint, owner: str = "second", **instead: object) -> str:
        """Return the URL of `endpoint` about objects that exist: those of the sitter `owner`."""
        known = self.objects(endpoint, owner) | instead
        arguments = {name: known.get(name, NOBODY) for name in endpoint.arguments}
        return self._build(endpoint, arguments)

    def url_of_nothing(self, endpoint: Endpoint) -> str:
        """Return the URL of `endpoint` about objects that do not exist."""
        numbers = {"number": 1, "message_id": 1}
        return self._build(endpoint, {name: numbers.get(name, NOBODY) for name in endpoint.arguments})

    def _build(self, endpoint: Endpoint, arguments: Mapping[str, object]) -> str:
        adapter = self.app.url_map.bind("localhost")
        filled = {
            name: 1 if value == NOBODY and f"int:{name}>" in endpoint.rule else value
            for name, value in arguments.items()
        }
        return adapter.build(endpoint.name, filled, method=endpoint.method)

    def objects(self, endpoint: Endpoint, owner: str) -> dict[str, object]:
        """Return what the arguments of `endpoint` mean: refs of this world's rows."""
        sitter = self.world.sitters[owner]
        refs = {
            "/attempts/": sitter.attempt_ref,
            "/exam/": sitter.attempt_ref,
            "/bank/": BANK,
            "/office/applications/": self.application,
            "/office/batches/": self.world.batch_ref,
            "/office/retention/batches/": self.world.batch_ref,
            "/office/blueprints/": BANK,
            "/office/centres/": self.centre_ref,
            "/office/rooms/": self.room,
            "/office/registrations/": sitter.registration_ref,
            "/office/sittings/": self.world.sitting_ref,
            "/proctor/": sitter.registration_ref,
            "/staff/people/": self.world.people["chief_proctor"].ref,
            "/staff/lists/": self.world.people["officer"].ref,
        }
        ref = next((value for start, value in refs.items() if endpoint.rule.startswith(start)), NOBODY)
        of_list = {"draft": self.list_draft} if "/applications/" in endpoint.rule else {}
        of_list |= {"draft": self.staff_draft} if endpoint.rule.startswith("/staff/lists/") else {}
        return {
            **self.drafts,
            **of_list,
            "ref": ref,
            "room_ref": self.world.room_ref,
            "sitting_ref": self.world.sitting_ref,
            "batch_ref": self.world.batch_ref,
            "staff_ref": self.world.people["proctor"].ref,
            "person": self.person_of(sitter.registration_ref),
            "registration": sitter.registration_ref,
            "item_ref": "A-A-A-001-T1",
            "kind": "single_choice",
            "document": "room_record" if endpoint.rule.startswith("/proctor/") else "tickets",
            "message_id": self.message_id,
            "number": 1,
            "file": 0,
            "code": "network" if endpoint.rule.startswith("/office/reasons/") else "hold",
            "listed": "reasons",
            "act": "disable" if endpoint.rule.startswith("/staff") else "unbind",
            "digest": "x",
            "name": "account" if endpoint.rule.startswith("/staff/help/") else "ui/base.css",
        }

    def change_tickets(self) -> None:
        """Have every ticket printed, and then something on it changed."""
        with self.app.app_context(), unit_of_work() as session:
            tickets = session.scalars(select(AdmissionTicket.id)).all()
            note_printed(session, tickets, now=self.world.clock.now())
            to_print_again(session, tickets, "seat", now=self.world.clock.now())

    def person_of(self, registration_ref: str) -> str:
        """Return the ref of whose registration it is; it stays that person's when the registration goes."""
        if registration_ref not in self._people:
            query = select(Candidate.ref).join(Registration, Registration.candidate_id == Candidate.id)
            with self.app.app_context(), reading() as session:
                found = session.scalar(query.where(Registration.ref == registration_ref))
            self._people[registration_ref] = found or NOBODY
        return self._people[registration_ref]

    def send(self, client: FlaskClient, endpoint: Endpoint, url: str, **more: Any) -> TestResponse:
        """Send a request as a page would: a form to a page, JSON to an attempt."""
        if endpoint.method != "GET" and endpoint.name.startswith("attempts.") and "data" not in more:
            more.setdefault("json", {"epoch": 1, "entries": [], "from_unit": 1})
        headers = {"Accept": "text/html", **more.pop("headers", {})}
        return client.open(url, method=endpoint.method, headers=headers, **more)

    def exam(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return every row that makes up the examination; while nobody commits anything, those of the last time."""
        version = self._commits()
        if version is None or self._exam is None or self._exam[0] != version:
            with self.app.app_context(), reading() as session:
                self._exam = version, {name: _rows(session, name) for name in EXAM_TABLES}
        return dict(self._exam[1])

    def _commits(self) -> object:
        """Return what is another after every commit, of whomever; None where the database does not tell."""
        if self._watching is None:
            return None
        return self._watching.cursor().execute("PRAGMA data_version").fetchone()[0]

    def logins_ended(self) -> int:
        """Return how many logins somebody has ended."""
        with self.app.app_context(), reading() as session:
            ended = select(func.count()).select_from(LoginSession).where(LoginSession.revoked_at.is_not(None))
            return session.scalar(ended) or 0

    def close(self) -> None:
        """Let go of what watches the database."""
        if self._watching is not None:
            self._watching.close()

    @cached_property
    def secrets(self) -> SecretTexts:
        """Beginnings of every explanation; names, tickets and numbers of everybody but the intruder."""
        with self.app.app_context(), reading() as session:
            contents = list(session.scalars(select(ItemVersion.content)))
        others = [one for name, one in self.world.sitters.items() if name != INTRUDER]
        marks = [mark for one in others for mark in (one.name, one.ticket, one.document)]
        return secret_texts(contents, marks)

    @property
    def documents(self) -> list[str]:
        """Every candidate's full number."""
        return [one.document for one in self.world.sitters.values()]

    @property
    def people(self) -> list[str]:
        """Names and tickets of everybody."""
        return [mark for one in self.world.sitters.values() for mark in (one.name, one.ticket)]

    @cached_property
    def key_files(self) -> list[str]:
        """Every key of the installation as it could stand in a text."""
        keys = [path.read_bytes() for path in self.app.extensions["cbt_settings"].keys.glob("*.key")]
        return [spelt for key in keys for spelt in (key.hex(), base64.b64encode(key).decode().rstrip("="))]


def _rows(session: Session, name: str) -> list[tuple[Any, ...]]:
    rows = [tuple(one) for one in session.execute(text(f'SELECT * FROM "{name}"'))]
    # An embedded table is read in the order of its rows' numbers, whoever changed them.
    return rows if session.get_bind().dialect.name == "sqlite" else sorted(rows, key=repr)


def shown(reply: TestResponse) -> str:
    """Return all a browser was sent: status, headers and body, JSON escapes and gzip undone."""
    head = "\n".join(f"{name}: {value}" for name, value in reply.headers)
    body = reply.get_data()
    if reply.headers.get("Content-Encoding") == "gzip":
        body = gzip.decompress(body)
    said = body.decode("utf-8", "replace")
    if reply.mimetype == "application/json" and said:
        said = json.dumps(json.loads(said), ensure_ascii=False)
    return f"{reply.status}\n{head}\n\n{said}"


@contextmanager
def staged(templates: Templates, kind: str, folder: Path) -> Iterator[Stage]:
    """Play the stage on a copy of the world; a file of attacks shares one."""
    with installation(templates, kind, folder, FakeClock(START)) as (_, world):
        assert world is not None
        made = Stage(world)
        yield made
        made.close()
