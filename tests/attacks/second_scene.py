"""A room under way whose proctor needs a second person, in a centre that takes no password from a neighbour."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from cbt.accounts.models import Approval
from cbt.audit.models import AuditEntry
from cbt.audit.verification import verify
from cbt.rules.states import State
from cbt.sittings.models import Centre
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.helpers import sign_in_as
from tests.proctoring.desk import Desk, attempt, running
from tests.world import PASSWORD, World

JSON = {"Accept": "application/json"}
MINUTE = timedelta(minutes=1)


class Scene:
    """The proctor asks; whoever is named answers."""

    def __init__(self, world: World, *names: str, first: str = "proctor") -> None:
        self.world = world
        self.pages = running(world, *(names or ("theory",)))
        allow(world, by_password=False)
        self.first = first
        self.desk = Desk(world, first)

    def post(self, code: str, /, *names: str, **fields: str) -> TestResponse:
        """Post an act the way its form does: it asks for a second person where it takes two."""
        return self.desk.act(code, *names, ask="1", **fields)

    def ask(self, code: str = "force", /, *names: str, **fields: str) -> str:
        """Ask for an act and return the request's ref."""
        answer = self.post(code, *(names or ("theory",)), **{"reason": "不服从管理", **fields})
        assert answer.status_code == 303, answer.text
        assert "/approvals/" in answer.location
        return answer.location.rsplit("/", 1)[1]

    def as_(self, role: str) -> FlaskClient:
        """Return a browser of `role`."""
        return self.world.staff(role)

    def row(self, ref: str) -> Approval:
        """Return a request, read afresh."""
        with self.world.app.app_context(), reading() as session:
            return session.scalars(select(Approval).where(Approval.ref == ref)).one()

    def step(
        self, ref: str, step: str, role: str = "officer", client: FlaskClient | None = None, **fields: str
    ) -> TestResponse:
        """Answer a request as `role`; an approval carries the digest of what was shown."""
        data = {"digest": self.row(ref).digest, **fields} if step == "approve" else fields
        browser = client or self.as_(role)
        return browser.post(f"/approvals/{ref}/{step}", data=data, headers=JSON)

    def code(self, ref: str, role: str = "officer") -> str:
        """Have `role` show a code for a request."""
        page = self.as_(role).post(f"/approvals/{ref}/code")
        assert page.status_code == 200, page.text
        shown = page.text.split('class="code num">')[1].split("<")[0]
        return shown.replace(" ", "")

    def banner(self, role: str) -> str:
        """Return what every page of `role` shows about second persons."""
        return self.as_(role).get("/approvals/strip").text

    @property
    def closed(self) -> bool:
        """Whether the theory paper was closed."""
        return attempt(self.world, "theory").state == State.CLOSED

    def acts(self) -> list[str]:
        """Return the audited acts; the chain must hold."""
        with self.world.app.app_context(), reading() as session:
            assert verify(session).broken_at is None
            return list(session.scalars(select(AuditEntry.act).order_by(AuditEntry.id)))

    def change(self, ref: str, **values: object) -> None:
        """Change a request's row behind the product's back."""
        with self.world.app.app_context(), unit_of_work() as session:
            row = session.scalars(select(Approval).where(Approval.ref == ref)).one()
            for name, value in values.items():
                setattr(row, name, value)


def allow(world: World, *, by_password: bool) -> None:
    """Set how second persons confirm in the world's centre."""
    with world.app.app_context(), unit_of_work() as session:
        for centre in session.scalars(select(Centre)):
            centre.second_by_password = by_password


def refused(answer: TestResponse) -> str:
    """Insist that something was refused and return why."""
    assert answer.status_code >= 400, answer.text
    return str(answer.get_json()["code"])


def done(answer: TestResponse) -> None:
    """Insist that something was carried out."""
    assert answer.status_code == 303, answer.text


def browser_of(world: World, ref: str, machine: str = "m-other") -> FlaskClient:
    """Return another login session of a staff member."""
    return sign_in_as(world.app, kind="staff", subject_ref=ref, machine=machine)


def credential(world: World, role: str, **more: str) -> dict[str, Any]:
    """Return the fields of a credential typed at the first person's browser."""
    return {"second_login": world.people[role].login, "second_password": PASSWORD, **more}
