"""`cbt staff list`, `disable`, `enable`: what the people's page shows and does, on the command line."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import flask
import pytest
from click.testing import CliRunner
from sqlalchemy import select

from cbt.accounts.commands import staff
from cbt.accounts.models import StaffFactor
from cbt.accounts.passwords import ONE_TIME_LASTS
from cbt.accounts.staff import reset_password
from cbt.accounts.store import staff_by_login
from cbt.audit.models import AuditEntry
from cbt.errors import CbtError
from cbt.http.app_context import register_factory
from cbt.rules.roles import Role
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.accounts.test_signing_in import OWN, hire, sign_in
from tests.helpers import FakeClock


@pytest.fixture
def runner(app: flask.Flask) -> CliRunner:
    """A command line on this test's installation."""
    register_factory(lambda: app)
    return CliRunner()


def listed(runner: CliRunner) -> dict[str, dict[str, Any]]:
    """Return what `--json` says of everybody, by login."""
    done = runner.invoke(staff, ["list", "--json"])
    assert done.exit_code == 0, done.output
    return {one["login"]: one for one in json.loads(done.output)}


def test_the_list_says_who_may_sign_in_with_what_and_when_they_last_did(
    app: flask.Flask, clock: FakeClock, runner: CliRunner
) -> None:
    hire(app, clock, "root", Role.ADMIN, Role.OFFICER)
    hire(app, clock, "li", Role.PROCTOR)
    clock.advance(timedelta(minutes=7))
    assert sign_in(app.test_client(), "root", OWN) == 303
    with app.app_context():
        reset_password(login="li", now=clock.now(), actor="cli")
        with unit_of_work() as session:
            root = staff_by_login(session, "root")
            assert root is not None
            session.add(
                StaffFactor(staff_id=root.id, secret_sealed=b"x", created_at=clock.now(), last_step=0)
            )
    root_line, li_line = listed(runner)["root"], listed(runner)["li"]
    assert root_line == {
        "login": "root",
        "name": root_line["name"],
        "roles": ["admin", "officer"],
        "state": "active",
        "last_sign_in_at": clock.now().isoformat(),
        "second_factor": True,
        "second_factor_owed": False,
        "one_time_until": None,
    }
    assert (li_line["state"], li_line["last_sign_in_at"], li_line["second_factor"]) == ("first", None, False)
    assert li_line["one_time_until"] == (clock.now() + ONE_TIME_LASTS).isoformat()
    words = runner.invoke(staff, ["list"]).output.splitlines()
    assert [line.split()[0] for line in words] == ["登录名", "li", "root"]
    assert "有效至" in words[1]
    clock.advance(ONE_TIME_LASTS)
    assert "过期" in runner.invoke(staff, ["list"]).output


def test_a_role_that_must_have_a_second_factor_owes_it(
    app: flask.Flask, clock: FakeClock, runner: CliRunner
) -> None:
    hire(app, clock, "root", Role.ADMIN)
    hire(app, clock, "kaowu", Role.OFFICER)
    assert not listed(runner)["kaowu"]["second_factor_owed"]
    with app.app_context(), unit_of_work() as session:
        root = staff_by_login(session, "root")
        assert root is not None
        session.add(StaffFactor(staff_id=root.id, secret_sealed=b"x", created_at=clock.now(), last_step=0))
    assert listed(runner)["kaowu"]["second_factor_owed"]


def test_disabling_ends_logins_at_once_and_enabling_lets_in_again(
    app: flask.Flask, clock: FakeClock, runner: CliRunner
) -> None:
    hire(app, clock, "root", Role.ADMIN)
    hire(app, clock, "li", Role.PROCTOR)
    client = app.test_client()
    assert sign_in(client, "li", OWN) == 303
    for _ in range(2):  # a repeat changes nothing
        assert runner.invoke(staff, ["disable", " LI "]).exit_code == 0
    assert client.get("/staff").status_code != 200
    assert sign_in(app.test_client(), "li", OWN) == 403
    assert listed(runner)["li"]["state"] == "disabled"
    assert json.loads(runner.invoke(staff, ["enable", "li", "--json"]).output) == {
        "login": "li",
        "disabled": False,
    }
    assert client.get("/staff").status_code != 200, "what was ended stays so"
    assert sign_in(app.test_client(), "li", OWN) == 303
    with app.app_context(), reading() as session:
        acts = session.execute(
            select(AuditEntry.act, AuditEntry.actor).where(
                AuditEntry.act.in_(["staff.disable", "staff.enable"])
            )
        ).all()
    assert [tuple(one) for one in acts] == [("staff.disable", "cli"), ("staff.enable", "cli")]


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        pytest.param(["disable", "root"], "staff.last_admin", id="the last administrator"),
        pytest.param(["disable", "nobody"], "staff.no_login", id="nobody, disabled"),
        pytest.param(["enable", "nobody"], "staff.no_login", id="nobody, enabled"),
    ],
)
def test_the_guards_of_the_page_are_those_of_the_commands(
    app: flask.Flask, clock: FakeClock, runner: CliRunner, typed: list[str], code: str
) -> None:
    hire(app, clock, "root", Role.ADMIN)
    refused = runner.invoke(staff, typed).exception
    assert isinstance(refused, CbtError)
    assert refused.code == code
    assert listed(runner)["root"]["state"] == "active"
