"""A copy with what was found beside its cells, and the names that sheets can have."""

from __future__ import annotations

import io

import pytest
import python_calamine

from cbt.spreadsheets.cells import SheetData
from cbt.spreadsheets.findings import Note, Place, Severity
from cbt.spreadsheets.writer import add_sheet, marked_copy, new_workbook


def read(body: bytes) -> dict[str, list[list[object]]]:
    book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(body))
    return {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}


def test_what_to_do_stands_beside_the_row_under_a_head_of_its_own() -> None:
    sheets = [
        SheetData("一月", [["一月工资"], ["姓名", "工资"], ["王五", "=1+1"], ["赵六", "30"]], []),
        SheetData("说明", [["无"]], []),
    ]
    notes = [
        Note(Severity.HINT, "提示", Place("", "一月", 3, "A"), "王五", "少见。", "请核对。"),
        Note(Severity.ERROR, "错误", Place("", "一月", 3, "B"), "=1+1", "不是数。", "请改正。"),
    ]
    marked = read(marked_copy(sheets, notes, {"一月": 2}, title="处理办法"))
    assert marked["一月"] == [
        ["一月工资", "", ""],
        ["姓名", "工资", "处理办法"],
        ["王五", "=1+1", "提示：少见。请核对。\n错误：不是数。请改正。"],
        ["赵六", "30", ""],
    ]
    assert marked["说明"] == [["无"]]


@pytest.mark.parametrize(
    ("wanted", "made"),
    [
        pytest.param(["理论", "技能"], ["理论", "技能"], id="as they are"),
        pytest.param(["a", "A"], ["a", "A 2"], id="case does not part names"),
        pytest.param(["甲/乙", "甲:乙"], ["甲 乙", "甲 乙 2"], id="characters that no sheet may have"),
        pytest.param(["''", ""], ["-", "- 2"], id="nothing left"),
        pytest.param(["题" * 31], ["题" * 31], id="the longest"),
        pytest.param(["题" * 32] * 2, ["题" * 31, "题" * 27 + " 2"], id="too long"),
    ],
)
def test_a_sheet_has_the_nearest_name_it_can_have(wanted: list[str], made: list[str]) -> None:
    buffer = io.BytesIO()
    with new_workbook(buffer) as book:
        assert [add_sheet(book, name).name for name in wanted] == made
