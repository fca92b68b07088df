"""Who is let in by the short way of a start, and what a batch of them does."""

from __future__ import annotations

import threading
from typing import Any

import flask
import pytest
from flask.testing import FlaskClient
from flask_wtf.csrf import generate_csrf
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from cbt.errors import Conflict, NotAllowed, NotFound
from cbt.http.auth.machine import token_hash
from cbt.http.models import LoginSession
from cbt.runner.models import Attempt, AttemptLive, Gap
from cbt.runner.start.batch import Opened, Start
from cbt.storage.unit_of_work import reading, unit_of_work
from cbt.storage.write_queue.group_commit import GroupWriter
from tests.delivery.driver import Page
from tests.delivery.starts import (
    SECOND,
    attempt_of,
    refuse_views,
)
from tests.helpers import sign_in_as
from tests.world import PLANNED, World


@pytest.fixture
def running(world: World) -> World:
    """Everybody waits, and the room starts on time."""
    world.admit_all()
    world.start()
    return world


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
            .where(LoginSession.kind == "candidate", LoginSession.revoked_at.is_(None))
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
    machine = attempt_of(running, "theory").lease_machine
    assert machine is not None
    token = token_of(running, attempt_of(running, "theory").lease_login_id)
    running.candidate("theory", machine="seat-99")
    elsewhere = token_of(running, None)
    now = running.clock.now()
    holding, let_go = threading.Event(), threading.Event()
    perform = journal.commits.perform

    def held(cursor: Any, requests: Any) -> Any:
        if not holding.is_set():
            holding.set()
            let_go.wait(10)
        return perform(cursor, requests)

    writer: GroupWriter = journal.writer
    journal.commits.perform = held
    results: dict[str, Any] = {}

    def run(name: str, request: Any) -> None:
        results[name] = request() if callable(request) else writer.run(request)

    first = threading.Thread(target=run, args=("blocker", lambda: Page(running, "second").start()))
    first.start()
    assert holding.wait(10)
    jobs = {
        "save": lambda: page.answer(1, "A"),
        "again": Start(page.ref, token, machine, now),
        "once more": Start(page.ref, token, machine, now),
        "foreign": Start(page.ref, elsewhere, token_hash("seat-99"), now),
        "stolen": Start(page.ref, token, token_hash("seat-99"), now),
        "nobody": Start(page.ref, "0" * 64, machine, now),
        "not theirs": Start(running.sitters["second"].attempt_ref, token, machine, now),
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
    assert isinstance(results["stolen"], NotAllowed)
    assert isinstance(results["nobody"], NotAllowed)
    assert isinstance(results["not theirs"], NotFound)
    assert attempt_of(running, "theory").lease_epoch == 3


def token_of(world: World, login_id: int | None) -> str:
    """Return the hash of a login session's token: the one with this id, or the newest."""
    with world.app.app_context(), reading() as session:
        query = select(LoginSession.token_hash).order_by(LoginSession.id.desc()).limit(1)
        if login_id is not None:
            query = query.where(LoginSession.id == login_id)
        return session.scalars(query).one()


def wait_until_queued(writer: GroupWriter, number: int) -> None:
    pause = threading.Event()
    for _ in range(1000):
        if writer.waiting >= number:
            return
        pause.wait(0.01)
    pytest.fail("nothing was queued")


@pytest.mark.parametrize(
    ("said", "same_login", "gaps"),
    [
        pytest.param("leave", True, 0, id="another page was opened in its place"),
        pytest.param("blur", True, 1, id="the browser died"),
        pytest.param("leave", False, 1, id="the machine was started again"),
    ],
)
def test_who_leaves_the_page_for_another_is_not_disconnected(
    running: World, said: str, same_login: bool, gaps: int
) -> None:
    page = Page(running, "theory", machine="seat-own")
    page.start()
    assert page.answer(0, {"type": said}, "event").status_code == 200
    running.clock.advance(25 * SECOND)
    back = page if same_login else Page(running, "theory", machine="seat-own")
    assert back.start().status_code == 200
    with running.app.app_context(), reading() as session:
        assert len(session.scalars(select(Gap)).all()) == gaps
