"""People of an application by workbook: looked at row by row, the good ones taken over in one act (R-74, R-75)."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from flask.testing import FlaskClient

from cbt.audit.models import AuditEntry
from cbt.enrolment.models import Applicant
from cbt.enrolment.workbook.rows import COLUMNS, TEMPLATE
from cbt.spreadsheets.drafts import SheetDraft
from cbt.spreadsheets.intake import Bounds, open_values
from tests.candidates.rosters import resident, xlsx
from tests.enrolment.test_applications import Desk, clerk_of, desk, officer, people_of, unit, unit_ref
from tests.enrolment.test_units import OTHER_CODE, rows
from tests.enrolment.test_units import enter as enter_other
from tests.helpers import count_queries, flat
from tests.world import World

__all__ = ["desk", "officer", "unit"]

HEADERS = [COLUMNS.title(name) for name in TEMPLATE]
MET = {"department": "客服中心", "post": "客服主管", "years": "6年", "education": "大专", "insured": "有"}


def line(number: int, name: str, **cells: str) -> list[str]:
    """Return a row of the template; whoever is met by nothing else has worked six years."""
    said = {"name": name, "document_number": resident(number), **MET, **cells}
    return [said.get(column, "") for column in TEMPLATE]


EIGHT = [
    line(
        1, "江平", school="示例职业学院", major="市场营销", graduated_on="2019年7月1日", phone="138 0000 1111"
    ),
    line(2, "沈若", remark="骨干"),
    line(3, "买买提·阿不都拉", years="1", education="高中", school_kind="其他"),
    line(4, "郭宁", years="", education=""),
    line(5, "艾𠮷", years="", education="本科", major="天文学", school_kind="大学", graduated_on="2020/7/1"),
    line(6, "补一", kind="补考", papers="理论知识", years=""),
    line(7, "方一"),
    line(8, "方二", certificate_level="四级", certificate_on="2020.7.1"),
]
"""Six who are taken over as they are: one to be decided, one retake; two meet nothing."""


def bring(desk: Desk, lines: Sequence[Sequence[str]], headers: Sequence[str] = HEADERS) -> Any:
    return send(desk, xlsx(lines, headers))


def enter_unit(officer: FlaskClient) -> str:
    return enter_other(officer, credit_code=OTHER_CODE, name="第二家客服公司")


def send(desk: Desk, body: bytes, name: str = "名单.xlsx") -> Any:
    return desk.client.post(f"{desk.page}/list", data={"file": (io.BytesIO(body), name)})


def words_of(desk: Desk, page: str) -> str:
    """Return what a page says, without its marks."""
    return " ".join(re.sub("<[^>]+>", " ", desk.text(page)).split())


def seen(page: str) -> dict[str, str]:
    return {"seen": page.partition('name="seen" value="')[2].partition('"')[0]}


def enter(desk: Desk, where: str, **form: str) -> Any:
    return desk.client.post(where, data=seen(desk.client.get(where).text) | form)


def test_eight_people_go_in_by_workbook_and_whoever_meets_nothing_when_somebody_says_so(
    world: World, officer: FlaskClient, desk: Desk, unit: str
) -> None:
    clerk = clerk_of(world, officer, unit, "miao")
    clerk.page = desk.page.replace("/office/", "/unit/")
    assert f"{clerk.page}/list" in clerk.client.get(clerk.page).text
    template = clerk.client.get(f"{clerk.page}/list.xlsx")
    (sheet, notes) = open_values(template.data, Bounds(100, 100))
    assert [header.rstrip("*") for header in sheet.rows[0]] == HEADERS
    assert [row[0].rstrip("*") for row in notes.rows] == HEADERS
    brought = bring(clerk, EIGHT)
    assert brought.status_code == 303
    where = brought.headers["Location"]
    shown = words_of(clerk, where)
    for said in (
        "可以导入 5", "由考务判断 1", "不符合条件 2", "2030-11-20 起满足", "条件1：连续从业须满 5 年，现计 1 年",
        "由考务判断：专业是否为本专业或相关专业", "天文学", "买买提·阿不都拉", "导入 6 人",
    ):  # fmt: skip
        assert said in shown, said
    assert people_of(world) == []
    assert enter(clerk, where).headers["Location"] == where  # two are left
    assert len(people_of(world)) == 6
    assert "已在申请中 6" in clerk.text(where)
    assert enter(clerk, where).status_code == 409
    assert enter(clerk, where, short="1").headers["Location"] == clerk.page
    assert len(people_of(world)) == 8
    assert clerk.client.get(where).status_code == 404  # nothing of it is left
    with rows(world, Applicant) as found:
        assert [one.name for one in found][:2] == ["江平", "沈若"]
        retake = next(one for one in found if one.name == "补一")
        assert (retake.kind, retake.papers, retake.gender) == ("retake", "theory", "male")
        kept = found[0].ref
    page = clerk.client.get(f"{clerk.page}/people/{kept}").text
    for said in ("市场营销", "2019-07-01", "13800001111", "客服主管"):
        assert f'value="{said}"' in page, said
    with rows(world, AuditEntry) as log:
        told = "".join(str(one.after) for one in log if one.act == "applicant.import")
    assert re.findall(r"people\W+(\d+)", told) == ["6", "2"]
    assert "江平" not in told


@pytest.mark.once
def test_what_is_wrong_is_told_at_its_cell_and_nothing_of_it_goes_in(world: World, desk: Desk) -> None:
    desk.enter(name="已在", document_number=resident(1))
    where = bring(
        desk,
        [
            line(1, "已在"),
            line(2, "正好"),
            line(2, "又一次"),
            line(3, "号码错", document_number=resident(3)[:-1] + "0"),
            line(4, "两处错", years="五年", graduated_on="去年"),
            line(5, "词不识", education="大学肄业", papers="口语"),
            line(6, "无科目", kind="补考"),
            line(7, "护照", document_type="护照", document_number="E1234567"),
            line(8, "性别反", gender="女"),
            ["", "合计：8人"],
            ["9"],
        ],
    ).headers["Location"]
    shown = words_of(desk, where)
    for said in (
        "此人已在本申请中", "与第 3 行是同一人", "证件号码不对", "从业年限 五年 应为 0 到 60 的整数",
        "毕业日期 去年 日期看不懂", "“学历”这一列看不懂", "请改为：初中", "“考试科目”这一列看不懂",
        "补考没有写明科目", "这类证件看不出性别", "性别与身份证号不一致", "没有当作考生", "有错误 6", "导入 2 人",
    ):  # fmt: skip
        assert said in shown, said
    assert resident(3)[:-1] not in shown
    marked = desk.client.get(f"{where}.xlsx")
    (sheet,) = open_values(marked.data, Bounds(100, 100))
    assert sheet.rows[0][-1] == "问题"
    assert "应为 0 到 60 的整数" in sheet.rows[5][-1]
    assert desk.client.post(where, data={"seen": "other"}).status_code == 409
    assert len(people_of(world)) == 1
    assert enter(desk, where).status_code == 303
    assert len(people_of(world)) == 3
    again = bring(desk, [line(2, "正好"), line(30, "后来")]).headers["Location"]
    assert desk.client.get(where).status_code == 404  # one list of a person at a time
    assert "已在申请中 1" in desk.text(again)
    assert desk.client.post(f"{again}/drop").status_code == 303
    assert desk.client.get(again).status_code == 404
    with rows(world, SheetDraft) as kept:
        assert kept == []


@pytest.mark.parametrize(
    ("name", "body", "said"),
    [
        ("名单.pdf", b"%PDF-1.4", "这不是名册文件"),
        ("名单.xlsx", b"PK\x03\x04rest", "文件打不开"),
        ("名单.csv", "姓名,部门\n江平,客服".encode(), "缺少列：姓名、身份证号码"),
        ("名单.csv", b"", "这不是名册文件"),
    ],
)
@pytest.mark.once
def test_a_file_that_is_no_list_leaves_nothing(
    world: World, desk: Desk, name: str, body: bytes, said: str
) -> None:
    refused = send(desk, body, name)
    assert refused.status_code == 422
    assert said in flat(refused.text)
    with rows(world, SheetDraft) as kept:
        assert kept == []


@pytest.mark.once
def test_a_list_is_sealed_and_belongs_to_who_brought_it(
    world: World, officer: FlaskClient, desk: Desk, unit: str
) -> None:
    where = send(
        desk,
        ",".join(["身份证号码", "姓名", "从业年限"]).encode() + f"\n{resident(9)},江平,7".encode(),
        "a.csv",
    )
    draft = where.headers["Location"].rpartition("/")[2]
    with rows(world, SheetDraft) as (kept,):
        assert resident(9).encode() not in kept.sealed
        assert "江平".encode() not in kept.sealed
    with count_queries(world.app) as queries:
        assert "江平" in desk.client.get(where.headers["Location"]).text
    assert len(queries) <= 14
    clerk = clerk_of(world, officer, unit, "miao")
    clerk.page = desk.page.replace("/office/", "/unit/")
    for path, method in ((draft, "GET"), (f"{draft}.xlsx", "GET"), (draft, "POST")):
        assert clerk.client.open(f"{clerk.page}/list/{path}", method=method).status_code == 404
    desk.enter()
    assert desk.step("submit").status_code == 303
    assert desk.client.get(where.headers["Location"]).status_code == 409  # nobody writes in what is looked at
    assert desk.client.post(where.headers["Location"]).status_code == 409


@pytest.mark.once
@pytest.mark.parametrize("side", ["empty", "wide"])
def test_headers_of_other_hands_are_known(world: World, desk: Desk, side: str) -> None:
    titles: Mapping[str, list[str]] = {
        "empty": ["单位在职人员", "", ""],
        "wide": ["", "", ""],
    }
    body = xlsx([["工作年限（年）", "员工姓名", "居民身份证号码"], ["6", "江平", resident(9)]], titles[side])
    shown = desk.text(send(desk, body).headers["Location"])
    assert "导入 1 人" in shown


AGES = ["姓名", "身份证号码", "本公司工龄"]


@pytest.mark.once
def test_a_column_of_another_header_is_asked_for_once_and_kept_for_the_unit(
    world: World, officer: FlaskClient, desk: Desk, unit: str
) -> None:
    where = bring(desk, [["江平", resident(9), "6年"]], AGES).headers["Location"]
    page = desk.text(where)
    assert "不符合条件 1" in words_of(desk, where)
    for said in ("有的列要您说是什么", 'name="column.0.C"', '<option value="years" selected>'):
        assert said in page, said
    said = {"column.0.A": "name", "column.0.B": "document_number", "column.0.C": "years"}
    assert desk.client.post(f"{where}/columns", data=said).headers["Location"] == where
    assert "可以导入 1" in words_of(desk, where)
    assert "有的列要您说是什么" not in desk.text(where)
    again = bring(desk, [["何静", resident(10), "7"]], AGES).headers["Location"]
    assert "可以导入 1" in words_of(desk, again)
    left = {"column.0.A": "name", "column.0.B": "document_number", "column.0.C": ""}
    desk.client.post(f"{again}/columns", data=left)
    assert "不符合条件 1" in words_of(desk, again)
    assert "有的列要您说是什么" not in desk.text(again)  # somebody said that it is left out
    other = Desk(officer)
    assert other.begin(unit=unit_ref(enter_unit(officer))).status_code == 303
    theirs = bring(other, [["何静", resident(10), "7"]], AGES).headers["Location"]
    assert "有的列要您说是什么" in other.text(theirs)  # what a unit says is its own
    with rows(world, AuditEntry) as log:
        assert [one.subject.partition(":")[0] for one in log if one.act == "roster.columns"] == [
            "unit_application"
        ] * 2


@pytest.mark.once
def test_a_list_whose_headers_nobody_knows_is_mapped_and_not_refused(world: World, desk: Desk) -> None:
    heads = ["职工", "号码", "工龄（年）", "楼层"]
    where = bring(desk, [["江平", resident(9), "6", "3F"], ["何静", resident(10), "7", "4F"]], heads)
    assert where.status_code == 303
    page, where = desk.text(where.headers["Location"]), where.headers["Location"]
    assert "没有说明哪一列是姓名" in page
    for field in ("name", "document_number", "years"):
        assert f'<option value="{field}" selected>' in page
    assert resident(9) not in page
    said = {"column.0.A": "name", "column.0.B": "document_number", "column.0.C": "years", "column.0.D": ""}
    desk.client.post(f"{where}/columns", data=said)
    assert "可以导入 2" in words_of(desk, where)
    assert '<p class="hint">没有用到的列： 楼层</p>' in desk.client.get(where).text
    for kind, current in (("", "全部 2"), ("ready", "可以导入 2"), ("short", "不符合条件 0")):
        tabs = desk.client.get(where, query_string={"kind": kind}).text
        assert re.findall('aria-current="page">([^<]+ [0-9]+)<', tabs) == [current], kind
    assert enter(desk, where).status_code == 303
    assert len(people_of(world)) == 2


@pytest.mark.once
def test_a_way_leads_back_from_a_list_to_the_application(world: World, desk: Desk) -> None:
    where = bring(desk, [line(9, "江平"), line(10, "何静", years="1", education="")]).headers["Location"]
    assert enter(desk, where).headers["Location"] == where  # one is left
    assert f'<a href="{desk.page}">查看申请中的人员</a>' in desk.text(where)


@pytest.mark.once
def test_a_column_that_has_a_header_or_cells_can_be_said_and_one_of_neither_is_none(
    world: World, desk: Desk
) -> None:
    where = bring(desk, [["江平", "甲", resident(9), "", ""]], ["姓名", "", "身份证号码", "", "工龄（年）"])
    page = desk.text(where.headers["Location"])
    assert re.findall(r'name="column\.0\.([A-Z])"', page) == ["A", "B", "C", "E"]
    chosen = page.partition('name="column.0.E"')[2].partition("</select>")[0]
    assert '<option value="years" selected>' not in chosen  # nothing in it says that it is that


@pytest.mark.once
def test_a_row_of_two_cells_is_somebody_without_a_number_and_one_of_a_single_cell_is_nobody(
    world: World, desk: Desk
) -> None:
    columns = ["name", "document_number", "department"]
    headers = [COLUMNS.title(name) for name in columns]
    lines = [["江平", resident(9), ""], ["何静", "", "客服"], ["合计：2人", "", ""]]
    where = bring(desk, lines, headers).headers["Location"]
    shown = words_of(desk, where)
    assert ("有错误 1" in shown, "没有当作考生" in shown) == (True, True)
