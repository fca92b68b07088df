"""The door: arrival, check-in, codes, absence, leaving, and taking things back."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest

from cbt.door.arrival import login_code_hash
from cbt.proctoring.models import LeaveRecord, UndoableAct
from cbt.sittings.models import Sitting
from cbt.storage.unit_of_work import unit_of_work
from tests.proctoring.desk import Desk, audited, change, done, log_kinds, refused, registration, row, running
from tests.world import PLANNED, World

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
CUTOFF = PLANNED - 15 * MINUTE
EVERYBODY = ("theory", "skills", "extra", "factor", "late", "second")


@pytest.fixture
def desk(world: World) -> Desk:
    world.clock.set(PLANNED - 35 * MINUTE)
    return Desk(world)


def undo_ref(world: World) -> str:
    return str(row(world, UndoableAct).ref)


def test_everybody_arrives_with_one_click_and_only_once(world: World, desk: Desk) -> None:
    done(desk.act("arrive"))
    first = world.clock.now()
    assert all(registration(world, name).arrived_at == first for name in EVERYBODY)
    assert log_kinds(world) == ["arrive"] * 6, "one line on the board, with the list behind it"
    world.clock.advance(MINUTE)
    assert refused(desk.act("arrive")) == "proctoring.pick_some"
    assert refused(desk.act("arrive", "theory")) == "proctoring.none_apply"
    assert registration(world, "theory").arrived_at == first


@pytest.mark.parametrize(
    ("at", "code"),
    [
        pytest.param(CUTOFF - SECOND, "", id="a second before the cut-off"),
        pytest.param(CUTOFF, "admission.late", id="on the cut-off"),
    ],
)
def test_the_late_cut_off_holds_at_the_desk(world: World, desk: Desk, at: datetime, code: str) -> None:
    world.clock.set(at)
    answer = desk.act("arrive", "theory")
    assert (answer.status_code == 303) if not code else (refused(answer) == code)


def test_an_earlier_arrival_needs_a_reason_and_after_the_start_the_chief(world: World, desk: Desk) -> None:
    world.clock.set(CUTOFF + MINUTE)
    assert refused(desk.act("arrive", "theory", arrived_at="08:44")) == "proctoring.reason_needed"
    done(desk.act("arrive", "theory", arrived_at="08:44", reason="排队"))
    assert registration(world, "theory").arrived_at == CUTOFF - MINUTE
    world.start()
    world.clock.advance(MINUTE)
    earlier = {"arrived_at": "08:44", "reason": "排队"}
    assert refused(desk.act("arrive", "extra", **earlier)) == "admission.arrival_chief"
    done(Desk(world, "chief_proctor").act("arrive", "extra", **earlier))


def test_checking_in_records_document_and_last_four(world: World, desk: Desk) -> None:
    done(desk.act("check_in", "theory", document_type="passport", last_four="e123"))
    found = registration(world, "theory")
    with world.app.app_context():
        assert (found.document_shown, found.document_last_four) == ("passport", "E123")
    assert found.arrived_at == found.checked_in_at == world.clock.now()
    assert log_kinds(world) == ["check_in"]


def test_one_is_checked_in_at_a_time(world: World, desk: Desk) -> None:
    answer = desk.act("check_in", "theory", "extra", document_type="passport", last_four="E123")
    assert refused(answer) == "proctoring.pick_one"
    assert registration(world, "theory").checked_in_at is None


def test_a_code_is_shown_once_and_kept_only_as_a_hash(world: World, desk: Desk) -> None:
    done(desk.act("check_in", "theory", document_type="passport", last_four="E123"))
    answer = desk.act("code", "theory")
    assert answer.status_code == 200
    shown = re.search(r"<b>(\d{3}) (\d{3})</b>", answer.text)
    assert shown is not None
    found = registration(world, "theory")
    assert found.login_code_hash == login_code_hash(found.ref, shown[1] + shown[2])
    assert shown[1] + shown[2] not in desk.page()


def test_nobody_gets_a_code_before_the_check_in(world: World, desk: Desk) -> None:
    done(desk.act("arrive", "theory"))
    assert refused(desk.act("code", "theory")) == "admission.code_too_soon"
    done(desk.act("allow_sign_in", "theory", reason="签到机故障"))
    assert desk.act("code", "theory").status_code == 200


def test_an_answered_query_lets_the_candidate_go_on_and_can_be_taken_back(world: World, desk: Desk) -> None:
    asked_at = world.clock.now()
    change(world, "theory", arrived_at=asked_at, query_at=asked_at)
    assert "信息有误，等待核对" in desk.page()
    form = desk.ask("clear_query", "theory").text
    assert not re.search(r'name="reason"[^>]*required', form), "nothing says that one must be given"
    done(desk.act("clear_query", "theory"))
    assert registration(world, "theory").query_at is None
    assert refused(desk.act("clear_query", "theory", reason="已核对证件")) == "proctoring.none_apply"
    done(desk.act("undo", undo=undo_ref(world)))
    assert registration(world, "theory").query_at == asked_at


def test_absence_is_confirmed_after_the_cut_off_for_those_not_there(world: World, desk: Desk) -> None:
    done(desk.act("arrive", "theory"))
    assert refused(desk.act("absent", "skills", cause="not_arrived")) == "admission.before_cutoff"
    world.clock.set(CUTOFF)
    assert "过迟到截止仍未到" in desk.page()
    done(desk.act("absent", "skills", "extra", cause="not_arrived"))
    assert registration(world, "skills").absent_cause == "not_arrived"
    assert log_kinds(world)[-2:] == ["absent", "absent"]


def test_only_the_chief_takes_an_absence_back_later(world: World, desk: Desk) -> None:
    world.clock.set(CUTOFF)
    done(desk.act("absent", "skills", cause="not_arrived"))
    ref = undo_ref(world)
    world.clock.advance(2 * MINUTE)
    assert refused(desk.act("undo", undo=ref)) == "proctoring.undo_over"
    assert refused(desk.act("undo_absent", "skills", reason="误登记")) == "proctoring.chief_needed"
    done(Desk(world, "chief_proctor").act("undo_absent", "skills", reason="误登记"))
    assert registration(world, "skills").absent_at is None


@pytest.mark.parametrize(
    ("after", "code"),
    [
        pytest.param(60 * SECOND, "", id="a minute later"),
        pytest.param(120 * SECOND - timedelta(microseconds=1), "", id="just in time"),
        pytest.param(120 * SECOND, "proctoring.undo_over", id="too late"),
    ],
)
def test_an_arrival_can_be_taken_back_for_two_minutes(
    world: World, desk: Desk, after: timedelta, code: str
) -> None:
    done(desk.act("arrive", "theory", "extra"))
    world.clock.advance(after)
    answer = desk.act("undo", undo=undo_ref(world))
    assert (answer.status_code == 303) if not code else (refused(answer) == code)
    assert (registration(world, "theory").arrived_at is None) is (not code)


def test_undoing_leaves_those_alone_who_moved_on(world: World, desk: Desk) -> None:
    done(desk.act("arrive", "theory", "extra"))
    done(desk.act("check_in", "theory", document_type="passport", last_four="E123"))
    ref = str(row(world, UndoableAct, act="arrive").ref)
    done(desk.act("undo", undo=ref))
    assert registration(world, "theory").arrived_at is not None
    assert registration(world, "extra").arrived_at is None
    assert refused(desk.act("undo", undo=ref)) == "proctoring.undo_over"


def test_an_act_is_taken_back_by_who_did_it_or_the_chief(world: World, desk: Desk) -> None:
    chief = Desk(world, "chief_proctor")
    done(chief.act("arrive", "theory"))
    ref = undo_ref(world)
    assert refused(desk.act("undo", undo=ref)) == "proctoring.undo_other"
    done(chief.act("undo", undo=ref))


def test_leaving_under_escort_blanks_the_page_and_the_clock_runs_on(world: World) -> None:
    pages = running(world, "theory")
    desk = Desk(world)
    ends = pages["theory"].opened["clock"]["closes_at"]
    assert refused(desk.act("leave", "theory")) == "proctoring.text_needed"
    done(desk.act("leave", "theory", escort="李敏"))
    heard = pages["theory"].send()
    assert (heard.status_code, heard.get_json()["code"]) == (423, "attempt.away")
    clock = heard.get_json()["clock"]
    assert (clock["away"], clock["closes_at"]) == (True, ends)
    assert refused(desk.act("leave", "theory", escort="李敏")) == "proctoring.none_apply"
    world.clock.advance(3 * MINUTE)
    done(desk.act("return", "theory"))
    assert registration(world, "theory").left_at is None
    record = row(world, LeaveRecord)
    assert (record.in_at - record.out_at, record.escort) == (3 * MINUTE, "李敏")
    assert {"door.leave", "door.return"} <= set(audited(world))


def test_where_leaving_is_not_allowed_only_the_chief_may_let_somebody_out(world: World) -> None:
    running(world, "theory")
    with world.app.app_context(), unit_of_work() as session:
        session.query(Sitting).update({"leave_allowed": False})
    assert refused(Desk(world).act("leave", "theory", escort="李敏")) == "proctoring.chief_needed"
    done(Desk(world, "chief_proctor").act("leave", "theory", escort="李敏"))


def test_two_proctors_at_once_do_not_do_it_twice(world: World, desk: Desk) -> None:
    other = Desk(world, "chief_proctor")
    done(desk.act("arrive", "theory"))
    assert refused(other.act("arrive", "theory")) == "proctoring.none_apply"
    done(other.act("arrive", "theory", "extra"))
    assert log_kinds(world) == ["arrive", "arrive"]
