"""Columns that people say the meaning of: asked for once, kept, and told again."""

from __future__ import annotations

from sqlalchemy import select

from cbt.audit.models import AuditEntry
from cbt.candidates.roster import columns
from cbt.candidates.roster.columns import layouts_of
from cbt.candidates.roster.file import roster_of
from cbt.imports.column_map import HandMapping, hands_of_form, keep_mappings
from cbt.spreadsheets.findings import Severity
from tests.candidates.rosters import resident
from tests.candidates.test_roster_layouts import ONE, TWO, asked, both, sheet, stops
from tests.sittings.conftest import OFFICER, Day

ODD = sheet(
    ["人", "证号", "考什么级", "考哪几门", "第几次"],
    ["甲", ONE, "三级", "两科", "新考"],
    ["乙", TWO, "二级", "理论", "补考"],
)
FORM = {
    "column.0.A": "name", "column.0.B": "document_number", "column.0.C": "level", "column.0.D": "paper",
    "column.0.E": "kind",
}  # fmt: skip


def test_columns_nobody_knows_are_asked_for_once_and_kept(day: Day) -> None:
    (layout,) = layouts_of([ODD], {})
    assert layout.asks
    assert set(layout.missing) == {"name", "document_number", "level", "paper"}
    assert [one.samples[0] for one in layout.columns] == [
        "甲",
        f"{ONE[:3]}…{ONE[-2:]}",
        "三级",
        "两科",
        "新考",
    ]
    hands = hands_of_form(FORM, [layout])
    with day.write() as session:
        assert columns.kept_hands(session, [ODD]) == {}
        for _twice in range(2):
            keep_mappings(
                session, hands, subject=f"batch:{day.batch_ref}", now=day.clock.now(), actor=OFFICER
            )
    with day.read() as session:
        kept = columns.kept_hands(session, [ODD])
        said = session.scalars(select(AuditEntry.after).where(AuditEntry.act == "roster.columns")).all()
    assert len(said) == 1
    assert kept == hands
    roster = roster_of([ODD], kept)
    assert (asked(roster), stops(roster)) == ([*both("甲"), ("乙", "2", "theory", "retake")], [])
    assert not any(one.asks for one in layouts_of([ODD], kept))


def test_an_unknown_column_that_decides_stops_until_somebody_says_what_it_is() -> None:
    rows = sheet(["姓名", "身份证号", "申报等级", "科目", "第几次"], ["甲", ONE, "三级", "两科", "补考"])
    assert stops(roster_of([rows])) == [("!Sheet1:E1", "roster.column_unread")]
    (layout,) = layouts_of([rows], {})
    roster = roster_of([rows], {layout.digest: HandMapping({"E": "kind"})})
    assert (asked(roster), stops(roster)) == (both("甲", kind="retake"), [])
    left = roster_of([rows], {layout.digest: HandMapping({"E": ""})})
    assert [(one.code, one.severity) for one in left.findings] == [("roster.said_left", Severity.HINT)]


def test_what_holds_for_every_line_is_said_and_told_but_not_kept(day: Day) -> None:
    rows = sheet(["姓名", "身份证号"], ["甲", ONE])
    (layout,) = layouts_of([rows], {})
    form = {"fixed.0.level": "三级", "fixed.0.paper": "两科", "fixed.0.name": "甲"}
    hands = hands_of_form(form, [layout])
    roster = roster_of([rows], hands)
    assert (asked(roster), [one.code for one in roster.findings]) == (both("甲"), ["roster.said_fixed"] * 2)
    with day.write() as session:
        keep_mappings(session, hands, subject=f"batch:{day.batch_ref}", now=day.clock.now(), actor=OFFICER)
        assert columns.kept_hands(session, [rows]) == {layout.digest: HandMapping()}


def test_a_list_without_headings_is_told_by_its_letters() -> None:
    rows = sheet(["1", "甲", ONE, "三级"], ["2", "乙", TWO, "三级"])
    (layout,) = layouts_of([rows], {})
    assert (layout.row, [one.letter for one in layout.columns]) == (0, list("ABCD"))
    hand = HandMapping({"A": "", "B": "name", "C": "document_number", "D": "level"}, {"paper": "两科"})
    assert asked(roster_of([rows], {layout.digest: hand})) == [*both("甲"), *both("乙")]
    assert len({resident(1), resident(2)}) == 2


def test_each_sheet_has_a_level_of_its_own_said_and_its_name_tells_which() -> None:
    head = ["姓名", "身份证号", "科目"]
    sent = [
        sheet(head, ["甲", ONE, "两科"], name="三级"),
        sheet(["二级报名表"], head, ["乙", TWO, "两科"], name="表2"),
    ]
    layouts = layouts_of(sent, {})
    assert [(one.asks, list(one.fixable), one.told) for one in layouts] == [
        (True, ["level"], {"level": "三级"}),
        (True, ["level"], {"level": "二级"}),
    ]
    form = {f"fixed.{n}.level": one.told["level"] for n, one in enumerate(layouts)}
    hands = hands_of_form(form, layouts)
    assert asked(roster_of(sent, hands)) == [*both("甲"), *both("乙", "2")]
    assert [one.digest for one in layouts_of(sent, hands)] == [one.digest for one in layouts]
