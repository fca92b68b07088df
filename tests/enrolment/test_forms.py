"""Annexes 1 and 2 on paper: the fields of the notice in its order, filled with what is known (R-74, R-75)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from cbt.audit.models import AuditEntry
from cbt.blueprints.reader import read
from cbt.enrolment.applications.attachments import application_form
from cbt.enrolment.models import MemberUnit
from cbt.printing.pdf import lacking
from cbt.sittings.inputs import minutes_text
from tests.candidates.rosters import resident
from tests.enrolment.test_applications import PERSON, Desk, clerk_of, desk, officer, people_of, unit
from tests.enrolment.test_units import UNIT, rows
from tests.exams.sources import shipped
from tests.helpers import flat
from tests.printing.paper import whole
from tests.world import World

__all__ = ["desk", "officer", "unit"]

ANNEX_1 = """
    职业技能等级认定报名表 姓名 性别 出生年月 年 月 日 学历 手机 身份证号码
    工作单位 工作年限 年 单位地址 社保缴纳 有 无 技能等级证书 职业名称 职业等级 发证日期
    教育学历证书 毕业院校 专业 毕业证书编号 申报信息 申报认定职业名称 申报认定等级
    考生须知 一、 自动放弃 二、 能源 三、 准考证 四、 迟到 交卷 五、 作弊 六、 关闭手机 七、 安静 八、 整洁
    一、 《考生须知》 申报条件 考场规则 真实、准确、完整 承诺人（签字）
"""
ANNEX_2 = """
    在职证明 兹证明 先生 身份证号码 在本单位内 部门，从事 岗位工作，从业年限
    年，在职期间工作态度端正，无任何不良记录。 特此证明！ 公司（盖章） 20 年 月 日
"""
ANNEX_2_ROSTER = """
    在职证明汇总表 序号 姓名 身份证号码 任职部门 任职岗位 从业年限 备注 公司（盖章） 20 年 月 日
"""
LONG = "阿卜杜热合曼·买买提江·阿不都热依木"


def printed(desk: Desk, document: str, **form: Any) -> Any:
    return desk.client.post(f"{desk.page}/print/{document}", data=form)


def in_order(text: str, words: str) -> list[str]:
    """Return the words that do not come in a text after those before them."""
    missing, place = [], 0
    for word in words.split():
        found = text.find(word, place)
        if found < 0:
            missing.append(word)
        else:
            place = found + len(word)
    return missing


@pytest.mark.once
def test_the_fields_of_the_notice_come_in_its_order_with_what_is_known(
    world: World, officer: FlaskClient, desk: Desk, unit: str, tmp_path: Path
) -> None:
    assert printed(desk, "employment").status_code == 409  # nobody is in it
    desk.enter(certificate_level="4", certificate_on="2020-05-06", remark="骨干", graduated_on="2019-07-01")
    desk.enter(name=LONG, document_type="passport", document_number="E1234567", gender="female", **EMPTY)
    known, bare = people_of(world)
    clerk = clerk_of(world, officer, unit, "miao")
    clerk.page = desk.page.replace("/office/", "/unit/")
    first, second = whole(printed(clerk, "application_form"), tmp_path, "annex_1")
    assert in_order(first.text, ANNEX_1) == []
    assert in_order(second.text, ANNEX_1) == []
    values = ["陆遥", "男", "1970", "大学专科", "13800002222", PERSON["document_number"], UNIT["name"], "6年"]
    values += ["客户服务管理员", "四级", "2020-05-06", "示例职业学院", "市场营销", "证字第8848号", "三级"]
    places = [place for place, value in enumerate(values) if str(value).replace(" ", "") not in first.text]
    assert places in ([], [2])  # the year of birth is that of the number
    assert PERSON["document_number"][6:10] in first.text
    assert "护照E1234567" in second.text
    assert LONG in second.text
    (one,) = whole(printed(clerk, "employment", people=known), tmp_path, "annex_2")
    assert in_order(one.text, ANNEX_2) == []
    sentence = (
        f"兹证明陆遥（先生）身份证号码{PERSON['document_number']}在本单位内客服中心部门，从事客服主管岗位工作"
    )
    assert f"{sentence}，从业年限6年" in one.text
    (roster,) = whole(printed(clerk, "employment_roster"), tmp_path, "annex_2_roster")
    assert in_order(roster.text, ANNEX_2_ROSTER) == []
    assert "骨干" in roster.text
    assert bare not in roster.text
    with rows(world, AuditEntry) as log:
        told = [str(entry.after) for entry in log if entry.act == "application.print"]
    assert len(told) == 3
    assert "陆遥" not in "".join(told)


EMPTY = dict.fromkeys(
    ("years", "department", "post", "education", "school", "major", "diploma_number", "insured", "phone"), ""
)


@pytest.mark.once
def test_whoever_prints_is_told_what_the_fonts_lack_and_only_who_acts_prints(
    world: World, desk: Desk
) -> None:
    assert lacking("有■无□") == ""
    rare = "艾\U00030000"
    desk.enter(name=rare, document_number=resident(3))
    (person,) = people_of(world)
    for page in (desk.page, f"{desk.page}/people/{person}"):
        assert "字库缺少这些字" in flat(desk.client.get(page).text)
    assert printed(desk, "tickets").status_code == 422
    inspector = Desk(world.staff("inspector"))
    inspector.page = desk.page
    assert printed(inspector, "employment").status_code == 403
    assert "/print/" not in inspector.client.get(desk.page).text


@pytest.mark.once
def test_the_rules_for_candidates_say_the_minutes_of_the_level(world: World) -> None:
    """Of papers that may be handed in at different times, the later; how late one may come, from which moment."""
    blueprint, _flaws = read(shipped("l3").read_text("utf-8"))
    assert blueprint is not None
    told = []
    for earliest in ((30, 45), (45, 30)):
        papers = {
            code: replace(paper, submit=replace(paper.submit, earliest=timedelta(minutes=minutes)))
            for (code, paper), minutes in zip(blueprint.papers.items(), earliest, strict=True)
        }
        with world.app.test_request_context():
            form = application_form([], MemberUnit(name="x"), replace(blueprint, papers=papers))
        told.append(form["rules"][3])
    assert told[0] == told[1]
    assert ("45" in told[0], f"{minutes_text(blueprint.admission.late_limit)}" in told[0]) == (True, True)
