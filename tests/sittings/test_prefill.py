"""A new sitting's marks start from a blueprint's [admission] table; what the officer stores is the sitting's."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from cbt.blueprints.versions import store_blueprint
from cbt.errors import InvalidInput
from cbt.http.app_context import register_factory
from cbt.paths import product_dir
from cbt.rules.roles import Role
from cbt.sittings.commands import sitting as sitting_command
from cbt.sittings.models import Sitting
from tests.helpers import flat
from tests.sittings.conftest import OFFICER, Day
from tests.sittings.test_planning import browser, minutes
from tests.sittings.test_planning_pages import form

L3, L2 = "customer-service-l3", "customer-service-l2"


def load(day: Day, ref: str, **changes: str) -> None:
    """Store a shipped blueprint with other values of [admission]."""
    text = (product_dir("blueprints") / f"{ref}.toml").read_text("utf-8")
    for key, value in changes.items():
        text, count = re.subn(rf"(?m)^{key} = .*$", f"{key} = {value}", text)
        assert count
    with day.write() as session:
        store_blueprint(session, text, now=day.clock.now(), actor=OFFICER)


def stored(day: Day, name: str = "下午") -> Sitting | None:
    with day.read() as session:
        return session.scalars(select(Sitting).where(Sitting.name == name)).one_or_none()


def limit(sitting: Sitting | None) -> timedelta:
    assert sitting is not None
    return sitting.late_cutoff_at - sitting.report_at


def test_the_form_shows_the_marks_of_the_blueprint(day: Day) -> None:
    load(day, L3, late_limit="7.5", check_in_opens="55", late_from='"start"', leave_allowed="false")
    page = browser(day.app, day.clock, "zhou", Role.OFFICER).get(
        f"/office/batches/{day.batch_ref}/sittings/new"
    )
    shown = dict(
        re.findall(r'id="f-(check_in_opens|late_limit|report)" name="\w+" value="([^"]*)"', flat(page.text))
    )
    assert shown == {"check_in_opens": "55", "late_limit": "7.5", "report": "30"}
    assert '<option value="start" selected>' in page.text
    assert re.search(r'name="leave_allowed".*?<option value="0" selected>', page.text, re.DOTALL)


def test_fields_left_out_take_the_value_of_the_blueprint_not_the_shipped_one(day: Day) -> None:
    load(day, L3, late_limit="7")
    client = browser(day.app, day.clock, "zhou", Role.OFFICER)
    client.post(f"/office/batches/{day.batch_ref}/sittings/new", data=form(day, blueprint=L3, filled_from=L3))
    assert limit(stored(day)) == minutes(7)


def test_what_the_officer_wrote_beats_the_blueprint(day: Day) -> None:
    load(day, L3, late_limit="7")
    client = browser(day.app, day.clock, "zhou", Role.OFFICER)
    sent = form(day, blueprint=L3, filled_from=L3, late_limit="9")
    client.post(f"/office/batches/{day.batch_ref}/sittings/new", data=sent)
    assert limit(stored(day)) == minutes(9)


def test_another_blueprint_fills_its_marks_in_before_anything_is_stored(day: Day) -> None:
    load(day, L3)
    load(day, L2, late_limit="5")
    client = browser(day.app, day.clock, "zhou", Role.OFFICER)
    sent = form(day, blueprint=L3, filled_from=L2, late_limit="5", name="下午理论")
    page = client.post(f"/office/batches/{day.batch_ref}/sittings/new", data=sent)
    assert page.status_code == 200
    assert stored(day, "下午理论") is None
    assert "场次尚未保存" in page.text
    assert 'name="late_limit" value="15"' in flat(page.text)
    assert 'value="下午理论"' in page.text
    client.post(
        f"/office/batches/{day.batch_ref}/sittings/new",
        data={**sent, "filled_from": L3, "late_limit": "15"},
    )
    assert limit(stored(day, "下午理论")) == minutes(15)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param({}, "没有说明入场时间取自哪个考核方案", id="none named where they differ"),
        pytest.param(
            {"blueprint": "no-such", "filled_from": "no-such"},
            "没有说明入场时间取自哪个考核方案",
            id="unknown",
        ),
        pytest.param(
            {"blueprint": L3, "filled_from": L3, "late_limit": "7.123"}, "这里要填分钟数", id="too fine"
        ),
        pytest.param(
            {"blueprint": L3, "filled_from": L3, "late_limit": "NaN"}, "这里要填分钟数", id="not a number"
        ),
        pytest.param(
            {"blueprint": L3, "filled_from": L3, "late_limit": "1441"}, "这里要填分钟数", id="beyond a day"
        ),
        pytest.param(
            {"blueprint": L3, "filled_from": L3, "late_limit": "-1"}, "这里要填分钟数", id="negative"
        ),
    ],
)
def test_marks_that_cannot_be_told_are_refused(day: Day, changes: dict[str, str], said: str) -> None:
    load(day, L3)
    load(day, L2, late_limit="5")
    client = browser(day.app, day.clock, "zhou", Role.OFFICER)
    page = client.post(f"/office/batches/{day.batch_ref}/sittings/new", data=form(day, **changes))
    assert page.status_code == 422
    assert said in page.text
    assert stored(day) is None


ADD = ["add", "下午", "--start", "2026-12-05T09:00", "--batch", "第 5 批", "--centre", "西区", "--room", "甲"]


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        pytest.param(["--blueprint", L3], 15, id="one that is named"),
        pytest.param(["--blueprint", L2], 5, id="another"),
    ],
)
def test_the_command_line_takes_the_marks_from_the_blueprint(
    day: Day, named: list[str], expected: float
) -> None:
    load(day, L3)
    load(day, L2, late_limit="5")
    register_factory(lambda: day.app)
    assert CliRunner().invoke(sitting_command, [*ADD, *named]).exit_code == 0
    assert limit(stored(day)) == minutes(expected)


def test_the_command_line_asks_which_where_they_differ(day: Day) -> None:
    load(day, L3)
    load(day, L2, late_limit="5")
    register_factory(lambda: day.app)
    refused = CliRunner().invoke(sitting_command, ADD).exception
    assert isinstance(refused, InvalidInput)
    assert refused.code == "sitting.prefill_choice"
    assert stored(day) is None


def test_blueprints_that_agree_need_no_choice(day: Day) -> None:
    load(day, L3, late_limit="6")
    load(day, L2, late_limit="6")
    register_factory(lambda: day.app)
    assert CliRunner().invoke(sitting_command, ADD).exit_code == 0
    assert limit(stored(day)) == minutes(6)
