"""The office's own days and majors go before what was published, wherever it is asked (R-72, R-73)."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta

import pytest
from flask.testing import FlaskClient

from cbt.audit.models import AuditEntry
from cbt.blueprints.store import blueprint_of, current_versions
from cbt.enrolment import office_decisions
from cbt.enrolment.models import OfficeMajor
from cbt.enrolment.office_decisions import (
    DayForm,
    MajorForm,
    forget_day,
    forget_major,
    office_days,
    office_majors,
    set_day,
    set_major,
)
from cbt.errors import CbtError
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.enrolment.test_applications import PERSON, Desk, clerk_of, desk, officer, people_of, unit
from tests.enrolment.test_units import rows
from tests.helpers import count_queries, flat
from tests.world import World

__all__ = ["desk", "officer", "unit"]

DAYS, MAJORS = "/office/holidays", "/office/majors"
OCCUPATION = "客户服务管理员"


def test_a_day_said_to_be_free_makes_an_application_late_until_it_is_taken_back(
    world: World, officer: FlaskClient, desk: Desk, unit: str
) -> None:
    """From 20 November 2026, a Friday, 18 December is the 20th working day."""
    assert "2026-12-18" in desk.text("/office/applications/new?unit=" + unit)
    early = {"blueprint": "customer-service-l3", "preferred_on": "2026-12-18", "note": ""}
    assert desk.client.post(f"{desk.page}/edit", data=early).status_code == 303
    assert desk.enter().status_code == 303
    free = {"day": "2026-12-01", "kind": "free", "reason": "示例：机构停业"}
    for wrong, said in (
        ({"day": "x"}, "日期有误"),
        ({"kind": ""}, "没有选择"),
        ({"reason": ""}, "没有写明原因"),
    ):
        answer = officer.post(DAYS, data=free | wrong)
        assert answer.status_code == 422
        assert said in flat(answer.text)
    assert officer.post(DAYS, data=free).status_code == 303
    assert "2026-12-21" in desk.text("/office/applications/new?unit=" + unit)
    clerk = clerk_of(world, officer, unit, "miao")
    clerk.page = desk.page.replace("/office/", "/unit/")
    late = clerk.step("submit")
    assert late.status_code == 409
    assert "最早可申请的日期是 2026-12-21" in late.text
    assert clerk.client.get(DAYS).status_code == 403
    assert world.staff("inspector").post(DAYS, data=free).status_code == 403
    saturday = {"day": "2026-12-05", "kind": "worked", "reason": "示例：补班"}
    assert officer.post(DAYS, data=saturday).status_code == 303
    assert clerk.step("submit").status_code == 303
    shown = desk.text(DAYS)
    assert "2026-12-05 周六" in shown
    assert officer.post(f"{DAYS}/2026-12-05/remove").status_code == 303
    assert officer.post(f"{DAYS}/2026-12-05/remove").status_code == 404
    with rows(world, AuditEntry) as log:
        told = [(one.act, one.subject, one.reason) for one in log if one.act.startswith("day.")]
    assert told == [
        ("day.set", "day:2026-12-01", "示例：机构停业"),
        ("day.set", "day:2026-12-05", "示例：补班"),
        ("day.forget", "day:2026-12-05", ""),
    ]


@pytest.mark.once
def test_a_major_decided_once_is_asked_of_nobody_again(
    world: World, officer: FlaskClient, desk: Desk
) -> None:
    asked = {"years": "", "education": "bachelor", "major": "天文学专业"}
    form = {"occupation": OCCUPATION, "name": "天文学", "kind": "related", "reason": "示例"}
    judged = f"{desk.page}/assess"
    query = {"education": "bachelor", "major": "天文学专业"}
    assert "由考务判断：专业是否" in flat(officer.post(judged, data=query).text)
    for wrong, said in (
        ({"name": "专业"}, "没有填写专业名称"),
        ({"kind": "unknown"}, "没有选择认定"),
        ({"occupation": "厨师"}, "没有这个职业"),
    ):
        answer = officer.post(MAJORS, data=form | wrong)
        assert answer.status_code == 422
        assert said in flat(answer.text)
    assert officer.post(MAJORS, data=form).status_code == 303
    assert "需要的证明材料：身份证复印件、毕业证书复印件" in flat(officer.post(judged, data=query).text)
    assert officer.post(MAJORS, data=form | {"name": "市场营销", "kind": "other"}).status_code == 303
    assert desk.enter(**asked | {"major": "市场营销"}).status_code == 303  # the blueprint calls it related
    (person,) = people_of(world)
    assert "由考务判断" not in desk.text(f"{desk.page}/people/{person}")
    assert "专业须为本专业或相关专业" in desk.text(f"{desk.page}/people/{person}")
    assert desk.client.post(f"{desk.page}/people/{person}", data=PERSON | asked).status_code == 303
    with count_queries(world.app) as queries:
        page = flat(officer.get(MAJORS).text)
    assert len(queries) <= 8
    assert "天文学" in page
    remove = page.partition("/office/majors/")[2].partition("/remove")[0]
    gone = {"occupation": OCCUPATION}
    assert officer.post(f"{MAJORS}/{remove}/remove", data=gone).status_code == 303
    assert officer.post(f"{MAJORS}/{remove}/remove", data=gone).status_code == 404
    assert world.staff("inspector").get(MAJORS).status_code == 200
    with rows(world, AuditEntry) as log:
        told = [(one.act, str(one.after or "")) for one in log if one.act.startswith("major.")]
    assert [act for act, _after in told] == ["major.set", "major.set", "major.forget"]
    assert "related" in told[0][1]


@pytest.mark.once
def test_what_the_office_decides_is_refused_at_its_field_and_on_record_with_what_stood_there(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, today, by = world.clock.now(), date(2026, 11, 20), "staff:st-7"
    far = timedelta(days=5 * 366)

    def refused(act: Callable[[], object]) -> tuple[str, object]:
        with pytest.raises(CbtError) as error:
            act()
        return error.value.code, error.value.params.get("field")

    def day(on: object, kind: str = "free", reason: str = "停业") -> None:
        set_day(DayForm(str(on), kind, reason), today=today, now=now, actor=by)

    def major(name: str, kind: str = "related", reason: str = "示例", occupation: str = OCCUPATION) -> None:
        set_major(MajorForm(occupation, name, kind, reason), now=now, actor=by)

    monkeypatch.setattr(office_decisions, "MOST_MAJORS", 2)
    with world.app.app_context():
        one_day = timedelta(days=1)
        for act, said in (
            (lambda: day("x"), ("day.none", "day")),
            (lambda: day(today + far + one_day), ("day.none", "day")),
            (lambda: day(today - far - one_day), ("day.none", "day")),
            (lambda: day(today, kind="x"), ("day.kind", "kind")),
            (lambda: day(today, reason=" "), ("day.reason", "reason")),
            (lambda: day(today, reason="长" * 201), ("day.reason", "reason")),
            (lambda: forget_day("2026-11-20", now=now, actor=by), ("day.unknown", None)),
            (lambda: major(" "), ("major.name", "name")),
            (lambda: major("长" * 61), ("major.name", "name")),
            (lambda: major("专业"), ("major.name", "name")),
            (lambda: major("天文学", kind="x"), ("major.kind", "kind")),
            (lambda: major("天文学", occupation="无"), ("major.occupation", None)),
        ):
            assert refused(act) == said
        with rows(world, AuditEntry) as log:
            assert [one for one in log if one.act.startswith(("day.", "major."))] == []
        for on in (today + far, today - far):
            day(on, reason="长" * 200)
        day(today)
        day(today, kind="worked", reason="补班")
        forget_day(" 2026-11-20 ", now=now, actor=by)
        major("长" * 60)
        major("天文学", reason="长" * 201)
        major("天文学专业", kind="own")
        assert refused(lambda: major("地质学")) == ("major.full", "name")
        with reading() as session:
            assert [(one.day - today, one.by) for one in office_days(session)] == [(far, by), (-far, by)]
            (own, _other) = office_majors(session, OCCUPATION)
            assert (own.name, own.kind, own.by, own.at) == ("天文学专业", "own", by, now)
            assert office_majors(session, "无") == []
            ref = own.ref
        forget_major(ref, now=now, actor=by)
        assert refused(lambda: forget_major(ref, now=now, actor=by)) == ("major.unknown", None)
        with reading() as session:
            assert len(office_majors(session, OCCUPATION)) == 1
    with rows(world, AuditEntry) as log:
        told = [
            (
                one.act,
                one.actor,
                one.subject,
                one.before and json.loads(one.before),
                json.loads(one.after or "{}"),
            )
            for one in log
            if one.act.startswith(("day.", "major.")) and ("2026" in one.subject or ref in one.subject)
        ]
    on, of = "day:2026-11-20", {"occupation": OCCUPATION}
    first, second = of | {"name": "天文学", "kind": "related"}, of | {"name": "天文学专业", "kind": "own"}
    assert [(act, who, after) for act, who, _subject, _before, after in told] == [
        ("day.set", by, {"kind": "free"}),
        ("day.set", by, {"kind": "worked"}),
        ("day.forget", by, {}),
        ("major.set", by, first),
        ("major.set", by, second),
        ("major.forget", by, {}),
    ]
    assert [before or None for _act, _who, _subject, before, _after in told] == [
        None, {"kind": "free"}, {"kind": "worked"}, None, first, second,
    ]  # fmt: skip
    assert [subject for _act, _who, subject, _before, _after in told][:3] == [on] * 3


@pytest.mark.once
def test_majors_of_another_occupation_change_no_blueprint(world: World) -> None:
    with world.app.app_context(), unit_of_work() as session:
        version = current_versions(session)[0]
        plain = blueprint_of(session, version.id)
        for number, occupation in enumerate((plain.occupation_name, "别的职业")):
            session.add(
                OfficeMajor(
                    ref=f"mj-{number}", occupation=occupation, plain=f"专{number}", name=f"专{number}",
                    kind="related", reason="", at=world.clock.now(), by="cli",
                )
            )  # fmt: skip
        session.flush()
        decided = office_decisions.level_of(session, version.id)
        assert "专0" in repr(decided.majors)
        assert "专1" not in repr(decided.majors)
