"""Nothing moves an attempt back: no late `now`, no wrong unit, no race with the sweep (R-24, R-60; I2, I4).

A request reads its `now` when it arrives and may wait for a lock while others go on. In these tests the sweep
runs first and the request's clock stands where it was read.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from cbt.audit.models import AuditEntry
from cbt.errors import Conflict
from cbt.rules.states import ClosedBy
from cbt.runner.attempt_changes import (
    adjust_attempt,
    refresh_clocks,
    reopen_attempt,
    resume_attempt,
    suspend_attempt,
)
from cbt.runner.close.closure import advance_overdue, close_attempts, expire_overdue
from cbt.runner.models import Attempt, UnitDone
from cbt.scoring.service import score_closed
from cbt.sittings.models import SittingRoom
from cbt.sittings.room_clock import hold_room
from cbt.storage.unit_of_work import reading, unit_of_work
from cbt.storage.write_queue.group_commit import GroupWriter
from tests.delivery.driver import Page
from tests.delivery.starts import by_the_view
from tests.proctoring.desk import attempt, running
from tests.world import PLANNED, World

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
MS = timedelta(milliseconds=1)
UNIT_ENDS = [PLANNED + minutes * MINUTE for minutes in (20, 35, 45, 60)]
"""Level 2: 20, 15, 10 and 15 minutes."""


@pytest.fixture
def page(world: World) -> Page:
    return running(world, "skills")["skills"]


def sweep(world: World, at: datetime) -> None:
    with world.app.app_context():
        advance_overdue(now=at)
        expire_overdue(now=at)


def swept_to_unit(world: World, unit: int) -> None:
    """Time ends the units before `unit`, and the sweep moves on."""
    for end in UNIT_ENDS[: unit - 1]:
        sweep(world, end + 6 * SECOND)
    assert attempt(world, "skills").open_unit == unit


def before_the_batch(world: World, monkeypatch: pytest.MonkeyPatch, work: Callable[[], None]) -> None:
    """Do something once, when a request has been read and is about to go to whoever writes."""
    run, waiting = GroupWriter.run, [work]

    def late(writer: GroupWriter, request: Any, **how: bool) -> Any:
        if waiting:
            with world.app.app_context():
                waiting.pop()()
        return run(writer, request, **how)

    monkeypatch.setattr(GroupWriter, "run", late)


def done_units(world: World) -> list[int]:
    with world.app.app_context(), reading() as session:
        return list(session.scalars(select(UnitDone.unit).order_by(UnitDone.unit)))


def closings(world: World) -> int:
    with world.app.app_context(), reading() as session:
        acts = session.scalars(select(AuditEntry.act)).all()
    return acts.count("attempt.close") - acts.count("attempt.reopen")


def shown_units(reply: TestResponse) -> set[int]:
    paper = reply.get_json().get("paper") or {}
    return {item["unit"] for item in paper.get("items", ())}


LATE_NOWS = [
    pytest.param(UNIT_ENDS[0] - 5 * MINUTE, id="read five minutes before"),
    pytest.param(UNIT_ENDS[0] - MS, id="read a millisecond before"),
    pytest.param(UNIT_ENDS[0], id="read at the end"),
    pytest.param(UNIT_ENDS[0] + 3 * SECOND - MS, id="read within the grace"),
    pytest.param(UNIT_ENDS[0] + 10 * SECOND, id="read after the sweep"),
]
FROM_UNITS = [
    pytest.param(-1, id="unit -1"),
    pytest.param(0, id="unit 0"),
    pytest.param(1, id="the unit before"),
    pytest.param(2, id="the open unit"),
    pytest.param(3, id="the unit after"),
    pytest.param(99, id="unit 99"),
]


@pytest.mark.once
@pytest.mark.parametrize("completed", [True, False], ids=["confirmed", "by time"])
@pytest.mark.parametrize("from_unit", FROM_UNITS)
@pytest.mark.parametrize("read_at", LATE_NOWS)
def test_a_units_end_never_opens_a_unit_whose_time_is_over(
    page: Page, world: World, read_at: datetime, from_unit: int, completed: bool
) -> None:
    swept_to_unit(world, 2)
    world.clock.set(read_at)
    reply = page.advance(from_unit, completed=completed)
    assert reply.status_code in ((422,) if from_unit < 0 else (200, 409))
    row = attempt(world, "skills")
    assert row.open_unit == (3 if from_unit == 2 and completed else 2)
    assert row.unit_ends_at is not None
    assert row.unit_ends_at > UNIT_ENDS[0]
    assert 1 not in shown_units(reply)
    assert done_units(world) == ([2] if from_unit == 2 and completed else [])


@pytest.mark.parametrize("times", [2, 5], ids=["twice", "five times"])
def test_a_confirmation_repeated_ends_one_unit(page: Page, world: World, times: int) -> None:
    world.clock.set(PLANNED + 5 * MINUTE)
    for _ in range(times):
        assert page.advance(1, completed=True).status_code == 200
    assert (attempt(world, "skills").open_unit, done_units(world)) == (2, [1])


@pytest.mark.parametrize("unit", [2, 3, 4], ids=["unit 2", "unit 3", "unit 4"])
def test_a_confirmation_of_a_later_unit_ends_nothing(page: Page, world: World, unit: int) -> None:
    assert page.advance(unit, completed=True).status_code == 200
    assert (attempt(world, "skills").open_unit, done_units(world)) == (1, [])


@pytest.mark.parametrize(
    ("at", "unit"),
    [
        pytest.param(UNIT_ENDS[0] + SECOND, 2, id="a second after unit 1"),
        pytest.param(UNIT_ENDS[0] + MINUTE, 2, id="a minute after unit 1"),
        pytest.param(UNIT_ENDS[1] + MINUTE, 3, id="a minute after unit 2"),
        pytest.param(UNIT_ENDS[2] + MINUTE, 4, id="a minute after unit 3"),
    ],
)
def test_a_late_confirmation_finds_what_is_open_then(
    page: Page, world: World, at: datetime, unit: int
) -> None:
    """No sweep has run: the request itself finds that the unit's time is over, and ends no other."""
    world.clock.set(at)
    reply = page.advance(1, completed=True)
    assert reply.status_code == 200
    assert shown_units(reply) == {unit}
    assert (attempt(world, "skills").open_unit, done_units(world)) == (unit, [])


def test_two_confirmations_at_once_end_one_unit(page: Page, world: World) -> None:
    world.clock.set(PLANNED + 5 * MINUTE)
    threads = [threading.Thread(target=lambda: page.advance(1, completed=True)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert (attempt(world, "skills").open_unit, done_units(world)) == (2, [1])


Request = Callable[[Page], TestResponse]
REQUESTS = [
    pytest.param(lambda page: page.advance(1, completed=True), id="a confirmation"),
    pytest.param(lambda page: page.advance(1, completed=False), id="a unit's end by time"),
    pytest.param(lambda page: page.advance(2, completed=False), id="an end of the next unit"),
    pytest.param(lambda page: page.submit(), id="a hand-in"),
]


@pytest.mark.parametrize("request_", REQUESTS)
def test_the_sweep_that_passes_a_waiting_request_is_not_undone(
    page: Page, world: World, monkeypatch: pytest.MonkeyPatch, request_: Request
) -> None:
    """The request has read its clock and waits for the database while the sweep moves on."""
    passing = [True]

    def sweep_first() -> None:
        passing.clear()
        advance_overdue(now=UNIT_ENDS[0] + 6 * SECOND)

    before_the_batch(world, monkeypatch, sweep_first)
    world.clock.set(UNIT_ENDS[0] - MS)
    reply = request_(page)
    assert not passing
    assert attempt(world, "skills").open_unit == 2
    assert 1 not in shown_units(reply)
    assert done_units(world) == []


def test_units_that_are_all_over_stay_over(page: Page, world: World) -> None:
    world.clock.set(PLANNED + 5 * MINUTE)
    for unit in (1, 2, 3, 4):
        assert page.advance(unit, completed=True).status_code == 200
    assert attempt(world, "skills").state == "units_done"
    world.clock.set(PLANNED + 4 * MINUTE)
    for unit in (1, 4, 5):
        page.advance(unit, completed=True)
    assert attempt(world, "skills").state == "units_done"


@pytest.mark.once
@pytest.mark.parametrize("start", [Page.start, by_the_view], ids=["by the short way", "by the view"])
@pytest.mark.parametrize("read_at", LATE_NOWS)
def test_a_start_that_waited_brings_the_unit_that_is_open(
    page: Page, world: World, start: Request, read_at: datetime
) -> None:
    swept_to_unit(world, 2)
    world.clock.set(read_at)
    reply = start(page)
    assert reply.status_code == 200
    assert shown_units(reply) == {2}
    assert attempt(world, "skills").open_unit == 2


# --- a proctor's act with a clock that was read before -------------------------------------------------------


def act(world: World, at: datetime, work: Callable[[Any, Attempt, datetime], object]) -> None:
    with world.app.app_context(), unit_of_work() as session:
        work(session, session.get_one(Attempt, world.sitters["skills"].attempt_id), at)


ACTS = [
    pytest.param(
        lambda session, one, at: refresh_clocks(session, now=at, sitting_room_id=one.sitting_room_id),
        2,
        id="working the clocks out again",
    ),
    pytest.param(
        lambda session, one, at: suspend_attempt(session, one, now=at, reason="x", actor="staff:test"),
        None,
        id="a pause",
    ),
    pytest.param(
        lambda session, one, at: adjust_attempt(
            session,
            one,
            now=at,
            amount=5 * MINUTE,
            kind="general",
            reason_code="other",
            reason="x",
            actor="staff:test",
        ),
        2,
        id="an extension",
    ),
]


@pytest.mark.parametrize(("work", "unit"), ACTS)
def test_an_act_that_waited_keeps_what_time_ended(
    page: Page, world: World, work: Callable[[Any, Attempt, datetime], object], unit: int | None
) -> None:
    swept_to_unit(world, 2)
    act(world, UNIT_ENDS[0] + MS, work)
    row = attempt(world, "skills")
    assert row.open_unit == 2 or (unit is None and row.state == "suspended")


def test_clocks_worked_out_late_do_not_let_a_held_room_go_on(page: Page, world: World) -> None:
    at = PLANNED + 10 * MINUTE
    with world.app.app_context(), unit_of_work() as session:
        room = session.get_one(SittingRoom, world.sitting_room_id)
        hold_room(session, room, from_at=at, now=at, reason_code="power", reason="x", actor="staff:test")
        refresh_clocks(session, now=at, sitting_room_id=room.id)
    assert attempt(world, "skills").state == "suspended"
    act(
        world,
        at - SECOND,
        lambda session, one, now: refresh_clocks(session, now=now, sitting_room_id=one.sitting_room_id),
    )
    row = attempt(world, "skills")
    assert (row.state, row.closes_at) == ("suspended", None)


def test_clocks_worked_out_late_do_not_take_a_resumption_back(page: Page, world: World) -> None:
    at = PLANNED + 10 * MINUTE
    act(world, at, lambda s, one, now: suspend_attempt(s, one, now=now, reason="x", actor="staff:test"))
    act(world, at + MINUTE, lambda s, one, now: resume_attempt(s, one, now=now, actor="staff:test"))
    act(
        world,
        at + SECOND,
        lambda session, one, now: refresh_clocks(session, now=now, sitting_room_id=one.sitting_room_id),
    )
    row = attempt(world, "skills")
    assert (row.state, row.closes_at) == ("interacting", PLANNED + 61 * MINUTE)


# --- closings ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "status", "closed_by"),
    [
        pytest.param(PLANNED + 60 * MINUTE - MS, 200, "candidate", id="a millisecond before the end"),
        pytest.param(PLANNED + 60 * MINUTE, 200, "deadline", id="at the end"),
        pytest.param(PLANNED + 60 * MINUTE + 3 * SECOND - MS, 200, "deadline", id="within the grace"),
        pytest.param(PLANNED + 60 * MINUTE + 3 * SECOND, 410, None, id="after the grace"),
        pytest.param(PLANNED + 90 * MINUTE, 410, None, id="half an hour late"),
    ],
)
def test_a_hand_in_at_the_end(
    page: Page, world: World, at: datetime, status: int, closed_by: str | None
) -> None:
    swept_to_unit(world, 4)
    world.clock.set(at)
    assert page.submit().status_code == status
    row = attempt(world, "skills")
    assert row.closed_by == closed_by
    if closed_by == "deadline":
        assert row.closed_at == PLANNED + 60 * MINUTE
    assert row.open_unit == 4


@pytest.mark.parametrize("unit", [1, 2, 3], ids=["in unit 1", "in unit 2", "in unit 3"])
def test_a_hand_in_throws_no_unit_away(page: Page, world: World, unit: int) -> None:
    swept_to_unit(world, unit)
    world.clock.set(max(PLANNED + 31 * MINUTE, UNIT_ENDS[unit - 1] - MINUTE))
    if unit == 1:
        world.clock.set(UNIT_ENDS[0] - MINUTE)
    refused = page.submit()
    assert refused.get_json()["code"] == "submit.units_open"
    assert (attempt(world, "skills").state, attempt(world, "skills").open_unit) == ("interacting", unit)


AFTER_CLOSING = [
    pytest.param(lambda page: page.advance(1, completed=True), id="a confirmation"),
    pytest.param(lambda page: page.advance(4, completed=False), id="a unit's end by time"),
    pytest.param(lambda page: page.submit(page.entry(1, True, "flag")), id="a hand-in with an entry"),
    pytest.param(lambda page: page.answer(1, True, "flag"), id="a save"),
    pytest.param(lambda page: page.start(), id="a start"),
]


@pytest.mark.once
@pytest.mark.parametrize("scored", [False, True], ids=["closed", "scored"])
@pytest.mark.parametrize("knock", AFTER_CLOSING)
def test_nothing_opens_what_is_closed(page: Page, world: World, knock: Request, scored: bool) -> None:
    swept_to_unit(world, 4)
    world.clock.set(PLANNED + 50 * MINUTE)
    assert page.submit().status_code == 200
    if scored:
        with world.app.app_context():
            assert score_closed(now=world.clock.now()) == 1
    for at in (PLANNED + 51 * MINUTE, PLANNED + 49 * MINUTE):
        world.clock.set(at)
        assert knock(page).status_code == 410
    row = attempt(world, "skills")
    assert (row.state, row.closed_at) == ("scored" if scored else "closed", PLANNED + 50 * MINUTE)
    assert closings(world) == 1


def test_a_hand_in_repeated_gives_the_same_receipt(page: Page, world: World) -> None:
    swept_to_unit(world, 4)
    world.clock.set(PLANNED + 50 * MINUTE)
    receipts = {page.submit().get_json()["receipt"] for _ in range(3)}
    world.clock.set(PLANNED + 49 * MINUTE)
    receipts.add(page.submit().get_json()["receipt"])
    assert len(receipts) == 1
    assert closings(world) == 1


def test_the_sweep_and_a_hand_in_that_waited_close_once(
    page: Page, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    swept_to_unit(world, 4)
    passing = [True]

    def sweep_first() -> None:
        passing.clear()
        assert expire_overdue(now=PLANNED + 60 * MINUTE + 6 * SECOND) == 1

    before_the_batch(world, monkeypatch, sweep_first)
    world.clock.set(PLANNED + 60 * MINUTE - MS)
    assert page.submit().status_code == 200
    row = attempt(world, "skills")
    assert (row.closed_by, row.closed_at, closings(world)) == ("deadline", PLANNED + 60 * MINUTE, 1)


def test_time_does_not_close_what_was_suspended_meanwhile(page: Page, world: World) -> None:
    """The sweep has read its rows; a pause is recorded before it closes them."""
    act(
        world,
        PLANNED + 10 * MINUTE,
        lambda s, one, now: suspend_attempt(s, one, now=now, reason="x", actor="staff:test"),
    )
    with world.app.app_context(), unit_of_work() as session:
        rows = [session.get_one(Attempt, world.sitters["skills"].attempt_id)]
        closed = close_attempts(
            session,
            rows,
            now=PLANNED + 70 * MINUTE,
            closed_at=None,
            closed_by=ClosedBy.DEADLINE,
            actor="scheduler",
        )
        assert closed == []
    assert attempt(world, "skills").state == "suspended"


@pytest.mark.parametrize("scored", [False, True], ids=["closed", "scored"])
def test_a_wrong_hand_in_comes_back_where_its_clock_stands(page: Page, world: World, scored: bool) -> None:
    swept_to_unit(world, 4)
    world.clock.set(PLANNED + 50 * MINUTE)
    assert page.submit().status_code == 200
    if scored:
        with world.app.app_context():
            score_closed(now=world.clock.now())
    act(
        world,
        PLANNED + 51 * MINUTE,
        lambda s, one, now: reopen_attempt(s, one, now=now, reason="误交卷", actor="staff:test"),
    )
    row = attempt(world, "skills")
    assert (row.state, row.open_unit, row.closed_by) == ("interacting", 4, None)
    world.clock.set(PLANNED + 51 * MINUTE)
    assert page.start().status_code == 200


def test_what_time_has_ended_is_not_reopened_without_time(page: Page, world: World) -> None:
    swept_to_unit(world, 4)
    sweep(world, PLANNED + 61 * MINUTE)
    with pytest.raises(Conflict) as refused:
        act(
            world,
            PLANNED + 62 * MINUTE,
            lambda s, one, now: reopen_attempt(s, one, now=now, reason="x", actor="staff:test"),
        )
    assert refused.value.code == "attempt.no_time"
    assert attempt(world, "skills").state == "closed"
