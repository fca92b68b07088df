"""What headers mean, where columns stand, and lines as people number them."""

from __future__ import annotations

import pytest

from cbt.spreadsheets.columns import Column, Columns, ColumnUse, Heading, letter
from cbt.spreadsheets.findings import Place, spans

WAGES = Columns(
    Column("name", ("姓名", "name"), required=True),
    Column("pay", ("工资（元）", "pay"), required=True),
    Column("note", ("备注",)),
)


def heading(*headers: str, file: str = "") -> Heading:
    fields = [WAGES.meant(header) for header in headers]
    uses = [
        ColumnUse("表", letter(at), header, field if fields.index(field) == at else "")
        for at, (header, field) in enumerate(zip(headers, fields, strict=True))
    ]
    return Heading(WAGES, file, "表", 1, uses)


@pytest.mark.parametrize("header", ["工资（元）", "工资(元)*", " 工 资 元：", "PAY", "ｐａｙ"])
def test_width_case_blanks_and_marks_of_a_header_do_not_matter(header: str) -> None:
    assert WAGES.meant(header) == "pay"


def test_of_two_headers_of_one_meaning_the_first_is_read() -> None:
    found = heading("姓名", "职务", "pay", "", "name", file="工资.xlsx")
    assert found.places == {"name": 0, "pay": 2}
    assert found.doubled == [(Place("工资.xlsx", "表", 1, "E"), "name")]
    assert found.doubled[0][0].header == "name"


def test_a_field_stands_at_its_letter_and_one_without_a_column_in_its_row() -> None:
    found = heading(*[""] * 26, "name", "pay")
    assert str(found.place(7, "pay")) == "!表:AB7"
    without = found.place(7, "note")
    assert (without.column, without.header, without.line) == ("", "备注", 7)
    assert str(found.place(7, "")) == "!表:7"


@pytest.mark.parametrize(
    ("lines", "said"),
    [([], ""), ([3], "3"), ([5, 3, 4, 4], "3–5"), ([1, 3, 4, 9], "1, 3–4, 9")],
)
def test_lines_that_follow_each_other_are_said_together(lines: list[int], said: str) -> None:
    assert spans(lines) == said
