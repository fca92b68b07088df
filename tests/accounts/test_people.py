"""The administrator's pages, the audit page and the commands."""

from __future__ import annotations

import flask
import pytest
from click.testing import CliRunner
from sqlalchemy import text

from cbt.accounts.commands import staff
from cbt.accounts.staff import create_staff
from cbt.audit.verification import audit
from cbt.http.app_context import register_factory
from cbt.rules.roles import Role
from cbt.storage.engine import WRITE
from cbt.storage.types import db
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


def test_nobody_is_made_a_marker_while_there_is_no_desk_for_one(
    app: flask.Flask, clock: FakeClock, runner: CliRunner
) -> None:
    client = browser(app, clock, "root", Role.ADMIN)
    ref = principal_ref(app, clock, "li")
    form = {"login": "yue", "name": "阅卷", "roles": ["marker"]}
    for refused in (
        client.post("/staff/people", data=form),
        client.post(f"/staff/people/{ref}/roles", data={"roles": ["proctor", "marker"]}),
    ):
        assert refused.status_code == 422
        assert "阅卷员目前没有可用的页面" in refused.text
    assert principal(app, "li").roles == {"proctor"}
    assert 'value="marker"' not in client.get("/staff/people").text
    assert 'value="marker"' not in client.get(f"/staff/people/{ref}").text
    assert runner.invoke(staff, ["add", "yue", "阅卷", "--role", "marker"]).exit_code != 0


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
