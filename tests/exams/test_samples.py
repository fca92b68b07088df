"""Sample blueprints and banks say what they are, and are put away and back with one click."""

from __future__ import annotations

import re

import flask
import pytest
from sqlalchemy import delete, select

from cbt.audit.models import AuditEntry
from cbt.blueprints.office.service import read_folder
from cbt.blueprints.store import current_versions
from cbt.enrolment.models import AssessmentBody
from cbt.items.models import ItemBank
from cbt.paths import product_dir
from cbt.rules.roles import Role
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.accounts.test_signing_in import hire, principal
from tests.helpers import FakeClock, flat, sign_in_as
from tests.world import World, named_nobody

LEVELS = ("customer-service-l2", "customer-service-l3")


@pytest.fixture
def office(app: flask.Flask, clock: FakeClock) -> flask.testing.FlaskClient:
    """An officer of an installation that was just begun: its samples are in force, no bank is there."""
    with app.app_context():
        read_folder(product_dir("blueprints"), now=clock.now(), actor="cli")
    hire(app, clock, "lin", Role.OFFICER)
    return sign_in_as(app, kind="staff", subject_ref=principal(app, "lin").subject_ref)


def in_force(app: flask.Flask) -> list[str]:
    with app.app_context(), reading() as session:
        return [row.ref for row in current_versions(session)]


def test_a_sample_without_a_bank_says_so_and_goes_with_one_click(
    app: flask.Flask, office: flask.testing.FlaskClient
) -> None:
    page = flat(office.get("/office/blueprints").text)
    assert len(re.findall(r">\s*样例\s*<", page)) == 2
    assert page.count("没有可抽的试题") == 2
    own = f"/office/blueprints/of/{LEVELS[1]}"
    assert "这是随产品附带的样例方案，题库 customer-service-l3 里没有可抽的试题" in flat(office.get(own).text)
    assert LEVELS[1] in office.get("/office/batches/new").text
    gone = office.post("/office/blueprints/samples/away", data={"ref": LEVELS[1]}, headers={"Referer": own})
    assert gone.status_code == 303
    assert in_force(app) == [LEVELS[0]]
    assert LEVELS[1] not in office.get("/office/batches/new").text
    page = office.get("/office/blueprints").text
    assert page.count("放回这份样例") == 1
    office.post("/office/blueprints/samples/back", data={"ref": LEVELS[1]})
    office.post("/office/blueprints/samples/back", data={"ref": LEVELS[1]})
    assert in_force(app) == [*LEVELS]
    with app.app_context(), reading() as session:
        acts = session.scalars(select(AuditEntry.act).where(AuditEntry.act.like("blueprint.%"))).all()
    assert [acts.count(act) for act in ("blueprint.withdraw", "blueprint.again")] == [1, 1]


def test_all_go_from_the_first_steps_and_outlive_a_start(
    app: flask.Flask, clock: FakeClock, office: flask.testing.FlaskClient
) -> None:
    hire(app, clock, "root", Role.ADMIN)
    admin = sign_in_as(app, kind="staff", subject_ref=principal(app, "root").subject_ref)
    assert "收起 2 份用不上的样例" in flat(admin.get("/staff").text)
    assert admin.post("/office/blueprints/samples/away").status_code == 303
    assert in_force(app) == []
    assert "用不上的样例</button>" not in admin.get("/staff").text
    with app.app_context():
        read_folder(product_dir("blueprints"), now=clock.now(), actor="cli")
    assert in_force(app) == []
    admin.post("/office/blueprints/samples/back")
    assert in_force(app) == [*LEVELS]


@pytest.mark.once("sqlite")
def test_a_sample_that_is_used_is_not_put_away_so(world: World) -> None:
    officer = world.staff("officer")
    assert "收起这份样例" not in officer.get("/office/blueprints").text
    before = in_force(world.app)
    officer.post("/office/blueprints/samples/away")
    assert in_force(world.app) == before
    assert world.staff("author").post("/office/blueprints/samples/away").status_code == 403


def test_a_sample_bank_says_so_and_is_put_away_and_back(world: World) -> None:
    author, officer, ref = world.staff("author"), world.staff("officer"), LEVELS[1]
    page = author.get("/bank").text
    assert len(re.findall(r">\s*样例\s*<", page)) == 2
    assert "这是随产品附带的样例题库" in flat(author.get(f"/bank/{ref}").text)
    author.post(f"/bank/{ref}/put-away")
    assert "还有启用中的考核方案从这个题库抽题：客户服务管理员（三级）" in flat(author.get("/bank").text)
    officer.post(f"/office/blueprints/of/{ref}/withdraw")
    author.post(f"/bank/{ref}/put-away")
    author.post(f"/bank/{ref}/put-away")
    page = flat(author.get("/bank").text)
    assert page.index("客户服务管理员二级" if "客户服务管理员二级" in page else LEVELS[0]) < page.rindex(
        "已收起"
    )
    assert "这个题库已收起" in flat(author.get(f"/bank/{ref}").text)
    assert "没有可抽的试题" in flat(officer.get("/office/blueprints").text)
    author.post(f"/bank/{ref}/put-back")
    with world.app.app_context(), reading() as session:
        assert session.scalar(select(ItemBank.put_away_at).where(ItemBank.ref == ref)) is None
        acts = session.scalars(select(AuditEntry.act).where(AuditEntry.act.like("bank.put%"))).all()
    assert acts == ["bank.put_away", "bank.put_back"]
    assert officer.post(f"/bank/{ref}/put-away").status_code == 403


@pytest.mark.once("sqlite")
def test_the_open_name_of_the_body_is_an_administrators_task(world: World) -> None:
    officer, page = world.staff("officer"), "/office/body"
    assert "还没有填写名称" not in flat(officer.get(page).text)
    said = named_nobody(world, lambda: flat(officer.get(page).text))
    assert "评价机构还没有填写名称" in said
    assert "由系统管理员（admin-老师）在本页填写" in said
    with world.app.app_context(), unit_of_work() as session:
        session.execute(delete(AssessmentBody))
    assert "由系统管理员（admin-老师）在本页填写" in flat(officer.get(page).text)
