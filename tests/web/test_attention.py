"""That somebody is there is written with what their request writes, and else by itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event, select, update
from sqlalchemy.orm import Session

from cbt.db.unit_of_work import reading, unit_of_work
from cbt.web.who.attention import EVERY
from cbt.web.who.models import LoginSession
from tests.world import World

BATCHES = "/office/batches"


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
    world: World, method: str, path: str, status: int
) -> None:
    client = officer(world)
    with commits() as found:
        assert (
            client.open(path, method=method, data={"name": " "} if method == "POST" else None).status_code
            == status
        )
        assert found == ["commit"]
        assert client.get(BATCHES).status_code == 200
    assert found == ["commit"], "once a minute"
    assert seen(world) == world.clock.now()


def test_who_signs_out_is_not_there_any_more(world: World) -> None:
    client = officer(world)
    was = seen(world)
    assert client.post("/staff/sign-out").status_code == 303
    assert seen(world) == was
