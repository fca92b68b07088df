"""A roster as a file on the pages of a batch: columns are said, findings marked, what goes out comes in again."""

from __future__ import annotations

import io

import pytest

from cbt.candidates.models import Registration
from cbt.candidates.roster.file import open_roster
from tests.batches.roster.bringing import Office, count
from tests.candidates.rosters import HEADERS, resident, row
from tests.helpers import count_queries
from tests.sittings.conftest import Day

ODD = ["人", "证件", "号", "档次", "哪几门"]


def test_columns_nobody_knows_are_said_on_the_page_and_not_asked_for_again(day: Day) -> None:
    office = Office(day)
    address = office.bring([row(1), row(2)], ODD)
    page = office.text(address)
    assert "认不出名册的列" in page
    assert "<b>姓名</b>" in page
    assert resident(1) not in page
    said = {
        f"column.0.{letter}": field
        for letter, field in zip(
            "ABCDE", ("name", "document_type", "document_number", "level", "paper"), strict=True
        )
    }
    assert office.client.post(f"{address}/columns", data=said).status_code == 303
    office.work(address)
    assert "认不出" not in office.text(address)
    again = office.bring([row(1), row(2)], ODD)
    with count_queries(day.app) as queries:
        page = office.client.get(again).text
    assert "确认导入 2 人次" in page
    assert len(queries) <= 18
    assert "已导入 2 人次" in office.confirm(again)
    assert count(day, Registration) == 2


def test_a_marked_copy_is_for_who_brought_the_roster_and_comes_in_again_once_it_is_mended(day: Day) -> None:
    office = Office(day)
    wrong = row(2)
    wrong[2] = resident(2)[:-1]
    address = office.bring([row(1), wrong, [*wrong[:2], "", *wrong[3:]]], HEADERS)
    page = office.text(address)
    assert "第 3 行" in page
    assert "下载标好问题的名册" in page
    copy = office.client.get(f"{address}/marked.xlsx")
    assert copy.status_code == 200
    (sheet,) = open_roster("名册.xlsx", copy.data)
    assert sheet.rows[0] == [*HEADERS, "问题"]
    assert "18 位" in sheet.rows[2][-1]
    other = Office(day, "li")
    assert other.client.get(f"{address}/marked.xlsx").status_code == 404
    assert "下载标好" not in other.text(address)
    body = io.BytesIO(copy.data).getvalue()
    assert "姓名" in office.text(office.bring([], body=body))
    mended = [[*line[:5], line[5] if len(line) > 5 else ""] for line in sheet.rows[1:3]]
    mended[1][2] = resident(2)
    assert "确认导入 2 人次" in office.text(office.bring(mended, sheet.rows[0]))


@pytest.mark.parametrize("code", ["unknown", ""])
def test_no_copy_of_what_is_not_there(day: Day, code: str) -> None:
    office = Office(day)
    address = office.bring([row(1)])
    ref = code or address.rpartition("/")[2]
    assert office.client.get(f"{office.page}/{ref}/marked.xlsx").status_code == 404
