"""A roster that goes back with its findings marked, and comes in again as what it is."""

from __future__ import annotations

import io
import zipfile

from cbt.candidates.roster.export import marked_roster
from cbt.candidates.roster.file import open_roster, roster_of
from cbt.spreadsheets.findings import Note
from tests.candidates.rosters import resident
from tests.candidates.test_roster_layouts import HEAD, ONE, asked, both, sheet, stops


def test_a_marked_copy_says_what_to_do_beside_each_line_and_comes_in_again_as_it_was() -> None:
    sent = sheet(
        ["2026年报名表"],
        [*HEAD, "工作单位", "备注"],
        ["甲", ONE, "三级", "两科", "第一百货", ""],
        ["=乙", resident(2)[:-2], "三级", "理论", "", "=1+1"],
        ["合计：2人"],
        merged=[(0, 0, 0, 5), (2, 4, 3, 4)],
    )
    roster = roster_of([sent])
    notes = [Note(one.severity, "错误", one.place, one.value, one.code, "怎么改") for one in roster.findings]
    copy = marked_roster([sent], roster.headings, notes, title="问题")
    again = open_roster("名册-问题.xlsx", copy)
    assert again[0].rows[1] == [*HEAD, "工作单位", "备注", "问题"]
    assert again[0].rows[3][4:] == ["第一百货", "=1+1", "错误：roster.number_length怎么改"]
    reread = roster_of(again)
    assert asked(reread) == asked(roster) == both("甲")
    assert [(one.name, one.employer) for one in reread.refused] == [("=乙", "第一百货")]
    assert stops(reread) == stops(roster) == [("!Sheet1:B4", "roster.number_length")]
    with zipfile.ZipFile(io.BytesIO(copy)) as package:
        assert "xl/comments1.xml" in package.namelist()
        assert b"<f>" not in package.read("xl/worksheets/sheet1.xml")
