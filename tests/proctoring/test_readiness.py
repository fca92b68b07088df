"""The check of a room before its start: what machines report, who may sign, what a sheet keeps."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from cbt.audit.models import AuditEntry
from cbt.errors import InvalidInput, Unavailable
from cbt.http.app_context import register_factory
from cbt.ops.doctor.commands import room_findings
from cbt.proctoring.models import GoSheet, SeatReport
from cbt.proctoring.readiness import MOST_BYTES, ServerLine, browser_of, read_report, register_server_part
from cbt.sittings.models import Seat
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.helpers import count_queries, flat
from tests.printing.paper import told
from tests.world import World

FINE = {"clock_ms": 120, "width": 1366, "height": 768, "keeping": "disk", "trips": [4, 5, 6, 7, 90]}
CHROME = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
REPORT, PROBE = "/seat/check", "/seat/check/probe"


@pytest.fixture
def server(world: World) -> list[ServerLine]:
    """What the server's own examination says; nothing, unless a test says otherwise."""
    lines: list[ServerLine] = []
    register_server_part(world.app, lambda: lines)
    return lines


def machine_at(world: World, number: int) -> FlaskClient:
    """Return the browser of a machine that is bound to a seat of the first room, from an address of its own."""
    client = world.app.test_client()
    client.environ_base["REMOTE_ADDR"] = f"10.9.0.{number}"
    done = client.post("/seat/bind", data={"number": str(number), "room_code": world.room_code})
    assert done.status_code == 303, done.text
    return client


def check(client: FlaskClient, **changes: Any) -> int:
    """Let a machine check itself as its page does; return how the report was answered."""
    assert "now" in client.post(PROBE, json={}).get_json()
    answer = client.post(REPORT, json={**FINE, **changes}, headers={"User-Agent": CHROME})
    return answer.status_code


def url_of(world: World, *more: str) -> str:
    return "/".join([f"/proctor/rooms/{world.room_ref}/readiness", *more])


def ready(world: World) -> None:
    """Bind every seat somebody has and one spare one, and have all of them report."""
    for number in (1, 2, 3, 4, 5, 6, 8):
        assert check(machine_at(world, number)) == 204


def test_a_room_is_ready_when_every_seat_somebody_has_reported(
    world: World, server: list[ServerLine]
) -> None:
    proctor = world.staff("proctor")
    before = flat(proctor.get(url_of(world)).text)
    assert "没有绑定机器" in before
    refused = proctor.post(url_of(world), data={"go": "1"})
    assert refused.status_code == 409
    assert "须解决" in refused.text
    ready(world)
    page = proctor.get(url_of(world)).text
    assert "没有绑定机器" not in page
    assert "Chrome 126" in page
    assert "1366 × 768" in page
    assert "6 / 90 ms" in page
    assert "今天还没有确认过测试页" in page
    assert proctor.post(url_of(world, "printed")).status_code == 303
    assert "今天还没有确认过测试页" not in proctor.get(url_of(world, "live")).text
    assert proctor.post(url_of(world), data={"go": "1", "note": "设备齐全"}).status_code == 303
    assert "设备齐全" in proctor.get(url_of(world)).text
    with world.app.app_context(), reading() as session:
        sheet = session.scalars(select(GoSheet)).one()
        assert (sheet.go, json.loads(sheet.found)["reported"]) == (True, 7)
        acts = session.scalars(select(AuditEntry.act).where(AuditEntry.act.in_(("room.go", "room.printed"))))
        assert sorted(acts) == ["room.go", "room.printed"]


def test_a_sheet_is_kept_as_it_was_signed_and_printed(
    world: World, server: list[ServerLine], tmp_path: Path
) -> None:
    proctor = world.staff("proctor")
    assert check(machine_at(world, 2), keeping="none", width=800) == 204
    assert proctor.post(url_of(world), data={"go": "0", "note": "等备用机"}).status_code == 303
    with world.app.app_context(), reading() as session:
        ref = session.scalars(select(GoSheet.ref)).one()
    sheet = told(proctor.get(url_of(world, f"{ref}.pdf")), tmp_path)
    for said in ("×暂不能开考", "等备用机", "不能在本机保存", "屏幕太小", "proctor-老师"):
        assert said in sheet, said
    assert "䶮" in told(proctor.get(url_of(world, "test.pdf")), tmp_path)
    assert world.staff("proctor_elsewhere").get(url_of(world, f"{ref}.pdf")).status_code == 404
    elsewhere = f"/proctor/rooms/{world.other_room_ref}/readiness/{ref}.pdf"
    assert world.staff("chief_proctor").get(elsewhere).status_code == 404


@pytest.mark.once
def test_the_server_keeps_a_room_from_starting_and_one_that_says_nothing_does_not(
    world: World, server: list[ServerLine]
) -> None:
    ready(world)
    server.append(ServerLine(True, "磁盘已满。", "腾出空间。"))
    proctor = world.staff("proctor")
    assert "磁盘已满" in proctor.get(url_of(world, "server")).text
    assert proctor.post(url_of(world), data={"go": "1"}).status_code == 409
    server[0] = ServerLine(False, "没有备份计划。", "设一个。")
    assert proctor.post(url_of(world), data={"go": "1"}).status_code == 303

    def silent() -> list[ServerLine]:
        raise Unavailable("doctor.silent")

    register_server_part(world.app, silent)
    assert proctor.get(url_of(world, "server")).status_code == 200
    assert proctor.post(url_of(world), data={"go": "1"}).status_code == 303
    with world.app.app_context(), reading() as session:
        assert session.scalar(select(func.count(GoSheet.id))) == 1, "what nobody examined is not signed"


@pytest.mark.once
def test_who_only_reads_signs_nothing_and_nobody_signs_a_room_that_runs(
    world: World, server: list[ServerLine]
) -> None:
    assert world.staff("inspector").get(url_of(world)).status_code == 200
    assert world.staff("inspector").post(url_of(world), data={"go": "0", "note": "x"}).status_code == 403
    world.admit_all()
    world.start()
    late = world.staff("chief_proctor").post(url_of(world), data={"go": "0", "note": "x"})
    assert late.status_code == 409
    assert "已开考" in late.text


def test_a_report_is_of_the_machine_that_is_bound_and_grows_old(
    world: World, server: list[ServerLine]
) -> None:
    client = machine_at(world, 1)
    check(client)
    proctor = world.staff("proctor")
    assert "Chrome 126" in proctor.get(url_of(world, "live")).text
    world.clock.advance(timedelta(minutes=11))
    assert "机位 01 没有报告" in proctor.get(url_of(world, "live")).text
    check(client)
    world.clock.advance(timedelta(seconds=1))
    with world.app.app_context(), unit_of_work() as session:
        session.execute(update(Seat).where(Seat.number == 1).values(bound_at=world.clock.now()))
    assert "Chrome 126" not in proctor.get(url_of(world, "live")).text, "it was another machine's"


@pytest.mark.once
def test_the_page_asks_as_little_for_many_seats_as_for_few(world: World, server: list[ServerLine]) -> None:
    proctor = world.staff("proctor")
    with count_queries(world.app) as seen:
        proctor.get(url_of(world, "live"))
    few = len(seen)
    ready(world)
    with count_queries(world.app) as seen:
        proctor.get(url_of(world, "live"))
    assert len(seen) == few <= 9


HOSTILE = [
    pytest.param({"width": 0}, id="no width"),
    pytest.param({"width": 10**9}, id="a width of miles"),
    pytest.param({"width": "1366"}, id="a number as text"),
    pytest.param({"width": True}, id="a truth for a number"),
    pytest.param({"width": 1.5}, id="half a pixel"),
    pytest.param({"clock_ms": 10**14}, id="a clock of another age"),
    pytest.param({"keeping": "<script>alert(1)</script>"}, id="a script"),
    pytest.param({"keeping": None}, id="nothing"),
    pytest.param({"trips": [1] * 11}, id="too many trips"),
    pytest.param({"trips": [-1]}, id="a trip into the past"),
    pytest.param({"trips": [10**12]}, id="a trip of years"),
    pytest.param({"trips": "1,2"}, id="a text of trips"),
    pytest.param({"seat_id": 3}, id="another seat's"),
]


@pytest.mark.once
@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_what_a_seat_sends_is_read_within_limits(world: World) -> None:
    client = machine_at(world, 1)
    for case in HOSTILE:
        assert check(client, **case.values[0]) == 422, case.id
    for body in (
        b"",
        b"[",
        b"null",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b"[" * 900 + b"]" * 900,
        b" " * (MOST_BYTES + 9),
    ):
        answer = client.post(REPORT, data=body, headers={"Content-Type": "application/json"})
        assert answer.status_code in {413, 422}, body[:20]
    stranger = world.app.test_client()
    stranger.environ_base["REMOTE_ADDR"] = "10.9.9.9"
    assert [stranger.post(PROBE, json={}).status_code, stranger.post(REPORT, json=FINE).status_code] == [
        404,
        404,
    ]
    with world.app.app_context(), reading() as session:
        assert session.scalar(select(func.count(SeatReport.seat_id))) == 0
    assert check(client, clock_ms=-(10**13)) == 204
    assert client.post(REPORT, json=FINE, headers={"User-Agent": "Chrome/99999999 <b>"}).status_code == 204
    page = world.staff("proctor").get(url_of(world, "live")).text
    assert (
        "<b>" not in page.replace("<b>可以开考</b>", "").replace("<b>暂不能开考</b>", "").split("<table")[1]
    )


@given(st.binary(max_size=400) | st.text(max_size=200).map(str.encode))
def test_whatever_bytes_come_are_a_report_or_refused(body: bytes) -> None:
    with suppress(InvalidInput):
        assert read_report(body).width > 0


@given(st.text(max_size=600))
def test_whatever_a_browser_calls_itself_has_a_short_name_and_a_number(agent: str) -> None:
    found = browser_of(agent)
    assert len(found.name) <= 20
    assert 0 <= found.version < 10_000


def test_the_doctor_tells_of_a_room(world: World) -> None:
    check(machine_at(world, 1), trips=[])
    register_factory(lambda: world.app)
    found = room_findings(world.room_ref)
    assert [one.grade.value for one in found if "试保存没有成功" in one.what] == ["fail"]
    assert "8 个机位，1 个已绑定，1 个已报告" in found[-1].what
