"""That somebody is there is written with what their request writes, and else by itself."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event, select, update
from sqlalchemy.orm import Session

from cbt.errors import Unavailable
from cbt.http.auth.login import EVERY
from cbt.http.models import LoginSession
from cbt.storage.unit_of_work import reading, unit_of_work
from cbt.storage.write_queue.change_set import Parcel
from tests.world import World

BATCHES = "/office/batches"
MOST = 5.0
"""Seconds after which somebody who writes ends in any case."""


@contextmanager
def commits() -> Iterator[list[str]]:
    """Count what is committed in the block."""
    found: list[str] = []

    def note(_session: Session) -> None:
        found.append("commit")

    event.listen(Session, "after_commit", note)
    try:
        yield found
    finally:
        event.remove(Session, "after_commit", note)


@contextmanager
def written_later(world: World) -> Iterator[list[str]]:
    """Count what is handed over in the block for nobody to wait for."""
    found: list[str] = []
    journal: Any = world.app.extensions["cbt_journal"]
    later = journal.put_down_later

    def note(parcel: Parcel, what: str) -> None:
        found.append(what)
        later(parcel, what)

    journal.put_down_later = note
    yield found
    journal.put_down_later = later


@pytest.fixture
def waiting(world: World) -> Any:
    """The journal, which does not wait for what nobody waits for, as outside of tests."""
    journal: Any = world.app.extensions["cbt_journal"]
    del journal.put_down_later
    return journal


def officer(world: World) -> FlaskClient:
    """Return the browser of an officer who was seen a while ago."""
    client = world.staff("officer")
    with world.app.app_context(), unit_of_work() as session:
        session.execute(update(LoginSession).values(seen_at=world.clock.now()))
    world.clock.advance(EVERY)
    return client


def seen(world: World) -> datetime:
    """Return when somebody of staff was there last, as it is stored."""
    with world.app.app_context(), reading() as session:
        query = select(LoginSession.seen_at).where(LoginSession.kind == "staff")
        return max(filter(None, session.scalars(query)))


def test_an_act_and_that_somebody_did_it_are_one_transaction(world: World) -> None:
    client = officer(world)
    with commits() as found:
        assert client.post(BATCHES, data={"name": "第三批"}).status_code == 303
    assert found == ["commit"]
    assert seen(world) == world.clock.now()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        pytest.param("GET", BATCHES, 200, id="a page"),
        pytest.param("POST", BATCHES, 422, id="a form that is refused"),
        pytest.param("GET", "/office/batches/nobody", 404, id="what is not there"),
    ],
)
def test_what_writes_nothing_says_all_the_same_that_somebody_is_there(
    world: World, database_kind: str, method: str, path: str, status: int
) -> None:
    client = officer(world)
    with written_later(world) as found, commits() as own:
        assert (
            client.open(path, method=method, data={"name": " "} if method == "POST" else None).status_code
            == status
        )
        assert seen(world) == world.clock.now()
        assert client.get(BATCHES).status_code == 200
    # Once a minute, and in a transaction of its own where the database orders its writers.
    assert (len(own), len(found)) == ((1, 0) if database_kind == "postgresql" else (0, 1))


# Only there: PostgreSQL orders its writers itself.
@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_a_page_waits_for_no_turn_to_say_that_somebody_is_there(world: World, waiting: Any) -> None:
    client, gate = officer(world), world.app.extensions["cbt_gate"]
    was, held, shown = seen(world), threading.Event(), threading.Event()

    def hold() -> None:
        with gate():
            held.set()
            shown.wait(MOST)

    writer = threading.Thread(target=hold)
    writer.start()
    assert held.wait(MOST)
    assert client.get(BATCHES).status_code == 200
    assert seen(world) == was
    shown.set()
    writer.join()
    assert waiting.put_down(Parcel(()))
    assert seen(world) == world.clock.now()


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_a_page_is_shown_though_it_cannot_be_said(
    world: World, waiting: Any, caplog: pytest.LogCaptureFixture
) -> None:
    client = officer(world)
    was = seen(world)

    def fail() -> None:
        raise OSError

    waiting.commits.before_commit = fail
    assert client.get(BATCHES).status_code == 200
    with pytest.raises(Unavailable):
        waiting.put_down(Parcel(()))
    waiting.commits.before_commit = None
    waiting.writer.close()  # everybody was told, and it begins again
    assert seen(world) == was
    assert "that somebody is there was not put down: db.write" in caplog.text
    assert client.get(BATCHES).status_code == 200  # and says so again
    assert waiting.put_down(Parcel(()))
    assert seen(world) == world.clock.now()


def test_who_signs_out_is_not_there_any_more(world: World) -> None:
    client = officer(world)
    was = seen(world)
    assert client.post("/staff/sign-out").status_code == 303
    assert seen(world) == was
