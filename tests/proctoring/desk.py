"""A proctor at the desk: posts actions the way the board's forms do."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import DeclarativeBase
from werkzeug.test import TestResponse

from cbt.audit.models import AuditEntry
from cbt.audit.verification import verify
from cbt.candidates.models import Registration
from cbt.proctoring.models import Incident
from cbt.runner.models import Attempt
from cbt.sittings.models import SittingRoom
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.delivery.driver import Page
from tests.world import PASSWORD, World


def change(world: World, name: str, **values: object) -> None:
    """Set columns of a sitter's registration."""
    with world.app.app_context(), unit_of_work() as session:
        found = session.get_one(Registration, world.sitters[name].registration_id)
        for key, value in values.items():
            setattr(found, key, value)


class Desk:
    """One staff member's browser on the world's first room."""

    def __init__(self, world: World, role: str = "proctor") -> None:
        self.world = world
        self.client = world.staff(role)
        self.url = f"/proctor/rooms/{world.room_ref}"

    def act(self, code: str, /, *names: str, second: str = "", **fields: str) -> TestResponse:
        """Post an action about the named sitters; `second` is the role of the second person."""
        seats = [self.world.sitters[name].registration_ref for name in names]
        data: dict[str, Any] = {"seat": seats, **fields}
        if second:
            data |= {"second_login": self.world.people[second].login, "second_password": PASSWORD}
        return self.client.post(f"{self.url}/acts/{code}", data=data, headers={"Accept": "application/json"})

    def ask(self, code: str, /, *names: str, **query: str) -> TestResponse:
        """Open the preview of an action."""
        seats = [self.world.sitters[name].registration_ref for name in names]
        return self.client.get(f"{self.url}/acts/{code}", query_string={"seat": seats, **query})

    def page(self, **query: str) -> str:
        """Return the board's page."""
        return self.client.get(self.url, query_string=query).text


def done(response: TestResponse) -> None:
    """Insist that an action was carried out."""
    assert response.status_code == 303, response.text


def refused(response: TestResponse) -> str:
    """Insist that an action was refused and return the code of the reason."""
    assert response.status_code >= 400, response.text
    return str(response.get_json()["code"])


def row(world: World, table: type[DeclarativeBase], **where: object) -> Any:
    """Return one row, read afresh."""
    with world.app.app_context(), reading() as session:
        return session.scalars(select(table).filter_by(**where)).one()


def rows(world: World, table: type[DeclarativeBase]) -> list[Any]:
    """Return all rows of a table, read afresh."""
    with world.app.app_context(), reading() as session:
        return list(session.scalars(select(table)))


def registration(world: World, name: str) -> Registration:
    found: Registration = row(world, Registration, id=world.sitters[name].registration_id)
    return found


def attempt(world: World, name: str) -> Attempt:
    found: Attempt = row(world, Attempt, id=world.sitters[name].attempt_id)
    return found


def room(world: World) -> SittingRoom:
    found: SittingRoom = row(world, SittingRoom, ref=world.room_ref)
    return found


def log_kinds(world: World) -> list[str]:
    """Return the kinds of the room's log lines in their order; the audit chain must hold meanwhile."""
    with world.app.app_context(), reading() as session:
        assert verify(session).broken_at is None
        query = select(Incident.kind).where(Incident.sitting_room_id == world.sitting_room_id)
        return list(session.scalars(query.order_by(Incident.id)))


def audited(world: World) -> list[str]:
    """Return the acts of the audit log in their order."""
    with world.app.app_context(), reading() as session:
        return list(session.scalars(select(AuditEntry.act).order_by(AuditEntry.id)))


def running(world: World, *names: str) -> dict[str, Page]:
    """Bring everybody in, start the room and let the named sitters open their papers."""
    world.admit_all()
    world.start()
    pages = {name: Page(world, name) for name in names}
    for page in pages.values():
        assert page.start().status_code == 200
    return pages
