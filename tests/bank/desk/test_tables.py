"""A 细目表 in whatever way it comes, and everything that is wrong with one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbt.bank.banks.points_table import TableRow, check_table, pasted, rows_of

PLAIN = [
    TableRow("A", "基本要求", "100"),
    TableRow("A-A", "职业道德", "100"),
    TableRow("A-A-001", "职业道德的特征", "", "X"),
    TableRow("A-A-002", "诚实 守信", "", "Y"),
]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(
            "代码\t名称\t鉴定比重\t重要程度\nA\t基本要求\t100%\t\nA-A\t职业道德\t100\t\n"
            "A-A-001\t职业道德的特征\t\tX\nA-A-002\t诚实 守信\t\tY\n",
            id="a header",
        ),
        pytest.param(
            "A\t基本要求\t100\nA—A\t职业道德\t100\nA－A－001\t职业道德的特征\t\tＸ\na-a-002\t诚实 守信\t\t一般",
            id="no header, odd dashes, full width",
        ),
        pytest.param(
            "A 基本要求 100\nA-A 职业道德 100%\nA-A-001 职业道德的特征 X\nA-A-002 诚实 守信 Y", id="spaces"
        ),
        pytest.param(
            "客户服务管理员鉴定要素细目表\n"
            "一级代码\t一级名称\t一级比重(%)\t二级代码\t二级名称\t二级比重(%)\t鉴定点代码\t鉴定点名称\t重要程度\n"
            "A\t基本要求\t100\tA\t职业道德\t100\t001\t职业道德的特征\tX\n\t\t\t\t\t\t002\t诚实 守信\tY（一般）",
            id="a column of codes a level, merged cells",
        ),
    ],
)
def test_the_same_table_is_read_however_it_is_written(text: str) -> None:
    assert pasted(text) == PLAIN
    assert check_table(pasted(text), {}, name="", note="")[1] == []


def test_numeric_codes_go_on_from_the_one_above() -> None:
    header = ["章代码", "章名称", "比重", "节代码", "节名称", "比重", "点代码", "鉴定点", "重要程度"]
    found = rows_of([header, ["01", "甲", "100", "1", "乙", "100", "11", "丙", "核心要素"]])
    assert [row.code for row in found] == ["01", "011", "01111"]


@pytest.mark.parametrize(
    ("row", "code"),
    [
        pytest.param(TableRow("", "无代码", "", "X"), "table_code_missing", id="no code"),
        pytest.param(TableRow("A-A-/1", "坏代码", "", "X"), "table_code", id="a code with a stroke"),
        pytest.param(TableRow("A-A-003", "", "", "X"), "table_name_missing", id="no name"),
        pytest.param(TableRow("A-A-003", "名" * 121, "", "X"), "table_name_long", id="a long name"),
        pytest.param(TableRow("A-A-003", "都填了", "5", "X"), "table_both", id="a weight and an importance"),
        pytest.param(TableRow("A-A-003", "都没填"), "table_neither", id="neither"),
        pytest.param(TableRow("A-A-003", "错的", "", "W"), "table_importance", id="no importance"),
        pytest.param(TableRow("B", "零", "0"), "table_weight", id="a weight of nothing"),
        pytest.param(TableRow("A-A-001", "重复", "", "X"), "table_code_twice", id="a code again"),
        pytest.param(TableRow("C-001", "无范围", "", "X"), "point_without_range", id="a point of no range"),
        pytest.param(TableRow("B", "多出来", "5"), "weights_sum", id="105 per cent"),
    ],
)
def test_what_is_wrong_is_found_at_its_row(row: TableRow, code: str) -> None:
    findings = check_table([*PLAIN, row], {}, name="", note="")[1]
    assert code in [one.code for one in findings]
    assert all(one.place.line in {0, 3, 5} for one in findings)


def test_a_point_that_items_ask_about_cannot_go_but_may_get_another_code() -> None:
    rows = [*PLAIN[:3], TableRow("A-A-009", "诚实 守信", "", "Y", was="A-A-002")]
    assert check_table(rows, {"A-A-002": 3}, name="", note="")[1] == []
    gone = check_table(PLAIN[:3], {"A-A-002": 3}, name="", note="")[1]
    assert [(one.code, one.value) for one in gone] == [("table_point_used", "A-A-002")]


@given(st.lists(st.lists(st.text(max_size=8), max_size=6), max_size=15))
def test_any_cells_give_rows_and_findings_but_never_an_error(cells: list[list[str]]) -> None:
    check_table(rows_of(cells), {}, name="", note="")


@given(st.text(max_size=200))
def test_any_pasted_text_gives_rows_and_findings_but_never_an_error(text: str) -> None:
    check_table(pasted(text), {}, name="", note="")
