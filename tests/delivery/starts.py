"""Starts by the short way and by the view, and the paper they have to bring."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import flask
import pytest
from werkzeug.test import TestResponse

from cbt.blueprints.store import blueprint_of
from cbt.http.responses import SECURITY_HEADERS
from cbt.http.server.hot_addresses import door_at
from cbt.runner.models import Attempt
from cbt.storage.unit_of_work import reading
from tests.delivery.driver import Page
from tests.delivery.plain_paper import plain_paper
from tests.world import World

SECOND = timedelta(seconds=1)
VERDICTS = {"zh": ("对", "错"), "en": ("True", "False")}


def refuse_views(world: World) -> None:
    """Let no request of this test reach a view."""

    def refuse() -> None:
        pytest.fail("a plain start went to the view")

    world.app.before_request_funcs.setdefault(None, []).insert(0, refuse)


def by_the_view(page: Page) -> TestResponse:
    """Send the start past the door, to the view."""
    with left_to_views(page.world.app):
        return page.start()


@contextmanager
def left_to_views(app: flask.Flask) -> Iterator[None]:
    """Have the door of the hot addresses leave all of them to their views."""
    door = door_at(app)
    door.off = door.addresses
    try:
        yield
    finally:
        door.off = ()


def attempt_of(world: World, name: str) -> Attempt:
    with world.app.app_context(), reading() as session:
        return session.get_one(Attempt, world.sitters[name].attempt_id)


def expected_paper(world: World, name: str, locale: str = "zh") -> dict[str, Any]:
    from cbt.candidates.models import Registration

    with world.app.app_context(), reading() as session:
        attempt = session.get_one(Attempt, world.sitters[name].attempt_id)
        registration = session.get_one(Registration, attempt.registration_id)
        blueprint = blueprint_of(session, registration.blueprint_version_id)
        return plain_paper(
            session,
            attempt,
            blueprint.papers[registration.paper],
            title=blueprint.paper_title(registration.paper),
            verdicts=VERDICTS[locale],
        )


def the_same(door: TestResponse, view: TestResponse) -> None:
    """Both replies say the same, but for the lease and its seal, which are new each time."""
    assert (door.status_code, view.status_code) == (200, 200)
    short, whole = door.get_json(), view.get_json()
    assert len(short.pop("lease")) == len(whole.pop("lease")) == 32
    former = short.pop("seal")
    assert len(former) == len(whole.pop("seal")) == 64
    assert whole.pop("seals") == {**short.pop("seals"), str(short["epoch"]): former}
    assert whole.pop("epoch") == short.pop("epoch") + 1
    assert whole.pop("number") >= short.pop("number") >= 0
    assert short == whole
    assert door.headers["Content-Type"] == view.headers["Content-Type"] == "application/json"
    assert door.headers["Vary"] == view.headers["Vary"] == "Cookie"
    for name, value in SECURITY_HEADERS.items():
        assert door.headers[name] == view.headers[name] == value
    assert "Set-Cookie" not in door.headers
