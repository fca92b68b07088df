"""Attacks on the sign-in of staff: codes, half logins, logins that outlast their person, guessed passwords."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial

import flask
import pytest
from click.testing import CliRunner
from sqlalchemy import func, select, text, update

from cbt.accounts import passwords
from cbt.accounts import second_factor as factor_service
from cbt.accounts.approvals.requests import Second
from cbt.accounts.commands import staff as staff_commands
from cbt.accounts.models import Approval, RecoveryCode, Staff, StaffFactor
from cbt.accounts.staff import disable_staff, reset_password
from cbt.audit.models import AuditEntry
from cbt.errors import CbtError, InvalidInput
from cbt.http.app_context import register_factory
from cbt.http.auth import rate_limit
from cbt.http.auth.login import BOARD_IDLE, HALF, IDLE, INPUT_HEADER
from cbt.http.auth.login_store import STAFF_LIFETIME
from cbt.http.models import LoginSession
from cbt.rules.roles import GIVEN, Role
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.accounts.test_signing_in import MACHINE, OWN, hire, principal, sign_in
from tests.attacks.signing import enrolled, give_code, give_password, is_in
from tests.helpers import FakeClock, sign_in_as
from tests.world import PASSWORD, World

SECOND = timedelta(seconds=1)


# Between password and code nothing is open.


@pytest.mark.once
@pytest.mark.parametrize(
    ("method", "path"),
    [
        pytest.param("GET", "/staff", id="home"),
        pytest.param("GET", "/staff/account", id="own account"),
        pytest.param("GET", "/staff/account/factor", id="setting up another factor"),
        pytest.param("POST", "/staff/account/factor/off", id="switching the factor off"),
        pytest.param("POST", "/staff/account/logins/others/end", id="ending the owner's logins"),
        pytest.param("POST", "/staff/password", id="changing the password"),
        pytest.param("GET", "/staff/people", id="the staff list"),
        pytest.param("POST", "/staff/people", id="hiring"),
        pytest.param("GET", "/audit", id="the log"),
        pytest.param("GET", "/office/batches", id="the office"),
        pytest.param("GET", "/proctor", id="the rooms"),
        pytest.param("GET", "/results", id="the results"),
        pytest.param("POST", "/staff/here", id="a sign of life"),
    ],
)
def test_a_half_login_opens_nothing(app: flask.Flask, clock: FakeClock, method: str, path: str) -> None:
    enrolled(app, clock, "root", Role.ADMIN, Role.OFFICER)
    reply = give_password(app, "root").open(path, method=method)
    assert reply.status_code == 303
    assert reply.location.startswith("/staff/sign-in/code")


@pytest.mark.once
def test_a_half_login_is_no_candidate(app: flask.Flask, clock: FakeClock) -> None:
    enrolled(app, clock, "root", Role.ADMIN)
    assert give_password(app, "root").get("/exam/confirm").status_code in {303, 404}


def test_a_half_login_lasts_ten_minutes(app: flask.Flask, clock: FakeClock) -> None:
    owner = enrolled(app, clock, "root", Role.ADMIN)
    client, last = give_password(app, "root"), give_password(app, "root")
    clock.advance(timedelta(minutes=10) - timedelta(seconds=1))
    assert give_code(last, owner.code()) == 303
    clock.advance(timedelta(seconds=1))
    assert client.post("/staff/sign-in/code", data={"code": owner.code()}).location.startswith(
        "/staff/sign-in?"
    )
    assert not is_in(client)


@pytest.mark.once
@pytest.mark.parametrize("how", ["disabled", "new password", "factor taken away"])
def test_a_half_login_ends_with_what_it_was_opened_by(app: flask.Flask, clock: FakeClock, how: str) -> None:
    enrolled(app, clock, "root", Role.ADMIN)
    owner = enrolled(app, clock, "li", Role.OFFICER)
    client = give_password(app, "li")
    with app.app_context():
        if how == "disabled":
            disable_staff(ref=principal(app, "li").subject_ref, now=clock.now(), actor="cli")
        elif how == "new password":
            reset_password(login="li", now=clock.now(), actor="cli")
        else:
            factor_service.reset(login="li", reason="手机丢失", now=clock.now(), actor="cli")
    give_code(client, owner.code())
    assert not is_in(client)


@pytest.mark.once
def test_a_half_login_is_finished_once(app: flask.Flask, clock: FakeClock) -> None:
    owner = enrolled(app, clock, "root", Role.ADMIN)
    client = give_password(app, "root")
    with client.session_transaction("/staff") as cookie:
        half = cookie["_user_id"]
    assert give_code(client, owner.code()) == 303
    with client.session_transaction("/staff") as cookie:
        cookie["_user_id"] = half
    give_code(client, owner.code(1))
    assert not is_in(client)


@pytest.mark.once
@pytest.mark.parametrize("target", ["//evil.example/", "https://evil.example/", "/\\evil.example"])
def test_the_code_never_leads_to_another_site(app: flask.Flask, clock: FakeClock, target: str) -> None:
    owner = enrolled(app, clock, "root", Role.ADMIN)
    client = give_password(app, "root")
    reply = client.post("/staff/sign-in/code", data={"code": owner.code(), "next": target})
    assert reply.location == "/staff"


# Codes.


@pytest.mark.once
@pytest.mark.parametrize(
    ("off", "opens"),
    [
        pytest.param(-2, False, id="a minute old"),
        pytest.param(-1, True, id="the one before"),
        pytest.param(0, True, id="the present one"),
        pytest.param(1, True, id="the next one"),
        pytest.param(2, False, id="a minute early"),
    ],
)
def test_a_code_holds_for_its_step_and_its_neighbours(
    app: flask.Flask, clock: FakeClock, off: int, opens: bool
) -> None:
    owner = enrolled(app, clock, "root", Role.ADMIN)
    client = give_password(app, "root")
    assert give_code(client, owner.code(off)) == (303 if opens else 403)
    assert is_in(client) is opens


@pytest.mark.once
@pytest.mark.parametrize("later", [pytest.param(0, id="at once"), pytest.param(25, id="within its step")])
def test_a_code_that_was_seen_is_no_use(app: flask.Flask, clock: FakeClock, later: int) -> None:
    owner = enrolled(app, clock, "root", Role.ADMIN)
    seen = owner.code()
    assert give_code(give_password(app, "root"), seen) == 303
    clock.advance(timedelta(seconds=later))
    assert give_code(give_password(app, "root"), seen) == 403


@pytest.mark.once
def test_an_older_code_is_refused_after_a_newer_one(app: flask.Flask, clock: FakeClock) -> None:
    owner = enrolled(app, clock, "root", Role.ADMIN)
    older = owner.code(-1)
    assert give_code(give_password(app, "root"), owner.code()) == 303
    assert give_code(give_password(app, "root"), older) == 403


@pytest.mark.once
def test_the_code_of_setting_up_does_not_sign_in(app: flask.Flask, clock: FakeClock) -> None:
    owner = enrolled(app, clock, "root", Role.ADMIN)
    clock.advance(timedelta(seconds=-60))
    assert give_code(give_password(app, "root"), owner.code()) == 403


@pytest.mark.once
@pytest.mark.parametrize("what", ["app", "recovery"])
def test_another_persons_code_is_refused(app: flask.Flask, clock: FakeClock, what: str) -> None:
    enrolled(app, clock, "root", Role.ADMIN)
    other = enrolled(app, clock, "li", Role.OFFICER)
    code = other.code() if what == "app" else other.codes[0]
    assert give_code(give_password(app, "root"), code) == 403


@pytest.mark.once
@pytest.mark.parametrize(
    "typed",
    [
        pytest.param("", id="nothing"),
        pytest.param("12345", id="five digits"),
        pytest.param("1234567", id="seven digits"),
        pytest.param("abcdef", id="letters"),
        pytest.param("１２３４５٦", id="digits of two scripts"),
        pytest.param("-" * 40, id="dashes"),
        pytest.param("7" * 100_000, id="very long"),
        pytest.param("0' OR '1'='1", id="SQL"),
        pytest.param("²-aaaa-aaaa-aaaa", id="a raised digit"),
        pytest.param("123456\0", id="a NUL"),
    ],
)
def test_what_is_no_code_is_refused_in_words(app: flask.Flask, clock: FakeClock, typed: str) -> None:
    enrolled(app, clock, "root", Role.ADMIN)
    client = give_password(app, "root")
    assert give_code(client, typed) in {403, 422}
    assert not is_in(client)


@pytest.mark.once
@pytest.mark.parametrize(
    "spell",
    [
        pytest.param(lambda code: code, id="as printed"),
        pytest.param(lambda code: code.replace("-", ""), id="without dashes"),
        pytest.param(lambda code: f" {code.upper().replace('-', ' ')} ", id="capitals and spaces"),
        pytest.param(lambda code: code.replace("-", "－"), id="an input method's dashes"),
    ],
)
def test_a_recovery_code_opens_once(app: flask.Flask, clock: FakeClock, spell: Callable[[str], str]) -> None:
    owner = enrolled(app, clock, "root", Role.ADMIN)
    assert give_code(give_password(app, "root"), spell(owner.codes[3])) == 303
    assert give_code(give_password(app, "root"), spell(owner.codes[3])) == 403
    assert give_code(give_password(app, "root"), owner.codes[4]) == 303
    with app.app_context(), reading() as session:
        used = session.scalars(select(AuditEntry).where(AuditEntry.act == "staff.factor_code")).all()
        ref = session.scalars(select(Staff.ref).where(Staff.login == "root")).one()
    assert [(one.actor, one.subject, one.after) for one in used] == [
        (f"staff:{ref}", f"staff:{ref}", f'{{"number":{number}}}') for number in (3, 4)
    ]


@pytest.mark.once
def test_the_pages_of_a_second_factor_lead_where_each_stands(app: flask.Flask, clock: FakeClock) -> None:
    """Before one is there, with half a login, with one; what is asked of none, or twice, is refused."""
    hire(app, clock, "zhou", Role.OFFICER)
    plain = sign_in_as(app, kind="staff", subject_ref=principal(app, "zhou").subject_ref)
    assert plain.get("/staff/account/factor").status_code == 200
    assert plain.get("/staff/sign-in/code?next=/staff/people").location == "/staff/sign-in?next=/staff/people"
    sent = {"password": OWN, "code": "123456"}
    for act in ("codes", "off"):
        assert plain.post(f"/staff/account/factor/{act}", data=sent).status_code == 409, act
    owner = enrolled(app, clock, "root", Role.ADMIN)
    half = give_password(app, "root")
    assert half.get("/staff/sign-in?next=/staff/people").location == "/staff/sign-in/code?next=/staff/people"
    page = half.get("/staff/sign-in/code?next=/staff/people")
    assert (page.status_code, 'value="/staff/people"' in page.text) == (200, True)
    answer = half.post("/staff/sign-in/code", data={"code": owner.code(), "next": "/staff/people"})
    assert answer.location == "/staff/people"
    assert half.get("/staff/account/factor").location == "/staff/account"
    assert half.post("/staff/account/factor/explode", data=sent).status_code == 422
    assert half.post("/staff/here").status_code == 204
    with app.app_context():
        me = principal(app, "root")
        with pytest.raises(CbtError) as error:
            factor_service.enrol(
                me, secret=owner.secret, password=OWN, code=owner.code(), machine=MACHINE, now=clock.now()
            )
        assert error.value.code == "factor.there"
        for login, reason, code in (
            ("nobody", "丢失", "staff.no_login"),
            ("zhou", "丢失", "factor.none"),
            ("root", " ", "factor.reason"),
            ("nobody", "长" * 201, "factor.reason"),
            ("nobody", "长" * 200, "staff.no_login"),
        ):
            with pytest.raises(CbtError) as error:
                factor_service.reset(login=login, reason=reason, now=clock.now(), actor="cli")
            assert error.value.code == code
        for wrong, field in (({"password": "x"}, "password"), ({"code": "000000"}, "code")):
            with pytest.raises(CbtError) as error:
                factor_service.enrol(
                    replace(principal(app, "zhou"), login_session_id=1), secret=owner.secret, machine=MACHINE,
                    now=clock.now(), **{"password": OWN, "code": owner.code()} | wrong,
                )  # fmt: skip
            assert error.value.params["field"] == field


@pytest.mark.once
def test_each_act_on_a_second_factor_is_on_record_and_each_refusal_has_its_code(
    app: flask.Flask, clock: FakeClock
) -> None:
    """Of one's own, which asks for password and code; of another's, by who is neither of the two."""
    root, li = enrolled(app, clock, "root", Role.ADMIN), enrolled(app, clock, "li", Role.INSPECTOR)

    def said(act: Callable[..., object], **sent: object) -> tuple[str, object]:
        with pytest.raises(CbtError) as error:
            act(**sent)
        return error.value.code, error.value.params.get("field")

    def by(login: str, code: str, password: str = OWN) -> dict[str, object]:
        return {"password": password, "code": code, "machine": MACHINE, "now": clock.now()}

    def left() -> dict[int, int]:
        """How many codes each has whose second factor is set up."""
        with reading() as session:
            counted = select(RecoveryCode.staff_id, func.count()).group_by(RecoveryCode.staff_id)
            codes = {row[0]: row[1] for row in session.execute(counted)}
            assert codes.keys() == set(session.scalars(select(StaffFactor.staff_id)))
        return codes

    wrong, codes = ("factor.wrong", "code"), li.codes
    with app.app_context():
        me, admin = principal(app, "li"), principal(app, "root")
        for act in (factor_service.renew_codes, factor_service.switch_off):
            own = partial(act, me)
            assert said(own, **by("li", codes[0], "x")) == ("factor.password", "password")
            assert said(own, **by("li", "000000")) == said(own, **by("li", root.codes[0])) == wrong
            if act == factor_service.renew_codes:
                _token, fresh = factor_service.renew_codes(me, **by("li", codes[1]))
                assert said(own, **by("li", codes[2])) == wrong, "the old ones are none any more"
                codes = tuple(fresh)
                clock.advance(rate_limit.WINDOW)
                assert left() == {admin.subject_id: 10, me.subject_id: 10}
        assert said(partial(factor_service.switch_off, admin), **by("root", root.codes[1])) == (
            "factor.required",
            None,
        )
        factor_service.switch_off(me, **by("li", codes[3]))
        assert left() == {admin.subject_id: 10}
        for act in (factor_service.renew_codes, factor_service.switch_off):
            assert said(partial(act, me), **by("li", codes[4])) == ("factor.none", None)
        reset = partial(factor_service.reset_by_two, reason="丢失", now=clock.now())
        for ref, first, second, code in (
            (admin.subject_ref, admin, None, "factor.own_reset"),
            (me.subject_ref, admin, Second(me.subject_ref, "李", frozenset()), "factor.own_second"),
            (me.subject_ref, admin, None, "factor.none"),
            (admin.subject_ref, me, None, "second.needed"),
        ):
            assert said(partial(reset, ref, first=first, second=second))[0] == code
        with reading() as session:
            log = session.scalars(
                select(AuditEntry).where(AuditEntry.act.startswith("staff.factor")).order_by(AuditEntry.id)
            ).all()
    own_acts = [("root", "on"), ("li", "on"), ("li", "codes"), ("li", "off")]
    refs = {"root": f"staff:{admin.subject_ref}", "li": f"staff:{me.subject_ref}"}
    assert [(one.actor, one.subject, one.act) for one in log] == [
        (refs[who], refs[who], f"staff.factor_{act}") for who, act in own_acts
    ]


@pytest.mark.once
def test_who_goes_back_from_the_code_is_half_signed_in_no_more(app: flask.Flask, clock: FakeClock) -> None:
    owner = enrolled(app, clock, "root", Role.ADMIN)
    client = give_password(app, "root")
    assert client.post("/staff/sign-in/again").location == "/staff/sign-in"
    assert give_code(client, owner.code()) != 303 or client.get("/staff").status_code != 200
    with app.app_context(), reading() as session:
        half = session.scalars(select(LoginSession).where(LoginSession.kind == HALF)).one()
        assert half.revoked_at == clock.now()
    whole = give_password(app, "root")
    assert give_code(whole, owner.code(1)) == 303
    assert whole.post("/staff/sign-in/again").location == "/staff/sign-in"
    assert whole.get("/staff").status_code == 200, "who is signed in stays so"


@pytest.mark.once
def test_new_recovery_codes_end_the_old_ones(app: flask.Flask, clock: FakeClock) -> None:
    owner = enrolled(app, clock, "root", Role.ADMIN)
    client = give_password(app, "root")
    give_code(client, owner.code())
    page = client.post("/staff/account/factor/codes", data={"password": OWN, "code": owner.code(1)})
    assert page.text.count("<li><code>") == 10
    assert give_code(give_password(app, "root"), owner.codes[0]) == 403


@pytest.mark.parametrize("what", ["app", "recovery"])
def test_of_parallel_sign_ins_with_one_code_one_gets_in(
    app: flask.Flask, clock: FakeClock, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = enrolled(app, clock, "root", Role.ADMIN)
    code = owner.code() if what == "app" else owner.codes[0]
    clients = [give_password(app, "root") for _ in range(5)]
    judged = threading.Barrier(len(clients), timeout=60)
    real = factor_service.judge

    def judge(*args: object, **named: object) -> object:
        proof = real(*args, **named)  # type: ignore[arg-type]  # passed on as it came
        judged.wait()  # the code was right for every one of them before any used it up
        return proof

    monkeypatch.setattr(factor_service, "judge", judge)
    assert sorted(at_once([lambda c=client: give_code(c, code) for client in clients])) == [303] + [403] * 4
    assert sum(is_in(client) for client in clients) == 1


def test_parallel_guesses_are_verified_as_often_as_the_budget(
    app: flask.Flask, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrolled(app, clock, "root", Role.ADMIN)
    clients = [give_password(app, "root") for _ in range(rate_limit.MAX_FAILURES + 6)]
    judged: list[str] = []
    real = factor_service.judge

    def judge(*args: object, **named: object) -> object:
        judged.append("")
        return real(*args, **named)  # type: ignore[arg-type]  # passed on as it came

    monkeypatch.setattr(factor_service, "judge", judge)
    replies = at_once([lambda c=client: give_code(c, "abcdefgh") for client in clients])
    assert len(judged) == rate_limit.MAX_FAILURES
    assert sorted(replies) == [403] * rate_limit.MAX_FAILURES + [429] * 6


def at_once(calls: list[Callable[[], int]]) -> list[int]:
    """Make calls at the same time and return what they answered."""
    replies: list[int] = []
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], int]) -> None:
        barrier.wait()
        replies.append(call())

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return replies


def test_guessing_codes_ends_after_a_few(app: flask.Flask, clock: FakeClock) -> None:
    owner = enrolled(app, clock, "root", Role.ADMIN)
    client = give_password(app, "root")
    for _ in range(rate_limit.MAX_FAILURES):
        assert give_code(client, "000000") in {403, 303}
    assert give_code(client, owner.code()) == 429
    clock.advance(rate_limit.WINDOW)
    assert give_code(client, owner.code()) == 303


# What is kept.


@pytest.mark.once
def test_the_database_holds_no_secret_and_no_code(app: flask.Flask, clock: FakeClock) -> None:
    owner = enrolled(app, clock, "root", Role.ADMIN)
    with app.app_context(), reading() as session:
        sealed = session.scalars(select(StaffFactor.secret_sealed)).one()
        hashes = session.scalars(text("SELECT code_hash FROM staff_recovery_code")).all()
    assert owner.secret.encode() not in sealed
    assert len(hashes) == 10
    assert all(one.startswith("$argon2id$") for one in hashes)


def test_a_secret_moved_to_another_row_opens_nothing(app: flask.Flask, clock: FakeClock) -> None:
    enrolled(app, clock, "root", Role.ADMIN)
    mine = enrolled(app, clock, "li", Role.OFFICER)
    with app.app_context(), unit_of_work() as session:
        ids = {row.login: row.id for row in session.scalars(select(Staff))}
        sealed = session.get(StaffFactor, ids["li"])
        assert sealed is not None
        session.execute(
            update(StaffFactor)
            .where(StaffFactor.staff_id == ids["root"])
            .values(secret_sealed=sealed.secret_sealed, last_step=0)
        )
    client = give_password(app, "root")
    assert give_code(client, mine.code()) == 403  # a secret that does not open knows no code
    assert not is_in(client)


@pytest.mark.once
@pytest.mark.parametrize("whose", ["another login", "made up", "cut"])
def test_a_secret_somebody_else_knows_is_not_set_up(app: flask.Flask, clock: FakeClock, whose: str) -> None:
    hire(app, clock, "root", Role.ADMIN)
    there, here = app.test_client(), app.test_client()
    sign_in(there, "root", OWN)
    sign_in(here, "root", OWN)
    offer = there.get("/staff/account/factor").text.split('name="offer" value="')[1].split('"')[0]
    sent = {"another login": offer, "made up": "QUJD", "cut": offer[:30]}[whose]
    page = here.post("/staff/account/factor", data={"offer": sent, "code": "123456", "password": OWN})
    assert page.status_code == 422
    assert "二维码已经过期" in page.text


@pytest.mark.once
def test_a_wrong_code_keeps_the_secret_that_was_scanned(app: flask.Flask, clock: FakeClock) -> None:
    hire(app, clock, "root", Role.ADMIN)
    browser = app.test_client()
    sign_in(browser, "root", OWN)
    page, offers = browser.get("/staff/account/factor"), []
    for password, code, said in (("", "", ""), (OWN, "000000", "验证码"), ("wrong wrong", "000000", "密码")):
        if said:
            sent = {"offer": offers[0], "code": code, "password": password}
            page = browser.post("/staff/account/factor", data=sent)
            assert (page.status_code, said in page.text) == (422, True)
        offers.append(page.text.split('name="offer" value="')[1].split('"')[0])
    assert len({*offers}) == 1
    with app.test_request_context(), reading() as session:
        assert session.scalars(select(StaffFactor)).all() == []


# Switching it off.


@pytest.mark.once
@pytest.mark.parametrize(
    ("password", "off"),
    [
        pytest.param("wrong wrong", 1, id="without the password"),
        pytest.param(OWN, 9, id="without a code"),
        pytest.param(OWN, 0, id="with the code that signed in"),
    ],
)
def test_an_open_browser_does_not_switch_it_off(
    app: flask.Flask, clock: FakeClock, password: str, off: int
) -> None:
    owner = enrolled(app, clock, "ming", Role.AUTHOR)
    client = give_password(app, "ming")
    give_code(client, owner.code())
    data = {"password": password, "code": owner.code(off)}
    assert client.post("/staff/account/factor/off", data=data).status_code in {403, 422}
    assert "已启用" in client.get("/staff/account").text
    data = {"password": OWN, "code": owner.code(1)}
    assert client.post("/staff/account/factor/off", data=data).status_code == 303
    assert is_in(client)


@pytest.mark.once
def test_who_must_have_one_cannot_switch_it_off(app: flask.Flask, clock: FakeClock) -> None:
    owner = enrolled(app, clock, "root", Role.ADMIN)
    client = give_password(app, "root")
    give_code(client, owner.code())
    reply = client.post("/staff/account/factor/off", data={"password": OWN, "code": owner.code(1)})
    assert reply.status_code == 409


def test_taking_one_away_is_recorded_and_never_ones_own(app: flask.Flask, clock: FakeClock) -> None:
    owner = enrolled(app, clock, "root", Role.ADMIN)
    other = enrolled(app, clock, "li", Role.OFFICER)
    client = give_password(app, "root")
    give_code(client, owner.code())
    mine, theirs = (principal(app, login).subject_ref for login in ("root", "li"))
    asked = {"reason": "手机丢失，当面核对身份证", "ask": "1"}
    assert client.post(f"/staff/people/{mine}/reset-factor", data=asked).status_code == 409
    assert client.post(f"/staff/people/{theirs}/reset-factor", data={"ask": "1"}).status_code == 422
    waiting = client.post(f"/staff/people/{theirs}/reset-factor", data=asked)
    assert waiting.location.startswith("/approvals/")

    def held() -> Staff:
        with app.app_context(), reading() as session:
            return session.scalars(select(Staff).where(Staff.login == "li")).one()

    assert held().factor_reset_at is None  # nothing happens before another person approves it
    with app.app_context(), reading() as session:
        digest = session.scalars(select(Approval.digest)).one()
    approve = (f"{waiting.location}/approve", {"digest": digest})
    themselves = give_password(app, "li")
    give_code(themselves, other.code())
    assert "本人不能批准" in themselves.post(approve[0], data=approve[1], follow_redirects=True).text
    assert held().factor_reset_at is None

    waiting = client.post(f"/staff/people/{theirs}/reset-factor", data=asked)
    with app.app_context(), reading() as session:
        digest = session.scalars(select(Approval.digest).order_by(Approval.id.desc())).first()
    second = enrolled(app, clock, "wang", Role.CHIEF_PROCTOR)
    chief = give_password(app, "wang")
    give_code(chief, second.code())
    shown = chief.get(waiting.location).text
    assert ("手机丢失，当面核对身份证" in shown, "取消两步验证" in shown) == (True, True)
    assert chief.post(f"{waiting.location}/approve", data={"digest": digest}).status_code == 303
    assert (held().factor_reset_at, held().factor_reset_by) == (clock.now(), f"staff:{mine}")
    assert "两步验证已取消，该账号的登录已全部结束。" in client.get(waiting.location).text
    with app.app_context(), reading() as session:
        last = (
            select(AuditEntry).where(AuditEntry.subject == f"staff:{theirs}").order_by(AuditEntry.id.desc())
        )
        entry = session.scalars(last).first()
    assert (entry.act, entry.reason) == ("staff.factor_reset", asked["reason"])
    assert json.loads(entry.after) == {"second": f"staff:{principal(app, 'wang').subject_ref}"}
    assert give_password(app, "li").get("/staff").location == "/staff/account/factor"


@pytest.mark.once
@pytest.mark.parametrize(
    "role", [Role.OFFICER, Role.INSPECTOR, Role.CHIEF_PROCTOR], ids=lambda role: role.value
)
def test_only_an_administrator_takes_one_away(app: flask.Flask, clock: FakeClock, role: Role) -> None:
    enrolled(app, clock, "li", Role.AUTHOR)
    hire(app, clock, "other", role)
    client = app.test_client()
    sign_in(client, "other", OWN)
    ref = principal(app, "li").subject_ref
    assert client.post(f"/staff/people/{ref}/reset-factor").status_code == 403


@pytest.mark.once
def test_the_command_takes_one_away(app: flask.Flask, clock: FakeClock) -> None:
    enrolled(app, clock, "root", Role.ADMIN)
    register_factory(lambda: app)
    assert CliRunner().invoke(staff_commands, ["reset-factor", "Root"]).exit_code == 2
    done = CliRunner().invoke(staff_commands, ["reset-factor", "Root", "--reason", "手机丢失"])
    assert done.exit_code == 0, done.output
    assert give_password(app, "root").get("/staff").location == "/staff/account/factor"


# Who must have one.


@pytest.mark.once
def test_nobody_is_asked_before_an_administrator_has_one(app: flask.Flask, clock: FakeClock) -> None:
    enrolled(app, clock, "kao", Role.OFFICER)
    hire(app, clock, "root", Role.ADMIN)
    client = app.test_client()
    assert sign_in(client, "root", OWN) == 303
    assert is_in(client)


@pytest.mark.once
@pytest.mark.parametrize(
    ("role", "led"),
    [
        pytest.param(role, role in {Role.ADMIN, Role.OFFICER, Role.CHIEF_PROCTOR}, id=role.value)
        for role in GIVEN
    ],
)
def test_from_then_on_the_named_roles_are_led_to_set_one_up(
    app: flask.Flask, clock: FakeClock, role: Role, led: bool
) -> None:
    hire(app, clock, "li", role)
    working = app.test_client()
    sign_in(working, "li", OWN)
    enrolled(app, clock, "root", Role.ADMIN)
    assert is_in(working), "nobody is interrupted at work"
    fresh = app.test_client()
    sign_in(fresh, "li", OWN)
    for path in ("/staff", "/audit", "/staff/account"):
        there = fresh.get(path)
        assert (there.location == "/staff/account/factor") is led
    assert fresh.post("/staff/sign-out").status_code == 303


@pytest.mark.once
def test_a_role_is_asked_of_nobody_where_the_setting_says_none(app: flask.Flask, clock: FakeClock) -> None:
    from dataclasses import replace

    app.extensions["cbt_settings"] = replace(app.extensions["cbt_settings"], second_factor_roles="none")
    enrolled(app, clock, "root", Role.ADMIN)
    hire(app, clock, "li", Role.OFFICER)
    client = app.test_client()
    sign_in(client, "li", OWN)
    assert is_in(client)


# Logins: fixation, idling, the end.


@pytest.mark.once
def test_no_step_of_signing_in_keeps_what_was_planted(app: flask.Flask, clock: FakeClock) -> None:
    owner = enrolled(app, clock, "root", Role.ADMIN)
    client = app.test_client()
    seen = []
    with client.session_transaction("/staff") as cookie:
        cookie["_user_id"], cookie["csrf_token"] = "planted", "planted"
    give_password(app, "root", client=client)
    for code in (None, owner.code()):
        if code:
            give_code(client, code)
        with client.session_transaction("/staff") as cookie:
            seen.append(cookie["_user_id"])
            assert cookie.get("csrf_token") != "planted"
    assert len({"planted", *seen}) == 3


@pytest.mark.once
@pytest.mark.parametrize("as_whom", ["the same person", "somebody else"])
def test_signing_in_again_ends_what_this_browser_had(
    app: flask.Flask, clock: FakeClock, as_whom: str
) -> None:
    hire(app, clock, "root", Role.ADMIN)
    hire(app, clock, "li", Role.OFFICER)
    client, thief = app.test_client(), app.test_client()
    sign_in(client, "root", OWN)
    with client.session_transaction("/staff") as cookie:
        stolen = cookie["_user_id"]
    sign_in(client, "root" if as_whom == "the same person" else "li", OWN)
    with thief.session_transaction("/staff") as cookie:
        cookie["_user_id"] = stolen
    assert not is_in(thief)
    assert is_in(client)


def test_an_idle_login_ends_and_says_so(app: flask.Flask, clock: FakeClock) -> None:
    hire(app, clock, "li", Role.OFFICER)
    client = app.test_client()
    sign_in(client, "li", OWN)
    clock.advance(IDLE - SECOND)
    assert is_in(client)
    clock.advance(IDLE)
    reply = client.get("/office/batches?page=2")
    assert reply.location == "/staff/sign-in?next=/office/batches?page%3D2&over=idle"
    assert "超过 30 分钟没有操作" in client.get(reply.location).text
    clock.advance(-IDLE + SECOND)
    assert is_in(client), "it was the idling, nothing else"


@pytest.mark.once
def test_a_fragment_leads_back_to_its_page(app: flask.Flask, clock: FakeClock) -> None:
    client = app.test_client()
    here = {"HX-Request": "true", "HX-Current-URL": "http://localhost/proctor/rooms/x?view=list"}
    reply = client.get("/proctor/rooms/x/live", headers=here)
    assert reply.headers["HX-Redirect"] == "/staff/sign-in?next=/proctor/rooms/x?view%3Dlist"
    away = {"HX-Request": "true", "HX-Current-URL": "https://evil.example/trap"}
    assert client.get("/proctor/rooms/x/live", headers=away).headers["HX-Redirect"] == "/staff/sign-in"


def at_the_board(world: World) -> tuple[flask.testing.FlaskClient, str]:
    world.admit_all()
    world.start()
    client = world.app.test_client()
    login = world.people["proctor"].login
    assert client.post("/staff/sign-in", data={"login": login, "password": PASSWORD}).status_code == 303
    room = f"/proctor/rooms/{world.room_ref}"
    assert client.get(room).status_code == 200
    return client, f"{room}/live"


def poll(world: World, client: flask.testing.FlaskClient, path: str, span: timedelta, **headers: str) -> int:
    """Poll every twenty minutes for `span`; return the last status."""
    status, until = 200, world.clock.now() + span
    while world.clock.now() < until:
        world.clock.advance(min(timedelta(minutes=20), until - world.clock.now()))
        status = client.get(path, headers=headers).status_code
    return status


def test_a_board_that_polls_alone_does_not_keep_its_login_for_ever(world: World) -> None:
    client, live = at_the_board(world)
    assert poll(world, client, live, BOARD_IDLE - SECOND) == 200
    assert poll(world, client, live, SECOND) == 303


@pytest.mark.once
def test_a_page_that_reloads_itself_does_not_either(world: World) -> None:
    client, live = at_the_board(world)
    page = live.removesuffix("/live") + "?poll=1"
    assert poll(world, client, page, BOARD_IDLE - SECOND) == 200
    assert poll(world, client, page, SECOND) == 303


@pytest.mark.once
def test_a_hand_on_the_board_keeps_it(world: World) -> None:
    client, live = at_the_board(world)
    assert poll(world, client, live, BOARD_IDLE * 2, **{INPUT_HEADER: "1"}) == 200


@pytest.mark.once
def test_a_board_that_was_closed_keeps_nothing(world: World) -> None:
    client, live = at_the_board(world)
    assert poll(world, client, live, timedelta(minutes=40)) == 200
    world.clock.advance(IDLE)
    assert client.get("/staff").status_code == 303


@pytest.mark.once
def test_the_board_of_a_room_that_does_not_run_keeps_nothing(world: World) -> None:
    world.admit_all()
    client = world.app.test_client()
    login = world.people["proctor"].login
    client.post("/staff/sign-in", data={"login": login, "password": PASSWORD})
    assert poll(world, client, f"/proctor/rooms/{world.room_ref}/live", IDLE) == 303


@pytest.mark.once
def test_a_candidate_is_never_idle(world: World) -> None:
    world.admit_all()
    client = world.candidate("theory")
    world.clock.advance(timedelta(hours=5))
    assert client.get("/exam/wait").location != "/"


@pytest.mark.once
@pytest.mark.parametrize(
    ("span", "inside"),
    [
        pytest.param(STAFF_LIFETIME - SECOND, True, id="a second before"),
        pytest.param(STAFF_LIFETIME, False, id="twelve hours"),
    ],
)
def test_nobody_stays_signed_in_however_busy(
    app: flask.Flask, clock: FakeClock, span: timedelta, inside: bool
) -> None:
    hire(app, clock, "li", Role.OFFICER)
    client = app.test_client()
    sign_in(client, "li", OWN)
    until = clock.now() + span
    while clock.now() < until:
        clock.advance(min(timedelta(minutes=25), until - clock.now()))
        reply = client.get("/staff")
    assert (reply.status_code == 200) is inside
    assert inside or reply.location.endswith("over=expired")


def test_being_there_is_written_once_a_minute(app: flask.Flask, clock: FakeClock) -> None:
    hire(app, clock, "li", Role.OFFICER)
    client = app.test_client()
    sign_in(client, "li", OWN)
    signed_in_at = clock.now()
    seen = []
    for seconds, path in ((59, "/staff"), (1, "/staff"), (1, "/staff/account"), (58, "/staff")):
        clock.advance(seconds * SECOND)
        client.get(path)
        with app.app_context(), reading() as session:
            query = select(LoginSession.seen_at).order_by(LoginSession.id.desc())
            seen.append(session.scalars(query).first())
    assert seen == [signed_in_at, *[signed_in_at + timedelta(minutes=1)] * 3]


@pytest.mark.once
def test_nobody_ends_another_persons_login(app: flask.Flask, clock: FakeClock) -> None:
    hire(app, clock, "root", Role.ADMIN)
    hire(app, clock, "li", Role.OFFICER)
    mine, theirs = app.test_client(), app.test_client()
    sign_in(mine, "root", OWN)
    sign_in(theirs, "li", OWN)
    with app.app_context(), reading() as session:
        ids = session.scalars(select(LoginSession.id)).all()
    for number in ids:
        mine.post(f"/staff/account/logins/{number}/end")
    mine.post("/staff/account/logins/others/end")
    assert is_in(theirs)
    assert is_in(mine)


@pytest.mark.once
def test_a_person_sees_and_ends_their_own_logins(app: flask.Flask, clock: FakeClock) -> None:
    hire(app, clock, "root", Role.ADMIN)
    lost, here = app.test_client(), app.test_client()
    agent = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/109.0.0.0 Safari/537.36"
    lost.post("/staff/sign-in", data={"login": "root", "password": OWN}, headers={"User-Agent": agent})
    sign_in(here, "root", OWN)
    page = here.get("/staff/account").text
    assert "Chrome 109 · Windows" in page
    path = page.split("/staff/account/logins/")[2].split('"')[0]
    assert here.post(f"/staff/account/logins/{path}").status_code == 303
    assert not is_in(lost)
    assert is_in(here)


@pytest.mark.once
@pytest.mark.parametrize("what", ["password", "factor"])
def test_a_new_secret_ends_every_other_login(app: flask.Flask, clock: FakeClock, what: str) -> None:
    owner = enrolled(app, clock, "ming", Role.AUTHOR)
    there, here, half = (give_password(app, "ming") for _ in range(3))
    give_code(there, owner.code())
    give_code(here, owner.code(1))
    clock.advance(timedelta(minutes=1))
    if what == "password":
        new = OWN + " now"
        here.post("/staff/password", data={"old": OWN, "new": new, "again": new})
    else:
        here.post("/staff/account/factor/codes", data={"password": OWN, "code": owner.code()})
    assert is_in(here)
    assert not is_in(there)
    give_code(half, owner.code(1))
    assert not is_in(half)


# Passwords.


@pytest.mark.parametrize(
    ("later", "status", "said"),
    [
        pytest.param(timedelta(hours=72) - SECOND, 303, "", id="a second before"),
        pytest.param(timedelta(hours=72), 403, "一次性密码已超过 72 小时", id="three days"),
        pytest.param(timedelta(days=400), 403, "cbt staff reset", id="found in a drawer"),
    ],
)
def test_a_one_time_password_ends(
    app: flask.Flask, clock: FakeClock, later: timedelta, status: int, said: str
) -> None:
    once = hire(app, clock, "li", settled=False)
    clock.advance(later)
    reply = app.test_client().post("/staff/sign-in", data={"login": "li", "password": once})
    assert reply.status_code == status
    assert said in reply.text
    wrong = app.test_client().post("/staff/sign-in", data={"login": "li", "password": "wrong wrong"})
    assert "一次性密码" not in wrong.text, "whether it was one is told to its holder alone"


@pytest.mark.once
def test_a_new_one_time_password_has_its_own_three_days(app: flask.Flask, clock: FakeClock) -> None:
    hire(app, clock, "li", settled=False)
    clock.advance(timedelta(days=5))
    with app.app_context():
        fresh = reset_password(login="li", now=clock.now(), actor="cli")
    clock.advance(timedelta(hours=71))
    assert sign_in(app.test_client(), "li", fresh) == 303


@pytest.mark.once
def test_an_own_password_has_no_end(app: flask.Flask, clock: FakeClock) -> None:
    hire(app, clock, "li")
    clock.advance(timedelta(days=400))
    assert sign_in(app.test_client(), "li", OWN) == 303


@pytest.mark.parametrize(
    "password",
    [
        *(
            "woaini1314",
            "Woaini520!!!",
            "5201314520",
            "zhangwei123",
            "ZhangWei1990",
            "wangli@2026",
            "1990-01-01",
        ),
        *("19900101ab", "1990年01月01日", "01011990li", "13812345678", "a13812345678", "8613812345678"),
        *("310101199001011234", "1qaz2wsx3edc", "qwertyuiop1", "1q2w3e4r5t6y", "P@ssw0rd!!", "Admin@2026!"),
        *(
            "kaoshi2026!",
            "jiankao888888",
            "shanghaishanglian",
            "abcabcabcabc",
            "woaini woaini",
            "５２０１３１４５２０",
        ),
    ],
)
def test_what_is_guessed_first_is_refused(password: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        passwords.check_password(password, login="zhou", name="周敏")
    assert refused.value.code == "password.weak"


@pytest.mark.parametrize(
    "password",
    [
        "tea7-Cup.kettle",
        "correct horse battery",
        "今天天气很好我去公园",
        "zhangwei likes noodles",
        "k" * 100 + "Pqrst12",
    ],
)
def test_a_sentence_is_taken_though_a_word_of_it_is_common(password: str) -> None:
    passwords.check_password(password, login="zhou", name="周敏")


@pytest.mark.parametrize(
    "password",
    [
        pytest.param("my-zhoumin-26", id="the login within"),
        pytest.param("ZHOUMIN20261", id="the login in capitals"),
        pytest.param("我是周敏密码很长很长", id="the name within"),
        pytest.param("我是周 敏密码很长很长", id="the name with a gap"),
    ],
)
def test_ones_own_name_is_refused(password: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        passwords.check_password(password, login="zhoumin", name="周敏")
    assert refused.value.code == "password.own_name"


def test_the_list_is_long_enough_to_matter() -> None:
    from cbt.accounts.passwords import common_passwords

    assert len(common_passwords()) >= 3000


LONG = "一个很长的句子 a long sentence; " * 7


@pytest.mark.once
@pytest.mark.parametrize(
    ("own", "typed", "opens"),
    [
        pytest.param((LONG * 2)[:256], (LONG * 2)[:256], True, id="256 characters"),
        pytest.param((LONG * 2)[:256], (LONG * 2)[:255] + "#", False, id="the last of 256 differs"),
        pytest.param((LONG * 2)[:256], (LONG * 2)[:257], False, id="one more than there can be"),
        pytest.param((LONG * 2)[:200], (LONG * 2)[:201], False, id="one more"),
        pytest.param("tea7-Cup.kettle", "ｔｅａ７-Cup.kettle", True, id="full width"),
        pytest.param("cafe\u0301 au lait 7", "caf\u00e9 au lait 7", True, id="a composed accent"),
        pytest.param("tea7-Cup.kettle", "tea7-cup.kettle", False, id="another capital"),
        pytest.param("tea7-Cup.kettle", " tea7-Cup.kettle", False, id="a space before"),
        pytest.param("tea7-Cup.kettle", "tea7-Cup.kettle\0", False, id="a NUL behind"),
        pytest.param("tea7-Cup.kettle", "x" * 1_000_000, False, id="a million characters"),
    ],
)
def test_a_password_is_compared_whole(
    app: flask.Flask, clock: FakeClock, own: str, typed: str, opens: bool
) -> None:
    once = hire(app, clock, "li", settled=False)
    client = app.test_client()
    sign_in(client, "li", once)
    changed = client.post("/staff/password", data={"old": once, "new": own, "again": own})
    assert changed.status_code == 303, changed.text
    assert (sign_in(app.test_client(), "li", typed) == 303) is opens


@pytest.mark.once
def test_257_characters_are_refused_and_not_cut(app: flask.Flask, clock: FakeClock) -> None:
    once = hire(app, clock, "li", settled=False)
    client = app.test_client()
    sign_in(client, "li", once)
    long = (LONG * 2)[:257]
    reply = client.post("/staff/password", data={"old": once, "new": long, "again": long})
    assert reply.status_code == 422
    assert "256" in reply.text
    assert "maxlength" not in reply.text, "a browser would cut what is pasted"


def test_logins_from_before_the_upgrade_go_on(app: flask.Flask, clock: FakeClock) -> None:
    hire(app, clock, "li", Role.OFFICER)
    client = sign_in_as(app, kind="staff", subject_ref=principal(app, "li").subject_ref)
    with app.app_context(), unit_of_work() as session:
        session.execute(update(LoginSession).values(seen_at=None))
    clock.advance(IDLE * 3)
    assert is_in(client)
    clock.advance(IDLE)
    assert not is_in(client)
