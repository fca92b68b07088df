"""Papers under way: time, pauses, moves, hand-ins, violations, reminders."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from cbt.proctoring.models import UndoableAct
from cbt.rules.states import State
from cbt.runner.close.closure import expire_overdue
from cbt.runner.models import Message
from cbt.sittings.models import Seat
from tests.delivery.driver import Page
from tests.proctoring.desk import (
    Desk,
    attempt,
    audited,
    done,
    log_kinds,
    refused,
    registration,
    row,
    rows,
    running,
)
from tests.proctoring.test_record import told_at
from tests.world import PLANNED, World

MINUTE = timedelta(minutes=1)
END = PLANNED + 45 * MINUTE
TIME = {"kind": "site_fault", "minutes": "5", "reason_code": "network"}


def close_overdue(world: World, at: datetime) -> None:
    world.clock.set(at)
    with world.app.app_context():
        expire_overdue(now=at)


def test_time_for_one_moves_only_that_end(world: World) -> None:
    running(world, "theory", "second")
    desk = Desk(world)
    done(desk.act("adjust", "theory", **TIME))
    assert attempt(world, "theory").closes_at == END + 5 * MINUTE
    assert attempt(world, "second").closes_at == END
    assert "+05:00" in desk.page()
    assert log_kinds(world) == ["adjust"]


def test_the_preview_names_everybody_touched_and_the_new_end(world: World) -> None:
    running(world, "theory")
    shown = Desk(world).ask("adjust", "theory", "second", minutes="7").text
    assert "王小明" in shown
    assert "09:52:00" in shown
    assert "周杰（未在作答）" in shown


def test_everybody_at_once_is_an_extension_of_the_room(world: World) -> None:
    running(world, "theory", "second")
    desk = Desk(world)
    longer = {**TIME, "minutes": "11"}
    assert refused(desk.act("adjust", "theory", "second", **longer)) == "second.needed"
    assert refused(desk.act("adjust", "theory", **longer)) == "second.needed"
    done(desk.act("adjust", "theory", "second", second="officer", **longer))
    assert attempt(world, "theory").closes_at == END + 11 * MINUTE


def test_a_site_fault_brings_back_what_the_deadline_closed_and_an_extension_does_not(world: World) -> None:
    running(world, "theory")
    desk = Desk(world)
    close_overdue(world, END + MINUTE)
    assert attempt(world, "theory").state == State.CLOSED
    assert (
        refused(desk.act("adjust", "theory", **{**TIME, "kind": "general"})) == "proctoring.only_site_fault"
    )
    done(desk.act("adjust", "theory", **TIME))
    assert (attempt(world, "theory").state, attempt(world, "theory").closes_at) == (
        State.INTERACTING,
        END + 5 * MINUTE,
    )


def test_a_pause_gives_the_time_back_in_full(world: World) -> None:
    pages = running(world, "theory")
    desk = Desk(world)
    world.clock.advance(10 * MINUTE)
    assert refused(desk.act("suspend", "theory")) == "proctoring.reason_needed"
    done(desk.act("suspend", "theory", "second", reason="核对身份"))
    assert pages["theory"].answer(1, "A").status_code == 423
    world.clock.advance(4 * MINUTE)
    assert refused(desk.act("suspend", "theory", reason="核对身份")) == "proctoring.none_apply"
    done(desk.act("resume", "theory", reason="已处理完毕"))
    assert attempt(world, "theory").closes_at == END + 4 * MINUTE
    assert log_kinds(world) == ["suspend", "resume"]


def test_a_moved_candidate_goes_on_at_a_free_seat(world: World) -> None:
    pages = running(world, "theory")
    desk = Desk(world)
    assert pages["theory"].answer(1, "A").status_code == 200
    elsewhere = Page(world, "theory", machine="seat-7")
    assert elsewhere.start().status_code == 409
    assert refused(desk.act("move", "theory", to_seat="2", reason="机器故障")) == "proctoring.seat_taken"
    done(desk.act("move", "theory", to_seat="7", reason="机器故障"))
    assert "换机中" in desk.page()
    assert elsewhere.start().status_code == 200
    assert elsewhere.opened["journal"]["answers"] == {"1": "A"}
    assert row(world, Seat, id=registration(world, "theory").seat_id).number == 7


def test_handing_in_by_force_needs_somebody_else(world: World) -> None:
    running(world, "theory")
    desk = Desk(world)
    assert refused(desk.act("force", "theory", reason="x")) == "second.needed"
    assert refused(desk.act("force", "theory", reason="x", second="proctor")) == "second.same"
    assert refused(desk.act("force", "theory", reason="x", second="inspector")) == "second.not_here"
    assert attempt(world, "theory").state == State.INTERACTING
    done(desk.act("force", "theory", reason="不服从管理", second="officer"))
    assert (attempt(world, "theory").state, attempt(world, "theory").closed_by) == (State.CLOSED, "proctor")
    assert {"second.force", "attempt.close"} <= set(audited(world))
    assert "proctor-老师 + officer-老师" in desk.page()


def test_an_answer_that_was_acknowledged_while_somebody_forced_is_in_the_paper(world: World) -> None:
    """The act waited for the save before it, and its time was read before: it closes no earlier (I1)."""
    page = running(world, "theory")["theory"]
    asked_at, answered_at = world.clock.now(), world.clock.now() + timedelta(milliseconds=40)
    world.clock.set(answered_at)
    assert page.answer(1, "A").status_code == 200
    world.clock.set(asked_at)
    done(Desk(world).act("force", "theory", reason="x", second="officer"))
    assert attempt(world, "theory").closed_at == answered_at


def test_two_who_force_at_once_close_once(world: World) -> None:
    running(world, "theory")
    done(Desk(world).act("force", "theory", reason="x", second="officer"))
    again = Desk(world, "chief_proctor").act("force", "theory", reason="x", second="officer")
    assert refused(again) == "proctoring.none_apply"
    assert audited(world).count("attempt.close") == 1


def handed_in(world: World) -> Page:
    page = running(world, "theory")["theory"]
    world.clock.advance(31 * MINUTE)
    assert page.submit().status_code == 200
    return page


def test_a_paper_handed_in_by_mistake_comes_back_with_chief_and_second(world: World) -> None:
    page = handed_in(world)
    desk, chief = Desk(world), Desk(world, "chief_proctor")
    assert refused(desk.act("reopen", "theory", reason="误交卷")) == "second.needed"
    assert (
        refused(desk.act("reopen", "theory", reason="误交卷", second="officer")) == "proctoring.chief_needed"
    )
    done(chief.act("reopen", "theory", reason="误交卷", second="proctor"))
    assert page.start().status_code == 200
    assert attempt(world, "theory").closes_at == END
    assert told_at(world, ("交卷", "恢复作答")) == [
        ("09:31:00", "01 王小明 交卷"),
        ("09:31:00", "01 王小明 恢复作答 · chief_proctor-老师 + proctor-老师（误交卷）"),
    ]


def test_a_proctor_may_reopen_with_the_chief_as_second(world: World) -> None:
    handed_in(world)
    done(Desk(world).act("reopen", "theory", reason="误交卷", second="chief_proctor"))


def test_reopening_after_the_end_takes_time_granted_with_it(world: World) -> None:
    handed_in(world)
    chief = Desk(world, "chief_proctor")
    world.clock.set(END + 2 * MINUTE)
    assert refused(chief.act("reopen", "theory", reason="误交卷", second="proctor")) == "attempt.no_time"
    done(chief.act("reopen", "theory", reason="误交卷", minutes_more="6", second="proctor"))
    assert attempt(world, "theory").closes_at == END + 6 * MINUTE


@pytest.mark.parametrize(
    ("code", "closed"),
    [
        pytest.param("noise", False, id="a warning"),
        pytest.param("copying", True, id="the exam is ended"),
    ],
)
def test_a_violation_closes_the_paper_where_the_table_says_so(world: World, code: str, closed: bool) -> None:
    running(world, "theory")
    done(Desk(world).act("violation", "theory", code=code, reason="当场发现", second="officer"))
    assert registration(world, "theory").violation_code == code
    assert (attempt(world, "theory").closed_by == "violation") is closed
    assert log_kinds(world) == ["violation"]


def test_the_heaviest_violation_stands_and_the_log_keeps_each(world: World) -> None:
    running(world, "theory")
    desk = Desk(world)
    for code in ("copying", "noise"):
        done(desk.act("violation", "theory", code=code, reason="当场发现", second="officer"))
    assert registration(world, "theory").violation_code == "copying"
    done(desk.act("violation", "theory", code="impersonation", reason="当场发现", second="officer"))
    assert registration(world, "theory").violation_code == "impersonation"
    assert log_kinds(world) == ["violation"] * 3


def test_an_unknown_violation_is_refused(world: World) -> None:
    running(world, "theory")
    assert refused(Desk(world).act("violation", "theory", code="x", reason="y")) == "proctoring.no_violation"


def test_a_reminder_reaches_the_page_and_shows_its_receipts(world: World) -> None:
    page = running(world, "theory")["theory"]
    desk = Desk(world)
    done(desk.act("remind", "theory", text="请保持安静 <b>"))
    detail = f"{desk.url}/seats/{world.sitters['theory'].registration_ref}"
    assert "已发出" in desk.client.get(detail).text
    assert [one["text"] for one in page.send().get_json()["clock"]["messages"]] == ["请保持安静 <b>"]
    shown = desk.client.get(detail).text
    assert "送达" in shown
    assert "请保持安静 &lt;b&gt;" in shown
    assert row(world, Message).text == "请保持安静 <b>"


def test_a_minute_later_what_stood_is_given_back_and_what_was_used_or_read_stays(world: World) -> None:
    pages = running(world, "theory", "second")
    desk = Desk(world)
    world.clock.advance(10 * MINUTE)

    def undo(act: str) -> str:
        answer = desk.act("undo", undo=str(row(world, UndoableAct, act=act, undone_at=None).ref))
        return "" if answer.status_code == 303 else refused(answer)

    done(desk.act("suspend", "theory", reason="核对身份"))
    world.clock.advance(MINUTE)
    assert undo("suspend") == ""
    assert attempt(world, "theory").closes_at == END + MINUTE
    done(desk.act("hold", since="now", reason_code="power"))
    world.clock.advance(MINUTE)
    assert undo("hold") == ""
    assert (attempt(world, "theory").closes_at, attempt(world, "second").closes_at) == (
        END + 2 * MINUTE,
        END + MINUTE,
    )

    done(desk.act("remind", "theory", "second", text="请保持安静"))
    waiting = pages["theory"].send().get_json()["clock"]["messages"]
    assert pages["theory"].send(path=f"messages/{waiting[0]['id']}/read").status_code == 200
    assert undo("remind") == ""
    assert pages["second"].send().get_json()["clock"].get("messages", []) == []
    read = {one.read_at is not None: one.withdrawn_at for one in rows(world, Message)}
    assert (read[True], read[False]) == (None, world.clock.now())

    world.clock.set(END + MINUTE)
    done(desk.act("adjust", "second", **TIME))
    world.clock.advance(MINUTE)
    assert undo("adjust") == "proctoring.undo_moved_on"
    assert attempt(world, "second").closes_at == END + 6 * MINUTE
