"""Member units in the office's pages, and what a unit's own clerk sees of them (R-70, R-71)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import delete, select, text

from cbt.accounts.models import Approval
from cbt.accounts.staff import create_staff, set_roles
from cbt.accounts.store import staff_by_login
from cbt.audit.models import AuditEntry
from cbt.enrolment.agreements import (
    AgreementForm,
    agreement_by_ref,
    agreement_page,
    agreements_of,
    end_agreement,
    make_agreement,
)
from cbt.enrolment.body import MOST_APPEAL_DAYS, MOST_DAYS, BodyDetails, body, change_body
from cbt.enrolment.models import AssessmentBody, MemberUnit, UnitAgreement
from cbt.enrolment.units import (
    UnitForm,
    change_clerk,
    change_unit,
    clerks_of,
    details,
    invite_clerk,
    own_unit,
    set_membership,
    unit_by_code,
    unit_by_ref,
    unit_page,
)
from cbt.errors import CbtError, Conflict, InvalidInput
from cbt.rules.roles import Role
from cbt.storage.types import db
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.accounts.test_signing_in import OWN, sign_in
from tests.attacks.signing import enrolled
from tests.helpers import FakeClock, count_queries, flat
from tests.printing.paper import papers_of, squeezed
from tests.world import World

CODE, OTHER_CODE = "91310000MA1FL0000N", "91310000132200801F"
UNIT = {
    "name": "上海浦江客户服务有限公司",
    "credit_code": CODE,
    "contact": "林晓",
    "phone": "021-58001234",
    "address": "上海市浦东新区示例路 1 号",
    "note": "",
}
AGREEMENT = {
    "effective_on": "2026-11-20",
    "body_signer": "钱程",
    "unit_signer": "林晓",
    "number": "",
    "note": "",
}


@pytest.fixture
def officer(world: World) -> FlaskClient:
    return world.staff("officer")


def enter(officer: FlaskClient, **changes: str) -> str:
    """Enter a unit; return the address of its page."""
    answer = officer.post("/office/units", data=UNIT | changes)
    assert answer.status_code == 303, flat(answer.text)
    return answer.headers["Location"]


@contextmanager
def rows(world: World, table: type[Any]) -> Iterator[list[Any]]:
    with world.app.app_context(), reading() as session:
        yield list(session.scalars(select(table).order_by(*table.__table__.primary_key)))


def test_a_unit_is_entered_found_and_changed(world: World, officer: FlaskClient) -> None:
    page = enter(officer, credit_code=f"{CODE[:8]} {CODE[8:].lower()}")
    assert "021-58001234" in officer.get(page).text
    with rows(world, MemberUnit) as (unit,):
        assert (unit.credit_code, unit.contact) == (CODE, "林晓")
        assert b"58001234" not in unit.phone_sealed
    for asked in ("", "?q=浦江", f"?q={CODE[4:12]}", "?q=林晓"):
        assert UNIT["name"] in officer.get(f"/office/units{asked}").text
    for asked in ("?q=%25", "?q=_", "?q=无此单位"):
        assert "没有找到这样的单位" in officer.get(f"/office/units{asked}").text
    changed = UNIT | {"name": "上海浦江服务股份有限公司", "phone": "13800001111"}
    assert officer.post(f"{page}/edit", data=changed).status_code == 303
    shown = officer.get(page).text
    assert "股份有限公司" in shown
    assert "13800001111" in shown
    with rows(world, AuditEntry) as log:
        (entry,) = [one for one in log if one.act == "unit.change"]
    assert "phone" in entry.after
    assert "1380000" not in entry.after
    assert "林晓" not in entry.after


@pytest.mark.once
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": " "}, "单位名称为空"),
        ({"contact": ""}, "联系人为空"),
        ({"phone": "12"}, "联系电话看不懂"),
        ({"credit_code": CODE[:-1]}, "这里是 17 位"),
        ({"credit_code": "91310000MA1FI0000J"}, "第 13 位不能是"),
        ({"credit_code": f"{CODE[:-1]}1"}, "校验位不符"),
        ({"address": "长" * 201}, "超过 200 个字"),
        ({"name": "看不\u200b见"}, "看不见"),
    ],
)
def test_what_is_refused_is_said_at_its_place_and_nothing_is_kept(
    world: World, officer: FlaskClient, changes: dict[str, str], said: str
) -> None:
    answer = officer.post("/office/units", data=UNIT | changes)
    assert answer.status_code == 422
    assert said in answer.text
    assert "林晓" in answer.text or "contact" in changes  # what was typed is still there
    with rows(world, MemberUnit) as none:
        assert none == []


def test_one_credit_code_is_one_unit(world: World, officer: FlaskClient) -> None:
    enter(officer)
    again = officer.post("/office/units", data=UNIT | {"name": "另一名称"})
    assert again.status_code == 409
    assert f"信用代码 {CODE} 已登记" in again.text
    other = enter(officer, credit_code=OTHER_CODE, name="第二家")
    assert officer.post(f"{other}/edit", data=UNIT).status_code == 409
    with rows(world, MemberUnit) as units:
        assert [one.name for one in units] == [UNIT["name"], "第二家"]


def test_an_agreement_holds_for_a_year_and_is_printed_with_both_names(
    world: World, officer: FlaskClient, tmp_path: Path
) -> None:
    page = enter(officer)
    assert officer.post(f"{page}/agreements", data=AGREEMENT).status_code == 303
    assert officer.post(f"{page}/agreements", data=AGREEMENT).status_code == 409
    leap = AGREEMENT | {"effective_on": "2024-02-29", "number": "沪协-24-7"}
    assert officer.post(f"{page}/agreements", data=leap).status_code == 303
    with rows(world, UnitAgreement) as (one, old):
        assert (one.number, one.last_on) == ("2026-001", date(2027, 11, 20))
        assert (old.number, old.last_on) == ("沪协-24-7", date(2025, 2, 28))
        ref = one.ref
    shown = flat(officer.get(page).text)
    assert "已到期" in shown
    assert "有效" in shown
    (paper,) = papers_of(officer.get(f"/office/agreements/{ref}.pdf"), tmp_path)
    for said in (UNIT["name"], "上海市商业联合会", CODE, "2026年11月20日", "2027年11月20日", "钱程", "林晓"):
        assert squeezed(said) in paper.text
    places = [
        paper.text.index(head)
        for head in ("一、合作内容", "二、协议有效期限", "三、违约责任", "四、补充与附件", "五、其他")
    ]
    assert places == sorted(places)


def test_what_runs_out_is_listed_until_it_is_renewed(world: World, officer: FlaskClient) -> None:
    page = enter(officer)
    officer.post(f"{page}/agreements", data=AGREEMENT | {"effective_on": "2025-11-27"})
    counts = {days: f"{days} 天内到期 1" in officer.get("/office/agreements").text for days in (7, 30, 60)}
    assert counts == {7: True, 30: True, 60: True}  # 7 days left on 20 November
    world.clock.advance(-timedelta(days=1))
    assert "7 天内到期 0" in officer.get("/office/agreements").text
    world.clock.advance(timedelta(days=1))
    officer.post(f"{page}/agreements", data=AGREEMENT | {"effective_on": "2026-11-27"})
    shown = officer.get("/office/agreements?kind=in_60").text
    assert "60 天内到期 0" in shown
    assert "这一类没有协议" in shown
    world.clock.advance(timedelta(days=8))
    assert "已结束 1" in world.staff("officer").get("/office/agreements?kind=over").text


def test_an_agreement_is_ended_before_its_term_once_and_with_a_reason(
    world: World, officer: FlaskClient
) -> None:
    page = enter(officer)
    officer.post(f"{page}/agreements", data=AGREEMENT)
    with rows(world, UnitAgreement) as (one,):
        end = f"/office/agreements/{one.ref}/end"
    for sent, said in (
        ({"last": "2026-12-01", "reason": " "}, "没有填写终止原因"),
        ({"last": "2027-11-20", "reason": "合并"}, "最后有效日须在"),
        ({"last": "2026-11-19", "reason": "合并"}, "最后有效日须在"),
        ({"last": "soon", "reason": "合并"}, "日期没有填写"),
    ):
        answer = officer.post(end, data=sent)
        assert answer.status_code == 422
        assert said in answer.text
    assert officer.post(end, data={"last": "2026-12-01", "reason": "合并"}).status_code == 303
    assert officer.post(end, data={"last": "2026-12-01", "reason": "合并"}).status_code == 409
    world.clock.set(world.clock.now() + timedelta(days=20))
    assert "已终止" in world.staff("officer").get(page).text


def test_a_clerk_sees_their_own_unit_and_nothing_else(
    world: World, officer: FlaskClient, tmp_path: Path
) -> None:
    own = enter(officer)
    other = enter(officer, credit_code=OTHER_CODE, name="第二家客服公司")
    for page in (own, other):
        officer.post(f"{page}/agreements", data=AGREEMENT)
    invited = officer.post(f"{own}/clerks", data={"name": "苗青", "login": "miao"})
    assert invited.status_code == 200
    password = invited.text.partition('class="once">')[2].partition("<")[0]
    with rows(world, UnitAgreement) as (mine, foreign):
        papers = [f"/unit/agreements/{one.ref}.pdf" for one in (mine, foreign)]
    clerk = world.app.test_client()
    assert sign_in(clerk, "miao", password) == 303
    assert clerk.get("/unit").status_code == 303  # a one-time password is changed first
    clerk.post("/staff/password", data={"old": password, "new": OWN, "again": OWN})
    shown = clerk.get("/unit").text
    assert UNIT["name"] in shown
    assert "第二家" not in shown
    assert "还剩" not in shown
    assert "本单位" in clerk.get("/staff").text
    assert "/office" not in clerk.get("/staff").text
    assert clerk.get(papers[0]).mimetype == "application/pdf"
    assert clerk.get(papers[1]).status_code == clerk.get("/unit/agreements/ag-none.pdf").status_code == 404
    for page in (
        "/office/units",
        own,
        "/office/agreements",
        "/office/body",
        "/staff/practice",
        "/office/centres",
    ):
        assert clerk.get(page).status_code == 403, page


@pytest.mark.once
def test_a_clerk_sets_up_a_second_factor_as_the_office_does(
    world: World, officer: FlaskClient, clock: FakeClock
) -> None:
    page = enter(officer)
    shown = officer.post(f"{page}/clerks", data={"name": "苗青", "login": "miao"}).text
    password = shown.partition('class="once">')[2].partition("<")[0]
    enrolled(world.app, clock, "root", Role.ADMIN)
    clerk = world.app.test_client()
    assert sign_in(clerk, "miao", password) == 303
    clerk.post("/staff/password", data={"old": password, "new": OWN, "again": OWN})
    assert clerk.get("/unit").location.endswith("/staff/account/factor")


def test_a_login_of_a_unit_is_nothing_else_and_ends_with_its_membership(
    world: World, officer: FlaskClient, clock: FakeClock
) -> None:
    page = enter(officer)
    assert officer.post(f"{page}/clerks", data={"name": "", "login": "miao"}).status_code == 422
    officer.post(f"{page}/clerks", data={"name": "苗青", "login": "miao"})
    assert officer.post(f"{page}/clerks", data={"name": "苗青", "login": "miao"}).status_code == 409
    with world.app.app_context():
        with reading() as session:
            found = staff_by_login(session, "miao")
            assert found is not None
            ref = found.ref
        with pytest.raises(Conflict, match=r"staff\.of_a_unit"):
            set_roles(ref=ref, roles=[Role.OFFICER], now=clock.now(), actor="cli")
        with pytest.raises(InvalidInput, match=r"staff\.roles"):
            create_staff(login="x1", name="x", roles=[Role.UNIT_CLERK], now=clock.now(), actor="cli")
    clerks = f"{page}/clerks/{ref}"
    assert officer.post(f"{clerks}/reset").status_code == 200
    assert officer.post(f"{clerks}/explode").status_code == 422
    assert officer.post(f"{page}/clerks/{world.people['proctor'].ref}/disable").status_code == 404
    assert officer.post(f"{page}/membership", data={"member": "0"}).status_code == 303
    assert officer.post(f"{clerks}/enable").status_code == 409
    assert officer.post(f"{page}/agreements", data=AGREEMENT).status_code == 409
    with world.app.app_context(), reading() as session:
        found = staff_by_login(session, "miao")
        assert found is not None
        assert found.disabled_at is not None
    officer.post(f"{page}/membership", data={"member": "1"})
    assert officer.post(f"{clerks}/enable").status_code == 303


@pytest.mark.once
def test_an_installation_is_nobodys_until_an_administrator_says_whose(
    world: World, officer: FlaskClient
) -> None:
    with world.app.app_context(), unit_of_work() as session:
        session.execute(delete(AssessmentBody))
    page, admin = enter(officer), world.staff("admin")
    refused = officer.post(f"{page}/agreements", data=AGREEMENT)
    assert (refused.status_code, "评价机构还没有填写名称" in refused.text) == (409, True)
    told = {"name": "示例市行业协会", "address": "", "phone": "", "website": "http://example.org"}
    told |= {"publicity_days": "3", "appeal_days": "15", "appeal_answer_days": "15"}
    assert 'name="name" value=""' in flat(admin.get("/office/body").text)
    assert officer.post("/office/body", data=told).status_code == 403
    for wrong in (
        {"website": "javascript:x"},
        {"publicity_days": "61"},
        {"publicity_days": "一"},
        {"appeal_days": "0"},
    ):
        assert admin.post("/office/body", data=told | wrong).status_code == 422
    assert admin.post("/office/body", data=told).status_code == 303
    assert "示例市行业协会" in officer.get("/office/body").text
    officer.post(f"{page}/agreements", data=AGREEMENT)
    with rows(world, UnitAgreement) as (one,):
        assert one.body_name == "示例市行业协会"


TOLD = {"name": "示例市行业协会", "address": "", "phone": "", "website": "", "publicity_days": "5"} | {
    "appeal_days": "15",
    "appeal_answer_days": "15",
}


@pytest.mark.once
def test_that_results_are_shown_no_more_takes_a_reason_and_a_second_person(
    world: World, officer: FlaskClient
) -> None:
    admin = world.staff("admin")
    assert admin.post("/office/body", data=TOLD).status_code == 303  # from none to some, alone
    none = TOLD | {"publicity_days": "0", "ask": "1"}
    refused = admin.post("/office/body", data=none)
    assert (refused.status_code, "没有写明不公示的原因" in refused.text) == (422, True)
    waiting = admin.post("/office/body", data=none | {"reason": "主管部门批复"})
    assert waiting.location.startswith("/approvals/")
    with rows(world, AssessmentBody) as (row,):
        assert row.publicity_days == 5
    shown = flat(officer.get(waiting.location).text)
    assert ("主管部门批复" in shown, "5 → 0" in shown) == (True, True)
    with rows(world, Approval) as (asked,):
        digest = asked.digest
    assert (
        world.staff("inspector").post(f"{waiting.location}/approve", data={"digest": digest}).status_code
        == 403
    )
    assert officer.post(f"{waiting.location}/approve", data={"digest": digest}).status_code == 303
    with rows(world, AssessmentBody) as (row,):
        assert row.publicity_days == 0
    with world.app.app_context(), reading() as session:
        entry = session.scalars(
            select(AuditEntry).where(AuditEntry.act == "body.change").order_by(AuditEntry.id.desc())
        ).first()
    assert (entry.reason, f"staff:{world.people['officer'].ref}" in entry.after) == ("主管部门批复", True)
    assert (
        admin.post("/office/body", data=TOLD | {"publicity_days": "0"}).status_code == 303
    )  # it is so already


@pytest.mark.once
@pytest.mark.parametrize(
    ("typed", "status"),
    [
        pytest.param(
            {"payee_bank": "示例银行", "payee_account": "3105 0166 0000 1234"}, 303, id="with spaces"
        ),
        pytest.param({"payee_account": "3105016600001234"}, 422, id="no bank"),
        pytest.param({"payee_bank": "示例银行"}, 422, id="no number"),
        pytest.param({"payee": "示例"}, 422, id="a name alone"),
        pytest.param({"payee_bank": "示例银行", "payee_account": "12-AB"}, 422, id="no digits"),
    ],
)
def test_the_account_is_whole_or_not_there(world: World, typed: dict[str, str], status: int) -> None:
    assert world.staff("admin").post("/office/body", data=TOLD | typed).status_code == status
    with rows(world, AssessmentBody) as (row,):
        told = (row.payee, row.payee_bank, row.payee_account)
    assert told == (("示例市行业协会", "示例银行", "3105016600001234") if status == 303 else ("", "", ""))


@pytest.mark.once
def test_pages_ask_as_often_however_many_there_are(world: World, officer: FlaskClient) -> None:
    page = enter(officer)
    officer.post(f"{page}/agreements", data=AGREEMENT)
    pages = ("/office/units", "/office/agreements", page)

    def asked() -> list[int]:
        counted = []
        for one in pages:
            with count_queries(world.app) as seen:
                officer.get(one)
            counted.append(len(seen))
        return counted

    before = asked()
    with world.app.app_context(), db.engine.begin() as connection:
        for number in range(120):
            connection.execute(
                text(
                    "INSERT INTO member_unit (ref, name, credit_code, contact, address, note, created_at)"
                    " VALUES (:ref, :ref, :ref, 'x', '', '', :at)"
                ),
                {"ref": f"un-{number}", "at": _now(connection, world)},
            )
    assert asked() == before
    assert max(before) <= 9


def _now(connection: Any, world: World) -> Any:
    now = world.clock.now()
    return now if connection.dialect.name == "postgresql" else int(now.timestamp() * 1_000_000)


OFFICER_REF = "staff:st-7"


def made(unit: str, day: date, **changes: str) -> str | tuple[str, dict[str, object]]:
    """Enter an agreement of a unit as of 20 November 2026; return its ref, or what it is refused with."""
    form = AgreementForm(
        **{"number": "", "unit_signer": "林晓", "body_signer": "钱程", "note": ""} | changes, effective_on=day
    )
    now = datetime(2026, 11, 20, 1, tzinfo=UTC)
    try:
        return make_agreement(unit, form, today=date(2026, 11, 20), now=now, actor=OFFICER_REF)
    except CbtError as error:
        return error.code, error.params


@pytest.mark.once
def test_an_agreement_is_refused_at_its_field_and_up_to_its_limits(
    world: World, officer: FlaskClient
) -> None:
    unit, other = (
        enter(officer, credit_code=code, name=code).rsplit("/", 1)[1] for code in (CODE, OTHER_CODE)
    )
    first, last = date(2015, 1, 1), date(2027, 11, 21)
    with world.app.app_context():
        for day in (first - timedelta(days=1), last + timedelta(days=1)):
            assert made(unit, day) == ("agreement.day", {"field": "effective_on", "day": day.isoformat()})
        day = date(2026, 11, 20)
        for changes, code, params in (
            ({"number": "1" * 41}, "agreement.number", {"field": "number", "maximum": 40}),
            ({"note": "长" * 501}, "unit.too_long", {"field": "note", "maximum": 500}),
            ({"unit_signer": " "}, "agreement.unit_signer", {"field": "unit_signer", "maximum": 60}),
            ({"unit_signer": "长" * 61}, "agreement.unit_signer", {"field": "unit_signer", "maximum": 60}),
            ({"body_signer": "长" * 61}, "agreement.body_signer", {"field": "body_signer", "maximum": 60}),
        ):
            assert made(unit, day, **changes) == (code, params), changes
        with rows(world, UnitAgreement) as none:
            assert none == []
        longest = {"number": "1" * 40, "note": "长" * 500, "unit_signer": "长" * 60, "body_signer": "长" * 60}
        refs = [made(unit, first, **longest), made(unit, last), made(other, day), made(other, first)]
        assert all(isinstance(ref, str) for ref in refs)
        assert made(unit, last) == ("agreement.same_day", {"field": "effective_on", "day": "2027-11-21"})
        taken = made(other, last, number="2026-001")
        assert taken == ("agreement.number_taken", {"field": "number", "number": "2026-001"})
        assert isinstance(made(unit, day, number="2026-0000009"), str)
        assert isinstance(made(unit, day - timedelta(days=1)), str)
    with rows(world, UnitAgreement) as agreements:
        assert [one.number for one in agreements] == [
            "1" * 40, "2027-001", "2026-001", "2015-001", "2026-0000009", "2026-002",
        ]  # fmt: skip
        assert [one.ref for one in agreements][:4] == refs
        assert {(one.made_by, one.end_reason) for one in agreements} == {(OFFICER_REF, "")}
    with rows(world, AuditEntry) as log:
        entry = next(one for one in log if one.subject == f"unit_agreement:{refs[2]}")
    assert (entry.act, entry.actor) == ("agreement.make", OFFICER_REF)
    told = {"unit": other, "number": "2026-001", "from": "2026-11-20", "to": "2027-11-20"}
    assert json.loads(entry.after) == told
    with world.app.app_context(), reading() as session:
        shown = agreements_of(session, unit_by_ref(session, other))
        assert [one.number for one in shown] == ["2026-001", "2015-001"], "its own, the newest first"


@pytest.mark.once
def test_agreements_are_listed_by_kind_and_those_first_that_end_first(
    world: World, officer: FlaskClient
) -> None:
    """One that is followed by a later one of its own unit is not told of; one of another unit, or ended, is no
    follower."""
    unit, other = (
        enter(officer, credit_code=code, name=code).rsplit("/", 1)[1] for code in (CODE, OTHER_CODE)
    )
    today = date(2026, 11, 20)
    with world.app.app_context():
        soon, later = made(unit, date(2025, 11, 27)), made(other, date(2025, 12, 20))
        over, coming = made(unit, date(2020, 1, 1)), made(other, date(2026, 11, 21))
        gone = made(other, date(2019, 1, 1))

        def listed(kind: str, on: date = today) -> list[object]:
            with reading() as session:
                page = agreement_page(session, today=on, kind=kind, page=1)
                assert page.counts[page.kind] == page.count == len(page.lines)
                return [one.agreement.ref for one in page.lines]

        for kind, refs in (
            ("", [coming, later, soon, over, gone]),
            ("nothing", [coming, later, soon, over, gone]),
            ("in_7", [soon]),
            ("in_30", [soon]),  # the other one is renewed
            ("in_60", [soon]),
            ("in_force", [soon, later]),
            ("not_yet", [coming]),
            ("over", [over, gone]),
        ):
            assert listed(kind) == refs, kind
        assert listed("in_7", today - timedelta(days=1)) == []
        assert listed("in_7", date(2026, 11, 27)) == [soon]
        assert (listed("in_7", date(2026, 11, 28)), listed("over", date(2026, 11, 28))) == (
            [],
            [soon, over, gone],
        )
        assert listed("not_yet", date(2026, 11, 21)) == []
        with unit_of_work() as session:
            agreement_by_ref(session, str(coming)).agreement.ended_on = today + timedelta(days=45)
        assert listed("in_60") == [soon, later, coming]
        end_agreement(str(soon), last=today, reason=" 合 并 ", now=world.clock.now(), actor=OFFICER_REF)
        assert listed("in_7") == [soon]
        with pytest.raises(CbtError) as error:
            end_agreement(str(soon), last=today, reason="x", now=world.clock.now(), actor=OFFICER_REF)
        assert error.value.params == {"number": "2025-001"}
        with pytest.raises(CbtError) as error:
            end_agreement(
                str(later), last=date(2026, 12, 20), reason="x", now=world.clock.now(), actor=OFFICER_REF
            )
        told = {"field": "last", "first": "2025-12-20", "last": "2026-12-20"}
        assert (error.value.code, error.value.params) == ("agreement.end_day", told)
        with unit_of_work() as session:
            unit_by_ref(session, unit).left_at = world.clock.now()
        assert (listed("in_7"), listed("in_force")) == ([], [soon, later])
    with rows(world, AuditEntry) as log:
        entry = next(one for one in log if one.act == "agreement.end")
    assert (entry.actor, entry.reason, entry.subject) == (OFFICER_REF, "合 并", f"unit_agreement:{soon}")
    assert (json.loads(entry.before), json.loads(entry.after)) == ({"to": "2026-11-27"}, {"to": "2026-11-20"})


@pytest.mark.once
def test_what_is_done_with_a_unit_is_on_record_and_the_list_says_until_when_it_is_agreed(
    world: World, officer: FlaskClient
) -> None:
    unit, other = (
        enter(officer, credit_code=code, name=name).rsplit("/", 1)[1]
        for code, name in ((CODE, "甲"), (OTHER_CODE, "乙"))
    )
    now = world.clock.now()
    with world.app.app_context():
        made(unit, date(2025, 1, 1))
        made(unit, date(2026, 1, 1))
        issued = [
            invite_clerk(ref, login=login, name="苗", now=now, actor=OFFICER_REF)
            for ref, login in ((unit, "miao"), (other, "qing"))
        ]
        assert [one.login for one in issued] == ["miao", "qing"]

        def listed(text: str = "") -> list[tuple[str, date | None]]:
            with reading() as session:
                found = unit_page(session, text=text, page=1)
                assert found.count == len(found.lines)
                return [(one.unit.ref, one.agreed_until) for one in found.lines]

        assert sorted(listed()) == sorted([(unit, date(2027, 1, 1)), (other, None)])
        assert (listed("甲"), listed("丙")) == ([(unit, date(2027, 1, 1))], [])
        for _repeat in range(2):
            set_membership(unit, member=False, now=now, actor=OFFICER_REF)
        assert [ref for ref, _until in listed()] == [other, unit], "members first"
        with reading() as session:
            mine, theirs = (clerks_of(session, unit_by_ref(session, ref)) for ref in (unit, other))
            assert [(one.login, one.disabled_at) for one in (*mine, *theirs)] == [
                ("miao", now),
                ("qing", None),
            ]
            assert own_unit(session, mine[0].id).ref == unit
            for staff_ref in (theirs[0].ref, "st-none"):
                with pytest.raises(CbtError, match=r"^unit\.no_clerk"):
                    change_clerk(unit, staff_ref, "disable", now=now, actor=OFFICER_REF)
            ref = theirs[0].ref
        with pytest.raises(CbtError, match=r"^unit\.left"):
            invite_clerk(unit, login="neu", name="新", now=now, actor=OFFICER_REF)
        for act, disabled in (("disable", now), ("enable", None)):
            assert change_clerk(other, ref, act, now=now, actor=OFFICER_REF) is None
            with reading() as session:
                assert [one.disabled_at for one in clerks_of(session, unit_by_ref(session, other))] == [
                    disabled
                ]
        again = change_clerk(other, ref, "reset", now=now, actor=OFFICER_REF)
        assert again is not None
        assert (again.login, again.password != issued[1].password) == ("qing", True)
        set_membership(unit, member=True, now=now, actor=OFFICER_REF)
    with rows(world, AuditEntry) as log:
        of_units = [(one.act, one.subject, one.actor) for one in log if one.act.startswith("unit.")]
    mine, theirs = f"member_unit:{unit}", f"member_unit:{other}"
    by_officer = f"staff:{world.people['officer'].ref}"
    assert of_units == [
        ("unit.create", mine, by_officer),
        ("unit.create", theirs, by_officer),
        ("unit.invite", mine, OFFICER_REF),
        ("unit.invite", theirs, OFFICER_REF),
        ("unit.leave", mine, OFFICER_REF),
        ("unit.rejoin", mine, OFFICER_REF),
    ]


@pytest.mark.once
def test_a_unit_is_kept_up_to_its_limits_and_its_change_says_what_and_of_people_only_that(
    world: World, officer: FlaskClient
) -> None:
    now = world.clock.now()
    unit, other = (enter(officer, credit_code=code).rsplit("/", 1)[1] for code in (CODE, OTHER_CODE))
    form = UnitForm(**UNIT)

    def changed(**changes: str) -> tuple[str, dict[str, object]] | None:
        try:
            change_unit(unit, replace(form, **changes), now=now, actor=OFFICER_REF)
        except CbtError as error:
            return error.code, error.params
        return None

    with world.app.app_context():
        for changes, code, params in (
            ({"name": " "}, "unit.name", {"field": "name"}),
            ({"contact": "长" * 61}, "unit.contact", {"field": "contact"}),
            ({"phone": "1" * 31}, "unit.phone", {"field": "phone"}),
            ({"phone": "123456"}, "unit.phone", {"field": "phone"}),
            ({"address": "长" * 201}, "unit.too_long", {"field": "address", "maximum": 200}),
            ({"note": "长" * 501}, "unit.too_long", {"field": "note", "maximum": 500}),
            ({"credit_code": OTHER_CODE}, "unit.code_taken", {"field": "credit_code", "taken": OTHER_CODE}),
            ({"credit_code": "x"}, "unit.code_length", {"field": "credit_code"}),
        ):
            said = changed(**changes)
            assert said is not None, changes
            assert (said[0], params.items() <= said[1].items()) == (code, True), said
        assert changed() is None
        with rows(world, MemberUnit) as units:
            sealed = {one.ref: one.phone_sealed for one in units}[unit]
        assert changed(note="长" * 500) is None
        with rows(world, MemberUnit) as units:
            assert {one.ref: one.phone_sealed for one in units}[unit] == sealed, "the phone is as it was"
        longest = {"contact": "长" * 60, "phone": "1" * 30, "address": "长" * 200}
        assert changed(**longest) is None
        assert changed(phone="1234567") is None
        assert changed(phone="") is None
        with reading() as session:
            shown = [details(session, ref) for ref in (unit, other)]
            assert [one.phone for one in shown] == ["", UNIT["phone"]]
            assert [one.unit.ref for one in shown] == [unit, other]
            assert unit_by_code(session, OTHER_CODE) is shown[1].unit
    with rows(world, AuditEntry) as log:
        told = [one for one in log if one.act == "unit.change"]
    assert {(one.actor, one.subject) for one in told} == {(OFFICER_REF, f"member_unit:{unit}")}
    assert [json.loads(one.after).get("changed") for one in told] == [
        ["note"],
        ["contact", "phone", "note"],
        ["contact", "phone"],
        ["phone"],
    ]
    plain = {"name": UNIT["name"], "credit_code": CODE, "address": UNIT["address"]}
    assert json.loads(told[1].before) == plain
    assert json.loads(told[1].after) == plain | {
        "address": "长" * 200,
        "changed": ["contact", "phone", "note"],
    }


@pytest.mark.once
def test_what_is_said_of_the_body_is_refused_at_its_field(world: World) -> None:
    good = BodyDetails(name="示例", publicity_days=5)
    with world.app.app_context():
        for changes, code, field in (
            ({"name": ""}, "body.name", "name"),
            ({"website": "ftp://x.example"}, "body.website", "website"),
            ({"website": "http://[x"}, "body.website", "website"),
            ({"website": "http://x.example/" + "x" * 184}, "body.too_long", "website"),
            ({"address": "长" * 201}, "body.too_long", "address"),
            ({"phone": "1" * 41}, "body.too_long", "phone"),
            ({"look_up": "https://x.example/#a"}, "body.look_up", "look_up"),
            ({"look_up": "https://a@x.example/"}, "body.look_up", "look_up"),
            ({"look_up": "https://x.example/" + "x" * 103}, "body.too_long", "look_up"),
            ({"publicity_days": -1}, "body.days", "publicity_days"),
            ({"appeal_days": 0}, "body.appeal_days", "appeal_days"),
            ({"appeal_days": MOST_APPEAL_DAYS + 1}, "body.appeal_days", "appeal_days"),
            ({"appeal_answer_days": 0}, "body.appeal_days", "appeal_answer_days"),
            ({"appeal_answer_days": MOST_APPEAL_DAYS + 1}, "body.appeal_days", "appeal_answer_days"),
            ({"publicity_days": MOST_DAYS + 1}, "body.days", "publicity_days"),
            ({"payee_bank": "长" * 121, "payee_account": "1234567890"}, "body.too_long", "payee_bank"),
            ({"payee": "长" * 121}, "body.too_long", "payee"),
            ({"payee_account": "12-AB", "payee_bank": "行"}, "body.account", "payee_account"),
            ({"payee_bank": "行"}, "body.payee", "payee_account"),
            ({"payee_account": "3105016600001234"}, "body.payee", "payee_bank"),
        ):
            with pytest.raises(CbtError) as error:
                change_body(replace(good, **changes), now=world.clock.now(), actor="staff:st-1")
            assert (error.value.code, error.value.params.get("field")) == (code, field), changes
        for changes in (
            {"website": "http://x.example/" + "x" * 183, "address": "长" * 200, "phone": "1" * 40},
            {"look_up": "https://x.example/" + "x" * 102, "publicity_days": MOST_DAYS},
            {"appeal_days": MOST_APPEAL_DAYS, "appeal_answer_days": 1},
            {"appeal_days": 1, "appeal_answer_days": MOST_APPEAL_DAYS},
            {"payee_bank": "长" * 120, "payee_account": "3105-0166 00001234"},
        ):
            change_body(replace(good, **changes), now=world.clock.now(), actor="staff:st-1")
        with reading() as session:
            kept = body(session)
    assert (kept.payee, kept.payee_account, kept.publicity_days) == ("示例", "3105016600001234", 5)


@pytest.mark.once
def test_what_is_refused_stands_in_the_form_it_was_sent_from(officer: FlaskClient) -> None:
    page = enter(officer)
    clerk = officer.post(f"{page}/clerks", data={"name": "长" * 61, "login": "miao"})
    agreement = officer.post(f"{page}/agreements", data=AGREEMENT | {"number": "1" * 41, "note": "旧约"})
    for answer, own, typed in ((clerk, "new-clerk", "miao"), (agreement, "new-agreement", "旧约")):
        assert answer.status_code == 422
        forms = {
            name: answer.text.partition(f'aria-labelledby="{name}"')[2].partition("</section>")[0]
            for name in ("new-agreement", "new-clerk")
        }
        assert [name for name, form in forms.items() if 'aria-invalid="true"' in form] == [own]
        assert [name for name, form in forms.items() if f'value="{typed}"' in form] == [own]
