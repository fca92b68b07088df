"""A unit's application on its way into a batch: days ahead, people, conditions, decisions (R-72, R-73, R-77)."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from cbt.accounts.store import staff_by_login
from cbt.audit.models import AuditEntry
from cbt.blueprints.versions import store_blueprint
from cbt.candidates.models import Candidate, CandidatePhoto
from cbt.demo.people import portrait
from cbt.enrolment.applications import store
from cbt.enrolment.applications.application import (
    ApplicantVerdict,
    ApplicationForm,
    Applying,
    change_application,
    check_proofs,
    decide,
    make_application,
    put_in_batch,
    submit,
    take_out_of_batch,
    take_step,
)
from cbt.enrolment.models import Applicant, MemberUnit, UnitApplication
from cbt.enrolment.units import unit_by_ref
from cbt.errors import CbtError
from cbt.http.i18n import local_day
from cbt.paths import product_dir
from cbt.rules.states import ApplicationEvent
from cbt.sittings.models import Sitting
from cbt.sittings.store import batch_by_ref
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.candidates.rosters import resident
from tests.enrolment.test_units import AGREEMENT, OTHER_CODE, enter, officer, rows
from tests.file_jobs import work_on
from tests.helpers import count_queries, flat, sign_in_as, utc
from tests.world import World

__all__ = ["officer"]

LEVEL = "customer-service-l3"
ASKED = {"blueprint": LEVEL, "preferred_on": "2027-01-11", "note": ""}
PERSON = {
    "name": "陆遥",
    "document_type": "resident_id",
    "document_number": resident(31),
    "phone": "13800002222",
    "staff_number": "LY-7",
    "kind": "first",
    "papers": ["theory", "skills"],
    "years": "6",
    "department": "客服中心",
    "post": "客服主管",
    "education": "junior_college",
    "school": "示例职业学院",
    "major": "市场营销",
    "diploma_number": "证字第8848号",
    "graduated_on": "2019-07-01",
    "insured": "yes",
}


class Desk:
    """Somebody at the pages of an application, from the office or from their own unit."""

    def __init__(self, client: FlaskClient, start: str = "/office/applications") -> None:
        self.client, self.start, self.page = client, start, ""

    def begin(self, **changes: str) -> Any:
        answer = self.client.post(f"{self.start}/new", data=ASKED | changes)
        if answer.status_code == 303:
            self.page = answer.headers["Location"]
        return answer

    def enter(self, **changes: Any) -> Any:
        return self.client.post(f"{self.page}/people/new", data=PERSON | changes)

    def step(self, event: str, **form: str) -> Any:
        return self.client.post(f"{self.page}/steps/{event}", data=form)

    def decide(self, people: list[str], verdict: str = "accepted", **form: str) -> Any:
        """Decide about people; that their evidence was not ticked off is accepted unless `unchecked` is empty."""
        form = {"unchecked": "1"} | form
        sent = {name: text for name, text in form.items() if text}
        return self.client.post(f"{self.page}/decide", data={"people": people, "verdict": verdict, **sent})

    def bring_in(self, batch: str, **form: str) -> Any:
        """Have the accepted people be looked at as a roster of a batch, on whatever day that is held."""
        return self.client.post(f"{self.page}/batch", data={"batch": batch, "outside": "1", **form})

    def register(self, world: World, batch: str = "") -> Any:
        """Put the application into a batch: its roster is looked at and, what is good of it, confirmed."""
        looked = self.bring_in(batch or world.batch_ref)
        assert looked.status_code == 303, flat(looked.text)
        page = looked.headers["Location"]
        for confirmed in (False, True):
            if confirmed:
                answer = self.client.post(page, data={"rows": "good"})
                assert answer.status_code == 303, flat(answer.text)
            with world.app.app_context():
                work_on(page.rpartition("/")[2], clock=world.clock.now)
        return self.client.get(page)

    def text(self, page: str = "") -> str:
        return flat(self.client.get(page or self.page).text)


def unit_ref(page: str) -> str:
    return page.rpartition("/")[2]


@pytest.fixture
def unit(officer: FlaskClient) -> str:
    """The ref of a unit with an agreement from 20 November 2026 on."""
    page = enter(officer)
    assert officer.post(f"{page}/agreements", data=AGREEMENT).status_code == 303
    return unit_ref(page)


@pytest.fixture
def desk(officer: FlaskClient, unit: str) -> Desk:
    made = Desk(officer)
    assert made.begin(unit=unit).status_code == 303
    return made


def clerk_of(world: World, officer: FlaskClient, unit: str, login: str) -> Desk:
    officer.post(f"/office/units/{unit}/clerks", data={"name": login, "login": login})
    return signed_in(world, login)


def signed_in(world: World, login: str) -> Desk:
    with world.app.app_context(), unit_of_work() as session:
        found = staff_by_login(session, login)
        assert found is not None
        found.must_change_password = False
        ref = found.ref
    return Desk(
        sign_in_as(world.app, kind="staff", subject_ref=ref, machine=f"m-{login}"), "/unit/applications"
    )


def put_in(world: World, desk: Desk) -> None:
    """Have an application stand in the world's batch, whoever of its people is registered there."""
    now = world.clock.now()
    with world.app.app_context(), unit_of_work() as session:
        by = Applying("staff:test", now, local_day(now), None)
        put_in_batch(session, unit_ref(desk.page), batch_by_ref(session, world.batch_ref), by)


def people_of(world: World) -> list[str]:
    with rows(world, Applicant) as found:
        return [one.ref for one in found]


def listed() -> tuple[io.BytesIO, str]:
    """Return a file for a form that takes one."""
    return io.BytesIO(f"姓名,身份证号码\n江平,{resident(9)}\n".encode()), "名单.csv"


def state(world: World) -> str:
    with rows(world, UnitApplication) as found:
        return str(found[-1].state)


def test_an_application_goes_from_a_draft_into_a_batch_with_nothing_typed_twice(
    world: World, officer: FlaskClient, desk: Desk, unit: str
) -> None:
    clerk = clerk_of(world, officer, unit, "miao")
    clerk.page = desk.page.replace("/office/", "/unit/")
    assert clerk.step("submit").status_code == 409  # nobody is in it
    assert clerk.enter(papers=["theory"]).status_code == 303
    assert clerk.enter(name="又一次").status_code == 409
    assert clerk.enter(name="郭宁", document_number=resident(42), years="1", education="").status_code == 303
    assert clerk.step("submit").status_code == 303
    assert clerk.enter(document_number=resident(55)).status_code == 409  # nobody writes in what is looked at
    assert clerk.step("accept").status_code == 422
    assert "待审核" in clerk.text()
    assert desk.step("send_back").status_code == 422
    assert desk.step("send_back", words="请补充毕业证书复印件").status_code == 303
    assert "请补充毕业证书复印件" in clerk.text()
    world.clock.advance(timedelta(days=3))
    officer = desk.client = world.staff("officer")
    clerk.client = signed_in(world, "miao").client
    assert clerk.step("submit").status_code == 303
    with rows(world, UnitApplication) as (one,):
        assert one.applied_on == date(2026, 11, 20)  # the first day stays
    assert desk.step("accept").status_code == 409  # nobody is decided about
    met, short = people_of(world)
    assert desk.decide([met, short]).status_code == 409  # one of them meets nothing
    assert desk.decide([met]).status_code == 303
    assert desk.decide([short], condition="1").status_code == 422  # not met: with a reason only
    assert desk.decide([short], "refused").status_code == 422
    assert desk.decide([short], "refused", reason="年限不足").status_code == 303
    for side in (desk, clerk):
        shown = side.text(f"{side.page}/people/{short}")
        assert "审核决定" in shown
        assert "年限不足" in shown
    photo = {"photo": (io.BytesIO(portrait(seed=7, long_hair=True)), "照片.png")}
    assert officer.post(f"{desk.page}/people/{met}/photo", data=photo).status_code == 303
    proofs = {"received": ["identity", "diploma"], "checked": ["identity"]}
    assert officer.post(f"{desk.page}/people/{met}/proofs", data=proofs).status_code == 303
    assert desk.step("accept").status_code == 303
    assert desk.decide([short]).status_code == 409
    assert desk.step("schedule", batch=world.batch_ref).status_code == 422  # with its roster alone
    assert desk.bring_in("ba-none").status_code == 422
    assert officer.post(f"{desk.page}/roster").mimetype.endswith("sheet")
    back = desk.register(world)
    assert back.headers["Location"] == desk.page
    assert "2026 年第四批" in clerk.text()
    assert "已安排" in clerk.text()
    assert "上海浦江客户服务有限公司" in officer.get(f"/office/batches/{world.batch_ref}").text
    assert officer.get(f"/office/batches/{world.batch_ref}").text.count(desk.page) == 1
    with rows(world, Candidate) as candidates:
        carried_over = [one for one in candidates if one.name in {"陆遥", "郭宁"}]
        assert [(one.name, one.employer, one.staff_number) for one in carried_over] == [
            ("陆遥", "上海浦江客户服务有限公司", "LY-7")
        ]
        (carried,) = (one.id for one in candidates if one.name == "陆遥")
    with rows(world, CandidatePhoto) as photos:
        assert [one.mimetype for one in photos if one.candidate_id == carried] == ["image/jpeg"]
    assert desk.step("complete").status_code == 409  # its sittings lie ahead
    with world.app.app_context(), unit_of_work() as session:
        for sitting in session.scalars(select(Sitting)):
            sitting.state = "ended"
    assert desk.step("complete").status_code == 303
    assert state(world) == "done"
    assert "办理记录" in desk.text()
    with rows(world, AuditEntry) as log:
        told = [f"{one.act} {one.reason} {one.before} {one.after}" for one in log if "appli" in one.act]
    assert len(told) >= 12
    assert not any("陆遥" in line or PERSON["document_number"] in line for line in told)


def test_too_late_by_one_working_day_names_the_earliest_and_only_an_officer_may_take_it(
    world: World, officer: FlaskClient, unit: str
) -> None:
    """National Day 2026: 1 to 7 October are free; Sunday 20 September and Saturday 10 October are worked."""
    officer.post(f"/office/units/{unit}/agreements", data=AGREEMENT | {"effective_on": "2026-09-01"})
    world.clock.set(utc("2026-09-07T10:00:00+08:00"))
    desk = Desk(world.staff("officer"))
    clerk = clerk_of(world, desk.client, unit, "miao")
    # 8–11, 14–18 and 20, 21–24, 28–30 September, 8–10 October: with 25 September free there are 20.
    assert clerk.begin(preferred_on="2026-10-09").status_code == 303
    desk.page = clerk.page.replace("/unit/", "/office/")
    assert clerk.enter().status_code == 303
    late = clerk.step("submit", late_reason="赶时间")
    assert late.status_code == 409
    assert "只有 19 个工作日" in late.text
    assert "最早可申请的日期是 2026-10-10" in late.text
    assert desk.step("submit").status_code == 409
    edited = clerk.client.post(f"{clerk.page}/edit", data=ASKED | {"preferred_on": "2026-10-10"})
    assert edited.status_code == 303
    assert clerk.step("submit").status_code == 303
    assert desk.step("send_back", words="日期改回").status_code == 303
    clerk.client.post(f"{clerk.page}/edit", data=ASKED | {"preferred_on": "2026-10-09"})
    assert desk.step("submit", late_reason="单位统一安排").status_code == 303
    assert desk.step("send_back", words="补材料").status_code == 303
    world.clock.set(utc("2026-10-09T10:00:00+08:00"))
    desk.client = world.staff("officer")
    assert desk.step("submit", late_reason="单位统一安排").status_code == 422  # the day has come
    desk.client.post(f"{desk.page}/edit", data=ASKED | {"preferred_on": "2026-10-12"})
    assert desk.step("submit", late_reason="单位统一安排").status_code == 303
    assert "单位统一安排" in desk.text()
    assert state(world) == "submitted"


def test_without_an_agreement_on_both_days_nothing_is_taken(
    world: World, officer: FlaskClient, unit: str
) -> None:
    desk = Desk(officer)
    bare = unit_ref(enter(officer, credit_code=OTHER_CODE, name="无协议公司"))
    for whose, day, said in (
        (bare, "2027-01-11", "2026-11-20 没有有效的认定管理协议"),
        (unit, "2027-11-22", "2027-11-22 没有有效的认定管理协议"),
    ):
        assert desk.begin(unit=whose, preferred_on=day).status_code == 303
        desk.enter()
        refused = desk.step("submit")
        assert refused.status_code == 409
        assert said in refused.text
    assert desk.step("withdraw").status_code == 303
    assert desk.step("submit").status_code == 409
    for day in ("", "2026-11-20", "2031-01-01", "bald"):
        assert desk.begin(unit=unit, preferred_on=day).status_code == 422
    assert desk.begin(unit=unit, blueprint="none").status_code == 404


def test_another_units_application_is_as_unknown_as_none(
    world: World, officer: FlaskClient, desk: Desk, unit: str
) -> None:
    desk.enter()
    other = unit_ref(enter(officer, credit_code=OTHER_CODE, name="第二家客服公司"))
    stranger = clerk_of(world, officer, other, "tan")
    (person,) = people_of(world)
    ref = unit_ref(desk.page)
    asked = 0
    for rule in world.app.url_map.iter_rules():
        if not rule.rule.startswith("/unit/applications/<"):
            continue
        for whose, said in ((ref, person), ("ap-none", "pe-none")):
            path = (
                rule.rule.replace("<ref>", whose)
                .replace("<person_ref>", said)
                .replace("<event>", "submit")
                .replace("<draft>", "dr-none")
                .replace("<document>", "employment")
            )
            for method in (rule.methods or set()) & {"GET", "POST"}:
                answer = stranger.client.open(path, method=method, data=PERSON | ASKED | {"file": listed()})
                assert answer.status_code == 404, path
                assert "陆遥" not in answer.text
                asked += 1
    assert asked >= 16
    assert desk.page.rpartition("/")[2] not in stranger.text("/unit/applications")
    for path in ("/office/applications", desk.page, f"{desk.page}/people/{person}"):
        assert stranger.client.get(path).status_code == 403
    assert stranger.begin(unit=unit).status_code == 303  # whatever is asked for, it is their own unit's
    with rows(world, UnitApplication) as found, rows(world, MemberUnit) as units:
        assert found[-1].unit_id == next(one.id for one in units if one.ref == other)


def test_what_is_typed_is_checked_and_lies_sealed_on_disk(world: World, desk: Desk) -> None:
    for changes, said in (
        ({"document_number": resident(31)[:-1] + "0"}, "号码"),
        ({"years": "3.5"}, "应为 0 到 60 的整数"),
        ({"graduated_on": "1019-07-01"}, "日期看不懂"),
        ({"papers": []}, "没有选择科目"),
        ({"document_type": "passport", "document_number": "E1234567"}, "没有选择性别"),
        ({"school": "长" * 81}, "超过 80 个字"),
    ):
        answer = desk.enter(**changes)
        assert answer.status_code == 422
        assert said in answer.text
        assert "客服主管" in answer.text  # what was typed is still there
    assert desk.enter(education="none").status_code == 422
    assert people_of(world) == []
    assert desk.enter().status_code == 303
    (person,) = people_of(world)
    with rows(world, Applicant) as (one,):
        kept = one.document_sealed + one.phone_sealed + one.told_sealed
        assert (one.gender, one.document_masked[3:5]) == ("male", "**")
        told = {name: getattr(one, name) for name in ("document_masked", "reason", "papers")}
    for secret in ("13800002222", "LY-7", PERSON["document_number"], "8848", "客服主管", "市场营销"):
        assert str(secret).encode() not in kept
        assert str(secret) not in str(told)
    page = f"{desk.page}/people/{person}"
    assert PERSON["document_number"] not in desk.client.get(page).text
    changed = PERSON | {"document_number": "", "name": "陆瑶", "years": "2", "education": "", "major": ""}
    assert desk.client.post(page, data=changed).status_code == 303
    with rows(world, Applicant) as (one,):
        assert (one.name, one.document_masked) == ("陆瑶", told["document_masked"])
    assert "2029-11-20 起满足" in desk.text(page)
    assert desk.client.post(f"{page}/remove").status_code == 303
    assert people_of(world) == []


@pytest.mark.once
def test_an_application_has_a_number_that_is_read_out_and_found_by(
    world: World, officer: FlaskClient, desk: Desk, unit: str
) -> None:
    desk.begin(unit=unit)
    with world.app.app_context(), reading() as session:
        one, other = session.scalars(select(UnitApplication).order_by(UnitApplication.id))
    assert (one.number, other.number) == ("2026-0001", "2026-0002")
    shown = flat(officer.get(f"/office/applications/{one.ref}").text)
    assert ("2026-0001" in shown, f"申请 {one.ref}" in shown) == (True, False)
    found = flat(officer.get("/office/applications?q=0002").text)
    assert (">2026-0002<" in found, ">2026-0001<" in found) == (True, False)
    assert "没有符合的申请" in officer.get("/office/applications?q=9999").text
    assert "<form" in desk.text(f"{desk.page}/people/new")
    assert 'hx-get="' not in desk.text(f"{desk.page}/people/new")  # no address holds what is typed
    assert officer.get(f"{desk.page}/assess?years=5").status_code == 405


@pytest.mark.once
@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"years": "5"}, "需要的证明材料：身份证复印件、在职工作证明"),
        ({"years": "4"}, "2027-11-20 起满足"),
        ({"education": "bachelor", "major": "天文学"}, "由考务判断：专业是否为本专业或相关专业"),
        ({"education": "secondary", "major": "会计"}, "学历须为大学专科及以上"),
        ({"years": "viele"}, "连续从业须满 5 年，现计 0 年"),
    ],
)
def test_the_conditions_are_shown_while_somebody_types(
    desk: Desk, typed: Mapping[str, str], said: str
) -> None:
    answer = desk.client.post(f"{desk.page}/assess", data=dict(typed))
    assert answer.status_code == 200
    assert said in flat(answer.text)
    assert "<html" not in answer.text


@pytest.mark.once
def test_pages_ask_as_often_however_many_there_are(world: World, officer: FlaskClient, desk: Desk) -> None:
    desk.enter()
    pages = ("/office/applications", desk.page, f"{desk.page}/people/{people_of(world)[0]}")

    def asked() -> list[int]:
        counted = []
        for one in pages:
            with count_queries(world.app) as seen:
                assert officer.get(one).status_code == 200
            counted.append(len(seen))
        return counted

    before = asked()
    for number in range(60, 64):
        desk.enter(name=f"第{number}人", document_number=resident(number))
    with world.app.app_context(), unit_of_work() as session:
        one = session.scalars(select(UnitApplication)).one()
        for number in range(60):
            kept = (
                "unit_id",
                "blueprint_version_id",
                "state",
                "preferred_on",
                "note",
                "put_right",
                "late_reason",
            )
            copy = {name: getattr(one, name) for name in kept}
            session.add(
                UnitApplication(
                    ref=f"ap-{number}", number=f"2026-9{number:03}", created_at=one.created_at, **copy
                )
            )
    assert asked() == before
    assert max(before) <= 12
    assert "草稿 61" in desk.text("/office/applications")
    assert 'rel="next"' in desk.text("/office/applications?state=draft")


@pytest.mark.once
def test_accepting_names_whom_it_cannot_and_keeps_what_was_ticked(world: World, desk: Desk) -> None:
    desk.enter()
    desk.enter(name="郭宁", document_number=resident(42), years="1", education="")
    desk.enter(name="方一", document_number=resident(43))
    desk.step("submit")
    met, short, other = people_of(world)
    boxes = re.compile(r'value="(pe-\w+)" checked')
    assert boxes.findall(desk.text()) == [met, other]  # who plainly meets a condition is ticked already

    def named(page: str) -> list[str]:
        return re.findall(r">([^<]+)</a>", page.partition('role="alert"')[2].partition("</div>")[0])

    early = desk.step("accept")
    assert (early.status_code, named(flat(early.text))) == (409, ["陆遥", "郭宁", "方一"])
    refused = desk.decide([met, short], reason="同批申报")
    page = flat(refused.text)
    assert refused.status_code == 409
    assert "1 人没有明确符合的条件" in page
    assert named(page) == ["郭宁"]
    assert (boxes.findall(page), 'value="同批申报"' in page) == ([met, short], True)
    asked = desk.decide([met, other], unchecked="")
    page = flat(asked.text)
    assert asked.status_code == 409
    assert "2 人有证明材料没有核对" in page
    assert (named(page), boxes.findall(page), 'name="unchecked"' in page) == (
        ["陆遥", "方一"],
        [met, other],
        True,
    )
    alone = desk.client.post(
        f"{desk.page}/decide", data={"people": [met], "person": met, "verdict": "accepted"}
    )
    assert alone.status_code == 409
    assert 'name="unchecked"' in alone.text
    everything = ["identity", "employment", "diploma"]
    proofs = {"received": everything, "checked": everything}
    desk.client.post(f"{desk.page}/people/{met}/proofs", data=proofs)
    # All that is asked for was checked; whoever decided on somebody's own page is led back to it.
    assert desk.decide([met], unchecked="", person=met).location == f"{desk.page}/people/{met}"
    assert desk.decide([other]).location == desk.page
    with rows(world, AuditEntry) as log:
        told = [one.after for one in log if one.act == "applicant.accept"]
    assert ["unchecked" in str(one) for one in told] == [False, True]


@pytest.mark.once
def test_what_is_refused_about_an_application_says_what_and_where(
    world: World, officer: FlaskClient, desk: Desk, unit: str
) -> None:
    """Its day and note at their edges, what is decided of whom, and when nobody writes in it any more."""
    with world.app.app_context():
        by = Applying("staff:test", world.clock.now(), local_day(world.clock.now()), None)
    ref, day, today, one = unit_ref(desk.page), date(2027, 1, 11), by.today, timedelta(days=1)
    desk.enter()
    desk.enter(name="郭宁", document_number=resident(42), years="1", education="")
    met, short = people_of(world)

    def said(act: Any, *arguments: Any, **named: Any) -> tuple[str, object]:
        with world.app.app_context(), pytest.raises(CbtError) as error:
            act(*arguments, **named)
        return error.value.code, error.value.params.get("field")

    def form(on: date, note: str = "", level: str = LEVEL) -> ApplicationForm:
        return ApplicationForm(level, on.isoformat(), note)

    def verdict(text: str, condition: int | None = None, reason: str = "") -> ApplicantVerdict:
        return ApplicantVerdict(text, condition, reason, unchecked=True)

    def decided() -> list[tuple[str, int | None, str]]:
        with rows(world, Applicant) as found:
            return [(one.verdict, one.condition, one.reason) for one in found]

    for wanted, refused in (
        (form(today), ("application.day", "preferred_on")),
        (form(today + timedelta(days=731)), ("application.day", "preferred_on")),
        (form(day, "长" * 501), ("unit.too_long", "note")),
        (form(day, level="none"), ("blueprint.unknown", None)),
    ):
        assert said(make_application, unit, wanted, by) == refused
        assert said(change_application, ref, wanted, by) == refused
    with world.app.app_context():
        for wanted in (form(today + one), form(today + timedelta(days=730), "长" * 500), form(day)):
            change_application(ref, wanted, by)
    for event in (ApplicationEvent.SCHEDULE, ApplicationEvent.UNSCHEDULE):
        assert said(take_step, ref, event, words="x", by=by) == ("web.bad_request", None)
    early = ("application.not_submitted", None)
    assert said(decide, ref, [met], verdict("accepted"), by) == early
    assert said(check_proofs, ref, met, received=(), checked=(), by=by) == early
    assert desk.step("submit").status_code == 303
    assert said(change_application, ref, form(day), by) == ("application.not_editable", None)
    assert said(check_proofs, ref, "pe-none", received=(), checked=(), by=by) == ("applicant.unknown", None)
    bad, nobody = ("web.bad_request", None), ("application.no_one_chosen", None)
    for people, asked, refused in (
        ([met], verdict("maybe"), bad),
        ([], verdict("accepted"), nobody),
        (["pe-none"], verdict("accepted"), nobody),
        ([met], verdict("refused", reason=" "), ("applicant.reason", "reason")),
        ([met], verdict("accepted", 99, "同批"), bad),
        ([short], verdict("accepted", 1, " "), ("applicant.reason", "reason")),
        ([short], verdict("accepted"), ("applicant.no_condition", "condition")),
    ):
        assert said(decide, ref, people, asked, by) == refused, asked
    for event in (ApplicationEvent.SEND_BACK, ApplicationEvent.REFUSE):
        assert said(take_step, ref, event, words=" ", by=by) == ("application.words", "words")
    assert decided() == [("", None, "")] * 2
    with world.app.app_context():
        assert decide(ref, [met, "pe-none"], verdict("accepted"), by) == 1
        (_accepted, condition, _reason), _open = decided()
        assert condition
        assert decide(ref, [met], verdict("accepted", condition), by) == 1
        assert decide(ref, [short], verdict("accepted", 1, "同批"), by) == 1
        assert decided() == [("accepted", condition, ""), ("accepted", 1, "同批")]
        assert decide(ref, [met, short], verdict("refused", reason=" 年限 不足 "), by) == 2
    assert decided() == [("refused", None, "年限 不足")] * 2
    assert said(take_step, ref, ApplicationEvent.ACCEPT, words="", by=by) == (
        "application.none_accepted",
        None,
    )
    assert desk.step("send_back", words="换人").status_code == 303
    with world.app.app_context(), unit_of_work() as session:
        session.scalars(select(MemberUnit)).one().left_at = by.now
    assert said(submit, ref, late_reason="", by=by) == ("unit.left", None)
    assert said(make_application, unit, form(day), by) == ("unit.left", None)


@pytest.mark.once
def test_another_level_is_taken_with_its_papers_and_opens_what_was_decided(world: World, desk: Desk) -> None:
    text = (product_dir("blueprints") / "customer-service-l2.toml").read_text("utf-8")
    with world.app.app_context(), unit_of_work() as session:
        store_blueprint(session, text, now=world.clock.now(), actor="staff:test")
    desk.enter(papers=["theory"])
    desk.enter(name="郭宁", document_number=resident(42))
    with world.app.app_context(), unit_of_work() as session:
        first, second = session.scalars(select(Applicant).order_by(Applicant.id))
        second.papers = "essay"
        first.verdict, first.condition = second.verdict, second.condition = "accepted", 1

    def known() -> list[tuple[str, str, int | None]]:
        with rows(world, Applicant) as found:
            return [(one.papers, one.verdict, one.condition) for one in found]

    before = known()
    for level in (LEVEL, "customer-service-l2"):
        edited = desk.client.post(f"{desk.page}/edit", data=ASKED | {"blueprint": level})
        assert edited.status_code == 303
        assert known() == (before if level == LEVEL else [("theory", "", None), ("theory,skills", "", None)])
    assert "二级" in desk.text()
    with rows(world, AuditEntry) as log:
        entry = [one for one in log if one.act == "application.change"][-1]
    assert [f'"{level}"' in text for text, level in (
        (entry.before, LEVEL), (entry.after, "customer-service-l2")
    )] == [True, True]  # fmt: skip


@pytest.mark.once
def test_a_unit_is_told_of_its_own_applications_and_the_office_of_all(
    world: World, officer: FlaskClient, desk: Desk, unit: str
) -> None:
    page = enter(officer, credit_code=OTHER_CODE, name="第二家客服公司")
    assert officer.post(f"{page}/agreements", data=AGREEMENT).status_code == 303
    other, mine = unit_ref(page), unit_ref(desk.page)
    assert desk.begin(unit=other).status_code == 303
    theirs = unit_ref(desk.page)
    desk.enter()
    assert desk.step("submit").status_code == 303
    with world.app.app_context(), reading() as session:
        ids = [unit_by_ref(session, ref).id for ref in (unit, other)]

        def waiting(unit_id: int | None, *states: str) -> set[str]:
            return {one.application.ref for one in store.waiting(session, unit_id=unit_id, states=states)}

        def listed(unit_id: int | None, **asked: str) -> tuple[set[str], int]:
            page = store.application_page(
                session, unit_id=unit_id, page=1, **{"state": "", "text": ""} | asked
            )
            assert (page.counts or {})[page.kind] == page.count == len(page.lines)
            return {one.application.ref for one in page.lines}, (page.counts or {})["draft"]

        both = {mine, theirs}
        for unit_id, seen, drafts in ((None, both, 1), (ids[0], {mine}, 1), (ids[1], {theirs}, 0)):
            assert waiting(unit_id, "draft", "submitted") == seen
            assert listed(unit_id) == (seen, drafts)
            assert listed(unit_id, state="submitted") == (seen & {theirs}, drafts)
            assert listed(unit_id, text="第二家") == (seen & {theirs}, 0)
        assert (waiting(None, "draft"), waiting(None, "submitted")) == ({mine}, {theirs})


@pytest.mark.once
def test_which_batch_an_application_came_into_and_left_is_told_and_on_record(
    world: World, desk: Desk
) -> None:
    desk.enter()
    desk.step("submit")
    desk.decide(people_of(world))
    assert desk.step("accept").status_code == 303
    put_in(world, desk)
    ref, now = unit_ref(desk.page), world.clock.now()
    with world.app.app_context(), unit_of_work() as session:
        batch = batch_by_ref(session, world.batch_ref)
        application = store.application_by_ref(session, ref, unit_id=None)
        assert (application.batch_id, application.state) == (batch.id, "scheduled")
        take_out_of_batch(session, ref, Applying("staff:test", now, local_day(now), None))
        assert (application.batch_id, application.state) == (None, "accepted")
        told = [(one.event, one.words, one.by) for one in store.steps_of(session, application)[:2]]
        assert told == [(event, batch.name, "staff:test") for event in ("unschedule", "schedule")]
    with rows(world, AuditEntry) as log:
        noted = [(one.act, one.subject, one.actor, one.after) for one in log if one.act.endswith("schedule")]
    of_batch = f'{{"batch":"{world.batch_ref}"}}'
    assert noted == [
        (f"application.{event}", f"unit_application:{ref}", "staff:test", of_batch)
        for event in ("schedule", "unschedule")
    ]


@pytest.mark.once
def test_the_home_page_tells_the_office_what_waits_and_a_clerk_that_nothing_does(
    world: World, officer: FlaskClient, desk: Desk, unit: str
) -> None:
    clerk, waits = clerk_of(world, officer, unit, "miao"), 'id="applications-title"'
    address = desk.page.replace("/office/", "/unit/")
    assert waits not in officer.get("/staff").text
    assert address in clerk.client.get("/staff").text
    desk.enter()
    assert desk.step("submit").status_code == 303
    shown = officer.get("/staff").text
    assert (waits in shown, desk.page in shown) == (True, True)
    shown = clerk.client.get("/staff").text
    assert (waits in shown, address in shown, 'href="/unit/applications/new"' in shown) == (True, False, True)
