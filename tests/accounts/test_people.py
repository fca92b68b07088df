"""The administrator's pages, the audit page and the commands."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import flask
import pyotp
import pytest
from click.testing import CliRunner
from sqlalchemy import select, text

from cbt.accounts.commands import staff
from cbt.accounts.factor_codes import (
    as_typed,
    in_groups,
    is_app_code,
    new_recovery_codes,
    new_secret,
    step_of,
)
from cbt.accounts.models import Staff
from cbt.accounts.passwords import check_password
from cbt.accounts.sign_in import SIGN_IN, Guessed, guessed
from cbt.accounts.staff import (
    create_staff,
    disable_staff,
    enable_staff,
    reset_password,
    set_roles,
    staff_lines,
    state_of,
)
from cbt.accounts.store import (
    active_admins,
    held_roles,
    staff_by_login,
    staff_by_ref,
    staff_page,
    staff_principal,
    staff_with_logins,
    staff_with_roles,
)
from cbt.audit.models import AuditEntry
from cbt.audit.verification import audit
from cbt.errors import CbtError
from cbt.http.app_context import register_factory
from cbt.http.auth.throttle import ALL, Throttle
from cbt.rules.roles import Role
from cbt.storage.engine import WRITE
from cbt.storage.types import db
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.accounts.test_signing_in import OWN, hire, principal, sign_in
from tests.helpers import FakeClock, sign_in_as
from tests.world import World


@pytest.fixture
def runner(app: flask.Flask) -> CliRunner:
    """A command line on this test's installation."""
    register_factory(lambda: app)
    return CliRunner()


def browser(app: flask.Flask, clock: FakeClock, login: str, *roles: Role) -> flask.testing.FlaskClient:
    hire(app, clock, login, *roles)
    return sign_in_as(app, kind="staff", subject_ref=principal(app, login).subject_ref)


def test_a_new_persons_password_is_shown_once_and_works(app: flask.Flask, clock: FakeClock) -> None:
    client = browser(app, clock, "root", Role.ADMIN)
    page = client.post("/staff/people", data={"login": "li", "name": "李监考", "roles": ["proctor"]})
    assert page.status_code == 200
    once = page.text.split('class="once">')[1].split("<")[0]
    assert once not in client.get("/staff/people").text
    assert sign_in(app.test_client(), "li", once) == 303


@pytest.mark.parametrize(
    ("data", "said"),
    [
        pytest.param({"login": "li", "name": "李", "roles": []}, "至少选择一个角色", id="no role"),
        pytest.param({"login": "李", "name": "李", "roles": ["proctor"]}, "登录名不合规", id="Chinese login"),
        pytest.param({"login": "li", "name": " ", "roles": ["proctor"]}, "姓名为空", id="no name"),
        pytest.param({"login": "root", "name": "李", "roles": ["proctor"]}, "已被使用", id="taken login"),
        pytest.param({"login": "li", "name": "李", "roles": ["emperor"]}, "没有选择有效", id="unknown role"),
    ],
)
def test_a_refused_person_is_explained_beside_the_field(
    app: flask.Flask, clock: FakeClock, data: dict[str, object], said: str
) -> None:
    page = browser(app, clock, "root", Role.ADMIN).post("/staff/people", data=data)
    assert page.status_code in {409, 422}
    assert said in page.text


def test_only_an_administrator_changes_people(app: flask.Flask, clock: FakeClock) -> None:
    ref = principal_ref(app, clock, "li")
    inspector = browser(app, clock, "du", Role.INSPECTOR)
    assert inspector.get("/staff/people").status_code == 200
    assert inspector.post("/staff/people", data={"login": "x1", "name": "x"}).status_code == 403
    assert inspector.post(f"/staff/people/{ref}/disable").status_code == 403
    officer = browser(app, clock, "zhou", Role.OFFICER)
    assert officer.get("/staff/people").status_code == 403


def principal_ref(app: flask.Flask, clock: FakeClock, login: str) -> str:
    hire(app, clock, login, Role.PROCTOR)
    return principal(app, login).subject_ref


def test_an_administrator_changes_roles_resets_and_disables(app: flask.Flask, clock: FakeClock) -> None:
    ref = principal_ref(app, clock, "li")
    client = browser(app, clock, "root", Role.ADMIN)
    assert (
        client.post(f"/staff/people/{ref}/roles", data={"roles": ["officer", "inspector"]}).status_code == 303
    )
    assert principal(app, "li").roles == {"officer", "inspector"}
    assert "只显示这一次" in client.post(f"/staff/people/{ref}/reset").text
    assert sign_in(app.test_client(), "li", OWN) == 403
    client.post(f"/staff/people/{ref}/disable")
    assert "已停用" in client.get(f"/staff/people/{ref}").text
    client.post(f"/staff/people/{ref}/enable")
    assert "已停用" not in client.get(f"/staff/people/{ref}").text


def test_a_marker_is_made_as_anybody_of_the_house_is(
    app: flask.Flask, clock: FakeClock, runner: CliRunner
) -> None:
    client = browser(app, clock, "root", Role.ADMIN)
    ref = principal_ref(app, clock, "li")
    assert 'value="marker"' in client.get("/staff/people").text
    form = {"login": "yue", "name": "阅卷", "roles": ["marker"]}
    assert client.post("/staff/people", data=form).status_code == 200
    assert client.post(f"/staff/people/{ref}/roles", data={"roles": ["proctor", "marker"]}).status_code == 303
    assert principal(app, "yue").roles == {"marker"}
    assert principal(app, "li").roles == {"proctor", "marker"}
    assert runner.invoke(staff, ["add", "er", "二评", "--role", "marker"]).exit_code == 0


def test_who_is_a_marker_already_stays_one(world: World) -> None:
    admin, ref = world.staff("admin"), world.people["marker"].ref
    assert 'value="marker"' in admin.get(f"/staff/people/{ref}").text
    roles = {"roles": ["marker", "inspector"]}
    assert admin.post(f"/staff/people/{ref}/roles", data=roles).status_code == 303
    assert principal(world.app, "marker").roles == {"marker", "inspector"}


def test_the_home_page_links_only_what_the_person_can_open(app: flask.Flask, clock: FakeClock) -> None:
    client = browser(app, clock, "du", Role.INSPECTOR)
    page = client.get("/staff").text
    links = [
        part.split('"')[0] for part in page.split("card-link place")[1:] for part in [part.split('href="')[1]]
    ]
    assert "/audit" in links
    for link in links:
        assert client.get(link).status_code == 200


def test_the_audit_page_filters_and_pages(app: flask.Flask, clock: FakeClock) -> None:
    client = browser(app, clock, "du", Role.INSPECTOR)
    with app.app_context():
        for number in range(60):
            create_staff(
                login=f"p{number:02d}", name="甲", roles=[Role.INSPECTOR], now=clock.now(), actor="cli"
            )
    first = client.get("/audit?act=staff.create").text
    done = '<span class="log-act">新增人员</span>'
    assert first.count('<td class="log-line">') == first.count(done) == 50
    older = first.split('id="log-pages"')[1].split('href="')[1].split('"')[0].replace("&amp;", "&")
    assert client.get(older).text.count(done) == 11
    assert "没有符合条件的记录" in client.get("/audit?subject=%25").text
    assert client.get("/audit?before=x").status_code == 422


def test_staff_add_prints_a_password_that_works(app: flask.Flask, runner: CliRunner) -> None:
    done = runner.invoke(staff, ["add", "Root", "系统管理员", "--role", "admin", "--role", "officer"])
    assert done.exit_code == 0, done.output
    once = done.output.split("：")[1].split("（")[0]
    assert sign_in(app.test_client(), "root", once) == 303
    again = runner.invoke(staff, ["reset", "root"])
    assert sign_in(app.test_client(), "root", once) == 403
    assert sign_in(app.test_client(), "root", again.output.split("：")[1].split("（")[0]) == 303


def test_no_two_first_passwords_are_alike(app: flask.Flask, runner: CliRunner) -> None:
    outputs = {
        runner.invoke(staff, ["add", f"person{number}", "甲", "--role", "inspector"]).output.split("：")[1]
        for number in range(5)
    }
    assert len(outputs) == 5


def test_audit_verify_counts_an_intact_chain_and_names_a_changed_entry(
    app: flask.Flask, clock: FakeClock, runner: CliRunner
) -> None:
    hire(app, clock, "zhou")
    hire(app, clock, "wang")
    intact = runner.invoke(audit, ["verify"])
    assert intact.exit_code == 0
    assert "共 4 条" in intact.output
    with app.app_context(), db.engine.execution_options(**{WRITE: True}).begin() as connection:
        connection.execute(text("UPDATE audit_entry SET reason = 'other' WHERE id = 2"))
    broken = runner.invoke(audit, ["verify"])
    assert broken.exit_code == 2
    assert "第 2 条" in broken.stderr
    assert '"broken_at": 2' in runner.invoke(audit, ["verify", "--json"]).output


@pytest.mark.once
def test_an_account_is_kept_as_it_was_typed_up_to_its_limits_and_every_hand_on_it_is_on_record(
    app: flask.Flask, clock: FakeClock
) -> None:
    """When a role was granted and by whom; what stays keeps both; a repeat is none."""
    now, later = clock.now(), clock.now() + timedelta(days=1)
    with app.app_context():
        for login, name, roles, said in (
            ("li", "长" * 61, [Role.OFFICER], ("staff.name", "name")),
            ("li", " ", [Role.OFFICER], ("staff.name", "name")),
            ("l i", "李", [Role.OFFICER], ("staff.login", "login")),
            ("li", "李", [], ("staff.roles", "roles")),
        ):
            with pytest.raises(CbtError) as error:
                create_staff(login=login, name=name, roles=roles, now=now, actor="staff:st-1")
            assert (error.value.code, error.value.params.get("field")) == said
        roles = [Role.OFFICER, Role.INSPECTOR, Role.OFFICER]
        first = create_staff(login=" LI ", name="长" * 60, roles=roles, now=now, actor="staff:st-1")
        create_staff(login="root", name="根", roles=[Role.ADMIN], now=now, actor="cli")
        with reading() as session:
            ref = staff_by_login(session, "li").ref  # type: ignore[union-attr]  # it is there

        def look() -> Staff:
            with reading() as session:
                row = staff_by_ref(session, ref)
                assert row.roles is not None
                return row

        row = look()
        assert (row.login, row.made_by, row.created_at, row.must_change_password) == (
            "li",
            "staff:st-1",
            now,
            True,
        )
        assert row.password_issued_at == now
        set_roles(ref=ref, roles=[Role.PROCTOR, Role.OFFICER], now=later, actor="staff:st-2")
        granted = {one.role: (one.granted_at, one.granted_by) for one in look().roles}
        assert granted == {"officer": (now, "staff:st-1"), "proctor": (later, "staff:st-2")}
        for _repeat in range(2):
            disable_staff(ref=ref, now=later, actor="staff:st-3")
        assert (look().disabled_at, state_of(look())) == (later, "disabled")
        with reading() as session:
            assert staff_principal(session, ref) is None, "nobody's, whatever waits for them"
        for _repeat in range(2):
            enable_staff(ref=ref, now=later, actor="staff:st-4")
        row = look()
        assert (row.disabled_at, row.enabled_at, row.enabled_by, state_of(row)) == (
            None, later, "staff:st-4", "first",
        )  # fmt: skip
        again = reset_password(login="LI", now=later, actor="staff:st-5")
        row = look()
        assert (row.reset_at, row.reset_by, row.password_issued_at) == (later, "staff:st-5", later)
        assert again != first
        with pytest.raises(CbtError) as error:
            reset_password(login="nobody", now=later, actor="staff:st-5")
        assert (error.value.code, error.value.params) == ("staff.no_login", {"login": "nobody"})
        lines = {}
        with reading() as session:
            lines = {one.login: one for one in staff_lines(session)}
            entries = session.scalars(
                select(AuditEntry).where(AuditEntry.subject == f"staff:{ref}").order_by(AuditEntry.id)
            ).all()
    assert (lines["li"].roles, lines["li"].one_time_until) == (
        ("officer", "proctor"),
        later + timedelta(hours=72),
    )
    assert [(one.act, one.actor) for one in entries] == [
        ("staff.create", "staff:st-1"),
        ("staff.roles", "staff:st-2"),
        ("staff.disable", "staff:st-3"),
        ("staff.enable", "staff:st-4"),
        ("staff.reset", "staff:st-5"),
    ]
    assert (
        json.loads(entries[0].after) == json.loads(entries[1].before) == {"roles": ["inspector", "officer"]}
    )
    assert json.loads(entries[1].after) == {"roles": ["officer", "proctor"]}


def test_recovery_codes_are_ten_of_twelve_signs_and_a_code_is_taken_as_it_is_typed() -> None:
    codes = new_recovery_codes()
    assert [code.split("-")[0] for code in codes] == [str(number) for number in range(10)]
    assert {tuple(map(len, code.split("-"))) for code in codes} == {(1, 4, 4, 4)}
    assert in_groups("ABCDEFGHIJ") == "ABCD EFGH IJ"
    assert as_typed(" 7-K3MF–9qxt—２ＶＨＤ_\n") == "7k3mf9qxt2vhd"
    assert as_typed("1" * 65) == "1" * 64
    for typed, is_one in (
        ("123456", True),
        ("12345", False),
        ("1234567", False),
        ("12345x", False),
        ("１２３４５６", False),
    ):
        assert is_app_code(typed) is is_one, typed
    secret = new_secret()
    now = datetime(2026, 11, 24, 1, 0, 29, tzinfo=UTC)
    step = int(now.timestamp()) // 30
    totp = pyotp.TOTP(secret)
    for off in range(-3, 4):
        found = step_of(secret, totp.generate_otp(step + off), now=now)
        assert found == (step + off if abs(off) <= 1 else None), off


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("Vq8#nTz2w", "short"), ("Vq8#nTz2wK", None), ("Vq8#nTz2wK" * 25 + "abcdef", None),
        ("Vq8#nTz2wK" * 25 + "abcdefg", "long"), ("aabbccddaabb", "weak"), ("aabbccddeeff", None),
        ("bvcxzlkjhg", "weak"), ("qwertyuix9", "weak"), ("qwertyux99", None), ("0987654321", "weak"),
        ("yuan13912345678", "weak"), ("yuanl13912345678", None), ("1990年01月02日", "weak"),
        ("1990年13月02日", None), ("310101199003072316", "weak"), ("Tr0ub4dor!!xy", None),
        ("zhouzhouli", "own_name"), ("周 敏周敏周敏周敏周敏", "own_name"), ("nobody-here-liu", None),
    ],
)  # fmt: skip
def test_a_password_is_refused_for_what_makes_it_weak_and_not_for_less(
    password: str, code: str | None
) -> None:
    limits = {"short": {"minimum": 10}, "long": {"maximum": 256}}
    if code is None:
        check_password(password, login="zhouzhou", name="周敏")
        return
    with pytest.raises(CbtError) as error:
        check_password(password, login="zhouzhou", name="周敏")
    assert error.value.code == f"password.{code}"
    assert error.value.params == {"field": "new"} | limits.get(code, {})


@pytest.mark.once
def test_an_own_password_is_changed_with_the_old_one_to_another_typed_twice(
    app: flask.Flask, clock: FakeClock
) -> None:
    client = browser(app, clock, "zhou", Role.OFFICER)
    new = "Vq8#nTz2wKx"
    for old, typed, again, said in (
        (OWN, new, new + "x", "again"),
        ("falsch", new, new, "old"),
        (OWN, OWN, OWN, "new"),
        (OWN, "kurz", "kurz", "new"),
    ):
        page = client.post("/staff/password", data={"old": old, "new": typed, "again": again})
        assert page.status_code == 422
        assert [f'id="f-{name}-error"' in page.text for name in ("old", "new", "again")] == [
            said == name for name in ("old", "new", "again")
        ], said
    assert sign_in(app.test_client(), "zhou", OWN) == 303
    done = client.post("/staff/password", data={"old": OWN, "new": new, "again": new})
    assert (done.status_code, done.location) == (303, "/staff")
    assert client.get("/staff/sign-in?next=/staff/people").location == "/staff/people"
    assert sign_in(app.test_client(), "zhou", OWN) != 303
    assert sign_in(app.test_client(), "zhou", new) == 303
    with app.app_context(), reading() as session:
        ref = staff_by_login(session, "zhou").ref  # type: ignore[union-attr]  # it is there
        entry = session.scalars(select(AuditEntry).where(AuditEntry.act == "staff.password")).all()[-1]
    assert (entry.actor, entry.subject) == (f"staff:{ref}", f"staff:{ref}")


@pytest.mark.once
def test_every_act_on_a_person_does_its_own_and_an_unknown_one_nothing(
    app: flask.Flask, clock: FakeClock
) -> None:
    ref = principal_ref(app, clock, "li")
    client = browser(app, clock, "root", Role.ADMIN)
    page = f"/staff/people/{ref}"

    def state() -> str:
        with app.app_context(), reading() as session:
            return state_of(staff_by_ref(session, ref))

    def offered() -> tuple[list[str], list[str], list[str]]:
        """Those who may be a proctor, by each list that offers them."""
        with app.app_context(), reading() as session:
            assert active_admins(session) == 1
            return (
                [login for login, _name in staff_with_logins(session, Role.PROCTOR)],
                [one.login for one in staff_with_roles(session, [Role.PROCTOR])],
                [one.ref for one in held_roles(session, [Role.PROCTOR])],
            )

    assert client.post(f"{page}/explode").status_code == 422
    for act, status, becomes in (
        ("disable", 303, "disabled"),
        ("enable", 303, "active"),
        ("reset", 200, "first"),
    ):
        answer = client.post(f"{page}/{act}")
        assert (answer.status_code, state()) == (status, becomes), act
        assert offered() == (([], [], []) if act == "disable" else (["li"], ["li"], [ref])), act
        if status == 303:
            assert answer.location == page
    roles = {"roles": ["inspector"]}
    assert client.post(f"{page}/roles", data=roles).location == page
    with app.app_context(), reading() as session:
        assert [one.role for one in staff_by_ref(session, ref).roles] == ["inspector"]


def test_whoever_may_sign_in_with_a_role_is_listed_by_name(app: flask.Flask, clock: FakeClock) -> None:
    for login, role in (
        ("wu", Role.PROCTOR),
        ("an", Role.PROCTOR),
        ("li", Role.INSPECTOR),
        ("gone", Role.PROCTOR),
    ):
        hire(app, clock, login, role)
    with app.app_context(), unit_of_work() as session:
        for login, name in (("wu", "1 吴"), ("an", "2 安"), ("gone", "0 离")):
            session.scalars(select(Staff).where(Staff.login == login)).one().name = name
        session.scalars(select(Staff).where(Staff.login == "gone")).one().disabled_at = clock.now()
    with app.app_context(), reading() as session:
        assert [one.login for one in staff_with_roles(session, [Role.PROCTOR])] == ["wu", "an"]
        for text, logins in (
            ("", ["an", "li", "wu", "gone"]),
            ("N", ["an", "gone"]),
            ("吴", ["wu"]),
            ("%", []),
        ):
            page = staff_page(session, text=text, page=1)
            assert ([one.login for one in page.lines], page.count) == (logins, len(logins)), text


def test_guesses_at_codes_of_rooms_stand_beside_those_at_accounts_somebody_has(
    app: flask.Flask, clock: FakeClock
) -> None:
    hire(app, clock, "wu", Role.PROCTOR)
    with app.app_context(), unit_of_work() as session:
        for scope, subject, tries in (
            (SIGN_IN, "wu", 900), (SIGN_IN, "nobody", 800), ("bind", "rooms", 700),
        ):  # fmt: skip
            row = Throttle(scope=scope, subject=subject, machine=ALL, tries=tries, window_from=clock.now())
            row.last_machine, row.last_address = "m", "192.0.2.7"
            session.add(row)
    with app.app_context(), reading() as session:
        name = session.scalars(select(Staff.name).where(Staff.login == "wu")).one()
        assert guessed(session, now=clock.now()) == [
            Guessed("wu", name, 900, "192.0.2.7"), Guessed("", "", 700, "192.0.2.7"),
        ]  # fmt: skip
