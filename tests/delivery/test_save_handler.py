"""The short way of a save answers what the view answers, byte for byte where it is plain."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cbt.http.responses import SECURITY_HEADERS
from cbt.runner.save import handler
from tests.delivery.driver import Page, opened_page
from tests.delivery.starts import left_to_views
from tests.world import World


@pytest.fixture
def page(world: World) -> Page:
    return opened_page(world)


def test_a_plain_save_never_reaches_the_view(page: Page, world: World) -> None:
    def refuse() -> None:
        pytest.fail("a plain save went to the view")

    world.app.before_request_funcs.setdefault(None, []).append(refuse)
    assert page.answer(1, "A").status_code == 200
    assert page.send().status_code == 200


def test_both_ways_give_the_same_answer(page: Page, world: World) -> None:
    entry = page.entry(1, "A")
    short = page.send(entry)
    with left_to_views(world.app):
        whole = page.send(entry)
    assert short.get_json() == whole.get_json()
    for name, value in SECURITY_HEADERS.items():
        assert short.headers[name] == whole.headers[name] == value
    assert "Set-Cookie" not in short.headers


@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param(b"{", 422, id="half a JSON text"),
        pytest.param(b"[]", 422, id="a list"),
        pytest.param(b'{"epoch": true, "entries": []}', 422, id="an epoch that is no number"),
        pytest.param(b'{"epoch": 1, "entries": {}}', 422, id="entries that are no list"),
        pytest.param(b"[" * 5000 + b"]" * 5000, 422, id="deeper than can be read"),
    ],
)
def test_what_cannot_be_read_is_explained_by_the_view(page: Page, body: bytes, code: int) -> None:
    reply = page.client.post(
        f"/attempts/{page.ref}/answers",
        data=body,
        headers={"X-CBT-Lease": page.lease, "Content-Type": "application/json"},
    )
    assert reply.status_code == code
    assert {"code", "message", "fix"} <= reply.get_json().keys()


def test_an_unknown_attempt_is_not_found(page: Page) -> None:
    page.ref = "at-nobody"
    assert page.answer(1, "A").status_code == 404


def test_a_body_that_is_longer_than_the_loop_reads_is_taken(page: Page) -> None:
    text = json.dumps({"epoch": page.epoch, "entries": [page.entry(1, "A")]})
    reply = page.client.post(
        f"/attempts/{page.ref}/answers",
        data=text + " " * (handler.SHORT_BODY + 1 - len(text)),
        headers={"X-CBT-Lease": page.lease, "Content-Type": "application/json"},
    )
    assert (reply.status_code, len(reply.get_json()["receipts"])) == (200, 1)


def test_a_reminder_that_waits_comes_with_the_next_save(page: Page, world: World) -> None:
    from cbt.runner.attempt_changes import send_message
    from cbt.runner.models import Attempt
    from cbt.storage.unit_of_work import unit_of_work

    with world.app.app_context(), unit_of_work() as session:
        attempt = session.get_one(Attempt, world.sitters["theory"].attempt_id)
        send_message(session, attempt, now=world.clock.now(), text="请保持安静", actor="staff:test")
    entry: dict[str, Any] = page.entry(1, "A")
    reply = page.send(entry).get_json()
    assert [message["text"] for message in reply["clock"]["messages"]] == ["请保持安静"]
    assert [receipt["seq"] for receipt in reply["receipts"]] == [entry["seq"]]
    message_id = reply["clock"]["messages"][0]["id"]
    read = page.client.post(
        f"/attempts/{page.ref}/messages/{message_id}/read", json={}, headers={"X-CBT-Lease": page.lease}
    )
    assert read.status_code == 200
    assert page.send().get_json()["clock"]["messages"] == []


def test_the_short_way_sends_json_that_a_browser_reads(page: Page) -> None:
    reply = page.answer(1, "A")
    assert reply.content_type == "application/json"
    assert json.loads(reply.data)["clock"]["state"] == "interacting"
