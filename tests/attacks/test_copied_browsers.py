"""All that a candidate's browser keeps, used from another address than its seat's, is told on the board at once."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from cbt.audit.models import AuditEntry
from cbt.candidates.models import Registration
from cbt.door import address_watch
from cbt.door.address_watch import AGAIN, compare_addresses
from cbt.errors import Unavailable
from cbt.http.auth.machine import AddressesUsed
from cbt.sittings.models import Seat
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.delivery.driver import Page
from tests.helpers import count_queries
from tests.proctoring.desk import Desk, done, running
from tests.world import World

OWN, OTHER = "10.0.0.7", "10.99.0.1"
USES: dict[str, Callable[[Page], TestResponse]] = {
    "a heartbeat": lambda page: page.send(),
    "an answer": lambda page: page.answer(1, "B"),
    "a page": lambda page: page.client.get("/exam/wait", follow_redirects=True),
}


@pytest.fixture
def page(world: World) -> Page:
    """李娜 is in unit 1 of the skills paper, at her own machine, whose address the seat knows."""
    one = running(world, "skills")["skills"]
    with world.app.app_context(), unit_of_work() as session:
        mine = select(Registration.seat_id).where(
            Registration.ref == world.sitters["skills"].registration_ref
        )
        session.scalars(select(Seat).where(Seat.id == mine.scalar_subquery())).one().machine_address = OWN
    at(one.client, OWN)
    return one


def at(client: FlaskClient, address: str) -> None:
    client.environ_base["REMOTE_ADDR"] = address


def compared(world: World) -> int:
    """Return how many uses from elsewhere are found."""
    with world.app.app_context():
        return compare_addresses(now=world.clock.now())


def entries(world: World) -> list[str]:
    with world.app.app_context(), reading() as session:
        return [
            entry.after or ""
            for entry in session.scalars(select(AuditEntry).where(AuditEntry.act == "door.elsewhere"))
        ]


@pytest.mark.parametrize("way", USES)
def test_a_copy_of_everything_is_told_on_the_board(page: Page, world: World, way: str) -> None:
    assert USES[way](page).status_code == 200
    assert compared(world) == 0
    at(page.client, OTHER)
    assert USES[way](page).status_code == 200  # an address may change by itself
    assert compared(world) == 1
    assert OTHER in Desk(world).page()
    (entry,) = entries(world)
    assert OTHER in entry
    assert OWN in entry


def test_who_has_looked_is_not_told_of_the_same_address_again(page: Page, world: World) -> None:
    at(page.client, OTHER)
    page.answer(1, "B")
    compared(world)
    desk = Desk(world)
    done(desk.act("seen", "skills", alert="elsewhere"))
    world.clock.advance(2 * AGAIN)
    page.answer(1, "C")
    assert compared(world) == 0
    world.app.extensions["cbt_addresses"] = AddressesUsed()  # another process
    page.client.get("/exam/wait", follow_redirects=True)
    assert compared(world) == 0
    assert OTHER not in desk.page()


def test_many_addresses_write_once_a_minute(page: Page, world: World) -> None:
    for number in range(20):
        at(page.client, f"10.99.1.{number}")
        page.answer(1, "B")
        world.clock.advance(AGAIN / 60)
        compared(world)
    assert len(entries(world)) == 1


def test_a_save_asks_the_database_no_more_for_it(page: Page, world: World) -> None:
    page.answer(1, "A")
    with count_queries(world.app) as before:
        page.answer(1, "B")
    at(page.client, OTHER)
    with count_queries(world.app) as after:
        page.answer(1, "C")
    assert len(after) == len(before)
    assert compared(world) == 1


def test_what_could_not_be_compared_is_compared_later(
    page: Page, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(page.client, OTHER)
    page.answer(1, "B")
    with monkeypatch.context() as away, pytest.raises(Unavailable):
        away.setattr(address_watch, "reading", refuse)
        compared(world)
    page.answer(1, "C")
    assert compared(world) == 1


def test_a_served_process_compares_every_second_and_outlives_a_failure(
    page: Page, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(page.client, OTHER)
    seconds = iter([refuse, address_watch.reading, None])

    class Pause:
        def wait(self, _seconds: float) -> bool:
            now = next(seconds)
            page.answer(1, "B")
            monkeypatch.setattr(address_watch, "reading", now)
            return now is None

    monkeypatch.setattr(address_watch, "threading", SimpleNamespace(Event=Pause))
    address_watch.keep_comparing(world.app, world.clock.now)
    assert len(entries(world)) == 1


def refuse() -> None:
    """Have no database."""
    raise Unavailable("db.write")


def test_a_machine_whose_address_nobody_knows_is_not_told_of(page: Page, world: World) -> None:
    with world.app.app_context(), unit_of_work() as session:
        for seat in session.scalars(select(Seat)):
            seat.machine_address = None
    at(page.client, OTHER)
    page.answer(1, "B")
    assert compared(world) == 0
    assert entries(world) == []


def test_what_a_process_keeps_of_it_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cbt.http.auth.machine.MOST_KNOWN", 6)
    monkeypatch.setattr("cbt.http.auth.machine.MOST_NEW", 4)
    used = AddressesUsed()
    for number in range(30):
        used.note("rg", f"10.0.0.{number}")
        if number % 10 == 9:
            assert len(used.take_new()) <= 4
            assert used.take_new() == []
    assert len(used._known) <= 6
