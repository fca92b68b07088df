"""Layouts made by hand, each as one author or program of the field lays its items out, and what must be read."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import pytest

from cbt.bank.commands import understood
from cbt.errors import InvalidInput
from cbt.interchange import registry
from cbt.items.draft import AS_INFERRED, Adjustments, Reading
from cbt.spreadsheets import intake
from cbt.spreadsheets.findings import Severity
from cbt.spreadsheets.writer import new_workbook
from tests.bank.biff import xls
from tests.bank.field.judging import here
from tests.bank.sheets import sheets

Rows = Sequence[Sequence[object]]
ONE, MANY, TRUTH = "single_choice", "multiple_choice", "true_false"


@pytest.fixture(autouse=True)
def _no_children(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "run", here)


def read(content: bytes, name: str = "题库.xlsx", adjust: Adjustments = AS_INFERRED) -> Reading:
    return registry.read(content, name, adjust)


def said(found: Reading) -> list[tuple[object, ...]]:
    """Return what was understood: type, stem, choices joined by |, key."""
    return [
        (one["type"], one["stem"], "|".join(one["choices"]), one["key"]) for one in understood(found)["items"]
    ]


def errors(found: Reading) -> list[str]:
    return [one.code for one in found.findings if one.severity is Severity.ERROR]


LAYOUTS: dict[str, tuple[Rows, list[tuple[object, ...]]]] = {
    "keys within the stems": (
        [
            ["序号", "题目", "A", "B", "C", "D"],
            [1, "诚信的核心是（ D ）。", "甲", "乙", "丙", "丁"],
            [2, "班组职责包括(ABC)。", "甲", "乙", "丙", "丁"],
            [3, "交接班要登记。（√）"],
            [4, "失信也可以（×）"],
        ],
        [
            (ONE, "诚信的核心是（　　）。", "甲|乙|丙|丁", "D"),
            (MANY, "班组职责包括（　　）。", "甲|乙|丙|丁", "ABC"),
            (TRUTH, "交接班要登记。", "", True),
            (TRUTH, "失信也可以", "", False),
        ],
    ),
    "an answer bracket before the number": (
        [["判断题"], ["（√）1. 交接班要登记台账。"], ["（×）2. 台账可以补写。"], ["（ √ ）3、台账要存档。"]],
        [
            (TRUTH, "交接班要登记台账。", "", True),
            (TRUTH, "台账可以补写。", "", False),
            (TRUTH, "台账要存档。", "", True),
        ],
    ),
    "判断 of which A says wrong": (
        [["题型", "题干", "选项A", "选项B", "答案"], ["判断题", "水往低处流。", "错误", "正确", "B"]],
        [(TRUTH, "水往低处流。", "错误|正确", True)],
    ),
    "a title that says what A and B mean": (
        [["判断题（A表示错误，B表示正确）"], ["题干", "答案"], ["水往低处流。", "B"], ["火是冷的。", "A"]],
        [(TRUTH, "水往低处流。", "", True), (TRUTH, "火是冷的。", "", False)],
    ),
    "1 and 2, where 2 is wrong": (
        [["题干", "题型", "答案"], ["水往低处流。", "判断题", 1], ["火是冷的。", "判断题", 2]],
        [(TRUTH, "水往低处流。", "", True), (TRUTH, "火是冷的。", "", False)],
    ),
    "a key beyond the choices, two letters of one, none": (
        [
            ["题型", "题干", "选项A", "选项B", "答案"],
            ["单选题", "甲题", "a", "b", "C"],
            ["单选题", "乙题", "a", "b", "AB"],
            ["多选题", "丙题", "a", "b", ""],
            ["单选题", "丁题", "a", "b", "b"],
        ],
        [(ONE, "丁题", "a|b", "B")],
    ),
    "tables below each other, with headings": (
        [
            ["一、单选题（共1题）"],
            ["序号", "题目", "选项A", "选项B", "答案"],
            [1, "哪一个是甲", "甲", "乙", "A"],
            ["二、判断题（共1题）"],
            ["序号", "题目", "答案"],
            [1, "甲就是甲", "√"],
        ],
        [(ONE, "哪一个是甲", "甲|乙", "A"), (TRUTH, "甲就是甲", "", True)],
    ),
    "tables beside each other": (
        [
            ["序号", "题干", "A", "B", "答案", "", "序号", "题干", "答案"],
            [1, "哪一个是甲", "甲", "乙", "A", "", 1, "甲就是甲", "√"],
            [2, "哪一个是乙", "甲", "乙", "B", "", 2, "甲就是乙", "×"],
        ],
        [
            (ONE, "哪一个是甲", "甲|乙", "A"),
            (ONE, "哪一个是乙", "甲|乙", "B"),
            (TRUTH, "甲就是甲", "", True),
            (TRUTH, "甲就是乙", "", False),
        ],
    ),
    "答案选项 holds the key": (
        [["题目", "选项A", "选项B", "答案选项"], ["哪一个", "甲", "乙", "B"], ["哪两个", "甲", "乙", "A"]],
        [(ONE, "哪一个", "甲|乙", "B"), (ONE, "哪两个", "甲|乙", "A")],
    ),
    "选项 over the first of its columns": (
        [
            ["题目", "选项", "", "", "答案"],
            ["哪一个", "甲", "乙", "丙", "B"],
            ["哪两个", "甲", "乙", "丙", "A"],
        ],
        [(ONE, "哪一个", "甲|乙|丙", "B"), (ONE, "哪两个", "甲|乙|丙", "A")],
    ),
    "选项 is a letter, 选项内容 its text": (
        [
            ["序号", "题干", "选项", "选项内容", "答案"],
            [1, "哪一个", "A", "甲", "B"],
            ["", "", "B", "乙", ""],
            [2, "哪两个", "A", "丙", "A"],
            ["", "", "B", "丁", ""],
        ],
        [(ONE, "哪一个", "甲|乙", "B"), (ONE, "哪两个", "丙|丁", "A")],
    ),
    "choices of one cell in three ways, keys with words": (
        [
            ["题目", "选项", "答案"],
            ["哪一个", "A.甲 B.乙 C.丙", "答案：B"],
            ["哪两个", "A、甲；B、乙；C、丙", "选C"],
            ["哪三个", "A．甲\nB．乙\nC．丙", "（A）。解析：见规程"],
        ],
        [
            (ONE, "哪一个", "甲|乙|丙", "B"),
            (ONE, "哪两个", "甲|乙|丙", "C"),
            (ONE, "哪三个", "甲|乙|丙", "A"),
        ],
    ),
    "choices on every second row, without labels": (
        [
            ["1、客户来电首先应（A）"],
            ["问候", "挂断", "沉默"],
            ["2、客户离开时应（B）"],
            ["不理", "道别", "沉默"],
            ["3、客户抱怨时应（C）"],
            ["争辩", "挂断", "倾听"],
        ],
        [
            (ONE, "客户来电首先应（　　）", "问候|挂断|沉默", "A"),
            (ONE, "客户离开时应（　　）", "不理|道别|沉默", "B"),
            (ONE, "客户抱怨时应（　　）", "争辩|挂断|倾听", "C"),
        ],
    ),
    "a text pasted into one column": (
        [
            ["1. 客户来电首先应（ ）"],
            ["A. 问候"],
            ["B. 挂断"],
            ["答案：A"],
            ["解析：这是礼貌。"],
            ["2. 客户离开时应（ ）"],
            ["A. 不理"],
            ["B. 道别"],
            ["答案：B"],
        ],
        [(ONE, "客户来电首先应（ ）", "问候|挂断", "A"), (ONE, "客户离开时应（ ）", "不理|道别", "B")],
    ),
    "keys behind the bracket": (
        [
            ["题目"],
            ["1.客户来电首先应（  ）  A"],
            ["A.问候 B.挂断"],
            ["2.客户离开时应（  ）  B"],
            ["A.不理 B.道别"],
        ],
        [(ONE, "客户来电首先应（  ）", "问候|挂断", "A"), (ONE, "客户离开时应（  ）", "不理|道别", "B")],
    ),
    "one row a choice, an instruction below the headers": (
        [
            ["题目序号", "题目类型", "题目内容", "整体解析", "是否正确项", "选项内容"],
            ["必填", "1单选 2多选 3判断", "必填，题目内容", "选填", "0/1", "必填"],
            [1, 1, "哪一个", "因为", 0, "甲"],
            ["", "", "", "", 1, "乙"],
            [2, 2, "哪些", "", 1, "甲"],
            [2, 2, "哪些", "", 1, "乙"],
            [2, 2, "哪些", "", 0, "丙"],
            [3, 3, "水往低处流", "", 1, "正确"],
            [3, 3, "水往低处流", "", 0, "错误"],
        ],
        [
            (ONE, "哪一个", "甲|乙", "B"),
            (MANY, "哪些", "甲|乙|丙", "AB"),
            (TRUTH, "水往低处流", "正确|错误", True),
        ],
    ),
    "a type that stands once for its group": (
        [
            ["题型", "题干", "选项A", "选项B", "选项C", "答案"],
            ["多选题", "哪些一（ ）", "a", "b", "c", "AC"],
            ["", "哪些二（ ）", "a", "b", "c", "AB"],
            ["", "哪些三（ ）", "a", "b", "c", "BC"],
            ["判断题", "水往低处流", "", "", "", "对"],
            ["", "火是冷的", "", "", "", "错"],
        ],
        [
            (MANY, "哪些一（ ）", "a|b|c", "AC"),
            (MANY, "哪些二（ ）", "a|b|c", "AB"),
            (MANY, "哪些三（ ）", "a|b|c", "BC"),
            (TRUTH, "水往低处流", "", True),
            (TRUTH, "火是冷的", "", False),
        ],
    ),
    "the key first, no headers": (
        [
            ["A", "客户来电应（ ）", "甲", "乙"],
            ["B", "客户离开应（ ）", "甲", "乙"],
            ["B", "客户抱怨应（ ）", "甲", "乙"],
        ],
        [
            (ONE, "客户来电应（ ）", "甲|乙", "A"),
            (ONE, "客户离开应（ ）", "甲|乙", "B"),
            (ONE, "客户抱怨应（ ）", "甲|乙", "B"),
        ],
    ),
    "numbers as keys beside numbers as choices": (
        [
            ["题干", "选项1", "选项2", "选项3", "答案"],
            ["几个（ ）", "2", "4", "6", "2"],
            ["哪个（ ）", "甲", "乙", "丙", "3"],
        ],
        [(ONE, "几个（ ）", "2|4|6", "B"), (ONE, "哪个（ ）", "甲|乙|丙", "C")],
    ),
    "blanks between any separators": (
        [
            ["题型", "题目", "答案"],
            ["填空题", "首都是____，国庆节在____。", "北京,10月1日"],
            ["填空题", "灯有（____）和（____）", "红 黄"],
            ["填空题", "三步____、____、____。", "1.看 2.问 3.记"],
        ],
        [
            ("fill_blank", "首都是{{1}}，国庆节在{{2}}。", "", "北京；10月1日"),
            ("fill_blank", "灯有{{1}}和{{2}}", "", "红；黄"),
            ("fill_blank", "三步{{1}}、{{2}}、{{3}}。", "", "看；问；记"),
        ],
    ),
    "types we lack stand in the findings": (
        [
            ["题型", "题目", "答案"],
            ["问答题", "为什么要登记", "便于追溯"],
            ["案例分析题", "某公司的一天", "略"],
        ],
        [("short_answer", "为什么要登记", "", "便于追溯")],
    ),
    "radicals, lookalikes and full width": (
        [
            ["题⼲", "选项Ａ", "选项Ｂ", "答案"],
            ["⼯⼈应（ ）", "A、⽔", "B、⽕", "Ｂ"],
            ["\u200b⼝令（ ）", "有", "无", "А"],
        ],
        [(ONE, "工人应（ ）", "水|火", "B"), (ONE, "口令（ ）", "有|无", "A")],
    ),
    "a choice that goes on below": (
        [
            ["序号", "题干", "选项A", "选项B", "答案"],
            [1, "哪一个（ ）", "甲的上半", "乙", "A"],
            ["", "", "下半句"],
            [2, "哪两个（ ）", "甲", "乙", "B"],
        ],
        [(ONE, "哪一个（ ）", "甲的上半下半句|乙", "A"), (ONE, "哪两个（ ）", "甲|乙", "B")],
    ),
    "choices two a row": (
        [
            ["序号", "题目", "选项", "", "答案"],
            [1, "哪一个（ ）", "A.甲", "B.乙", "C"],
            ["", "", "C.丙", "D.丁"],
            [2, "哪两个（ ）", "A.戊", "B.己", "A"],
            ["", "", "C.庚", "D.辛"],
        ],
        [(ONE, "哪一个（ ）", "甲|乙|丙|丁", "C"), (ONE, "哪两个（ ）", "戊|己|庚|辛", "A")],
    ),
    "判断 below 单选, with the key where choices begin": (
        [
            ["题目", "A", "B", "答案"],
            ["一、单选题"],
            ["哪一个（ ）", "甲", "乙", "B"],
            ["二、判断题"],
            ["水往低处流", "√"],
        ],
        [(ONE, "哪一个（ ）", "甲|乙", "B"), (TRUTH, "水往低处流", "", True)],
    ),
    "statements that list and that show a mark": (
        [
            ["题型", "题目", "答案"],
            ["判断题", "标志分为 A.禁止 B.警告 C.指令三类。", "√"],
            ["判断题", "在方框内打（√）表示选中。", "×"],
        ],
        [
            (TRUTH, "标志分为 A.禁止 B.警告 C.指令三类。", "", True),
            (TRUTH, "在方框内打（√）表示选中。", "", False),
        ],
    ),
    "a 填空 whose key stands in its blank": (
        [["题干（必填）", "题型\n（必填）", "正确答案\n（必填）"], ["首都是[北京]。", "填空题", "北京"]],
        [("fill_blank", "首都是{{1}}。", "", "北京")],
    ),
    "a column 类型 that names subjects": (
        [["类型", "题目", "选项A", "选项B", "答案"], ["安全操作", "哪一个（ ）", "甲", "乙", "B"]],
        [(ONE, "哪一个（ ）", "甲|乙", "B")],
    ),
    "stems that begin with a number of their own": (
        [
            ["题干", "答案"],
            ["2.5 米以内不得站人。", "√"],
            ["5S 管理包括清扫。", "√"],
            ["3.14 就是圆周率。", "×"],
        ],
        [
            (TRUTH, "2.5 米以内不得站人。", "", True),
            (TRUTH, "5S 管理包括清扫。", "", True),
            (TRUTH, "3.14 就是圆周率。", "", False),
        ],
    ),
    "letters in brackets that are no keys": (
        [
            ["题干", "选项A", "选项B", "答案"],
            ["（A）类火灾是指（ ）", "固体", "液体", "A"],
            ["维生素（C）来自", "果蔬", "油脂", "A"],
            ["哪一个（ ）", "甲", "乙", "B"],
            ["哪两个（ ）", "甲", "乙", "B"],
        ],
        [
            (ONE, "（A）类火灾是指（ ）", "固体|液体", "A"),
            (ONE, "维生素（C）来自", "果蔬|油脂", "A"),
            (ONE, "哪一个（ ）", "甲|乙", "B"),
            (ONE, "哪两个（ ）", "甲|乙", "B"),
        ],
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_layout_is_understood(layout: str) -> None:
    rows, expected = LAYOUTS[layout]
    found = read(sheets({"Sheet1": rows}))
    items = [(kind, stem, choices if kind != TRUTH else "", key) for kind, stem, choices, key in said(found)]
    assert items == [
        (kind, stem, choices if kind != TRUTH else "", key) for kind, stem, choices, key in expected
    ]
    assert bool(errors(found)) == (layout.startswith(("a key beyond", "types we lack")))


def test_what_is_asked_of_an_author_stands_at_its_cell() -> None:
    rows, _expected = LAYOUTS["a key beyond the choices, two letters of one, none"]
    found = read(sheets({"Sheet1": rows}))
    assert [(one.code, str(one.place)) for one in found.findings] == [
        ("answer_no_choice", "题库.xlsx!Sheet1:E2"),
        ("answer_one_letter", "题库.xlsx!Sheet1:E3"),
        ("missing", "题库.xlsx!Sheet1:E4"),
    ]


def test_a_sheet_each_type_and_a_plan_beside_it() -> None:
    content = sheets(
        {
            "单选题": [
                ["序号", "题干", "选项A", "选项B", "解析", "答案"],
                [1, "甲（ ）", "a", "b", "x", "A"],
            ],
            "填空题": [["序号", "题干", "空1", "空2", "单空分数"], [1, "甲____乙____。", "一", "二", 1]],
            "题型": [["题型代码", "题量", "分值"], ["B", 1, 1]],
        }
    )
    found = read(content)
    assert [one[0] for one in said(found)] == [ONE, "fill_blank"]
    assert [(one.code, one.place.sheet) for one in found.findings] == [("sheet_left_out", "题型")]


@pytest.mark.parametrize(
    "rows",
    [
        [["题库名称", "题型", "题量", "每题分数"], ["三级", "单选题", 80, 1]],
        [["1级代码", "1级比重(%)", "2级代码", "2级比重(%)"], ["A", 20, "A-A", 10]],
        [["鉴定点", "组成"], ["职业道德", "单选题3个、判断题2个"], ["基础知识", "单选题5个"]],
    ],
)
def test_a_plan_is_no_bank_and_says_where_it_belongs(rows: Rows) -> None:
    with pytest.raises(InvalidInput) as refused:
        read(sheets({"Sheet1": rows}))
    assert refused.value.code == "bank.plan_workbook"


@pytest.mark.parametrize(
    ("content", "name", "code"),
    [
        (b"\x05admin" + b" " * 160, "~$题库.xlsx", "bank.lock_file"),
        (b"<html><frameset><frame src=a></frameset></html>", "题库.xls", "sheet.frames"),
    ],
)
def test_what_holds_no_table_is_refused(content: bytes, name: str, code: str) -> None:
    if code == "sheet.frames":
        content = content.replace(b"<html>", b'<html xmlns:x="urn:schemas-microsoft-com:office:excel">')
    with pytest.raises(InvalidInput) as refused:
        read(content, name)
    assert refused.value.code == code


def test_typed_cells_read_as_they_are_shown() -> None:
    buffer = io.BytesIO()
    with new_workbook(buffer) as book:
        page = book.add_worksheet("题")
        page.write_row(0, 0, ["题干", "选项A", "选项B", "选项C", "选项D", "答案"])
        shown = [(44896, "yyyy-mm-dd"), (0.77083333333, "h:mm"), (0.25, "0%"), (1.5, "0.00")]
        more = [(2014, "General"), (44896, 'yyyy"年"m"月"d"日"'), (1234567, "#,##0"), (0.1 + 0.2, "General")]
        for row, cells in enumerate((shown, more), 1):
            page.write_string(row, 0, f"第{row}题（ ）")
            page.write_string(row, 5, "A")
            for column, (value, code) in enumerate(cells, 1):
                page.write_number(row, column, value, book.add_format({"num_format": code}))
    texts = [one[2] for one in said(read(buffer.getvalue()))]
    assert texts == ["2022-12-01|18:30|25%|1.50", "2014|2022年12月1日|1,234,567|0.3"]


def test_typed_cells_of_excel_97_read_as_they_are_shown() -> None:
    rows: list[list[Any]] = [
        ["题干", "选项A", "选项B", "选项C", "答案"],
        ["甲题（ ）", (0.25, "0%"), (0.75, "h:mm"), (44896, 'm"月"d"日"'), "B"],
    ]
    found = read(xls(rows), "题库.xlsx")
    assert said(found) == [(ONE, "甲题（ ）", "25%|18:00|12月1日", "B")]


def test_keys_on_a_sheet_of_their_own_come_by_number() -> None:
    items = [["序号", "题目", "A", "B"], [1, "甲（ ）", "a", "b"], [2, "乙（ ）", "a", "b"]]
    found = read(sheets({"题目": items, "答案": [["序号", "答案"], [2, "A"], [1, "B"]]}))
    assert [one[3] for one in said(found)] == ["B", "A"]
    assert "answers:题目" in {one.name for one in found.inferred}


def test_what_is_inferred_is_said_and_can_be_said_otherwise() -> None:
    rows = [["T1", "客户来电应（ ）", "甲", "乙", "A"], ["T1", "客户离开应（ ）", "甲", "乙", "B"]]
    content = sheets({"表": [*rows, ["T1", "客户抱怨应（ ）", "甲", "乙", "A"]]})
    found = read(content)
    assert {"header:表", "column:表:B", "column:表:E"} <= {one.name for one in found.inferred}
    assert read(content).layout == found.layout != ""
    many = read(content, adjust={"type:表": "multiple_choice"})
    assert {one[0] for one in said(many)} == {MANY}
    moved = read(content, adjust={"column:表:C": "explanation", "column:表:D": "choice_A"})
    assert said(moved) == []


def test_numbers_that_count_from_nothing_and_what_says_otherwise() -> None:
    rows = [
        ["题干", "选项A", "选项B", "选项C", "答案"],
        ["甲（ ）", "a", "b", "c", 0],
        ["乙（ ）", "a", "b", "c", 1],
    ]
    content = sheets({"表": rows})
    assert [one[3] for one in said(read(content))] == ["A", "B"]
    one_based = read(content, adjust={"keys:表": "1"})
    assert [one[3] for one in said(one_based)] == ["A"]
    assert errors(one_based) == ["key_unmatched"]


def test_a_row_that_is_too_wide_in_a_text_is_asked_about() -> None:
    found = read(
        "题型,题干,选项A,选项B,答案\n单选题,甲,乙是（ ）,a,b,A\n单选题,哪个（ ）,a,b,B\n".encode("gb18030"),
        "a.csv",
    )
    assert [one[1] for one in said(found)] == ["哪个（ ）"]
    assert errors(found) == ["row_too_wide"]


@pytest.mark.parametrize("cell", ["_" * 9_000, "A." * 4_000, "（" * 9_000, "答案：" * 3_000, "&" * 9_000])
def test_a_cell_made_to_take_long_is_asked_about(cell: str) -> None:
    found = read(sheets({"表": [["题干", "选项A", "选项B", "答案"], [cell, cell, cell, cell]]}))
    assert (found.items, bool(errors(found))) == ([], True)


def test_a_cell_without_end_is_refused() -> None:
    with pytest.raises(InvalidInput) as refused:
        read(sheets({"表": [["题干", "答案"], ["长" * 20_000, "√"]]}))
    assert (refused.value.code, refused.value.params["row"]) == ("bank.cell_long", 2)
