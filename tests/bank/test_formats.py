"""What is read from a sheet, and where each fault is said to stand."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest

from cbt.errors import InvalidInput
from cbt.interchange.tables.format import read_tables
from cbt.interchange.tables.item_types import item_type
from cbt.interchange.tables.sheet import meant, open_tables
from cbt.items.exam_prose import scale_of
from cbt.items.types.fill_blank.editor import blanks_of
from cbt.items.types.numeric.editor import number_key
from cbt.items.types.single_choice.editor import letters_of
from cbt.items.types.true_false.editor import truth_of
from cbt.rules.items.content import ItemType
from tests.bank.sheets import HEADERS, sheets, single, truth, workbook


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("鉴定点代码", "point"),
        ("认定点代码", "point"),
        (" 试题（题干） ", "stem"),
        ("试题(题干)", "stem"),
        ("试题（选项 A）", "choice_A"),
        ("选项Ｅ", "choice_E"),
        ("正确答案", "answer"),
        ("难度", "difficulty"),
        ("解析", "explanation"),
        ("备注", "left_out"),
        ("来年计划", ""),
    ],
)
def test_a_header_is_known_by_its_meaning(header: str, field: str) -> None:
    assert meant(header) == field


@pytest.mark.parametrize(
    ("cell", "choices", "answer", "kind"),
    [
        ("B", 4, "A", ItemType.SINGLE_CHOICE),
        ("b", 4, "A", ItemType.SINGLE_CHOICE),
        ("B（单选题）", 4, "A", ItemType.SINGLE_CHOICE),
        ("单选题", 4, "A", ItemType.SINGLE_CHOICE),
        ("单项选择题", 4, "A", ItemType.SINGLE_CHOICE),
        ("C", 0, "√", ItemType.TRUE_FALSE),
        ("判断题", 0, "√", ItemType.TRUE_FALSE),
        ("G", 4, "AB", ItemType.MULTIPLE_CHOICE),
        ("D", 4, "AB", ItemType.MULTIPLE_CHOICE),
        ("D", 4, "A", "type_ask"),
        ("D", 0, "略", ItemType.SHORT_ANSWER),
        ("简答题", 0, "略", ItemType.SHORT_ANSWER),
        ("识图题", 0, "1", ItemType.HOTSPOT),
        ("E", 0, "略", "type_unsupported"),
        ("T", 0, "24", ItemType.FILL_BLANK),
        ("U（计算题）", 0, "24", ItemType.NUMERIC),
        ("Q", 0, "", "type_unknown"),
    ],
)
def test_a_type_code_is_understood(cell: str, choices: int, answer: str, kind: object) -> None:
    assert item_type(cell, choices=choices, answer=answer) == kind


@pytest.mark.parametrize("cell", ["√", "对", "正确", "是", "T", "ｔ", "A", "1", "TRUE"])
def test_a_true_answer_is_understood(cell: str) -> None:
    assert truth_of(cell) is True


@pytest.mark.parametrize("cell", ["×", "错", "错误", "否", "F", "B", "0", "FALSE", "x"])
def test_a_false_answer_is_understood(cell: str) -> None:
    assert truth_of(cell) is False


def test_an_answer_that_is_neither_is_not_guessed() -> None:
    assert truth_of("大概") is None
    assert truth_of("") is None


@pytest.mark.parametrize(
    ("cell", "letters"),
    [
        ("ABD", "ABD"),
        ("A,B", "AB"),
        ("d；a", "AD"),
        ("A、B", "AB"),
        ("ＡＢ", "AB"),
        ("AA", None),
        ("甲", None),
        ("", None),
    ],
)
def test_letters_are_read_however_they_are_separated(cell: str, letters: str | None) -> None:
    assert letters_of(cell) == letters


@pytest.mark.parametrize(
    ("cell", "value"), [("3", 3), ("3.0", 3), ("3（中等）", 3), ("6", None), ("难", None)]
)
def test_a_scale_is_read(cell: str, value: int | None) -> None:
    assert scale_of(cell) == value


def test_blanks_and_numbers_are_read() -> None:
    assert blanks_of("24|二十四；首问负责制", 2) == [["24", "二十四"], ["首问负责制"]]
    assert blanks_of("24", 2) is None
    assert number_key("1,234.50") == {"answer": "1234.50", "decimals": 2, "tolerance": "0.005"}
    assert number_key("86％") == {"answer": "86", "decimals": 0, "tolerance": "0"}
    assert number_key("八十") is None
    assert number_key("NaN") is None


def _read(content: bytes) -> tuple[list[dict[str, Any]], list[tuple[str, str]]]:
    found = read_tables(content, "题库.xlsx", {})
    return [dict(item.data) for item in found.items], [(one.code, str(one.place)) for one in found.findings]


def test_a_sound_sheet_is_read_whole() -> None:
    items, findings = _read(workbook([single(), truth(answer="错")]))
    assert findings == []
    assert items[0] == {
        "type": "single_choice",
        "point": "A-A-A-001",
        "stem": "客户来电时，首先应（　　）。",
        "choices": ["问候客户", "说明来意", "核对身份", "登记诉求"],
        "answer": "B",
        "difficulty": 3,
        "consistency": 5,
    }
    assert items[1]["answer"] is False


def test_columns_may_stand_in_any_order_below_a_title_row() -> None:
    order = [8, 2, 0, 1, 3, 4, 5, 6]
    rows = [["题库（2026 版）"], [HEADERS[n] for n in order], [single()[n] for n in order], []]
    items, findings = _read(sheets({"第一批": rows}))
    assert findings == []
    assert items[0]["answer"] == "B"
    assert (items[0]["difficulty"], items[0]["consistency"]) == (3, 5)


def test_a_second_column_of_one_meaning_is_left_out_and_named() -> None:
    _items, findings = _read(sheets({"试题": [[*HEADERS, "正确答案"], [*truth(), "×"]]}))
    assert findings == [("column_double", f"题库.xlsx!试题:{'ABCDEFGHIJKLMN'[len(HEADERS)]}1")]


def test_other_sheets_are_left_out_and_named() -> None:
    content = sheets({"说明": [["请按模板填写"]], "试题": [HEADERS, truth()], "空": []})
    found = read_tables(content, "题库.xlsx", {})
    assert len(found.items) == 1
    assert [(one.code, one.place.sheet) for one in found.findings] == [("sheet_left_out", "说明")]


def _typed(code: str, stem: str, answer: str, *choices: str) -> list[object]:
    filled = [*choices, "", "", "", "", ""][:5]
    return ["A-A-A-001", code, stem, *filled, answer, 3, 5]


FOUR = ("甲", "乙", "丙", "丁")


@pytest.mark.parametrize(
    ("row", "code", "place"),
    [
        pytest.param(single(answer="E"), "answer_no_choice", "I2", id="a key without a choice"),
        pytest.param(single(answer="AB"), "answer_one_letter", "I2", id="two letters"),
        pytest.param(single(answer="甲"), "key_unmatched", "I2", id="no letter"),
        pytest.param(single(answer=""), "missing", "I2", id="no answer"),
        pytest.param(single(stem=""), "missing", "C2", id="no stem"),
        pytest.param(truth(answer="大概"), "answer_truth", "I2", id="neither true nor false"),
        pytest.param(_typed("D", "题", "A", *FOUR), "type_ask", "B2", id="D"),
        pytest.param(_typed("识图", "题", "1"), "picture_in_sheet", "B2", id="a picture"),
        pytest.param(_typed("E", "题", "略"), "type_unsupported", "B2", id="E"),
        pytest.param(_typed("B", "题", "A", "甲", "", "丙"), "choice_gap", "E2", id="a gap"),
        pytest.param([*truth()[:9], 8, 5], "scale", "J2", id="difficulty 8"),
        pytest.param([*truth()[:10], "高"], "scale", "K2", id="consistency in words"),
        pytest.param(_typed("T", "共（ ）件（ ）次", "24"), "answer_blanks", "I2", id="blanks"),
        pytest.param(_typed("U", "共（ ）件", "多"), "answer_number", "I2", id="number"),
    ],
)
def test_a_fault_is_named_at_its_cell(row: list[object], code: str, place: str) -> None:
    items, findings = _read(workbook([row]))
    assert items == []
    assert findings == [(code, f"题库.xlsx!试题:{place}")]


def test_blanks_in_brackets_become_numbered_blanks() -> None:
    row = ["A-A-A-001", "T", "共（ ）件，按时（　　）件。", "", "", "", "", "", "24；20", 3, 5]
    number = ["A-A-A-001", "U", "接通率为____%。", "", "", "", "", "", 86.7, 3, 5]
    items, findings = _read(workbook([row, number]))
    assert findings == []
    assert items[0]["stem"] == "共{{1}}件，按时{{2}}件。"
    assert items[1]["stem"] == "接通率为{{1}}%。"
    assert items[1]["answer"] == "86.7"


def test_a_missing_column_and_a_sheet_without_items_are_named() -> None:
    headless = sheets({"试题": [["鉴定点代码", "题干"], ["A-A-A-001", "甲"]]})
    found = read_tables(headless, "题库.xlsx", {})
    assert [(one.code, one.params["fields"]) for one in found.findings] == [("column_missing", ["answer"])]
    assert [one.code for one in read_tables(sheets({"表": [["你好"]]}), "a.xlsx", {}).findings] == [
        "no_columns"
    ]


def test_numbers_and_booleans_read_as_people_see_them() -> None:
    rows = open_tables(sheets({"表": [[1.0, 2.5, True, " 甲 ", "=1+1"]]}))[0].rows
    assert rows == [["1", "2.5", "TRUE", "甲", "=1+1"]]


def test_a_zip_that_unpacks_beyond_measure_is_refused_before_it_is_unpacked() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/worksheets/sheet1.xml", b"0" * 30_000_000)
    with pytest.raises(InvalidInput) as refused:
        open_tables(buffer.getvalue())
    assert refused.value.code == "bank.workbook_too_big"


def test_every_fault_of_a_row_is_named_at_its_cell() -> None:
    row = ["A-A-A-001", "B", "", "甲", "乙", "", "", "", "Z", 9, 8]
    untyped = ["", "Q", "甲", "", "", "", "", "", "", 3, 8]
    found = read_tables(workbook([row, untyped]), "题库.xlsx", {})
    assert found.items == []
    assert [(one.place.line, one.place.column, one.code) for one in found.findings] == [
        (2, "C", "missing"),
        (2, "I", "key_unmatched"),
        (2, "J", "scale"),
        (2, "K", "scale"),
        (3, "B", "type_unknown"),
        (3, "I", "missing"),
    ]
