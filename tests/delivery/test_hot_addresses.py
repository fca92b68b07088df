"""Each hot address is answered by one handler, whether its door or its view asks it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import flask
import pytest

from cbt.application.hot_addresses import HOT_ADDRESSES
from cbt.errors import Unavailable
from cbt.http.server.hot_addresses import door_at
from cbt.http.server.lanes import lane_of
from tests.delivery.driver import Page, opened_page
from tests.delivery.fronted import Fronted, Protocol, play
from tests.delivery.starts import left_to_views
from tests.world import World


@pytest.fixture
def page(world: World) -> Page:
    return opened_page(world)


@pytest.fixture
def by_views(page: Page) -> Iterator[Page]:
    """A page all of whose requests come to the views."""
    with left_to_views(page.world.app):
        yield page


def sent(page: Page, path: str, body: object) -> Protocol:
    """Send one request through the front, as a server process has it."""
    protocols = []

    async def scene(fronted: Fronted) -> None:
        protocol, asked = fronted.post(f"/attempts/{page.ref}/{path}", body)
        await asked
        protocols.append(protocol)

    play(page, scene, lane=lane_of(page.world.app))
    return protocols[0]


def save(page: Page, *entries: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
    answer = sent(page, "answers", {"epoch": page.epoch, "entries": list(entries)}).answer
    assert answer is not None
    status, headers, body = answer
    return status, dict(headers), bytes(body)


def test_the_door_knows_every_address_of_the_table(page: Page) -> None:
    app = page.world.app
    assert door_at(app).addresses.keys() == HOT_ADDRESSES.keys() <= app.view_functions.keys()


def test_a_save_of_the_view_alone_is_answered_by_the_commit_as_at_the_door(page: Page) -> None:
    entry = page.entry(1, "A")
    door = save(page, entry)
    with left_to_views(page.world.app), pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(page.world.app.extensions["cbt_journal"]), "save", None)  # no thread waits
        assert save(page, entry) == door
    assert door[0] == 200


def test_no_hook_is_shown_a_reply_of_what_a_view_promised(by_views: Page) -> None:
    shown = []

    def note(response: flask.Response) -> flask.Response:
        shown.append(response)
        return response

    by_views.world.app.after_request_funcs.setdefault(None, []).append(note)
    assert save(by_views, by_views.entry(1, "A"))[0] == 200
    assert not shown


def test_what_a_view_promised_is_explained_by_it(by_views: Page) -> None:
    by_views.epoch += 7
    status, _, body = save(by_views, by_views.entry(1, "A"))
    assert (status, b"lease.lost" in body) == (409, True)


def test_a_commit_that_fails_is_told_to_what_a_view_promised(
    by_views: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise Unavailable("db.write")

    monkeypatch.setattr(
        by_views.world.app.extensions["cbt_journal"].commits, "before_commit", fail, raising=False
    )
    status, headers, body = save(by_views, by_views.entry(1, "A"))
    assert (status, b"db.write" in body) == (503, True)
    assert int(headers["Retry-After"]) >= 1


@pytest.mark.parametrize("name", ["start", "answers", "submit"])
def test_what_cannot_be_read_is_refused_alike(page: Page, name: str) -> None:
    def refused() -> tuple[int, Any]:
        reply = page.client.post(
            f"/attempts/at-nobody/{name}", json={"epoch": "x"}, headers={"X-CBT-Lease": "x"}
        )
        return reply.status_code, reply.get_json()

    door = refused()
    with left_to_views(page.world.app):
        assert refused() == door
    assert door[0] in (404, 422)
