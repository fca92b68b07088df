"""Every route × every role × other people's objects, generated from the URL map.

A new page fails here until it says who may call it; who may is then read from the page itself, and checked
against what the server does.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import flask
import pytest
from werkzeug.routing import Rule

from cbt.app import create_app
from cbt.rules.roles import Role
from cbt.web.access import Access, access_of
from tests.conftest import Templates, close_engine
from tests.delivery.driver import Page
from tests.helpers import FakeClock
from tests.world import World

ROLES = [role.value for role in Role]
CALLERS = ["anonymous", "candidate", *ROLES]
DUMMY = {"digest": "x", "name": "nothing.css", "number": 1, "message_id": 1}
WRITERS_ONLY_FOR = frozenset({"GET"})


def calls(app: flask.Flask) -> Iterator[tuple[Rule, str, str, Access | None]]:
    """Yield every rule with each of its methods and a URL of objects that do not exist."""
    for rule in app.url_map.iter_rules():
        arguments = {name: DUMMY.get(name, "nobody") for name in rule.arguments}
        adapter = app.url_map.bind("localhost")
        for method in sorted(rule.methods - {"HEAD", "OPTIONS"}):  # type: ignore[operator]  # a rule of an app has methods
            yield (
                rule,
                method,
                adapter.build(rule.endpoint, arguments, method=method),
                access_of(app, rule.endpoint),
            )


@pytest.fixture
def database_kind() -> str:
    """Who may call what does not depend on the database."""
    return "sqlite"


def test_every_view_says_who_may_call_it(app: flask.Flask) -> None:
    silent = [rule.rule for rule, _, _, access in calls(app) if access is None]
    assert silent == []


def test_a_view_that_says_nothing_is_refused_to_everybody(world: World) -> None:
    world.app.view_functions["preferences.save"] = lambda: "open"
    assert world.app.test_client().post("/preferences").status_code == 404
    assert world.staff("admin").post("/preferences").status_code == 404


@pytest.mark.parametrize("caller", CALLERS)
def test_the_server_refuses_whom_the_view_does_not_admit(world: World, caller: str) -> None:
    if caller == "anonymous":
        client = world.app.test_client()
    elif caller == "candidate":
        client = world.candidate("theory")
    else:
        client = world.staff(caller)
    wrong = []
    for rule, method, url, access in calls(world.app):
        assert access is not None
        if access.kind in {"public", "lease"} or rule.endpoint in {"accounts.sign_out"}:
            continue
        reply = client.open(url, method=method, headers={"Accept": "text/html"})
        if _admits(access, caller):
            ok = (
                reply.status_code != 403
                and reply.status_code < 500
                and "sign-in" not in (reply.location or "")
            )
        else:
            ok = reply.status_code == 403 or (reply.status_code == 303 and _leads_to_sign_in(reply.location))
        if not ok:
            wrong.append((caller, method, url, reply.status_code, reply.location))
    assert wrong == []


def _admits(access: Access, caller: str) -> bool:
    if caller == "anonymous":
        return False
    if caller == "candidate":
        return access.kind == "candidate"
    return access.kind == "staff" and (not access.roles or Role(caller) in access.roles)


def _leads_to_sign_in(location: str | None) -> bool:
    return location is not None and (location == "/" or location.startswith("/staff/sign-in"))


def test_the_inspector_reads_and_changes_nothing(app: flask.Flask) -> None:
    changing = [
        (method, rule.rule)
        for rule, method, _, access in calls(app)
        if method not in WRITERS_ONLY_FOR and access is not None and access.kind == "staff"
        if Role.INSPECTOR in access.roles
    ]
    assert changing == []


@pytest.mark.parametrize("tail", ["", "/live", "/acts/start", "/acts/hold"])
def test_a_proctor_does_not_find_a_room_they_are_not_assigned_to(world: World, tail: str) -> None:
    client = world.staff("proctor_elsewhere")
    assert client.get(f"/proctor/rooms/{world.room_ref}{tail}").status_code == 404
    assert client.get(f"/proctor/rooms/{world.other_room_ref}").status_code == 200


def test_a_proctor_cannot_act_on_another_rooms_candidate(world: World) -> None:
    world.admit_all()
    other = world.sitters["elsewhere"].registration_ref
    client = world.staff("proctor")
    assert client.get(f"/proctor/rooms/{world.room_ref}/seats/{other}").status_code == 404
    assert client.get(f"/proctor/rooms/{world.room_ref}/seats/{other}/photo").status_code == 404


@pytest.mark.parametrize("path", ["/exam/{ref}", "/exam/{ref}/done"])
def test_a_candidate_does_not_find_another_candidates_paper(world: World, path: str) -> None:
    world.admit_all()
    world.start()
    url = path.format(ref=world.sitters["second"].attempt_ref)
    assert world.candidate("theory").get(url).status_code == 404


def test_no_url_opens_another_rooms_objects_to_a_proctor(world: World) -> None:
    """Every page a proctor may call, asked for a room and a candidate that are not theirs."""
    world.admit_all()
    objects = {
        "room_ref": world.room_ref,
        "ref": world.sitters["theory"].registration_ref,
        "code": "start",
        "step": "approve",
    }
    client, adapter = world.staff("proctor_elsewhere"), world.app.url_map.bind("localhost")
    opened, asked = [], 0
    for rule, method, _, access in calls(world.app):
        if access is None or Role.PROCTOR not in access.roles or not rule.arguments:
            continue
        asked += 1
        url = adapter.build(rule.endpoint, {name: objects[name] for name in rule.arguments}, method=method)
        if client.open(url, method=method).status_code != 404:
            opened.append((method, url))
    assert opened == []
    assert asked >= 7


def test_no_url_opens_another_candidates_paper(world: World) -> None:
    """Every page of an attempt, asked for with somebody else's login and somebody else's lease."""
    world.admit_all()
    world.start()
    mine, theirs = Page(world, "theory"), Page(world, "second")
    assert (mine.start().status_code, theirs.start().status_code) == (200, 200)
    theirs.answer(1, "A")
    adapter = world.app.url_map.bind("localhost")
    opened, asked = [], 0
    for rule, method, _, access in calls(world.app):
        if access is None or access.kind not in {"candidate", "lease"} or "ref" not in rule.arguments:
            continue
        asked += 1
        arguments = {name: theirs.ref if name == "ref" else DUMMY[name] for name in rule.arguments}
        url = adapter.build(rule.endpoint, arguments, method=method)
        body = {"epoch": mine.epoch, "entries": [], "from_unit": 1} if method == "POST" else None
        reply = mine.client.open(url, method=method, json=body, headers={"X-CBT-Lease": mine.lease})
        if reply.status_code not in {404, 409} or "clock" in reply.text or "周杰" in reply.text:
            opened.append((method, url, reply.status_code))
    assert opened == []
    assert asked >= 8
    assert theirs.answer(2, "A").status_code == 200


def test_an_authors_draft_is_theirs_alone(world: World) -> None:
    reply = world.staff("author").get("/bank/customer-service-l3/import/nobody")
    assert reply.status_code == 404


def test_no_answer_comes_without_the_security_headers(world: World) -> None:
    client = world.app.test_client()
    for path in ("/", "/staff/sign-in", "/nothing", "/static/x/nothing.css", "/my/results"):
        headers = client.get(path).headers
        assert headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'")
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "unsafe" not in headers["Content-Security-Policy"]


def test_a_form_without_its_token_changes_nothing(world: World) -> None:
    world.app.config["WTF_CSRF_ENABLED"] = True
    reply = world.staff("officer").post("/office/batches", data={"name": "伪造"})
    assert reply.status_code == 400
    assert "页面已过期" in reply.get_data(as_text=True)


@pytest.mark.parametrize("target", ["//evil.example/", "https://evil.example/", "/\\evil.example"])
def test_preferences_never_redirect_elsewhere(world: World, target: str) -> None:
    reply = world.app.test_client().post("/preferences", data={"locale": "en", "next": target})
    assert reply.location == "/"


@pytest.fixture
def on_postgresql(templates: Templates, clock: FakeClock, tmp_path: Path) -> Iterator[World]:
    """The world on the database that refuses a NUL in a text."""
    settings, made = templates.settings("postgresql", populated=True, target=tmp_path)
    app = create_app(settings, clock=clock)
    app.testing, app.config["WTF_CSRF_ENABLED"] = True, False
    assert made is not None
    yield made.on(app, clock)
    close_engine(app)


@pytest.mark.parametrize(
    ("role", "method", "path", "data"),
    [
        pytest.param("", "POST", "/staff/sign-in", {"login": "a\0b", "password": "x"}, id="staff sign-in"),
        pytest.param("", "POST", "/seat/bind", {"room_code": "a\0b", "number": "1"}, id="binding a seat"),
        pytest.param("", "POST", "/my/results", {"ticket": "a\0b", "document": "123456"}, id="my results"),
        pytest.param("", "POST", "/attempts/a%00b/answers", {}, id="a save"),
        pytest.param("officer", "GET", "/results/a%00b", {}, id="a path"),
        pytest.param("officer", "GET", "/audit?act=a%00b", {}, id="a query"),
        pytest.param("officer", "POST", "/office/batches", {"name": "a\0b"}, id="a form"),
    ],
)
def test_a_nul_is_refused_and_never_an_error_of_the_server(
    on_postgresql: World, role: str, method: str, path: str, data: dict[str, str]
) -> None:
    client = on_postgresql.staff(role) if role else on_postgresql.app.test_client()
    assert client.open(path, method=method, data=data).status_code == 422


def test_an_error_nobody_expected_tells_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object, **_named: object) -> None:
        raise RuntimeError("SELECT 310101199001011234 FROM secrets")

    monkeypatch.setattr("cbt.accounts.audit_views.entries", fail)
    client = world.staff("officer")
    for accept in ("text/html", "application/json"):
        reply = client.get("/audit", headers={"Accept": accept})
        assert reply.status_code == 500
        assert reply.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert not any(word in reply.text for word in ("SELECT", "3101011990", "RuntimeError", "Traceback"))
