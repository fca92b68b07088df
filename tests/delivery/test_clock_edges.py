"""The edges of the clock, by HTTP on both databases: earliest submit, units, holds, extensions, reopening."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from cbt.runner.attempt_changes import adjust_attempt, refresh_clocks, resume_attempt, suspend_attempt
from cbt.runner.close.closure import advance_overdue, expire_overdue
from cbt.runner.models import Attempt
from cbt.scoring.service import score_closed
from cbt.sittings.models import SittingRoom
from cbt.sittings.room_clock import hold_room, resume_room
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.delivery.driver import Page
from tests.world import PLANNED, World

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)


@pytest.fixture
def running(world: World) -> World:
    """Everybody waits, and the room starts on time."""
    world.admit_all()
    world.start()
    return world


def opened(world: World, name: str) -> Page:
    page = Page(world, name)
    assert page.start().status_code == 200
    return page


def attempt_of(world: World, name: str) -> Attempt:
    with world.app.app_context(), reading() as session:
        return session.get_one(Attempt, world.sitters[name].attempt_id)


def hold(world: World, minutes: float) -> None:
    with world.app.app_context(), unit_of_work() as session:
        room = session.get_one(SittingRoom, world.sitting_room_id)
        now = world.clock.now()
        hold_room(session, room, from_at=now, now=now, reason_code="power", reason="停电", actor="staff:test")
        refresh_clocks(session, now=now, sitting_room_id=room.id)
    world.clock.advance(minutes * MINUTE)
    with world.app.app_context(), unit_of_work() as session:
        room = session.get_one(SittingRoom, world.sitting_room_id)
        resume_room(session, room, now=world.clock.now(), actor="staff:test")
        refresh_clocks(session, now=world.clock.now(), sitting_room_id=room.id)


def grant(world: World, name: str, amount: timedelta, kind: str = "site_fault") -> None:
    with world.app.app_context(), unit_of_work() as session:
        attempt = session.get_one(Attempt, world.sitters[name].attempt_id)
        adjust_attempt(
            session, attempt, now=world.clock.now(), amount=amount, kind=kind,
            reason_code="device", reason="机器故障", actor="staff:test",
        )  # fmt: skip


@pytest.mark.parametrize(
    ("at", "code"),
    [
        pytest.param(30 * MINUTE - SECOND, 425, id="29:59 is refused"),
        pytest.param(30 * MINUTE, 200, id="30:00 is accepted"),
    ],
)
def test_earliest_submit(running: World, at: timedelta, code: int) -> None:
    page = opened(running, "theory")
    running.clock.set(PLANNED + at)
    reply = page.submit(page.entry(1, "A"))
    assert reply.status_code == code
    if code == 425:
        assert reply.get_json()["left"] == "00:01"
        assert attempt_of(running, "theory").state == "interacting"
    else:
        assert attempt_of(running, "theory").closed_by == "candidate"


def test_a_second_submit_returns_the_same_receipt(running: World) -> None:
    page = opened(running, "theory")
    running.clock.set(PLANNED + 31 * MINUTE)
    first = page.submit().get_json()
    again = page.submit().get_json()
    assert first["receipt"] == again["receipt"]
    assert first["closed_at"] == again["closed_at"]


def test_a_submit_within_the_grace_counts_as_closed_by_the_deadline(running: World) -> None:
    page = opened(running, "theory")
    running.clock.set(PLANNED + 45 * MINUTE + 2 * SECOND)
    assert page.submit(page.entry(1, "A")).status_code == 200
    attempt = attempt_of(running, "theory")
    assert (attempt.closed_by, attempt.closed_at) == ("deadline", PLANNED + 45 * MINUTE)


def test_a_hold_at_minute_10_for_20_minutes_moves_end_and_earliest_submit(running: World) -> None:
    page = opened(running, "theory")
    running.clock.set(PLANNED + 10 * MINUTE)
    hold(running, 20)
    attempt = attempt_of(running, "theory")
    assert attempt.closes_at == PLANNED + 65 * MINUTE
    running.clock.set(PLANNED + 50 * MINUTE - SECOND)
    assert page.submit().status_code == 425
    running.clock.set(PLANNED + 50 * MINUTE)
    assert page.submit().status_code == 200


def test_while_held_nothing_is_accepted_and_nothing_expires(running: World) -> None:
    page = opened(running, "theory")
    running.clock.set(PLANNED + 10 * MINUTE)
    with running.app.app_context(), unit_of_work() as session:
        room = session.get_one(SittingRoom, running.sitting_room_id)
        now = running.clock.now()
        hold_room(session, room, from_at=now, now=now, reason_code="power", reason="停电", actor="staff:test")
        refresh_clocks(session, now=now, sitting_room_id=room.id)
    reply = page.answer(1, "A")
    assert (reply.status_code, reply.get_json()["clock"]["closes_at"]) == (423, None)
    running.clock.advance(timedelta(hours=3))
    with running.app.app_context():
        assert expire_overdue(now=running.clock.now()) == 0


def test_a_suspension_gives_the_time_back_to_one_candidate_only(running: World) -> None:
    opened(running, "theory")
    opened(running, "second")
    running.clock.set(PLANNED + 10 * MINUTE)
    for act in (suspend_attempt, resume_attempt):
        with running.app.app_context(), unit_of_work() as session:
            attempt = session.get_one(Attempt, running.sitters["theory"].attempt_id)
            extra = {"reason": "身体不适"} if act is suspend_attempt else {}
            act(session, attempt, now=running.clock.now(), actor="staff:test", **extra)
        running.clock.advance(7 * MINUTE)
    assert attempt_of(running, "theory").closes_at == PLANNED + 52 * MINUTE
    assert attempt_of(running, "theory").earliest_submit_at == PLANNED + 30 * MINUTE
    assert attempt_of(running, "second").closes_at == PLANNED + 45 * MINUTE


def test_an_extension_five_seconds_before_the_end(running: World) -> None:
    page = opened(running, "theory")
    running.clock.set(PLANNED + 45 * MINUTE - 5 * SECOND)
    grant(running, "theory", 5 * MINUTE, kind="general")
    running.clock.set(PLANNED + 45 * MINUTE + 20 * SECOND)
    with running.app.app_context():
        assert expire_overdue(now=running.clock.now()) == 0
    assert page.answer(1, "A").status_code == 200
    assert page.answer(2, "A").get_json()["clock"]["closes_at"] == "2026-11-24T01:50:00Z"


def test_a_power_cut_at_minute_44_reopens_what_the_deadline_closed(running: World) -> None:
    page = opened(running, "theory")
    page.answer(1, "A")
    running.clock.set(PLANNED + 46 * MINUTE)
    with running.app.app_context():
        assert expire_overdue(now=running.clock.now()) == 1
        assert score_closed(now=running.clock.now()) == 1
    running.clock.set(PLANNED + 50 * MINUTE)
    grant(running, "theory", 10 * MINUTE)
    attempt = attempt_of(running, "theory")
    assert (attempt.state, attempt.closes_at) == ("interacting", PLANNED + 55 * MINUTE)
    assert page.answer(2, "B").status_code == 200


def test_an_extension_does_not_reopen_what_a_candidate_handed_in(running: World) -> None:
    page = opened(running, "theory")
    running.clock.set(PLANNED + 31 * MINUTE)
    page.submit()
    grant(running, "theory", 10 * MINUTE)
    assert attempt_of(running, "theory").state == "closed"


@pytest.mark.parametrize(
    ("name", "minutes"),
    [
        pytest.param("extra", 60, id="15 minutes more"),
        pytest.param("factor", 67.5, id="one and a half times"),
    ],
)
def test_accommodation_moves_the_end(running: World, name: str, minutes: float) -> None:
    opened(running, name)
    assert attempt_of(running, name).closes_at == PLANNED + minutes * MINUTE


# --- units: level 2 skills are 20 / 15 / 10 / 15 minutes, strict, carried, scaled --------------------------


def test_only_the_open_unit_is_sent(running: World) -> None:
    page = opened(running, "skills")
    paper = page.opened["paper"]
    assert {item["unit"] for item in paper["items"]} == {1}
    assert [case["unit"] for case in paper["cases"]] == [1]
    assert [unit["state"] for unit in paper["units"]] == ["open", "locked", "locked", "locked"]


def test_a_unit_window_passes_while_the_browser_is_gone(running: World) -> None:
    opened(running, "skills")
    running.clock.set(PLANNED + 36 * MINUTE)
    with running.app.app_context():
        assert advance_overdue(now=running.clock.now()) == 1
    attempt = attempt_of(running, "skills")
    assert (attempt.open_unit, attempt.unit_ends_at) == (3, PLANNED + 45 * MINUTE)
    back = Page(running, "skills")
    assert back.start().status_code == 200
    assert {item["unit"] for item in back.opened["paper"]["items"]} == {3}


def test_unused_unit_time_is_carried_to_the_next(running: World) -> None:
    page = opened(running, "skills")
    running.clock.set(PLANNED + 5 * MINUTE)
    moved = page.advance(1, completed=True)
    assert moved.status_code == 200
    assert moved.get_json()["clock"]["unit"] == {"number": 2, "ends_at": "2026-11-24T01:35:00Z"}
    assert attempt_of(running, "skills").closes_at == PLANNED + 60 * MINUTE


def test_a_late_starters_windows_are_scaled(running: World) -> None:
    running.clock.set(PLANNED + 30 * MINUTE)
    opened(running, "late")
    attempt = attempt_of(running, "late")
    assert attempt.closes_at == PLANNED + 60 * MINUTE
    assert attempt.unit_ends_at == PLANNED + 40 * MINUTE


@pytest.mark.parametrize(
    ("after", "code"),
    [
        pytest.param(3 * SECOND - timedelta(milliseconds=1), 200, id="within the unit's grace"),
        pytest.param(3 * SECOND, 410, id="after the unit's grace"),
    ],
)
def test_a_save_for_the_former_unit(running: World, after: timedelta, code: int) -> None:
    page = opened(running, "skills")
    entry = page.entry(1, "A")
    first = next(item for item in page.opened["paper"]["items"] if item["type"] == "single_choice")
    entry["position"] = first["position"]
    running.clock.set(PLANNED + 20 * MINUTE)
    assert page.advance(1, completed=False).status_code == 200
    running.clock.set(PLANNED + 20 * MINUTE + after)
    reply = page.send(entry)
    assert reply.status_code == code
    if code == 410:
        assert reply.get_json()["code"] == "unit.closed"


def test_a_unit_the_candidate_confirmed_takes_nothing_more(running: World) -> None:
    page = opened(running, "skills")
    running.clock.set(PLANNED + 5 * MINUTE)
    page.advance(1, completed=True)
    assert page.answer(1, "A").status_code == 410


def test_asking_for_the_next_unit_too_early_is_refused(running: World) -> None:
    page = opened(running, "skills")
    running.clock.set(PLANNED + 20 * MINUTE - SECOND)
    assert page.advance(1, completed=False).status_code == 409


def test_submit_is_refused_before_the_last_unit_and_allowed_once_units_are_done(running: World) -> None:
    page = opened(running, "skills")
    running.clock.set(PLANNED + 31 * MINUTE)
    page.advance(1, completed=False)
    assert page.submit().get_json()["code"] == "submit.units_open"
    for unit in (2, 3, 4):
        assert page.advance(unit, completed=True).status_code == 200
    assert attempt_of(running, "skills").state == "units_done"
    assert page.submit().status_code == 200


def test_every_attempt_closes_and_is_scored_without_a_browser(running: World) -> None:
    for name in ("theory", "skills", "second"):
        opened(running, name)
    running.clock.set(PLANNED + 2 * timedelta(hours=1))
    with running.app.app_context():
        assert expire_overdue(now=running.clock.now()) == 3
        assert score_closed(now=running.clock.now()) == 3
        with reading() as session:
            states = session.scalars(select(Attempt.state)).all()
    assert sorted(states) == ["ready"] * 4 + ["scored"] * 3
