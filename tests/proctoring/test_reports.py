"""Reports of incidents and violations, a page's signals, and what the board says of a reminder."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cbt.proctoring.models import IncidentReport, ReportAddition
from tests.helpers import count_queries
from tests.proctoring.desk import Desk, audited, done, refused, registration, row, rows, running
from tests.world import World

SECOND = timedelta(seconds=1)
FORM = {
    "reason": "旁窥 <b>邻座", "happened_at": "09:00", "witness": "王老师", "evidence_video": "1",
    "evidence_note": "监控 09:00 起", "statement": "没有看", "signature": "refused",
}  # fmt: skip


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_a_report_is_added_to_and_withdrawn_but_never_edited(world: World) -> None:
    running(world, "theory")
    desk, officer = Desk(world), world.staff("officer")
    url = f"{desk.url}/reports"
    done(desk.act("violation", "theory", code="noise", **FORM))
    done(desk.act("incident_room", reason_code="power", reason="闪断一次"))
    filed = row(world, IncidentReport, kind="violation")
    assert (filed.clause, filed.witness, filed.signature) == ("考场须知第 6 条", "王老师", "refused")
    page = desk.client.get(url).text
    for words in (
        "旁窥 &lt;b&gt;邻座",
        "没有看",
        "拒签",
        "监控 09:00 起",
        "录像",
        "考场须知第 6 条",
        "闪断一次",
    ):
        assert words in page, words
    assert "report_add" in page
    assert "report_add" not in officer.get(url).text

    ask = desk.ask("report_add", report=filed.ref, part="signature").text
    assert "拒签" in ask
    assert (
        refused(desk.act("report_add", report=filed.ref, part="code", text="x")) == "proctoring.report_part"
    )
    assert (
        refused(desk.act("report_add", report=filed.ref, part="facts", text=" ")) == "proctoring.text_needed"
    )
    bad = desk.act("report_add", report=filed.ref, part="signature", signature="maybe")
    assert refused(bad) == "proctoring.signature"
    done(desk.act("report_add", report=filed.ref, part="signature", signature="signed"))
    done(desk.act("report_add", report=filed.ref, part="facts", text="转身两次"))
    assert row(world, IncidentReport, kind="violation").facts == FORM["reason"]
    assert [one.part for one in rows(world, ReportAddition)] == ["signature", "facts"]
    with count_queries(world.app) as asked:
        page = desk.client.get(url).text
    assert len(asked) <= 12
    assert "已在纸质表上签字" in page
    assert "转身两次" in page

    done(desk.act("violation", "theory", code="wrong_seat", reason="换了座位"))
    assert refused(desk.act("report_withdraw", report=filed.ref)) == "proctoring.reason_needed"
    done(desk.act("report_withdraw", report=filed.ref, reason="经核实不属实"))
    assert registration(world, "theory").violation_code == "wrong_seat"
    again = desk.act("report_withdraw", report=filed.ref, reason="x")
    assert refused(again) == "proctoring.report_withdrawn"
    assert "经核实不属实" in desk.client.get(url).text
    other = world.staff("proctor_elsewhere").get(url)
    assert other.status_code == 404
    assert {"report.file", "report.add", "report.withdraw"} <= set(audited(world))


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_one_recorded_by_two_is_withdrawn_by_two(world: World) -> None:
    running(world, "theory")
    desk = Desk(world)
    done(desk.act("violation", "theory", code="copying", reason="抄袭", second="officer"))
    ref = row(world, IncidentReport).ref
    assert refused(desk.act("report_withdraw", report=ref, reason="误登记")) == "second.needed"
    done(desk.act("report_withdraw", report=ref, reason="误登记", second="officer"))
    assert registration(world, "theory").violation_code is None


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_signals_stand_in_the_seats_dialog_with_their_times_and_change_nothing(world: World) -> None:
    page = running(world, "theory")["theory"]
    desk = Desk(world)
    world.clock.advance(60 * SECOND)
    page.send(page.entry(0, {"type": "blur"}, "event"))
    world.clock.advance(7 * SECOND)
    page.send(page.entry(0, {"type": "focus"}, "event"), page.entry(0, {"type": "paste"}, "event"))
    page.send(page.entry(0, {"type": "fullscreen_exit"}, "event"))
    for away in (3, 21):  # loaded anew, and left for another page
        page.send(page.entry(0, {"type": "leave"}, "event"))
        world.clock.advance(away * SECOND)
        page.send(page.entry(0, {"type": "paper_loaded"}, "event"))
    page.send(page.entry(0, {"type": "leave"}, "event"))
    before = len(audited(world))
    shown = desk.client.get(f"{desk.url}/seats/{world.sitters['theory'].registration_ref}").text
    for words in ("离开窗口 1", "粘贴 1", "退出全屏 1", "7 秒", "09:01:00", "离开答题页面 2", "21 秒"):
        assert words in " ".join(shown.split()), words
    assert len(audited(world)) == before  # no entry of the chain for a report of the page
    assert registration(world, "theory").violation_code is None


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_the_board_says_who_has_had_a_reminder(world: World) -> None:
    pages = running(world, "theory", "second")
    desk = Desk(world)
    assert "监考员马上到，请举手示意" in desk.ask("remind", "theory").text
    done(desk.act("remind", "theory", "second", text="还有十分钟"))
    assert "送达 0/2 · 已读 0/2" in desk.page()
    waiting = pages["theory"].send().get_json()["clock"]["messages"]
    pages["theory"].send(path=f"messages/{waiting[0]['id']}/read")
    assert "送达 1/2 · 已读 1/2" in desk.page()
