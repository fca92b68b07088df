"""Staff by workbook: read, looked at by row, confirmed, stored, taken back; and passwords on slips, once."""

from __future__ import annotations

import io
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import flask
import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from cbt.accounts.models import Staff
from cbt.audit.models import AuditEntry
from cbt.enrolment.models import UnitClerk
from cbt.jobs.models import Job, JobPart, JobState
from cbt.jobs.registry import job_kinds
from cbt.jobs.worker import run_due
from cbt.personnel.models import StaffPart
from cbt.personnel.staff_import import COLUMNS, ROLE_WORDS, TEMPLATE, accounts_of, login_of
from cbt.rules.roles import Role
from cbt.spreadsheets.intake import Bounds, open_tables
from cbt.storage.unit_of_work import reading, unit_of_work
from cbt.translations.compiler import LANGUAGES, texts_of
from tests.accounts.test_signing_in import OWN, hire, principal, sign_in
from tests.candidates.rosters import xlsx
from tests.enrolment.test_units import UNIT, enter
from tests.file_jobs import check_of, work_on
from tests.helpers import FakeClock, flat, sign_in_as
from tests.printing.paper import papers_of, squeezed
from tests.world import World

HEADERS = ["姓名*", "角色*", "登录名", "所属单位", "备注"]
GOOD: list[list[object]] = [
    ["林嘉文", "考务", "", "", ""],
    ["秦岚", "命题员、审题员", "qinlan", "", "兼职"],
    ["单晓", "监考员", "", "", ""],
    ["林佳雯", "监考员", "", "", "与考务同音"],
]
ADDRESS = "https://exam.example.org/staff/sign-in"


def at(app: flask.Flask, clock: FakeClock, login: str, *roles: Role) -> FlaskClient:
    hire(app, clock, login, *roles)
    return sign_in_as(app, kind="staff", subject_ref=principal(app, login).subject_ref)


@pytest.fixture
def admin(app: flask.Flask, clock: FakeClock) -> FlaskClient:
    return at(app, clock, "root", Role.ADMIN)


def bring(
    app: flask.Flask,
    clock: FakeClock,
    client: FlaskClient,
    rows: list[list[object]],
    headers: list[str] = HEADERS,
) -> str:
    """Bring a list and have it checked; return the address of its page."""
    reply = client.post("/staff/lists", data={"file": (io.BytesIO(xlsx(rows, headers)), "人员.xlsx")})
    assert reply.status_code == 303, flat(reply.text)
    work(app, clock, address := str(reply.location))
    return address


def work(app: flask.Flask, clock: FakeClock, address: str) -> None:
    with app.app_context():
        work_on(address.rpartition("/")[2], clock=clock.now)


def confirm(app: flask.Flask, clock: FakeClock, client: FlaskClient, address: str, **form: str) -> str:
    """Confirm a list and have it stored; return the address of its accounts."""
    assert client.post(address, data=form).status_code == 303
    work(app, clock, address)
    return str(client.get(address).location)


def accounts(app: flask.Flask, *columns: Any) -> list[Any]:
    with app.app_context(), reading() as session:
        return list(session.execute(select(*columns).order_by(Staff.id)).all())


def refs(page: str) -> list[str]:
    """Return whose boxes are ticked."""
    return re.findall(r'name="who" value="([^"]+)"[^>]*\bchecked', page)


def slips(client: FlaskClient, *who: str, address: str = ADDRESS) -> TestResponse:
    return client.post("/staff/slips", data={"who": [*who], "address": address})


def passwords_of(folder: Path, reply: TestResponse) -> list[str]:
    """Return the passwords of the slips, in their order."""
    words = texts_of("zh")["accounts.once.title"]
    text = "".join(page.text for page in papers_of(reply, folder))
    return re.findall(rf"{words}([2-9a-zA-Z]{{14}})", text)


def test_a_list_becomes_accounts_that_open_by_their_slips_alone(
    app: flask.Flask, clock: FakeClock, admin: FlaskClient, tmp_path: Path
) -> None:
    address = bring(app, clock, admin, GOOD)
    page = flat(admin.get(address).text)
    for login in ("linjiawen", "qinlan", "shanxiao", "linjiawen2"):
        assert f"<code>{login}</code>" in page
    assert accounts(app, Staff.login) == [("root",)]
    made = confirm(app, clock, admin, address)
    assert [one.login for one in accounts(app, Staff.login)] == [
        "root", "linjiawen", "qinlan", "shanxiao", "linjiawen2",
    ]  # fmt: skip
    page = admin.get(made).text
    assert "还没有密码" in page
    assert sign_in(app.test_client(), "linjiawen", "") == 403
    paper = slips(admin, *refs(page))
    assert paper.headers["Cache-Control"] == "no-store"
    given = passwords_of(tmp_path, paper)
    text = "".join(page.text for page in papers_of(paper, tmp_path))
    assert len(given) == 4
    for word in ("林嘉文", "linjiawen2", "命题员、审题员", squeezed(ADDRESS)):
        assert word in text
    assert sign_in(app.test_client(), "linjiawen", given[0]) == 303
    assert sign_in(app.test_client(), "linjiawen2", given[0]) == 403
    with app.app_context(), reading() as session:
        rows = [*session.scalars(select(AuditEntry.before)), *session.scalars(select(AuditEntry.after))]
        rows += session.scalars(select(Staff.password_hash)).all()
        rows += [*session.scalars(select(Job.asked)), *session.scalars(select(Job.outcome))]
        assert not any(password in row for row in rows for password in given)
        assert session.scalars(select(StaffPart.id)).all() == []
        acts = session.scalars(select(AuditEntry.act).where(AuditEntry.actor.like("staff:%"))).all()
        assert [acts.count(act) for act in ("staff.create", "staff.list", "staff.reset")] == [4, 1, 4]
    clock.advance(timedelta(hours=73))
    assert sign_in(app.test_client(), "qinlan", given[1]) == 403


BAD = [
    pytest.param(["", "考务", "", "", ""], "姓名为空", id="no name"),
    pytest.param(["林", "", "", "", ""], "至少选择一个角色", id="no role"),
    pytest.param(["林", "校长", "", "", ""], "没有“校长”这个角色", id="a role there is not"),
    pytest.param(
        ["林", "单位经办人", "", "上海浦江客户服务有限公司", ""], "由考务员新建", id="an officer's account"
    ),
    pytest.param(["林", "考务", "林", "", ""], "登录名不合规", id="a bad sign-in name"),
    pytest.param(["林", "考务", "ROOT", "", ""], "登录名 root 已被使用", id="a taken sign-in name"),
    pytest.param(["林", "考务", "qinlan", "", ""], "与第 3 行相同", id="a sign-in name twice"),
    pytest.param(["★", "考务", "", "", ""], "生成不出登录名", id="a name without pinyin"),
    pytest.param(["林\u200b嘉", "考务", "", "", ""], "看不见，或会打乱显示顺序", id="a sign nobody sees"),
]


@pytest.mark.once("sqlite")
@pytest.mark.parametrize(("row", "said"), BAD)
def test_a_row_that_cannot_be_an_account_is_told_and_the_others_are_made(
    app: flask.Flask, clock: FakeClock, admin: FlaskClient, row: list[object], said: str
) -> None:
    address = bring(app, clock, admin, [GOOD[0], GOOD[1], row])
    page = flat(admin.get(address).text)
    assert said in page
    assert admin.post(address).status_code == 422  # not the whole of it
    assert len(accounts(app, Staff.id)) == 1
    confirm(app, clock, admin, address, rows="good")
    assert [one.login for one in accounts(app, Staff.login)] == ["root", "linjiawen", "qinlan"]


@pytest.mark.once("sqlite")
@pytest.mark.parametrize(
    ("name", "login"),
    [
        pytest.param("单晓", "shanxiao", id="a family name read otherwise"),
        pytest.param("欧阳明月", "ouyangmingyue", id="two signs of a family"),
        pytest.param("尉迟恭", "yuchigong", id="two signs read otherwise"),
        pytest.param("吕绿", "lvlv", id="an umlaut"),
        pytest.param("阿依古丽·买买提", "ayigulimaimaiti", id="a dot"),
        pytest.param("Anna Lee", "annalee", id="Latin"),
        pytest.param("★", "", id="nothing to read"),
    ],
)
def test_a_sign_in_name_is_made_from_pinyin(name: str, login: str) -> None:
    assert login_of(name) == login


def test_what_is_there_already_is_hinted(app: flask.Flask, clock: FakeClock, admin: FlaskClient) -> None:
    confirm(app, clock, admin, bring(app, clock, admin, GOOD))
    page = flat(admin.get(bring(app, clock, admin, GOOD)).text)
    assert "已有一位 林嘉文（登录名 linjiawen）" in page
    assert "登录名 qinlan 已被使用" in page


@pytest.mark.once("sqlite")
def test_an_officer_brings_clerks_of_units_and_nobody_else(world: World, tmp_path: Path) -> None:
    officer = world.staff("officer")
    enter(officer)
    rows = [
        ["苗青", "单位经办人", "", UNIT["name"], ""],
        ["宋词", "经办人", "", UNIT["credit_code"].lower(), ""],
        ["何处", "单位经办人", "", "", ""],
        ["何人", "单位经办人", "", "没有这个单位", ""],
        ["何时", "考务", "", "", ""],
        ["何物", "经办人、考务", "", UNIT["name"], ""],
    ]
    address = bring(world.app, world.clock, officer, rows)
    page = flat(officer.get(address).text)
    for said in ("没有填所属单位", "没有这个会员单位", "由系统管理员新建", "不能兼其他角色"):
        assert said in page
    made = confirm(world.app, world.clock, officer, address, rows="good")
    with world.app.app_context(), reading() as session:
        clerks = session.scalars(select(Staff.login).join(UnitClerk, UnitClerk.staff_id == Staff.id)).all()
        assert {"miaoqing", "songci"} <= {*clerks}
    ticked = refs(officer.get(made).text)
    assert len(passwords_of(tmp_path, slips(officer, *ticked))) == 2
    # An officer gives nobody of the house a password, and another officer's or administrator's list is not theirs.
    refused = slips(officer, world.people["proctor"].ref)
    assert (refused.status_code, refused.mimetype) == (303, "text/html")
    assert world.staff("author").get("/staff/lists").status_code == 403
    assert world.staff("inspector").post("/staff/slips").status_code == 403


def test_a_list_is_taken_back_as_far_as_nobody_has_used_it(
    app: flask.Flask, clock: FakeClock, admin: FlaskClient, tmp_path: Path
) -> None:
    made = confirm(app, clock, admin, bring(app, clock, admin, GOOD))
    given = passwords_of(tmp_path, slips(admin, *refs(admin.get(made).text)))
    assert sign_in(app.test_client(), "qinlan", given[1]) == 303
    assert "3 个账号" in flat(admin.get(str(admin.post(f"{made}/take-back").location)).text)
    assert [one.login for one in accounts(app, Staff.login)] == ["root", "qinlan"]
    confirm(app, clock, admin, bring(app, clock, admin, [GOOD[0]]))  # its name is free again
    assert accounts(app, Staff.login)[-1] == ("linjiawen",)


@pytest.mark.once("sqlite")
def test_an_import_that_meets_another_account_stores_nothing(
    app: flask.Flask, clock: FakeClock, admin: FlaskClient
) -> None:
    rows = [[f"林{chr(0x4E00 + number)}", "监考员", f"lin{number}", "", ""] for number in range(20)]
    address = bring(app, clock, admin, rows)
    admin.post(address)
    hire(app, clock, "lin19")
    work(app, clock, address)
    assert "没有新建任何账号" in flat(admin.get(address).text)
    assert [one.login for one in accounts(app, Staff.login)] == ["root", "lin19"]
    assert admin.post(f"{address}/retry").status_code == 303
    work(app, clock, address)
    assert "登录名 lin19 已被使用" in flat(admin.get(address).text)


@pytest.mark.once("sqlite")
def test_an_import_that_was_stopped_goes_on(app: flask.Flask, clock: FakeClock, admin: FlaskClient) -> None:
    rows = [[f"林{chr(0x4E00 + number)}", "监考员", f"lin{number}", "", ""] for number in range(20)]
    address = bring(app, clock, admin, rows)
    admin.post(address)
    with app.app_context(), unit_of_work() as session:
        check: Any = check_of(address.rpartition("/")[2])
        first = accounts_of(session, check)[0]
        session.add(
            Staff(
                ref="st-first",
                login=first.login,
                name=first.name,
                password_hash="",
                must_change_password=True,
                created_at=clock.now(),
                list_ref=check.ref,
            )
        )
    work(app, clock, address)
    assert len(accounts(app, Staff.id)) == 21
    with app.app_context():
        assert check_of(address.rpartition("/")[2]).state == "done"


def test_several_existing_accounts_get_new_passwords_together(
    app: flask.Flask, clock: FakeClock, admin: FlaskClient, tmp_path: Path
) -> None:
    hire(app, clock, "li"), hire(app, clock, "he"), hire(app, clock, "gone")
    who = {login: principal(app, login).subject_ref for login in ("root", "li", "he", "gone")}
    admin.post(f"/staff/people/{who['gone']}/disable")
    for refused, said in (
        ([], "没有勾选任何人"),
        ([who["li"], who["root"]], "不能给自己"),
        ([who["li"], who["gone"]], "已停用的账号不能发密码：gone老师"),
        ([who["li"], "st-nobody"], "不能发密码的账号"),
    ):
        assert slips(admin, *refused).status_code == 303
        assert said in flat(admin.get("/staff/people").text)
    slips(admin, who["li"], address="exam")
    assert "登录网址不完整" in flat(admin.get("/staff/people").text)
    assert sign_in(app.test_client(), "li", OWN) == 303
    given = passwords_of(tmp_path, slips(admin, who["li"], who["he"]))
    assert sign_in(app.test_client(), "li", OWN) == 403
    assert [sign_in(app.test_client(), login, word) for login, word in zip(("li", "he"), given, strict=True)] == [
        303, 303,
    ]  # fmt: skip


@pytest.mark.once("sqlite")
def test_a_sheet_of_slips_is_taken_once_by_who_made_it(
    app: flask.Flask, clock: FakeClock, admin: FlaskClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a worker makes it, the file waits, sealed, for the one who asked."""
    other = at(app, clock, "other", Role.ADMIN)
    hire(app, clock, "li")
    monkeypatch.setattr(kinds_of(app), "worker_is_kept", True)
    monkeypatch.setattr("cbt.jobs.answers.PATIENCE_SECONDS", 0.0)
    page = str(slips(admin, principal(app, "li").subject_ref).location)
    with app.app_context():
        assert run_due(now=clock.now()) == 1
    shown = admin.get(page).text
    assert "只能取一次" in shown
    assert f'action="{page}/take"' in shown
    assert other.post(f"{page}/take").status_code == 404
    assert admin.get(f"{page}/file.pdf").status_code == 404
    taken = admin.post(f"{page}/take")
    assert taken.headers["Cache-Control"] == "no-store"
    (password,) = passwords_of(tmp_path, taken)
    assert admin.post(f"{page}/take").status_code == 404
    assert f'action="{page}/take"' not in admin.get(page).text
    with app.app_context(), reading() as session:
        assert session.scalars(select(JobPart.id)).all() == []
        assert session.scalars(select(Job.state)).all() == [JobState.DONE]
    assert sign_in(app.test_client(), "li", password) == 303


def kinds_of(app: flask.Flask) -> Any:
    with app.app_context():
        return job_kinds()


@pytest.mark.once("sqlite")
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_template_is_read_as_it_is_sent(
    app: flask.Flask, clock: FakeClock, admin: FlaskClient, language: str
) -> None:
    admin.post("/staff/preferences", data={"locale": language})
    body = admin.get("/staff/lists/template.xlsx").data
    with app.app_context():
        head = open_tables(body, Bounds(600, 20))[0].rows[0]
    assert [COLUMNS.meant(cell) for cell in head] == [*TEMPLATE]
    words = texts_of(language)
    for role, known in ROLE_WORDS.items():
        assert words[f"role.{role.value}"].casefold() in known
    row: list[object] = ["林嘉文", words["role.officer"], "", "", ""]
    assert "linjiawen" in admin.get(bring(app, clock, admin, [row], list(head))).text


@pytest.mark.once("sqlite")
@pytest.mark.parametrize(
    ("name", "body", "said"),
    [
        pytest.param("名单.docx", b"PK\x03\x04", "不是名册文件", id="a Word paper"),
        pytest.param("名单.xlsx", xlsx([["x"]], ["人"]), "找不到表头", id="no header"),
        pytest.param("名单.xlsx", b"", "文件是空的", id="empty"),
        pytest.param("名单.xlsx", b"PK" + b"0" * (4 * 1024 * 1024), "超过 4 MB", id="too much"),
    ],
)
def test_what_is_no_list_is_refused_in_words(
    app: flask.Flask, clock: FakeClock, admin: FlaskClient, name: str, body: bytes, said: str
) -> None:
    reply = admin.post("/staff/lists", data={"file": (io.BytesIO(body), name)})
    if reply.status_code == 303:
        work(app, clock, str(reply.location))
        reply = admin.get(str(reply.location))
    assert said in flat(reply.text)
