"""What stands on two papers of a day is the same on both: each number, each instant, each name, each seat."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from cbt.proctoring.board.display import log_text
from cbt.proctoring.models import Incident
from cbt.results.package.container import write_package
from cbt.runner.close import outage
from cbt.runner.close.closure import expire_overdue
from cbt.runner.close.outage import settle_rooms
from cbt.runner.models import Attempt
from cbt.sittings.models import Seat, SittingRoom
from cbt.sittings.room_clock import end_room
from cbt.storage.unit_of_work import unit_of_work
from tests.proctoring.day_papers import disagreements, of_board, of_gate, of_package, of_papers, told_once
from tests.proctoring.desk import Desk, attempt, change, done, row, running
from tests.proctoring.test_board import board_of
from tests.proctoring.test_record import record_of
from tests.world import PLANNED, World

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)


def a_day(world: World) -> Desk:
    """Run a day on which everything befalls somebody, up to the gate of its end."""
    pages = running(world, "theory", "skills", "extra")
    change(
        world, "factor", arrived_at=None, checked_in_at=None, signed_in_at=None, pledged_at=None,
        absent_at=None,
    )  # fmt: skip
    desk, clock = Desk(world), world.clock
    clock.advance(5 * SECOND)
    done(desk.act("absent", "factor", cause="late"))

    # 王小明 is cut at seat 1, and goes on at seat 8; the log tells of it under both numbers.
    clock.advance(40 * SECOND)
    for name in ("skills", "extra"):
        assert pages[name].send().status_code == 200
    assert pages["theory"].answer(1, "A").status_code == 200
    clock.advance(MINUTE)
    done(desk.act("move", "theory", to_seat="8", reason="键盘坏"))
    clock.advance(10 * SECOND)

    # The server is away for 8 seconds, which nobody gives and everybody gets.
    with world.app.app_context():
        outage.beat(now=clock.now())
        clock.advance(8 * SECOND)
        outage.beat(now=clock.now())
        settle_rooms(now=clock.now())
    done(desk.act("adjust", "theory", kind="site_fault", minutes="3", reason_code="device"))
    clock.advance(SECOND)
    done(desk.act("adjust_room", kind="general", minutes="2", reason_code="power"))
    done(desk.act("violation", "skills", code="noise", reason="交谈，经提醒停止"))

    # Out and in again; then 周杰, who never opened the paper, and 赵敏 are closed by force.
    done(desk.act("evacuate"))
    clock.advance(4 * MINUTE)
    done(desk.act("resume_room", reason="警报解除", second="chief_proctor"))
    done(Desk(world, "chief_proctor").act("countersign", reason="情况属实"))
    clock.advance(26 * MINUTE)
    done(desk.act("force", "second", "extra", reason="身体不适", second="officer"))
    clock.set(PLANNED + 120 * MINUTE)
    with world.app.app_context():
        expire_overdue(now=clock.now())
    for seat in board_of(world).seats:
        for one in seat.proposals:
            done(desk.act("decide", gap=str(one.gap_id), refuse="1", reason_code="network"))
    return desk


def papers_of(world: World, gate: str) -> Mapping[str, dict[str, Any]]:
    with world.app.test_request_context():
        papers = of_papers(record_of(world))
    with world.app.app_context(), unit_of_work() as session:
        other = session.query(SittingRoom).filter_by(ref=world.other_room_ref).one()
        if other.ended_at is None:
            end_room(session, other, now=world.clock.now(), actor="staff:test")
    with world.app.app_context():
        package = write_package(world.sitting_ref, actor="cli", now=world.clock.now()).body
    page = Desk(world).page()
    assert "data-left" not in page
    assert "已结束" in page
    return {
        **papers, "gate": of_gate(gate), "board": of_board(page), "package": of_package(package, world.room_ref)
    }  # fmt: skip


@pytest.mark.once
def test_what_stands_in_two_places_is_the_same_in_both(world: World) -> None:
    desk = a_day(world)
    gate = desk.ask("end").text
    done(desk.act("end"))
    papers = papers_of(world, gate)
    assert disagreements(papers) == []
    assert told_once(papers) == {"waiting after the end"}
    log, changes = papers["log"], papers["changes"]
    assert log["names of by_proctor"] == {"赵敏"}
    assert log["names of unanswered"] == {"周杰", "陈静"}
    assert log["own time"] == (1, 1, 180)
    assert sorted(log["room time"]) == [8, 120]
    assert (changes["moved"], changes["waiting after the end"]) == (1, 0)

    record = record_of(world)
    with world.app.test_request_context():
        lines = [log_text(line) for line in record.lines]
    assert "服务中断，系统为全场补时 8 秒" in lines
    lost = [person for line in record.lines if line.kind == "lost" for person in line.people]
    assert ("01", "王小明") in [(person.seat, person.name) for person in lost]
    assert any(line.startswith("08 王小明 补时 3 分") for line in lines)
    assert {gap.seat.label for gap in record.silences if gap.seat.name == "王小明"} == {"01"}
    assert all(len({one.name for one in line.people}) == len(line.people) for line in record.lines)

    # Made to disagree by hand, in what the log says and in what the record counts, the comparison tells of each.
    with world.app.app_context(), unit_of_work() as session:
        session.execute(
            update(Incident)
            .where(Incident.kind == "end")
            .values(params='{"absent":"1","expected":"6","present":"4","reason":"","who":"老师"}')
        )
        session.execute(
            update(Attempt).where(Attempt.id == attempt(world, "extra").id).values(closed_by="deadline")
        )
    told = {line.partition(":")[0] for line in disagreements(papers_of(world, gate))}
    assert {"present", "by_proctor", "by_deadline"} <= told


@pytest.mark.once
def test_a_rebinding_says_what_becomes_of_both_machines_and_is_taken_back(world: World) -> None:
    pages = running(world, "theory")
    assert pages["theory"].send().status_code == 200
    seat_id = board_of(world).seats[0].seat_id
    with world.app.app_context(), unit_of_work() as session:
        theirs, other = (
            session.get_one(Seat, seat_id),
            session.query(Seat).filter(Seat.id != seat_id, Seat.machine_hash.is_(None)).first(),
        )
        assert other is not None
        theirs.machine_hash, theirs.machine_address = "a" * 64, "10.0.0.1"
        theirs.bound_at = other.bound_at = PLANNED - 60 * MINUTE
        other.machine_hash, other.machine_address = "b" * 64, "10.0.0.77"
        theirs.claim_alert_at = world.clock.now()
        theirs.claim_hash, theirs.claim_address = "b" * 64, "10.0.0.77"
        theirs.undelivered = 2
        other_id, place = other.id, f"{other.number:02d}"
    desk = Desk(world)
    before = row(world, Seat, id=seat_id)
    shown = desk.ask("rebind", "theory").text
    for text in ("王小明", "10.0.0.1", "10.0.0.77", place, "还有 2 题未送达", "原机器解除绑定"):
        assert text in shown, text
    assert re.search(r'<a class="btn btn-main"[^>]*>\s*取消', shown), "answers would be lost"
    done(desk.act("rebind", "theory"))
    assert (row(world, Seat, id=seat_id).machine_hash, row(world, Seat, id=other_id).machine_hash) == (
        "b" * 64,
        None,
    )
    [(ref, act, _count, _until)] = board_of(world).undo
    assert act == "rebind"
    done(desk.act("undo", undo=ref))
    after = row(world, Seat, id=seat_id)
    kept = ("machine_hash", "machine_address", "bound_at", "claim_alert_at", "claim_hash", "claim_address")
    assert [getattr(after, name) for name in kept] == [getattr(before, name) for name in kept]
    assert row(world, Seat, id=other_id).machine_hash == "b" * 64
    record = record_of(world)
    assert ([line.kind for line in record.moves], record.moved) == (["rebind", "undo_rebind"], 0)
