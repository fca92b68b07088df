"""Every route × every role × other people's objects, generated from the URL map.

A new page fails here until it says who may call it; who may is then read from the page itself, and checked
against what the server does.
"""

from __future__ import annotations

from collections.abc import Iterator

import flask
import pytest
from werkzeug.routing import Rule

from cbt.rules.roles import Role
from cbt.web.access import Access, access_of
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
        for method in sorted(rule.methods - {"HEAD", "OPTIONS"}):  # type: ignore[operator]
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
