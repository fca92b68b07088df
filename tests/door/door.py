"""Tools of the door's tests: machines at seats, and people who type at them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta

from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from cbt.audit.models import AuditEntry
from cbt.candidates.models import Registration
from cbt.door import arrival
from cbt.errors import CbtError
from cbt.sittings.models import Seat
from cbt.storage.unit_of_work import unit_of_work
from tests.world import PLANNED, World

MINUTE = timedelta(minutes=1)
CHECK_IN_OPENS = PLANNED - 40 * MINUTE
SIGN_IN_OPEN = PLANNED - 20 * MINUTE
CUTOFF = PLANNED - 15 * MINUTE
BY = "staff:test"


@contextmanager
def work(world: World) -> Iterator[Session]:
    """Open a unit of work on the world's database."""
    with world.app.app_context(), unit_of_work() as session:
        yield session


def registration(session: Session, world: World, name: str) -> Registration:
    """Return the registration of one of the world's candidates."""
    return session.get_one(Registration, world.sitters[name].registration_id)


def seat(session: Session, world: World, number: int) -> Seat:
    """Return a seat of the world's room."""
    return session.scalars(select(Seat).where(Seat.room_id == world.room_id, Seat.number == number)).one()


def acts(session: Session) -> list[str]:
    """Return the acts of the audit log in order."""
    return list(session.scalars(select(AuditEntry.act).order_by(AuditEntry.id)))


def pass_the_door(world: World, *names: str) -> None:
    """Check these people in at the reporting time, and stand at the opening of sign-in."""
    world.clock.set(PLANNED - 35 * MINUTE)
    with work(world) as session:
        for name in names:
            arrival.check_in(
                session,
                registration(session, world, name),
                now=world.clock.now(),
                document_type="resident_id",
                last_four="001X",
                actor="staff:test",
            )
    world.clock.set(SIGN_IN_OPEN)


def machine(world: World, *, address: str = "10.0.0.50") -> FlaskClient:
    """Return the browser of a machine that is bound to no seat."""
    client = world.app.test_client()
    client.environ_base["REMOTE_ADDR"] = address
    return client


def let_unbound_in(world: World) -> None:
    """Let machines that are bound to no seat sign candidates in, as a centre may that binds none."""
    settings = world.app.extensions["cbt_settings"]
    world.app.extensions["cbt_settings"] = replace(settings, unbound_sign_in=True)


def bind(world: World, client: FlaskClient, number: int, **fields: str) -> TestResponse:
    """Bind a machine to a seat by the room code."""
    return client.post("/seat/bind", data={"room_code": world.room_code, "number": str(number), **fields})


def machine_at(world: World, number: int) -> FlaskClient:
    """Return the browser of a machine that is bound to a seat."""
    client = machine(world, address=f"10.0.0.{number}")
    assert bind(world, client, number).status_code == 303
    return client


def sign_in(world: World, client: FlaskClient, name: str, **fields: str) -> TestResponse:
    """Sign in with the ticket and the last six, or whatever `fields` say instead."""
    sitter = world.sitters[name]
    typed = {"ticket": sitter.ticket, "by": "document", "document": sitter.document[-6:]} | fields
    return client.post("/sign-in", data=typed)


def arrive(
    world: World,
    name: str,
    now: datetime,
    *,
    arrived_at: datetime | None = None,
    reason: str = "",
    chief: bool = False,
) -> None:
    """Record somebody's arrival at `now`, or as of an earlier moment."""
    with work(world) as session:
        arrival.record_arrival(
            session,
            registration(session, world, name),
            now=now,
            arrived_at=arrived_at or now,
            actor=BY,
            reason=reason,
            chief=chief,
        )


def refusal_of(world: World, *args: object, **kwargs: object) -> str | None:
    """Return the code an arrival is refused with, or None when it was recorded."""
    try:
        arrive(world, *args, **kwargs)  # type: ignore[arg-type]  # passed on as it came
    except CbtError as error:
        return error.code
    return None


def check_in(world: World, name: str, now: datetime, kind: str = "passport", last_four: str = "12Ab") -> None:
    """Check somebody in with the document they show."""
    with work(world) as session:
        arrival.check_in(
            session,
            registration(session, world, name),
            now=now,
            document_type=kind,
            last_four=last_four,
            actor=BY,
        )
