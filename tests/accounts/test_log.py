"""The log in words: who did what to whom, when and why; narrowed down, paged and saved."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from python_calamine import load_workbook
from sqlalchemy import select

from cbt.audit.chain import record
from cbt.audit.models import AuditEntry
from cbt.candidates.models import Registration
from cbt.sittings.models import Sitting, SittingRoom
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.helpers import count_queries, flat
from tests.world import World

LINE = '<td class="log-line">'
NASTY = "<script>alert(1)</script>"


def told(world: World, act: str, subject: str, *, reason: str = "", actor: str = "", days: int = 0) -> None:
    at = world.clock.now() + timedelta(days=days)
    actor = actor or f"staff:{world.people['officer'].ref}"
    with world.app.app_context(), unit_of_work() as session:
        record(session, at=at, actor=actor, act=act, subject=subject, reason=reason)


def refs(world: World) -> tuple[str, str, str]:
    with world.app.app_context(), reading() as session:
        sitting = session.scalars(select(Sitting.ref)).first()
        room = session.scalars(select(SittingRoom.ref)).first()
        person = session.scalars(select(Registration.ref)).first()
    assert sitting
    assert room
    assert person
    return sitting, room, person


def test_an_entry_is_a_sentence_with_names_and_links(world: World) -> None:
    sitting, room, person = refs(world)
    told(world, "room.hold", f"sitting_room:{room}", reason=f"停电 {NASTY}")
    told(world, "door.pledge", f"registration:{person}", actor=f"candidate:{person}")
    told(world, "item.view_key", "item:it-9", actor="star:1")
    told(world, "star.gaze", "star:s-1", actor="scheduler")
    page = world.staff("officer").get("/audit").text
    assert NASTY not in page
    lines = [flat(part.split("</td>")[0]) for part in page.split(LINE)[1:5]]
    link = f'<a href="/office/registrations/{person}">考生 '
    for line, *said in (
        (lines[0], "系统定时", "其他操作（star.gaze）", "star:s-1"),
        (lines[1], "star:1", "试题 it-9"),
        (lines[2], link, "签署诚信承诺"),
        (lines[3], "（考务）", "全场暂停", f'href="/office/sittings/{sitting}"', "原因：停电 &lt;script&gt;"),
    ):
        assert [text for text in said if text not in line] == []
    assert lines[2].count(link) == 1, "who did it to themselves is named once"


def test_the_log_is_narrowed_down(world: World) -> None:
    sitting, room, person = refs(world)
    officer = f"staff:{world.people['officer'].ref}"
    for days, act, subject in (
        (1, "room.hold", f"sitting_room:{room}"),
        (2, "door.pledge", f"registration:{person}"),
        (3, "batch.create", "batch:ba-none"),
    ):
        told(world, act, subject, reason=f"why {days}", days=days)
    client, day = world.staff("inspector"), world.clock.now().astimezone().date()

    def shown(**asked: str) -> set[str]:
        page = client.get("/audit", query_string=asked)
        assert page.status_code == 200
        return {reason for reason in ("why 1", "why 2", "why 3") if reason in page.text}

    assert shown() == {"why 1", "why 2", "why 3"}
    assert shown(sitting=sitting) == {"why 1", "why 2"}
    assert shown(sitting="si-none") == set()
    assert shown(act="room.hold") == shown(act="group:running") == {"why 1"}
    assert shown(actor=officer, act="group:planning") == {"why 3"}
    assert shown(actor="cli") == set()
    assert shown(subject=f"registration:{person}") == {"why 2"}
    second, third = (str(day + timedelta(days=days)) for days in (2, 3))
    assert shown(since=second) == {"why 2", "why 3"}
    assert shown(since=second, until=second) == shown(until=second, act="group:door") == {"why 2"}
    assert shown(since=third, sitting=sitting) == set()
    for wrong in ("x", "2026-02-30", "0001-01-01"):
        refused = client.get("/audit", query_string={"since": wrong})
        assert refused.status_code == 422
        assert "日期无效" in refused.text


def test_a_page_asks_as_much_of_a_long_log_as_of_a_short_one(world: World) -> None:
    _sitting, room, person = refs(world)
    for _ in range(4):
        told(world, "room.hold", f"sitting_room:{room}")
        told(world, "door.pledge", f"registration:{person}", actor=f"candidate:{person}")
    client = world.staff("officer")
    asked = {"act": "group:running", "since": "2020-01-01", "until": "2090-01-01"}
    client.get("/audit", query_string=asked)
    with count_queries(world.app) as few:
        client.get("/audit", query_string=asked)
    for _ in range(60):
        told(world, "room.hold", f"sitting_room:{room}")
    with count_queries(world.app) as many:
        page = client.get("/audit", query_string=asked).text
    assert page.count(LINE) == 50
    assert len(many) == len(few)
    older = page.split('id="log-pages"')[1].split('href="')[1].split('"')[0].replace("&amp;", "&")
    assert client.get(older).text.count(LINE) >= 14


def test_what_the_filter_shows_can_be_saved(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    _sitting, room, _person = refs(world)
    for number in range(4):
        told(world, "room.hold", f"sitting_room:{room}", reason=f"=1+{number}")
    monkeypatch.setattr("cbt.accounts.audit_log.MOST", 3)
    reply = world.staff("inspector").get("/audit.xlsx?act=room.hold")
    assert reply.status_code == 200
    rows = load_workbook(io.BytesIO(reply.data)).get_sheet_by_index(0).to_python()
    assert [row[6] for row in rows[1:4]] == ["=1+3", "=1+2", "=1+1"]
    assert rows[1][4] == "全场暂停"
    assert len(rows) == 5, "and a line that there are more"
    assert "一次最多 3 条" in str(rows[4][0])
    with world.app.app_context(), reading() as session:
        entry = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
    assert entry is not None
    assert entry.act == "audit.export"
    assert entry.actor == f"staff:{world.people['inspector'].ref}"
    assert world.staff("inspector").get("/audit.xlsx?until=x").status_code == 422
    assert world.staff("proctor").get("/audit.xlsx").status_code == 403
