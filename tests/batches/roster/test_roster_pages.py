"""The roster of a batch by its pages: spread by rule, looked at, changed, imported whole or not at all."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from sqlalchemy import select

from cbt.audit.models import AuditEntry
from cbt.batches.roster.models import RosterCheck, RosterPart
from cbt.batches.roster.roster_import import RosterImport
from cbt.candidates.models import AdmissionTicket, Candidate, Registration
from cbt.demo.world import Hall
from cbt.sittings.service import cancel_sitting
from tests.batches.roster.bringing import (
    BOTH,
    Office,
    another_room,
    another_sitting,
    count,
    people,
    seated,
)
from tests.candidates.rosters import HEADERS, resident, row
from tests.helpers import count_queries, flat
from tests.sittings.conftest import OFFICER, PLANNED, Day

AFTERNOON = timedelta(hours=5)


def test_one_file_is_spread_over_sittings_and_comes_in_again_as_it_is(day: Day) -> None:
    another_sitting(day, AFTERNOON, "下午")
    office = Office(day)
    address = office.bring(people(1, 5, paper=BOTH))
    page = office.text(address)
    assert "将报名（人次）" in page
    assert "上午" in page
    assert "下午" in page
    assert count(day, Registration) == 0
    with count_queries(day.app) as few:
        office.text(address)

    said = office.confirm(address)
    assert "已导入 10 人次" in said
    found = seated(day)
    assert len(found) == 5
    for papers in found.values():
        assert [name for _paper, name, *_seat in papers] == ["上午", "下午"]
        assert {paper for paper, *_where in papers} == {"theory", "skills"}
    assert (count(day, Candidate), count(day, AdmissionTicket), count(day, RosterPart)) == (5, 5, 0)
    with day.read() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.act == "roster.import")).one()
        assert entry.subject == f"batch:{day.batch_ref}"
        assert '"registered":10' in entry.after
        assert resident(1) not in " ".join(session.scalars(select(AuditEntry.after)))

    masked = office.client.post(f"{office.page}/export", data={"reason": ""})
    refused = office.client.post(f"{office.page}/export", data={"reason": "x"})
    whole = office.client.post(f"{office.page}/export", data={"reason": "与单位核对"})
    assert (masked.status_code, refused.status_code, whole.status_code) == (200, 422, 200)
    again = office.bring([], body=whole.data)
    assert "名册里的人都已报名" in office.text(again)
    assert office.client.post(again).status_code == 303
    assert "没有要导入的内容" in office.text(again)
    with count_queries(day.app) as more:
        office.text(again)
    assert len(more) <= len(few) + 1


def test_a_roster_waits_for_its_sittings_and_is_not_sent_twice(day: Day) -> None:
    with day.write() as session:
        cancel_sitting(session, day.work(session)[0], reason="改期", now=PLANNED, actor=OFFICER)
    office = Office(day)
    address = office.bring(people(1, 8, paper=BOTH))
    page = office.text(address)
    assert "还没有可以安排的场次" in page
    assert "2 场（东区考点，1 个考场共 5 个机位）" in page
    assert "检查结果" not in page

    another_sitting(day, timedelta(hours=1), "第一场")
    assert "场次、考场或报名有变动" in office.text(address)
    assert office.client.post(address).status_code == 303  # of what is stale nothing is imported
    assert count(day, Registration) == 0
    for number, name in ((5, "第二场"), (24, "第三场"), (29, "第四场")):
        another_sitting(day, timedelta(hours=number), name)
    office.client.post(f"{address}/plan", data={"level_together": "1", "units": "any", "fill": "evenly"})
    office.work(address)
    page = office.text(address)
    assert "确认导入 16 人次" in page
    assert "已上传、尚未导入的名册（1 份）" in office.text(office.page)
    office.confirm(address)
    places = seated(day).values()
    assert sum(len(papers) for papers in places) == 16
    halls = [name for papers in places for _paper, name, *_seat in papers]
    assert {halls.count(name) for name in halls} == {4}


def test_a_sitting_takes_what_the_officer_says_and_who_does_not_fit_is_told(day: Day) -> None:
    another_sitting(day, AFTERNOON, "下午")
    office = Office(day)
    address = office.bring(people(1, 6, paper=BOTH))
    page = office.text(address)
    assert "放不下的人次（2）" in page
    assert "接收这一科的场次都已坐满" in page
    assert office.client.post(address).status_code == 422
    assert count(day, Registration) == 0

    text = office.client.get(address).text
    names = [part.split('"')[0] for part in text.split('name="offered" value="')[1:]]
    theory_in_the_morning = [
        name for name in names if (name.endswith(":theory")) == (name.startswith(day.sitting_ref))
    ]
    office.client.post(f"{address}/plan", data={"offered": names, "takes": theory_in_the_morning})
    office.work(address)
    assert "部分科目" in office.text(address)
    said = office.confirm(address, rows="good")
    assert "已导入 10 人次" in said
    for papers in seated(day).values():
        assert [(paper, name) for paper, name, *_seat in papers] == [("theory", "上午"), ("skills", "下午")]


def test_wishes_win_and_what_is_wrong_stays_out_while_the_rest_comes_in(day: Day) -> None:
    second = another_room(day, Hall("二号机房", 4, 1))
    another_sitting(day, AFTERNOON, "下午", day.room_ref, second)
    headers = [*HEADERS, "考场", "机位号", "场次", "工作单位"]
    office = Office(day)
    address = office.bring(
        [
            [*row(1), "二号机房", "4", "下午", "甲公司"],  # a spare seat, by its number
            [*row(2, paper=BOTH), "", "", "", "甲公司"],
            [*row(3), "九号机房", "", "", "甲公司"],
            [*row(4), "", "", "晚上", "甲公司"],
            [*row(5), "", "3", "下午", "甲公司"],
            [*row(6), "二号机房", "4", "", "甲公司"],
            [*row(7, level="特级"), "", "", "", "甲公司"],
            [*row(8), "", "", "下午", "甲公司"],
            [*row(8), "", "", "下午", "甲公司"],
        ],
        headers,
        name="<b>.xlsx",
    )
    page = office.text(address)
    for said in ("没有这个考场", "没有符合所写", "这个机位不存在或已有人", "没有这个级别", "同一人同一科目"):
        assert said in page
    assert "<b>.xlsx" not in page
    assert "第 8 行" in office.text(f"{address}?kind=roster.level")
    assert "第 4 行" not in flat(office.client.get(f"{address}?kind=roster.level").text).split("逐条列出")[1]
    office.confirm(address, rows="good")
    found = seated(day)
    assert found["考生1"] == [("theory", "下午", "二号机房", 4)]
    assert found.keys() == {"考生1", "考生2", "考生8"}


def test_what_changed_is_shown_and_updated_once(day: Day) -> None:
    headers = [*HEADERS, "手机", "工作单位", "新考/补考", "合理便利（加时）"]
    office = Office(day)
    first = [[*row(1), "13800001111", "甲公司", "", ""], [*row(2), "", "", "", ""]]
    office.confirm(office.bring(first, headers))
    with day.write() as session:
        for ticket in session.scalars(select(AdmissionTicket)):
            ticket.printed_at = day.clock.now()
    another_sitting(day, AFTERNOON, "下午")
    again = [
        [*row(1, paper=BOTH), "13900002222", "乙公司", "", "加时15分钟"],
        [*row(2), "", "", "", ""],
    ]
    address = office.bring(again, headers)
    page = office.text(address)
    assert "要更新的考生（1 条）" in page
    assert "138******11" in page
    assert "13900002222" not in page
    office.confirm(address)
    with day.read() as session:
        candidate = session.scalars(select(Candidate).where(Candidate.name == "考生1")).one()
        rows = session.scalars(select(Registration).where(Registration.candidate_id == candidate.id)).all()
        tickets = session.scalars(select(AdmissionTicket).order_by(AdmissionTicket.id)).all()
    assert candidate.employer == "乙公司"
    assert sorted((one.paper, one.extra) for one in rows) == [
        ("skills", timedelta(minutes=15)),
        ("theory", timedelta(minutes=15)),
    ]
    assert [one.reprint_reasons for one in tickets] == ["papers", ""]
    assert "名册里的人都已报名" in office.text(office.bring(again, headers))


def test_a_roster_for_one_sitting_alone(day: Day) -> None:
    later = another_sitting(day, AFTERNOON, "下午")
    office = Office(day)
    led = office.client.get(f"/office/sittings/{later}/roster")
    assert led.headers["Location"].endswith(f"{office.page}?sitting={later}")
    assert "只导入到场次“下午”" in office.text(led.headers["Location"])
    address = office.bring([row(1)], sitting=later)
    office.confirm(address)
    assert seated(day) == {"考生1": [("theory", "下午", "一号机房", 1)]}
    with day.read() as session:
        person = session.scalars(select(Candidate.ref)).one()
    gone = f"/office/batches/{day.batch_ref}/people/{person}/withdraw"
    assert office.client.post(gone, data={"reason": "本人放弃"}).status_code == 303
    again = office.bring([row(1)], sitting=later)
    assert "已退考，导入后重新报名" in office.text(again)
    assert "确认导入 1 人次" in office.text(again)
    with day.write() as session:
        cancel_sitting(session, day.work(session)[0], reason="改期", now=PLANNED, actor=OFFICER)
    address = office.bring([row(2)], sitting=day.sitting_ref)
    assert "重新检查" in office.text(address)


@pytest.mark.parametrize(
    ("name", "body", "said"),
    [
        pytest.param("a.pdf", b"%PDF-1.4", "请上传电子表格", id="another kind"),
        pytest.param("a.xlsx", b"PK\x03\x04broken", "另存为 .xlsx", id="a broken workbook"),
        pytest.param("a.csv", "通知\n".encode(), "", id="no roster"),
    ],
)
def test_what_is_no_roster_is_told_with_the_remedy(day: Day, name: str, body: bytes, said: str) -> None:
    office = Office(day)
    address = office.bring([], body=body, name=name)
    page = office.text(address)
    assert said in page
    assert office.client.post(f"{address}/drop").status_code == 303
    assert office.client.get(address).status_code == 404
    empty = office.client.post(office.page, data={"file": (io.BytesIO(b""), "")})
    assert empty.status_code == 422


def test_a_brought_roster_is_sealed_kept_for_two_weeks_and_replaced_by_the_next(day: Day) -> None:
    office, other = Office(day), Office(day, "qian")
    first = office.bring([row(1)], work=False)
    assert "等待处理" in office.text(first)
    assert "前面还有" not in office.text(first)
    assert other.client.get(first).status_code == 404  # whole numbers stand in it
    assert other.client.post(f"{first}/plan").status_code == 404
    assert other.client.post(f"{first}/drop").status_code == 303
    assert "另一位考务上传的名册" in other.text(other.page)
    with day.read() as session:
        assert session.scalars(select(RosterPart.sealed)).one()[:2] != b"PK"
    second = office.bring([row(2)])
    assert office.client.get(first).status_code == 404
    progress = office.client.get(f"{second}/progress")
    assert progress.headers["HX-Refresh"] == "true"
    day.clock.advance(RosterImport.life + timedelta(seconds=1))
    other.bring([row(3)], work=False)
    assert count(day, RosterCheck) == 1
