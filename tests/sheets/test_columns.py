"""Which row of a sheet names its columns, and what is said of headers that are missing or there twice."""

from __future__ import annotations

import pytest

from cbt.sheets.cells import SheetData
from cbt.sheets.columns import HEADER_WITHIN, Column, Columns
from cbt.sheets.findings import Place

WAGES = Columns(
    Column("name", ("姓名", "name"), required=True),
    Column("pay", ("工资（元）", "pay"), required=True),
    Column("note", ("备注",)),
)


def sheet(*rows: list[str]) -> SheetData:
    return SheetData("表", list(rows), [])


@pytest.mark.parametrize(
    ("above", "found"),
    [
        pytest.param(0, True, id="the first row"),
        pytest.param(HEADER_WITHIN - 1, True, id="the last row that is looked at"),
        pytest.param(HEADER_WITHIN, False, id="a row below it"),
    ],
)
def test_titles_may_stand_above_the_header(above: int, found: bool) -> None:
    whole = WAGES.heading(sheet(*[["二〇二六年"]] * above, ["pay", "name"]))
    assert (whole is not None) is found
    assert whole is None or (whole.row, whole.missing) == (above + 1, [])


@pytest.mark.parametrize("header", ["工资（元）", "工资(元)*", " 工 资 元：", "PAY", "ｐａｙ"])
def test_width_case_blanks_and_marks_of_a_header_do_not_matter(header: str) -> None:
    assert WAGES.meant(header) == "pay"


def test_a_whole_header_is_taken_before_a_longer_one_that_lacks_something() -> None:
    heading = WAGES.heading(sheet(["姓名", "备注"], ["工资（元）", "姓名"]))
    assert heading is not None
    assert (heading.row, heading.places) == (2, {"pay": 0, "name": 1})


def test_the_nearest_row_says_what_is_missing() -> None:
    heading = WAGES.heading(sheet(["姓名"], ["备注", "姓名"]))
    assert heading is not None
    assert (heading.row, heading.missing) == (2, ["pay"])


def test_one_known_word_is_no_header() -> None:
    assert WAGES.heading(sheet(["姓名"], ["王五", "3000"])) is None
    assert WAGES.heading(sheet()) is None


def test_of_two_headers_of_one_meaning_the_first_is_read() -> None:
    heading = WAGES.heading(sheet(["姓名", "职务", "pay", "", "name"]), "工资.xlsx")
    assert heading is not None
    assert heading.places == {"name": 0, "pay": 2}
    assert heading.doubled == [(Place("工资.xlsx", "表", 1, "E"), "name")]
    assert heading.doubled[0][0].header == "name"


def test_a_field_stands_at_its_letter_and_one_without_a_column_in_its_row() -> None:
    heading = WAGES.heading(sheet([*[""] * 26, "name", "pay"]))
    assert heading is not None
    assert str(heading.place(7, "pay")) == "!表:AB7"
    without = heading.place(7, "note")
    assert (without.column, without.header, without.line) == ("", "备注", 7)
    assert str(heading.place(7, "")) == "!表:7"
