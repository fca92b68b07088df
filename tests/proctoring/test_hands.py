"""举手 and 题目有疑问: from the answer page to the board, answered in words, on the record, and never a flood."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from cbt.proctoring.board.display import todos
from cbt.proctoring.hands import LONGEST_REMARK, MOST_HANDS, MOST_REMARKS, PAUSE
from cbt.proctoring.models import ItemRemark, RaisedHand
from cbt.proctoring.record_papers import room_log, room_record
from cbt.runner.close.closure import expire_overdue
from cbt.runner.models import Attempt, JournalEntry
from cbt.sittings.models import Sitting, SittingRoom
from cbt.storage.unit_of_work import unit_of_work
from tests.delivery.driver import Page
from tests.delivery.test_reminders import beside
from tests.helpers import count_queries
from tests.proctoring.desk import Desk, attempt, audited, done, log_kinds, refused, row, rows, running
from tests.proctoring.test_board import board_of
from tests.proctoring.test_record import record_of
from tests.world import World


def asked(page: Page, path: str, **body: Any) -> Any:
    return page.client.post(f"/attempts/{page.ref}/{path}", json=body, headers={"X-CBT-Lease": page.lease})


def hand_of(page: Page) -> Any:
    reply = page.client.get(f"/attempts/{page.ref}/hand", headers={"X-CBT-Lease": page.lease})
    return reply.get_json()["hand"]


def told(world: World) -> list[str]:
    return [todo.kind for todo in todos(board_of(world)) if todo.kind.startswith("hand")]


def test_a_hand_is_seen_answered_and_taken_back(world: World) -> None:
    page, desk = running(world, "theory")["theory"], Desk(world)
    assert hand_of(page) is None
    raised = asked(page, "hand", reason="item", position=2).get_json()["hand"]
    assert (raised["up"], raised["reason"], raised["place"]) == (True, "item", "判断题 2")
    assert asked(page, "hand", reason="body").get_json()["hand"] == raised  # a repeat changes nothing
    assert told(world) == ["hand_item"]
    seat = board_of(world).seat(world.sitters["theory"].registration_ref)
    assert seat is not None
    assert (seat.flagged, seat.tone) == ("hand", "warn")
    shown = desk.page()
    assert "举手：题目问题 判断题 2" in shown
    assert "举手：题目 判断题 2" in shown  # in the log beside it
    assert "马上过来，请稍候" in desk.ask("answer_hand", "theory").text

    done(desk.act("answer_hand", "theory", text="马上过来"))
    assert told(world) == []
    answered = hand_of(page)
    assert (answered["up"], answered["answer"]) == (False, "马上过来")
    assert [one["text"] for one in page.send().get_json()["clock"]["messages"]] == ["马上过来"]
    assert refused(desk.act("answer_hand", "theory", text="再答一次")) == "proctoring.none_apply"

    world.clock.advance(PAUSE)
    assert asked(page, "hand", reason="network").get_json()["hand"]["up"]
    assert asked(page, "hand/lower").get_json()["hand"]["lowered"]
    assert told(world) == []
    assert refused(desk.act("answer_hand", "theory", text="来了")) == "proctoring.none_apply"

    kinds = ["hand", "answer_hand", "hand", "hand_lowered"]
    assert [kind for kind in log_kinds(world) if "hand" in kind] == kinds
    acts = [act for act in audited(world) if act.startswith("hand.")]
    assert acts == ["hand.raise", "hand.answer", "hand.raise", "hand.lower"]
    with world.app.test_request_context():
        record = record_of(world)
        happened = dict(room_record(record)["happened"])
        log = str(room_log(record))
    assert happened["举手"] == "2 次（网络 1、题目 1）"
    assert "举手：题目 判断题 2" in log
    assert "举手答复：马上过来" in log
    assert rows(world, JournalEntry) == []


def test_an_answer_nobody_has_read_can_be_taken_back(world: World) -> None:
    page, desk = running(world, "theory")["theory"], Desk(world)
    asked(page, "hand", reason="other")
    reply = desk.act("answer_hand", "theory", text="答错了人")
    done(reply)
    ((_ref, *_),) = board_of(world).undo
    done(desk.act("undo", undo=_ref))
    assert told(world) == ["hand_other"]
    assert hand_of(page)["up"]
    assert page.send().get_json()["clock"]["messages"] == []
    done(desk.act("answer_hand", "theory", text="好的"))
    message = page.send().get_json()["clock"]["messages"][0]["id"]
    asked(page, f"messages/{message}/read")
    ((ref, *_),) = board_of(world).undo
    assert refused(desk.act("undo", undo=ref)) == "proctoring.undo_moved_on"
    assert hand_of(page)["answer"] == "好的"


def test_nobody_floods_the_board(world: World) -> None:
    page = running(world, "theory")["theory"]
    for number in range(MOST_HANDS):
        assert asked(page, "hand", reason="other").status_code == 200
        assert asked(page, "hand/lower").status_code == 200
        code = asked(page, "hand", reason="other").get_json()["code"]
        assert code == ("hand.too_soon" if number < MOST_HANDS - 1 else "hand.too_many")
        world.clock.advance(PAUSE)
    assert asked(page, "hand", reason="other").get_json()["code"] == "hand.too_many"
    assert len(rows(world, RaisedHand)) == MOST_HANDS
    for body in ({"reason": "loud"}, {}, {"reason": ["network"]}):
        assert asked(page, "hand", **body).get_json()["code"] == "hand.reason"


def test_a_remark_is_kept_for_the_review_of_its_item(world: World) -> None:
    page = running(world, "theory")["theory"]
    assert asked(page, "remarks", position=2, text=" 题干  有两个“不” ").get_json() == {"place": "判断题 2"}
    assert asked(page, "remarks", position=2, text="题干 有两个“不”").status_code == 200  # a repeat
    remark = row(world, ItemRemark)
    assert (remark.position, remark.place, remark.text) == (2, "判断题 2", "题干 有两个“不”")
    assert (bool(remark.item_ref), remark.item_version) == (True, 1)
    assert asked(page, "remarks", position=3, text="快").get_json()["code"] == "remark.too_soon"
    world.clock.advance(PAUSE)
    for body, code in (
        ({"position": 2, "text": "字" * (LONGEST_REMARK + 1)}, "remark.text"),
        ({"position": 2, "text": "  "}, "remark.text"),
        ({"position": 2, "text": 7}, "web.bad_request"),
        ({"position": 999, "text": "在哪"}, "remark.place"),
        ({"position": 0, "text": "在哪"}, "remark.place"),
        ({"position": True, "text": "在哪"}, "remark.place"),
        ({"text": "在哪"}, "remark.place"),
    ):
        assert asked(page, "remarks", **body).get_json()["code"] == code, body
    for number in (2, 3):
        assert asked(page, "remarks", position=2, text=f"又一条 {number}").status_code == 200
        world.clock.advance(PAUSE)
    assert asked(page, "remarks", position=2, text="第四条").get_json()["code"] == "remark.too_many"
    for number in range(3, MOST_REMARKS):
        asked(page, "remarks", position=3 + number // 3, text=f"第 {number} 条")
        world.clock.advance(PAUSE)
    assert len(rows(world, ItemRemark)) == MOST_REMARKS
    assert asked(page, "remarks", position=30, text="最后一条").get_json()["code"] == "remark.too_many"
    assert log_kinds(world).count("remark") == MOST_REMARKS
    record = record_of(world)
    with world.app.test_request_context():
        assert dict(room_record(record)["happened"])["题目疑问"] == f"{MOST_REMARKS} 次"
        assert "两个“不”" not in str(room_log(record))  # the words may give the item away
    assert told(world) == []


def test_only_the_writing_browser_of_an_open_paper_asks(world: World) -> None:
    page, desk = running(world, "theory")["theory"], Desk(world)
    lease, page.lease = page.lease, "0" * 64
    for path in ("hand", "hand/lower", "remarks"):
        assert asked(page, path, reason="other", position=1, text="谁").status_code in {401, 403, 409}
    page.lease = lease
    done(desk.act("leave", "theory", escort="李老师"))
    assert asked(page, "hand", reason="other").get_json()["code"] == "attempt.away"
    done(desk.act("return", "theory"))
    assert asked(page, "hand", reason="body").status_code == 200
    world.clock.advance(timedelta(hours=3))
    with world.app.app_context():
        expire_overdue(now=world.clock.now())
    assert attempt(world, "theory").closed_at is not None
    assert asked(page, "hand/lower").get_json()["code"] == "attempt.closed"
    assert asked(page, "remarks", position=1, text="晚了").get_json()["code"] == "attempt.closed"
    assert len(rows(world, RaisedHand)) == 1


def test_a_page_without_a_hand_costs_nothing(world: World) -> None:
    """A save asks as much as before, whether a hand is up or not; a board asks once more when the log has told."""
    page = running(world, "theory")["theory"]
    page.send()
    with count_queries(world.app) as before:
        page.send()
    asked(page, "hand", reason="other")
    with count_queries(world.app) as after:
        page.send()
    assert len(after) == len(before)


def test_the_office_reads_remarks_by_item(world: World) -> None:
    page = running(world, "theory")["theory"]
    asked(page, "remarks", position=4, text="<b>选项</b> C 与 D 相同")
    with world.app.app_context(), unit_of_work() as session:
        for table in (Sitting, SittingRoom):
            session.execute(update(table).values(state="ended"))
    officer = world.staff("officer")
    assert f"/results/{world.sitting_ref}/remarks" in officer.get(f"/results/{world.sitting_ref}").text
    text = officer.get(f"/results/{world.sitting_ref}/remarks").text
    remark = row(world, ItemRemark)
    assert remark.item_ref in text
    assert "&lt;b&gt;选项&lt;/b&gt; C 与 D 相同" in text
    assert "判断题 4" in text
    assert "王小明" not in text
    assert world.staff("author").get(f"/results/{world.sitting_ref}/remarks").status_code == 403


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_a_hand_takes_its_turn_behind_an_act_of_staff(world: World) -> None:
    """An act has the room and then the paper: a hand that had the paper first would wait for the room for ever."""
    page = running(world, "theory")["theory"]
    with world.app.app_context(), unit_of_work() as session:
        session.scalars(select(SittingRoom).with_for_update()).all()
        raising = beside(lambda: asked(page, "hand", reason="other"))
        session.scalars(select(Attempt).with_for_update()).all()
    raising.join(20)
    assert len(rows(world, RaisedHand)) == 1
