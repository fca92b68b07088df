"""Reading a roster: headers and cells as the field writes them, every problem with its place."""

from __future__ import annotations

import io
import zipfile
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbt.candidates.registration import check_digit
from cbt.candidates.roster.file import MOST_ROWS, read_roster
from cbt.candidates.roster.tables import COLUMNS
from cbt.errors import InvalidInput
from cbt.personal import (
    accommodation_of,
    document_type_of,
    level_of,
    occupation_and_level,
    paper_codes,
    papers_of,
    tool_names,
    tools_of,
)
from cbt.spreadsheets.findings import Severity
from tests.candidates.rosters import HEADERS, csv, resident, row, xlsx


@pytest.mark.parametrize(
    ("header", "column"),
    [
        pytest.param("姓名*", "name", id="starred"),
        pytest.param(" 姓　名 ", "name", id="spaces"),
        pytest.param("身份证号", "document_number", id="alias"),
        pytest.param("合理便利（加时）", "accommodation", id="full-width brackets"),
        pytest.param("合理便利(加时)", "accommodation", id="half-width brackets"),
        pytest.param("新考／补考", "kind", id="full-width slash"),
        pytest.param("星座", "", id="unknown"),
    ],
)
def test_headers_are_known_by_alias(header: str, column: str) -> None:
    assert COLUMNS.meant(header) == column


@pytest.mark.parametrize(
    ("text", "level"),
    [
        pytest.param("三级", "3", id="name"),
        pytest.param("三级/高级工", "3", id="name and grade"),
        pytest.param("高级工", "3", id="grade"),
        pytest.param("３", "3", id="full-width digit"),
        pytest.param("二级／技师", "2", id="level two"),
        pytest.param("高级技师", "1", id="not the technician"),
        pytest.param("Ⅲ级", "3", id="Roman"),
        pytest.param("叁级", "3", id="written out"),
        pytest.param("国家职业资格三级（高级技能）", "3", id="the older name"),
        pytest.param("三级工", "3", id="a worker of a level"),
        pytest.param("33", "33", id="a figure too many"),
        pytest.param("二级/高级工", "二级高级工", id="two that differ"),
        pytest.param("特级", "特级", id="unknown stays"),
    ],
)
def test_levels_are_known_by_name_grade_or_number(text: str, level: str) -> None:
    assert level_of(text) == level


@pytest.mark.parametrize("text", ["专业能力考核", "技能", "实操", "操作技能", "专业技能"])
def test_the_skills_paper_has_many_names(text: str) -> None:
    assert paper_codes(text) == "skills"


@pytest.mark.parametrize(
    ("cell", "papers"),
    [
        pytest.param("理论知识、专业能力", ("theory", "skills"), id="with a comma"),
        pytest.param("理论知识（机考）和操作技能", ("theory", "skills"), id="with how it is taken"),
        pytest.param("两科", ("*",), id="all of them"),
        pytest.param("理论（补考）", ("理论补考",), id="more than a paper"),
    ],
)
def test_one_cell_names_several_papers(cell: str, papers: tuple[str, ...]) -> None:
    assert papers_of(cell) == papers


@pytest.mark.parametrize(
    ("cell", "both"),
    [
        pytest.param("客户服务管理员（三级）", ("客户服务管理员", "3"), id="in brackets"),
        pytest.param("二级客户服务管理员", ("客户服务管理员", "2"), id="before it"),
        pytest.param("客户服务管理员", ("客户服务管理员", ""), id="no level"),
        pytest.param("三级/高级工", ("三级高级工", ""), id="no occupation"),
        pytest.param("二级/高级工", ("二级高级工", ""), id="two levels"),
    ],
)
def test_one_cell_says_occupation_and_level(cell: str, both: tuple[str, str]) -> None:
    assert occupation_and_level(cell) == both


@pytest.mark.parametrize(
    ("cell", "meaning"),
    [
        pytest.param("", (Decimal(1), timedelta(0)), id="empty"),
        pytest.param("无", (Decimal(1), timedelta(0)), id="none"),
        pytest.param("加时15分钟", (Decimal(1), timedelta(minutes=15)), id="minutes"),
        pytest.param("１５", (Decimal(1), timedelta(minutes=15)), id="full-width number"),
        pytest.param("1.5倍", (Decimal("1.5"), timedelta(0)), id="times"),
        pytest.param("×1.25", (Decimal("1.25"), timedelta(0)), id="factor sign"),
        pytest.param("30%", (Decimal("1.3"), timedelta(0)), id="percent"),
        pytest.param("240", (Decimal(1), timedelta(minutes=240)), id="most minutes"),
        pytest.param("241", None, id="too many minutes"),
        pytest.param("4倍", (Decimal(4), timedelta(0)), id="most times"),
        pytest.param("4.01倍", None, id="too many times"),
        pytest.param("0.9倍", None, id="less time"),
        pytest.param("多给点", None, id="words"),
    ],
)
def test_accommodations_are_minutes_or_a_factor(cell: str, meaning: object) -> None:
    assert accommodation_of(cell) == meaning


@pytest.mark.parametrize(
    ("cell", "tools", "rest"),
    [
        pytest.param("加时15分钟", "", "加时15分钟", id="none"),
        pytest.param("选项遮盖；阅读尺", "ruler,masking", "", id="tools only"),
        pytest.param("加时 15 分钟、放大镜，朗读", "magnifier,speech", "加时 15 分钟", id="time and tools"),
        pytest.param("1.5倍+荧光笔", "highlighter", "1.5倍", id="a plus between"),
        pytest.param("靠窗、放大镜", "magnifier", "靠窗", id="what nobody knows stays to be told"),
    ],
)
def test_tools_stand_in_the_cell_of_the_accommodation(cell: str, tools: str, rest: str) -> None:
    assert tools_of(cell) == (tools, rest)
    if tools:
        assert tools_of("、".join(tool_names(tools))) == (tools, "")


@given(st.text(max_size=12))
def test_any_cell_is_read_without_an_error(text: str) -> None:
    accommodation_of(tools_of(text)[1])
    level_of(text)
    paper_codes(text)
    document_type_of(text)


@pytest.mark.parametrize(
    ("name", "body"),
    [
        pytest.param("a.xlsx", xlsx([row(1)]), id="workbook"),
        pytest.param("a.csv", csv([row(1)]), id="utf-8"),
        pytest.param("a.csv", csv([row(1)], encoding="utf-8-sig"), id="utf-8 with a mark"),
        pytest.param("a.csv", csv([row(1)], encoding="gb18030"), id="a Chinese spreadsheet"),
        pytest.param("a.xlsx", xlsx([HEADERS, row(1)], headers=["2026 年第 4 批报名表"]), id="title above"),
    ],
)
def test_a_file_is_read_whatever_wrote_it(name: str, body: bytes) -> None:
    roster = read_roster(name, body)
    assert [(one.name, one.document_type, one.document_number) for one in roster.rows] == [
        ("考生1", "resident_id", resident(1))
    ]
    assert not roster.findings


def changed(place: int, value: object) -> list[object]:
    cells = row(1)
    cells[place] = value
    return cells


@pytest.mark.parametrize(
    ("cells", "column", "code"),
    [
        pytest.param(changed(0, ""), "姓名*", "roster.required", id="no name"),
        pytest.param(changed(0, "名" * 61), "姓名*", "roster.too_long", id="long name"),
        pytest.param(changed(1, "毕业证"), "证件类型*", "roster.document_type", id="unknown document"),
        pytest.param(changed(2, ""), "证件号码*", "roster.required", id="no number"),
        pytest.param(changed(2, resident(1)[:-1]), "证件号码*", "roster.number_length", id="a digit short"),
        pytest.param(
            changed(2, "3101011990010112345"), "证件号码*", "roster.number_length", id="one too many"
        ),
        pytest.param(changed(2, 310101199001011234), "证件号码*", "roster.number_lost", id="a number"),
        pytest.param(changed(2, "12 *"), "证件号码*", "roster.number_odd", id="odd characters"),
        pytest.param(changed(3, ""), "级别*", "roster.required", id="no level"),
    ],
)
def test_a_problem_names_row_and_column(cells: list[object], column: str, code: str) -> None:
    roster = read_roster("a.xlsx", xlsx([row(2), cells]))
    assert [
        (one.place.line, one.place.header, one.code)
        for one in roster.findings
        if one.severity is Severity.ERROR
    ] == [(3, column, code)]
    assert len(roster.rows) == 1


def test_no_problem_shows_a_whole_document_number() -> None:
    wrong = resident(1)[:-1] + ("1" if resident(1)[-1] != "1" else "2")
    roster = read_roster("a.xlsx", xlsx([changed(2, wrong)]))
    assert wrong not in repr(roster.findings)
    assert wrong not in repr(roster)


def test_a_valid_number_without_a_type_is_taken_as_a_resident_card_and_said_so() -> None:
    roster = read_roster("a.xlsx", xlsx([changed(1, "")]))
    assert roster.rows[0].document_type == "resident_id"
    assert [(one.code, one.severity) for one in roster.findings] == [("roster.type_assumed", Severity.HINT)]


def test_rare_characters_of_a_name_are_kept_as_given() -> None:
    assert read_roster("a.xlsx", xlsx([row(1, "䶮𬭎·﨑")])).rows[0].name == "䶮𬭎·﨑"


def test_a_gender_that_differs_from_the_number_is_only_a_hint() -> None:
    roster = read_roster("a.xlsx", xlsx([[*row(1), "女"]], headers=[*HEADERS, "性别"]))
    assert [(one.code, one.severity) for one in roster.findings] == [("roster.gender_differs", Severity.HINT)]


def test_unused_columns_are_named() -> None:
    roster = read_roster("a.xlsx", xlsx([[*row(1), "射手"]], headers=[*HEADERS, "星座"]))
    assert roster.ignored == ("星座",)


def test_of_two_columns_that_mean_one_the_first_is_read_and_the_other_named() -> None:
    headers = [*HEADERS, "考生姓名", "工作单位", "单位名称"]
    roster = read_roster("a.xlsx", xlsx([[*row(1), "考生1", "甲厂", "乙厂"]], headers=headers))
    assert (roster.rows[0].name, roster.rows[0].employer) == ("考生1", "甲厂")
    assert roster.ignored == ("考生姓名", "单位名称")
    assert [(one.code, one.severity, str(one.place)) for one in roster.findings] == [
        ("roster.column_double", Severity.HINT, "!Sheet1:F1"),
        ("roster.column_double", Severity.HINT, "!Sheet1:H1"),
    ]


def test_a_line_is_refused_in_which_two_columns_for_what_decides_differ() -> None:
    roster = read_roster("a.xlsx", xlsx([[*row(1), "另一人"]], headers=[*HEADERS, "考生姓名"]))
    assert [one.code for one in roster.findings] == ["roster.column_double", "roster.columns_differ"]
    assert (len(roster.rows), len(roster.refused)) == (0, 1)


@pytest.mark.parametrize(
    ("name", "body", "code"),
    [
        pytest.param("a.doc", b"\xd0\xcf\x11\xe0", "roster.kind", id="a Word file"),
        pytest.param("a.xlsx", b"PK\x03\x04 broken", "roster.unreadable", id="damaged"),
        pytest.param("a.xlsx", xlsx([]), "roster.empty", id="only headers"),
        pytest.param("a.xlsx", xlsx([row(1)], headers=HEADERS[:4]), "roster.no_header", id="no paper"),
        pytest.param("a.csv", csv([row(1)] * MOST_ROWS), "roster.too_big", id="a row too many"),
    ],
)
def test_a_file_that_is_no_roster_is_refused(name: str, body: bytes, code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_roster(name, body)
    assert refused.value.code == code


def test_the_missing_columns_are_named() -> None:
    with pytest.raises(InvalidInput) as refused:
        read_roster("a.xlsx", xlsx([row(1)], headers=["姓名", "证件类型", "级别"]))
    assert refused.value.params["missing"] == ["证件号码", "科目"]


def test_one_cell_far_away_does_not_take_all_memory() -> None:
    body = xlsx([row(1)])
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(body)) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "xl/worksheets/sheet1.xml":
                far = b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
                data = data.replace(b"</sheetData>", far)
            new.writestr(name, data)
    with pytest.raises(InvalidInput) as refused:
        read_roster("a.xlsx", buffer.getvalue())
    assert refused.value.code == "roster.too_big"


def test_a_zip_bomb_is_refused_before_it_is_unpacked() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b"0" * 20_000_000)
    with pytest.raises(InvalidInput) as refused:
        read_roster("a.xlsx", buffer.getvalue())
    assert refused.value.code == "roster.too_big"


@given(st.integers(min_value=0, max_value=10**11 - 1), st.integers(0, 10), st.integers(1, 9))
def test_one_wrong_digit_of_a_ticket_is_noticed(number: int, place: int, by: int) -> None:
    digits = f"{number:011d}"
    whole = digits + check_digit(digits)
    wrong = whole[:place] + str((int(whole[place]) + by) % 10) + whole[place + 1 :]
    assert check_digit(wrong[:-1]) != wrong[-1]
