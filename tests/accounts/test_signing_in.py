"""Staff signing in and out, passwords, the second person."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import flask
import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update

from cbt.accounts import passwords, staff
from cbt.accounts import sign_in as service
from cbt.accounts.approvals.requests import Second, SecondPersonTerms, confirm_second
from cbt.accounts.store import staff_by_login, staff_principal
from cbt.errors import Conflict, InvalidInput, NotAllowed, TooMany
from cbt.http.auth.login import Principal
from cbt.http.auth.machine import Machine
from cbt.http.auth.rate_limit import MAX_FAILURES, WINDOW
from cbt.http.models import LoginSession
from cbt.rules.roles import Role
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.helpers import FakeClock
from tests.world import World

MACHINE = Machine(None, "10.0.0.9")
OWN = "a sentence nobody guesses"


def hire(app: flask.Flask, clock: FakeClock, login: str, *roles: Role, settled: bool = True) -> str:
    """Add a person; return their password, which is their own when settled, else the one-time one."""
    with app.app_context():
        once = staff.create_staff(
            login=login, name=f"{login}老师", roles=roles or (Role.OFFICER,), now=clock.now(), actor="cli"
        )
        if not settled:
            return once
        service.change_password(principal(app, login), old=once, new=OWN, machine=MACHINE, now=clock.now())
    return OWN


def principal(app: flask.Flask, login: str) -> Principal:
    with app.app_context(), reading() as session:
        staff = staff_by_login(session, login)
        assert staff is not None
        found = staff_principal(session, staff.ref)
        assert found is not None
        return found


def sign_in(client: FlaskClient, login: str, password: str, **more: str) -> int:
    return client.post("/staff/sign-in", data={"login": login, "password": password, **more}).status_code


def test_a_person_signs_in_and_out(app: flask.Flask, clock: FakeClock) -> None:
    hire(app, clock, "zhou")
    client = app.test_client()
    assert sign_in(client, "ZHOU ", OWN) == 303
    assert "zhou老师" in client.get("/staff").text
    assert client.post("/staff/sign-out").status_code == 303
    assert client.get("/staff").headers["Location"].startswith("/staff/sign-in")


def test_signing_out_ends_the_login_on_the_server(app: flask.Flask, clock: FakeClock) -> None:
    hire(app, clock, "zhou")
    client = app.test_client()
    sign_in(client, "zhou", OWN)
    with client.session_transaction("/staff") as cookie:
        kept = dict(cookie)
    client.post("/staff/sign-out")
    with client.session_transaction("/staff") as cookie:
        cookie.update(kept)
    assert client.get("/staff").status_code == 303


@pytest.mark.parametrize("login", [pytest.param("zhou", id="known"), pytest.param("nobody", id="unknown")])
def test_a_wrong_password_does_not_tell_whether_the_login_exists(
    app: flask.Flask, clock: FakeClock, login: str
) -> None:
    hire(app, clock, "zhou")
    answer = app.test_client().post("/staff/sign-in", data={"login": login, "password": "wrong wrong"})
    assert answer.status_code == 403
    assert "登录名或密码不正确" in answer.text


def test_unknown_logins_cost_a_verify_too(
    app: flask.Flask, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str | None] = []
    real = passwords.matches

    def counting(password_hash: str | None, password: str) -> bool:
        seen.append(password_hash)
        return real(password_hash, password)

    monkeypatch.setattr(passwords, "matches", counting)
    with app.app_context(), pytest.raises(NotAllowed):
        service.sign_in(login="nobody", password="x", machine=MACHINE, now=clock.now())
    assert seen == [None]


def test_failures_pause_an_account_and_no_other(app: flask.Flask, clock: FakeClock) -> None:
    hire(app, clock, "zhou")
    hire(app, clock, "wang")
    client = app.test_client()
    for _ in range(MAX_FAILURES):
        assert sign_in(client, "zhou", "wrong wrong") == 403
    assert sign_in(client, "zhou", OWN) == 429
    assert sign_in(app.test_client(), "wang", OWN) == 303
    clock.advance(WINDOW - timedelta(seconds=1))
    assert sign_in(client, "zhou", OWN) == 429
    clock.advance(timedelta(seconds=1))
    assert sign_in(client, "zhou", OWN) == 303


def test_a_one_time_password_leads_to_the_password_page_and_nowhere_else(
    app: flask.Flask, clock: FakeClock
) -> None:
    once = hire(app, clock, "zhou", settled=False)
    client = app.test_client()
    sign_in(client, "zhou", once)
    for path in ("/staff", "/office/batches", "/audit"):
        assert client.get(path).headers["Location"] == "/staff/password"
    changed = client.post("/staff/password", data={"old": once, "new": OWN, "again": OWN})
    assert changed.status_code == 303
    assert client.get("/staff").status_code == 200


def test_changing_the_password_ends_other_logins(app: flask.Flask, clock: FakeClock) -> None:
    hire(app, clock, "zhou")
    here, there = app.test_client(), app.test_client()
    sign_in(here, "zhou", OWN)
    sign_in(there, "zhou", OWN)
    new = OWN + " now"
    here.post("/staff/password", data={"old": OWN, "new": new, "again": new})
    assert here.get("/staff").status_code == 200
    assert there.get("/staff").status_code == 303


@pytest.mark.parametrize(
    ("new", "code"),
    [
        pytest.param("123456789", "password.short", id="nine characters"),
        pytest.param("x" * 257, "password.long", id="too long"),
        pytest.param("aaaaaaaaaaaa", "password.weak", id="one letter"),
        pytest.param("1234567890ab", "password.weak", id="a run of digits"),
        pytest.param("my-zhou-2026", "password.own_name", id="holds the login"),
        pytest.param("Password2026", "password.weak", id="the first guess"),
        pytest.param("0123456789", "password.weak", id="ten digits in a row"),
    ],
)
def test_weak_passwords_are_refused(new: str, code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        passwords.check_password(new, login="zhou")
    assert refused.value.code == code


def test_ten_characters_are_enough() -> None:
    passwords.check_password("tea7-Cup.k", login="zhou")


@pytest.mark.parametrize(
    "target",
    [
        pytest.param("https://elsewhere.example/", id="another site"),
        pytest.param("//elsewhere.example", id="no scheme"),
        pytest.param("/\\elsewhere.example", id="backslash"),
    ],
)
def test_sign_in_never_leads_to_another_site(app: flask.Flask, clock: FakeClock, target: str) -> None:
    hire(app, clock, "zhou")
    answer = app.test_client().post("/staff/sign-in", data={"login": "zhou", "password": OWN, "next": target})
    assert answer.headers["Location"] == "/staff"


def test_disabling_ends_a_login_at_once_and_keeps_the_person_out(app: flask.Flask, clock: FakeClock) -> None:
    hire(app, clock, "zhou")
    client = app.test_client()
    sign_in(client, "zhou", OWN)
    with app.app_context():
        staff.disable_staff(ref=principal(app, "zhou").subject_ref, now=clock.now(), actor="cli")
    assert client.get("/staff").status_code == 303
    assert sign_in(client, "zhou", OWN) == 403


def test_the_last_administrator_stays(app: flask.Flask, clock: FakeClock) -> None:
    hire(app, clock, "root", Role.ADMIN)
    ref = principal(app, "root").subject_ref
    with app.app_context():
        for act in (
            lambda: staff.disable_staff(ref=ref, now=clock.now(), actor="cli"),
            lambda: staff.set_roles(ref=ref, roles=[Role.OFFICER], now=clock.now(), actor="cli"),
        ):
            with pytest.raises(Conflict) as refused:
                act()
            assert refused.value.code == "staff.last_admin"
    hire(app, clock, "second", Role.ADMIN)
    with app.app_context():
        staff.disable_staff(ref=ref, now=clock.now(), actor="cli")


def test_the_second_person_is_somebody_else_with_the_right_role(app: flask.Flask, clock: FakeClock) -> None:
    hire(app, clock, "first", Role.PROCTOR)
    hire(app, clock, "chief", Role.CHIEF_PROCTOR)
    hire(app, clock, "author", Role.AUTHOR)
    once = hire(app, clock, "fresh", Role.PROCTOR, settled=False)
    first = principal(app, "first")
    tries = {
        ("first", OWN): "second.same",
        ("First ", "wrong wrong"): "second.same",
        ("chief", "wrong wrong"): "second.wrong",
        ("author", OWN): "second.not_here",
        ("nobody", OWN): "second.wrong",
        ("fresh", once): "second.wrong",
    }
    with app.test_request_context():
        for (login, password), code in tries.items():
            with pytest.raises((InvalidInput, NotAllowed)) as refused:
                confirmed(login, password, first, clock)
            assert refused.value.code == code
        assert confirmed("Chief", OWN, first, clock).name == principal(app, "chief").name
        with pytest.raises(NotAllowed) as refused:
            confirmed("Chief", OWN, first, clock, allowed=False)
        assert refused.value.code == "second.by_password_off"


def confirmed(
    login: str, password: str, first: Principal, clock: FakeClock, *, allowed: bool = True
) -> Second:
    return confirm_second(
        login=login,
        password=password,
        first=first,
        wanted=SecondPersonTerms(),
        allowed=allowed,
        machine="m",
        now=clock.now(),
    )


def test_a_try_of_the_second_person_is_counted_though_the_act_is_rolled_back(
    app: flask.Flask, clock: FakeClock
) -> None:
    hire(app, clock, "first", Role.PROCTOR)
    hire(app, clock, "chief", Role.CHIEF_PROCTOR)
    first = principal(app, "first")

    def guess() -> None:
        with app.test_request_context():
            confirmed("chief", "guess guess", first, clock)

    for _ in range(MAX_FAILURES):
        with pytest.raises(InvalidInput):
            guess()
    with pytest.raises(TooMany):
        guess()


def test_only_a_page_of_staff_tells_its_script_where_to_say_that_somebody_types(world: World) -> None:
    told = 'data-here="/staff/here"'
    assert told in world.staff("officer").get("/staff").text
    assert told not in world.app.test_client().get("/staff/sign-in").text


@pytest.mark.once
def test_ones_logins_are_listed_this_browser_first_and_ended_by_their_owner_alone(
    app: flask.Flask, clock: FakeClock
) -> None:
    for login in ("zhou", "wang"):
        hire(app, clock, login)
    with app.app_context():
        for login in ("zhou", "zhou", "zhou", "wang"):
            service.sign_in(login=login, password=OWN, machine=MACHINE, now=clock.now())
        with reading() as session:
            refs = {login: principal(app, login).subject_ref for login in ("zhou", "wang")}
            query = select(LoginSession.id).where(LoginSession.revoked_at.is_(None)).order_by(LoginSession.id)
            *_former, first, here, last = session.scalars(
                query.where(LoginSession.subject_ref == refs["zhou"])
            )
            theirs = session.scalars(query.where(LoginSession.subject_ref == refs["wang"])).all()[-1]
        me = replace(principal(app, "zhou"), login_session_id=here)
        other = replace(principal(app, "wang"), login_session_id=theirs)

        def listed(who: Principal) -> list[int]:
            return [row.id for row in service.open_ones(who, now=clock.now())]

        assert (listed(me)[:3], listed(other)[:1]) == ([here, last, first], [theirs])
        service.end_one(me, theirs, now=clock.now())
        service.end_one(me, here, now=clock.now())
        assert (listed(me)[:3], listed(other)[:1]) == ([here, last, first], [theirs])
        service.end_one(me, last, now=clock.now())
        assert listed(me)[:2] == [here, first]
        service.end_others(me, now=clock.now())
        assert (listed(me), listed(other)[:1]) == ([here], [theirs])
        with unit_of_work() as session:
            expires = session.get_one(LoginSession, here).expires_at
            session.execute(update(LoginSession).values(seen_at=expires))
        clock.set(expires - timedelta(seconds=1))
        assert listed(me) == [here]
        clock.set(expires)
        assert listed(me) == []


@pytest.mark.once
def test_a_change_of_password_is_refused_at_its_field_and_leaves_it_as_it_was(
    app: flask.Flask, clock: FakeClock
) -> None:
    once = hire(app, clock, "zhou", settled=False)
    me = principal(app, "zhou")

    def changed(old: str, new: str) -> tuple[str, object]:
        with app.app_context():
            try:
                service.change_password(me, old=old, new=new, machine=MACHINE, now=clock.now())
            except InvalidInput as error:
                return error.code, error.params.get("field")
        return "", None

    assert changed("wrong wrong", OWN) == ("password.old_wrong", "old")
    assert changed(once, once) == ("password.same", "new")
    assert changed(once, "short") == ("password.short", "new")
    with app.app_context(), reading() as session:
        held = staff_by_login(session, "zhou")
        assert held is not None
        assert (held.must_change_password, held.password_issued_at) == (True, clock.now())
    assert changed(once, OWN) == ("", None)
    with app.app_context(), reading() as session:
        held = staff_by_login(session, "zhou")
        assert held is not None
        assert (held.must_change_password, held.password_issued_at) == (False, None)
    for _try in range(2 * MAX_FAILURES):  # whoever knows the old one guesses nothing
        assert changed(OWN, OWN) == ("password.same", "new")
    client = app.test_client()
    assert sign_in(client, "zhou", OWN) == 303
    differs = client.post("/staff/password", data={"old": OWN, "new": OWN + "1", "again": OWN})
    assert (differs.status_code, sign_in(client, "zhou", OWN)) == (422, 303)
