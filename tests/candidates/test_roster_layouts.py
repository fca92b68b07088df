"""Layouts of rosters as units send them, each with the people and papers that must be read of it."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from datetime import date, datetime, time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cbt import personal
from cbt.blueprints.store import load_blueprint_file
from cbt.candidates.roster.columns import layouts_of
from cbt.candidates.roster.file import Roster, roster_of
from cbt.candidates.roster.row import BlueprintChoice, Chooser, PlaceWish, RosterRow, mark_of, when_of
from cbt.candidates.roster.tables import COLUMNS, HEADER_WITHIN, find_tables, meaning
from cbt.errors import InvalidInput
from cbt.imports.column_map import HandMapping
from cbt.paths import product_dir
from cbt.spreadsheets.cells import SheetData
from cbt.spreadsheets.findings import Severity
from tests.candidates.rosters import resident

ONE, TWO, THREE = (resident(n) for n in (1, 2, 3))
T, S = "theory", "skills"
HEAD = ["姓名", "身份证号", "申报等级", "考试科目"]
CHOICES = [
    BlueprintChoice(load_blueprint_file(product_dir("blueprints") / f"customer-service-l{level}.toml"), "")
    for level in (3, 2)
]

Rows = Sequence[Sequence[str]]
Asked = list[tuple[str, str, str, str]]


def sheet(
    *rows: Sequence[str], name: str = "Sheet1", merged: Sequence[tuple[int, int, int, int]] = ()
) -> SheetData:
    return SheetData(name, [list(row) for row in rows], [], list(merged))


def asked(roster: Roster) -> Asked:
    """Return what the readable rows ask for: name, level, paper, kind; and the code of what is against one."""
    found: Asked = []

    def note(row: RosterRow, _column: str, _value: str, code: str, **_params: object) -> None:
        found.append((row.name, "", "", code))

    chooser = Chooser(CHOICES, note=note)
    for row in roster.rows:
        for one in chooser.paper_rows(row):
            found.append((row.name, one.choice.blueprint.level_code, one.paper, one.kind))
    return found


def stops(roster: Roster) -> list[tuple[str, str]]:
    return [(str(one.place), one.code) for one in roster.findings if one.severity is Severity.ERROR]


def both(name: str, level: str = "3", kind: str = "first") -> Asked:
    return [(name, level, T, kind), (name, level, S, kind)]


LAYOUTS: dict[str, tuple[Rows, Asked]] = {
    "a row for each person": (
        [
            HEAD,
            ["甲", ONE, "三级/高级工", "理论知识、专业能力"],
            ["乙", TWO, "Ⅱ级", "两科"],
            ["丙", THREE, "3", "技能"],
        ],
        [*both("甲"), *both("乙", "2"), ("丙", "3", S, "first")],
    ),
    "a row for each paper": (
        [HEAD, ["甲", ONE, "高级工", "理论"], ["甲", ONE, "高级工", "实操"]],
        both("甲"),
    ),
    "a column for each paper, below a head that is merged": (
        [
            ["2026年第四批认定报名表"],
            ["序号", "姓名", "证件号码", "申报信息", "", "考试科目"],
            ["", "", "", "职业", "等级", "理论", "技能"],
            ["1", "甲", ONE, "客户服务管理员", "三级", "√", "√"],
            ["2", "乙", TWO, "客服服务管理员", "二级", "补考", "×"],
            ["3", "丙", THREE, "4-07-02-03", "二级", "", "新考"],
        ],
        [*both("甲"), ("乙", "2", T, "retake"), ("丙", "2", S, "first")],
    ),
    "the level with the occupation": (
        [
            ["姓名", "身份证号码", "申报职业及等级", "科目", "备注"],
            ["甲", ONE, "客户服务管理员（三级）", "全部", ""],
            ["乙", TWO, "客户服务管理师二级", "理论", "补考"],
        ],
        [*both("甲"), ("乙", "2", T, "retake")],
    ),
    "sums, signatures and headers again": (
        [
            HEAD,
            ["甲", ONE, "三级", "理论"],
            HEAD,
            ["乙", TWO, "三级", "理论"],
            ["合计：2人"],
            ["", "", "", ""],
            ["经办人：张三", "", "联系电话：13800000000", ""],
            ["单位（盖章）：", "", "2026年9月1日"],
        ],
        [("甲", "3", T, "first"), ("乙", "3", T, "first")],
    ),
}


@pytest.mark.parametrize(("rows", "expected"), LAYOUTS.values(), ids=LAYOUTS.keys())
def test_a_layout_of_the_field_is_read(rows: Rows, expected: Asked) -> None:
    roster = roster_of([sheet(*rows)])
    assert (asked(roster), stops(roster)) == (expected, [])


def test_every_sheet_with_people_is_read_or_told() -> None:
    lists = [
        sheet(HEAD, ["甲", ONE, "三级", "理论"], name="三级"),
        sheet(HEAD, ["乙", TWO, "二级", "技能"], name="二级"),
    ]
    odd = [sheet(["填写说明"], ["每行一人"], name="说明"), sheet(["丙", THREE, "二级"], name="补报")]
    roster = roster_of([*lists, *odd])
    assert asked(roster) == [("甲", "3", T, "first"), ("乙", "2", S, "first")]
    assert stops(roster) == [("!补报:1", "roster.sheet_unread")]
    assert roster.sheets_left == ("说明",)


def test_what_a_merged_cell_says_counts_for_every_row_it_reaches() -> None:
    rows = [HEAD, ["甲", ONE, "三级", "理论"], ["", "", "", "技能"], ["乙", TWO, "三级", "理论"]]
    roster = roster_of([sheet(*rows, merged=[(1, 0, 2, 0), (1, 1, 2, 1), (1, 2, 2, 2)])])
    assert asked(roster) == [*both("甲"), ("乙", "3", T, "first")]


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        pytest.param(
            ("2026-10-12", "09:00"), PlaceWish(date(2026, 10, 12), at=time(9)), id="a day and an hour"
        ),
        pytest.param(("2026年10月12日上午", ""), PlaceWish(date(2026, 10, 12), half="am"), id="a morning"),
        pytest.param(
            ("", "10月12日 下午2:30-4:00"), PlaceWish(month=10, day=12, at=time(14, 30)), id="a span"
        ),
        pytest.param(("20261012", "9时"), PlaceWish(date(2026, 10, 12), at=time(9)), id="figures alone"),
        pytest.param(("", ""), PlaceWish(), id="nothing"),
        pytest.param(("尽快", ""), None, id="words"),
        pytest.param(("2026-13-12", ""), None, id="no such month"),
        pytest.param(("10月12日", "10月13日"), None, id="two days"),
    ],
)
def test_wishes_say_when(texts: tuple[str, str], said: PlaceWish | None) -> None:
    found = when_of(*texts)
    assert (found and PlaceWish(found.on, found.month, found.day, found.at, found.half)) == said


def test_a_wish_fits_the_sittings_it_leaves_open() -> None:
    morning, later = datetime(2026, 10, 12, 9), datetime(2026, 10, 12, 14)  # noqa: DTZ001  a centre's wall clock
    assert PlaceWish().fits(morning)
    assert PlaceWish(month=10, day=12, half="am").fits(morning)
    assert not PlaceWish(half="am").fits(later)
    assert not PlaceWish(on=date(2026, 10, 13)).fits(morning)
    assert PlaceWish(sitting="第一场", centre="东考点").fits(morning, sitting="第一场", centre="东考点")
    assert not PlaceWish(sitting="第一场").fits(morning, sitting="第二场")


@pytest.mark.parametrize(("above", "found"), [(0, True), (HEADER_WITHIN - 1, True), (HEADER_WITHIN, False)])
def test_titles_may_stand_above_the_headers(above: int, found: bool) -> None:
    sent = sheet(*[["二〇二六年"]] * above, HEAD, ["甲", ONE, "三级", "理论"])
    assert [one.heading.row for one in find_tables(sent) if not one.missing] == [above + 1] * found


def test_whole_headers_are_taken_before_a_longer_row_that_lacks_something() -> None:
    sent = sheet(["姓名", "备注", "单位", "电话", "性别"], HEAD, ["甲", ONE, "三级", "理论"])
    assert find_tables(sent)[0].heading.row == 2


def test_a_line_of_somebody_is_no_header_though_it_names_two_columns() -> None:
    assert find_tables(sheet(["人", "证件", "号"], ["甲", "身份证", ONE, "理论"])) == []


def test_one_known_word_is_no_header() -> None:
    assert find_tables(sheet(["姓名"], ["王五", "3000"])) == []
    assert find_tables(sheet()) == []


def test_no_header_means_two_things() -> None:
    for column in COLUMNS.by_name.values():
        for header in column.headers:
            assert meaning(header) == (column.name, True), header


WORDS = st.one_of(
    st.sampled_from(
        ["", "", "姓名", "身份证号", "申报等级", "科目", "理论", "技能", "新考/补考", "备注", "合计",
         "甲", "三级", "两科", "√", "补考", "同上", "2026-10-12", "加时", "/", ONE, TWO]
    ),
    st.text(max_size=8),
)  # fmt: skip


@given(
    st.lists(st.lists(WORDS, max_size=6), max_size=8),
    st.lists(st.tuples(*[st.integers(0, 6)] * 4), max_size=2),
)
@settings(max_examples=150, deadline=None)
def test_whatever_stands_on_a_sheet_gives_a_roster_or_a_refusal(
    rows: list[list[str]], merged: list[tuple[int, int, int, int]]
) -> None:
    sent = [sheet(*rows, merged=merged)]
    layouts = layouts_of(sent, {})
    hands = {one.digest: HandMapping(dict(zip("ABCD", COLUMNS.by_name, strict=False))) for one in layouts}
    for said in ({}, hands):
        with contextlib.suppress(InvalidInput):
            roster = roster_of(sent, said)
            asked(roster)
            assert roster.total


@given(st.text(max_size=20))
def test_any_header_and_any_cell_is_read_without_an_error(text: str) -> None:
    meaning(text)
    when_of(text)
    mark_of(text)
    personal.occupation_and_level(text)
    personal.level_said(text)
