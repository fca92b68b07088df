"""The short way of a start: the same checks, the same lease, the same paper as the view, word for word."""

from __future__ import annotations

import gzip
import json
import threading
from datetime import timedelta
from typing import Any

import flask
import pytest
from flask.testing import FlaskClient
from flask_wtf.csrf import generate_csrf
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from cbt.db.group_commit import GroupWriter
from cbt.db.unit_of_work import reading, unit_of_work
from cbt.delivery.models import Attempt, AttemptLive, Gap
from cbt.delivery.opening import Opened, Start
from cbt.delivery.steps import send_message
from cbt.errors import Conflict
from cbt.exams.store import blueprint_of
from cbt.exams.titles import paper_title
from cbt.web.headers import SECURITY_HEADERS
from cbt.web.models import LoginSession
from tests.delivery.driver import Page
from tests.delivery.plain_paper import plain_paper
from tests.delivery.test_strict_edges import change_blueprint
from tests.helpers import sign_in_as
from tests.world import PLANNED, World

SECOND = timedelta(seconds=1)
VERDICTS = {"zh": ("对", "错"), "en": ("True", "False")}


@pytest.fixture
def running(world: World) -> World:
    """Everybody waits, and the room starts on time."""
    world.admit_all()
    world.start()
    return world


def refuse_views(world: World) -> None:
    """Let no request of this test reach a view."""

    def refuse() -> None:
        pytest.fail("a plain start went to the view")

    world.app.before_request_funcs.setdefault(None, []).insert(0, refuse)


def by_the_view(page: Page) -> TestResponse:
    """Send the start past the short ways."""
    app: flask.Flask = page.world.app
    door = app.wsgi_app
    app.wsgi_app = door._inner._inner  # type: ignore[method-assign, attr-defined]
    try:
        return page.start()
    finally:
        app.wsgi_app = door  # type: ignore[method-assign]


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
            title=paper_title(blueprint, registration.paper),
            verdicts=VERDICTS[locale],
        )


def the_same(door: TestResponse, view: TestResponse) -> None:
    """Both replies say the same, but for the lease and its seal, which are new each time."""
    assert (door.status_code, view.status_code) == (200, 200)
    short, whole = door.get_json(), view.get_json()
    assert len(short.pop("lease")) == len(whole.pop("lease")) == 32
    assert len(short.pop("seal")) == len(whole.pop("seal")) == 64
    assert whole.pop("epoch") == short.pop("epoch") + 1
    assert short == whole
    assert door.headers["Content-Type"] == view.headers["Content-Type"] == "application/json"
    assert door.headers["Vary"] == view.headers["Vary"] == "Cookie"
    for name, value in SECURITY_HEADERS.items():
        assert door.headers[name] == view.headers[name] == value
    assert "Set-Cookie" not in door.headers


@pytest.mark.parametrize("name", ["theory", "second", "skills", "factor", "extra"])
def test_both_ways_open_the_same_paper(running: World, name: str) -> None:
    page = Page(running, name)
    door = page.start()
    assert door.get_json()["paper"] == expected_paper(running, name)
    assert door.get_json()["journal"] == {
        "answers": {}, "flags": [], "strikes": {}, "notes": {}, "settings": {}
    }  # fmt: skip
    the_same(door, by_the_view(page))


def test_a_browser_that_unpacks_gets_it_packed(running: World) -> None:
    page = Page(running, "theory")
    plain = page.start()
    packed = page.client.post(
        f"/attempts/{page.ref}/start", json={}, headers={"Accept-Encoding": "gzip, deflate, br"}
    )
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.headers["Vary"] == "Cookie, Accept-Encoding"
    assert len(packed.data) == int(packed.headers["Content-Length"]) < len(plain.data) / 2
    whole = json.loads(gzip.decompress(packed.data))
    assert whole["paper"] == plain.get_json()["paper"]


def test_a_pooled_skills_paper_comes_whole(world: World) -> None:
    change_blueprint(world, "skills", "l2", ('unit_timing = "strict"', 'unit_timing = "pooled"'))
    world.admit_all()
    world.start()
    page = Page(world, "skills")
    door = page.start()
    paper = door.get_json()["paper"]
    assert {item["unit"] for item in paper["items"]} == {1, 2, 3, 4}
    assert paper == expected_paper(world, "skills")
    the_same(door, by_the_view(page))


def test_a_later_unit_comes_as_the_plain_paper_says(running: World) -> None:
    page = Page(running, "skills")
    assert page.start().status_code == 200
    moved = page.advance(1, completed=True).get_json()
    assert moved["paper"] == expected_paper(running, "skills")
    assert {item["unit"] for item in moved["paper"]["items"]} == {2}
    the_same(page.start(), by_the_view(page))


def test_a_reopened_paper_brings_the_journal_back(running: World) -> None:
    page = Page(running, "theory")
    assert page.start().status_code == 200
    sent = [
        page.entry(1, "A"),
        page.entry(41, "B"),
        page.entry(1, "B"),
        page.entry(2, True, "flag"),
        page.entry(42, "AC", "strike"),
        page.entry(3, '再看一遍 "引号"', "note"),
        page.entry(0, {"size": "large"}, "setting"),
        page.entry(5, "A"),
        page.entry(5, None),
    ]
    assert page.send(*sent).status_code == 200
    door = page.start()
    opened = door.get_json()
    assert opened["journal"] == {
        "answers": {"1": "B", "41": "B"},
        "flags": [2],
        "strikes": {"42": "AC"},
        "notes": {"3": '再看一遍 "引号"'},
        "settings": {"size": "large"},
    }
    assert (opened["seq"], opened["epoch"]) == (9, 2)
    the_same(door, by_the_view(page))


def test_a_plain_start_never_reaches_the_view(running: World) -> None:
    page = Page(running, "theory")
    refuse_views(running)
    assert page.start().status_code == 200
    assert page.answer(1, "A").status_code == 200
    assert page.start().get_json()["journal"]["answers"] == {"1": "A"}


def test_the_language_is_the_browsers(running: World) -> None:
    page = Page(running, "theory")
    page.client.set_cookie("locale", "en")
    paper = page.start().get_json()["paper"]
    assert paper["items"][0]["choices"] == list(VERDICTS["en"])
    assert paper == expected_paper(running, "theory", "en")
    the_same(page.start(), by_the_view(page))


def test_a_reminder_that_waits_comes_with_the_paper(running: World) -> None:
    with running.app.app_context(), unit_of_work() as session:
        attempt = session.get_one(Attempt, running.sitters["theory"].attempt_id)
        send_message(session, attempt, now=running.clock.now(), text="请保持安静", actor="staff:test")
    page = Page(running, "theory")
    refuse_views(running)
    opened = page.start().get_json()
    assert [message["text"] for message in opened["clock"]["messages"]] == ["请保持安静"]


def start_with(client: FlaskClient, ref: str, **headers: str) -> TestResponse:
    return client.post(f"/attempts/{ref}/start", json={}, headers=headers)


def form_token(world: World, client: FlaskClient) -> str:
    """Give a browser's session a form token, as a page does, and return the signed text of it."""
    with world.app.test_request_context():
        token = generate_csrf()
        kept = dict(flask.session)
    with client.session_transaction() as session:
        session.update(kept)
    return token


def test_the_form_token_is_asked_for_as_the_view_asks(running: World) -> None:
    running.app.config["WTF_CSRF_ENABLED"] = True
    sitter = running.sitters["theory"]
    client, other = running.candidate("theory"), running.candidate("second")
    own, foreign = form_token(running, client), form_token(running, other)
    for wrong in ({}, {"X-CSRFToken": foreign}, {"X-CSRFToken": "x" + own}, {"X-CSRFToken": ""}):
        reply = start_with(client, sitter.attempt_ref, **wrong)
        assert (reply.status_code, reply.get_json()["code"]) == (400, "web.csrf")
    assert attempt_of(running, "theory").lease_epoch == 0
    refuse_views(running)
    assert start_with(client, sitter.attempt_ref, **{"X-CSRFToken": own}).status_code == 200


def test_only_who_is_signed_in_gets_a_paper(running: World) -> None:
    ref = running.sitters["theory"].attempt_ref
    stranger = running.app.test_client()
    forged = running.app.test_client()
    forged.set_cookie("cbt", "eyJfdXNlcl9pZCI6ImEifQ.aaaa.bbbb")
    revoked = running.candidate("theory")
    with running.app.app_context(), unit_of_work() as session:
        session.execute(update(LoginSession).values(revoked_at=running.clock.now()))
    staff = running.staff("proctor")
    expired = running.candidate("theory")
    with running.app.app_context(), unit_of_work() as session:
        session.execute(
            update(LoginSession)
            .where(LoginSession.kind == "candidate")
            .values(expires_at=running.clock.now())
        )
    refused = [start_with(client, ref).status_code for client in (stranger, forged, revoked, staff, expired)]
    assert refused == [403] * 5
    someone_else = start_with(running.candidate("second"), ref)
    assert (someone_else.status_code, someone_else.get_json()["code"]) == (404, "attempt.unknown")
    assert start_with(running.candidate("second"), "at-nobody").status_code == 404
    # A person of the staff whose ref is that of a registration is still no candidate.
    twin = sign_in_as(
        running.app, kind="staff", subject_ref=running.sitters["theory"].registration_ref, machine="m"
    )
    assert start_with(twin, ref).status_code == 403
    assert attempt_of(running, "theory").lease_hash is None


def test_another_machine_is_refused_once_and_without_a_trace(running: World) -> None:
    page = Page(running, "theory")
    assert page.start().status_code == 200
    elsewhere = Page(running, "theory", machine="seat-99")
    reply = elsewhere.start()
    assert (reply.status_code, reply.get_json()["code"]) == (409, "lease.held")
    assert attempt_of(running, "theory").lease_epoch == 1
    assert page.answer(1, "A").status_code == 200


def test_a_silence_before_a_reopening_is_recorded_as_not_usable(running: World) -> None:
    page = Page(running, "theory")
    assert page.start().status_code == 200
    running.clock.set(PLANNED + 40 * SECOND)
    assert page.start().status_code == 200
    with running.app.app_context(), reading() as session:
        gap = session.scalars(select(Gap)).one()
        live = session.get_one(AttemptLive, running.sitters["theory"].attempt_id)
        assert (gap.from_at, gap.to_at, gap.usable, gap.resent) == (PLANNED, running.clock.now(), False, 0)
        assert (live.seen_at, live.usable_at) == (running.clock.now(), running.clock.now())
        attempt = session.get_one(Attempt, running.sitters["theory"].attempt_id)
        assert attempt.started_at == PLANNED


def test_starts_and_saves_of_one_batch_follow_each_other(running: World) -> None:
    """A batch of: the former page's save, two starts of its browser, one of another browser."""
    journal = running.app.extensions["cbt_journal"]
    page = Page(running, "theory")
    assert page.start().status_code == 200
    with running.app.app_context():
        info = journal.infos.get(page.ref)
    row = attempt_of(running, "theory")
    login_id, machine = row.lease_login_id, row.lease_machine
    assert login_id is not None
    assert machine is not None
    now = running.clock.now()
    holding, let_go = threading.Event(), threading.Event()
    perform = journal.writer._perform

    def held(cursor: Any, requests: Any) -> Any:
        if not holding.is_set():
            holding.set()
            let_go.wait(10)
        return perform(cursor, requests)

    writer: GroupWriter = journal.writer
    writer._perform = held
    results: dict[str, Any] = {}

    def run(name: str, request: Any) -> None:
        results[name] = request() if callable(request) else writer.run(request)

    first = threading.Thread(target=run, args=("blocker", lambda: Page(running, "second").start()))
    first.start()
    assert holding.wait(10)
    jobs = {
        "save": lambda: page.answer(1, "A"),
        "again": Start(info, login_id, machine, now),
        "once more": Start(info, login_id, machine, now),
        "foreign": Start(info, login_id + 99, "seat-99", now),
    }
    threads = [threading.Thread(target=run, args=pair) for pair in jobs.items()]
    for thread in threads:
        thread.start()
        wait_until_queued(writer, 1 + threads.index(thread))
    let_go.set()
    for thread in (first, *threads):
        thread.join(10)
    assert (results["blocker"].status_code, results["save"].status_code) == (200, 200)
    again, once_more = results["again"], results["once more"]
    assert isinstance(again, Opened)
    assert isinstance(once_more, Opened)
    assert (again.epoch, once_more.epoch) == (2, 3)
    assert [tuple(row[:3]) for row in once_more.journal] == [("answer", 1, '"A"')]
    assert isinstance(results["foreign"], Conflict)
    assert attempt_of(running, "theory").lease_epoch == 3


def wait_until_queued(writer: GroupWriter, number: int) -> None:
    pause = threading.Event()
    for _ in range(1000):
        if writer._queue.qsize() >= number:
            return
        pause.wait(0.01)
    pytest.fail("nothing was queued")
