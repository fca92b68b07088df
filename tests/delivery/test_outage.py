"""A server outage is ours: what is given back, what is held, and once only (R-27, I5)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, select, update

from cbt.errors import Unavailable
from cbt.http.i18n import explain
from cbt.rules.clock import OutageKind, OutageVerdict, outage_gap
from cbt.runner.attempt_changes import refresh_clocks
from cbt.runner.close import outage
from cbt.runner.close.closure import advance_overdue, expire_overdue
from cbt.runner.close.outage import settle_rooms
from cbt.runner.models import Attempt
from cbt.sittings.models import RoomAdjustment, RoomHold, ServerHeartbeat, SittingRoom
from cbt.sittings.room_clock import resume_room
from cbt.storage.engine import occupancy_of
from cbt.storage.types import db
from cbt.storage.unit_of_work import reading, unit_of_work
from cbt.storage.write_queue.change_set import Rows, one_writes
from tests.delivery.driver import Page, opened_page
from tests.world import PLANNED, World

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
MS = timedelta(milliseconds=1)


def beat(*, now: datetime) -> OutageKind:
    """Beat, and let what was given back reach the attempts as the start of a server does."""
    kind = outage.beat(now=now)
    settle_rooms(now=now)
    return kind


@pytest.fixture
def page(world: World) -> Page:
    """王小明 is at minute 10 when the heartbeat is written for the last time."""
    page = opened_page(world)
    world.clock.set(PLANNED + 10 * MINUTE)
    with world.app.app_context():
        beat(now=world.clock.now())
    return page


@contextmanager
def statements() -> Iterator[list[str]]:
    """Gather what SQLAlchemy says to the database in the block."""
    found: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        found.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


def attempt(world: World) -> Attempt:
    with world.app.app_context(), reading() as session:
        return session.get_one(Attempt, world.sitters["theory"].attempt_id)


def test_a_heartbeat_without_a_gap_goes_along_with_what_others_save(
    page: Page, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.clock.advance(SECOND)
    with world.app.app_context():
        if one_writes():
            monkeypatch.setattr(outage, "unit_of_work", lambda: pytest.fail("nobody is to wait for it"))
        assert outage.beat(now=world.clock.now()) is OutageKind.NONE
        with reading() as session:
            assert session.scalar(select(ServerHeartbeat.at)) == world.clock.now()


# On PostgreSQL it is a transaction of its own under a lock of its row: there is nothing to come between.
@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_a_heartbeat_that_comes_after_another_one_leaves_it(
    page: Page, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_down, later = outage.put_down, world.clock.now() + 2 * SECOND

    def overtaken(*rows: Rows) -> bool:
        with unit_of_work() as session:
            session.execute(update(ServerHeartbeat).values(at=later))
        return put_down(*rows)

    monkeypatch.setattr(outage, "put_down", overtaken)
    with world.app.app_context():
        assert outage.beat(now=world.clock.now() + SECOND) is OutageKind.NONE
        with reading() as session:
            assert session.scalar(select(ServerHeartbeat.at)) == later


@pytest.mark.parametrize(
    ("gap", "kind"),
    [
        pytest.param(3 * SECOND - MS, OutageKind.NONE, id="just under 3 s: nothing"),
        pytest.param(3 * SECOND, OutageKind.GIVE_BACK, id="3 s is given back"),
        pytest.param(60 * SECOND, OutageKind.GIVE_BACK, id="60 s is given back"),
        pytest.param(60 * SECOND + MS, OutageKind.HOLD, id="more holds the rooms"),
        pytest.param(-3 * SECOND, OutageKind.HOLD, id="a heartbeat in the future holds the rooms"),
    ],
)
def test_what_a_gap_calls_for(page: Page, world: World, gap: timedelta, kind: OutageKind) -> None:
    world.clock.advance(gap)
    with world.app.app_context():
        assert beat(now=world.clock.now()) is kind


def test_a_short_gap_moves_the_end_and_the_earliest_submit_by_its_length(page: Page, world: World) -> None:
    world.clock.advance(40 * SECOND)
    with world.app.app_context():
        beat(now=world.clock.now())
    assert attempt(world).closes_at == PLANNED + 45 * MINUTE + 40 * SECOND
    assert attempt(world).earliest_submit_at == PLANNED + 30 * MINUTE + 40 * SECOND


def test_a_unit_that_ended_during_the_gap_gets_its_time_back(page: Page, world: World) -> None:
    skills = Page(world, "skills")
    assert skills.start().status_code == 200
    unit_end = PLANNED + 26 * MINUTE + 40 * SECOND  # 20 of 60 minutes, scaled to the 50 that are left
    with world.app.app_context():
        with unit_of_work() as session:
            session.execute(update(ServerHeartbeat).values(at=unit_end - 10 * SECOND))
        world.clock.set(unit_end + 20 * SECOND)
        beat(now=world.clock.now())
        with reading() as session:
            row = session.get_one(Attempt, world.sitters["skills"].attempt_id)
    assert (row.open_unit, row.unit_ends_at) == (1, unit_end + 30 * SECOND)


def test_whoever_finds_the_gap_gives_it_back_once(page: Page, world: World) -> None:
    world.clock.advance(40 * SECOND)
    with world.app.app_context():
        for _ in range(3):
            beat(now=world.clock.now())
        with reading() as session:
            given = session.scalars(select(RoomAdjustment.amount)).all()
    assert given == [40 * SECOND, 40 * SECOND]  # one each for the two running rooms


def test_two_processes_that_find_the_gap_at_once_give_it_back_once(
    page: Page, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have read the old heartbeat before either writes; on SQLite the gate lets them come one by one."""
    world.clock.advance(40 * SECOND)
    both_have_read = threading.Barrier(2)

    def meet(heartbeat_at: datetime, now: datetime) -> OutageVerdict:
        with suppress(threading.BrokenBarrierError):
            both_have_read.wait(1)
        return outage_gap(heartbeat_at, now)

    monkeypatch.setattr("cbt.runner.close.outage.outage_gap", meet)
    found: list[OutageKind] = []

    def process() -> None:
        with world.app.app_context():
            found.append(beat(now=world.clock.now()))

    threads = [threading.Thread(target=process) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(found) == [OutageKind.GIVE_BACK, OutageKind.NONE]
    assert attempt(world).closes_at == PLANNED + 45 * MINUTE + 40 * SECOND


def test_a_long_outage_holds_from_the_last_heartbeat_until_a_proctor_resumes(
    page: Page, world: World
) -> None:
    world.clock.advance(2 * 60 * MINUTE)
    with world.app.app_context():
        beat(now=world.clock.now())
        assert expire_overdue(now=world.clock.now()) == 0
    assert attempt(world).state == "suspended"
    assert page.answer(1, "A").status_code == 423
    world.clock.advance(5 * MINUTE)
    with world.app.app_context(), unit_of_work() as session:
        room = session.get_one(SittingRoom, world.sitting_room_id)
        resume_room(session, room, now=world.clock.now(), actor="staff:test")
        refresh_clocks(session, now=world.clock.now(), sitting_room_id=room.id)
    assert attempt(world).closes_at == PLANNED + 45 * MINUTE + 125 * MINUTE
    assert page.answer(1, "A").status_code == 200
    with world.app.app_context(), reading() as session:
        assert set(session.scalars(select(RoomHold.from_at))) == {PLANNED + 10 * MINUTE}


def test_an_outage_over_the_deadline_closes_nobody(page: Page, world: World) -> None:
    """The gap is given back before anything is closed, also when the deadline fell into it."""
    world.clock.set(PLANNED + 44 * MINUTE + 50 * SECOND)
    with world.app.app_context():
        with unit_of_work() as session:
            session.execute(update(ServerHeartbeat).values(at=world.clock.now()))
        world.clock.advance(30 * SECOND)
        outage.beat(now=world.clock.now())
        assert expire_overdue(now=world.clock.now()) == 0
    assert attempt(world).closes_at == PLANNED + 45 * MINUTE + 30 * SECOND


def test_a_unit_is_not_moved_on_before_an_outage_is_given_back(page: Page, world: World) -> None:
    skills = Page(world, "skills")
    assert skills.start().status_code == 200
    unit_end = PLANNED + 26 * MINUTE + 40 * SECOND
    with world.app.app_context():
        with unit_of_work() as session:
            session.execute(update(ServerHeartbeat).values(at=unit_end - 10 * SECOND))
        world.clock.set(unit_end + 20 * SECOND)
        outage.beat(now=world.clock.now())
        assert advance_overdue(now=world.clock.now()) == 0
        with reading() as session:
            row = session.get_one(Attempt, world.sitters["skills"].attempt_id)
    assert (row.open_unit, row.unit_ends_at) == (1, unit_end + 30 * SECOND)


def test_an_attempt_that_was_closed_before_the_outage_was_found_goes_on(page: Page, world: World) -> None:
    """Two nodes: one closed at the deadline, the other finds the heartbeat old; that closing was provisional."""
    with world.app.app_context():
        with unit_of_work() as session:
            session.execute(update(ServerHeartbeat).values(at=PLANNED + 45 * MINUTE - 10 * SECOND))
        world.clock.set(PLANNED + 45 * MINUTE + 10 * SECOND)
        assert expire_overdue(now=world.clock.now()) == 1
        beat(now=world.clock.now())
    assert attempt(world).state == "interacting"
    assert attempt(world).closes_at == PLANNED + 45 * MINUTE + 20 * SECOND
    assert page.answer(1, "A").status_code == 200


def test_the_next_beat_waits_for_no_attempt(page: Page, world: World) -> None:
    """However long the rooms take, a heartbeat a second later finds no gap to give back again."""
    world.clock.advance(40 * SECOND)
    with world.app.app_context():
        assert outage.beat(now=world.clock.now()) is OutageKind.GIVE_BACK
        assert attempt(world).closes_at == PLANNED + 45 * MINUTE, "not yet"
        world.clock.advance(SECOND)
        assert outage.beat(now=world.clock.now()) is OutageKind.NONE
        assert settle_rooms(now=world.clock.now()) == 2
        assert settle_rooms(now=world.clock.now()) == 0
    assert attempt(world).closes_at == PLANNED + 45 * MINUTE + 40 * SECOND


def test_a_clock_before_the_start_of_a_running_room_is_refused_and_changes_nothing(
    page: Page, world: World
) -> None:
    ends_at = attempt(world).closes_at
    with world.app.app_context():
        with pytest.raises(Unavailable) as refused:
            beat(now=PLANNED - MS)
        assert refused.value.code == "outage.clock_behind"
        assert "时钟" in explain(refused.value)[0]
        with reading() as session:
            assert session.scalars(select(RoomHold)).all() == []
    assert attempt(world).closes_at == ends_at
    assert page.answer(1, "A").status_code == 200


def booked(world: World) -> tuple[int, int]:
    """Return how many adjustments and holds there are."""
    with world.app.app_context(), reading() as session:
        adjustments = session.scalars(select(RoomAdjustment.id)).all()
        return len(adjustments), len(session.scalars(select(RoomHold.id)).all())


@contextmanager
def long_act(world: World, length: timedelta) -> Iterator[None]:
    """Let an act of the product be within its unit of work for so long by the clock; the block is inside."""
    with unit_of_work() as session:
        session.get_one(Attempt, world.sitters["theory"].attempt_id, with_for_update=True)
        yield
        world.clock.advance(length)


@pytest.mark.parametrize("length", [10 * SECOND, 90 * SECOND], ids=str)
def test_a_stall_of_the_products_own_making_is_booked_for_no_room(
    page: Page, world: World, length: timedelta
) -> None:
    """A long act: on the embedded database it keeps the heartbeat out, on PostgreSQL it does not even do that."""
    ends_at = attempt(world).closes_at
    with world.app.app_context():
        if one_writes():
            with long_act(world, length):
                pass
        else:
            with long_act(world, SECOND):
                for _ in range(int(length / SECOND)):
                    world.clock.advance(SECOND)
                    assert outage.beat(now=world.clock.now()) is OutageKind.NONE
        assert beat(now=world.clock.now()) is OutageKind.NONE
        world.clock.advance(SECOND)
        assert beat(now=world.clock.now()) is OutageKind.NONE, "and its own gap is over with it"
    assert booked(world) == (0, 0)
    assert attempt(world).closes_at == ends_at
    assert page.answer(1, "A").status_code == 200


def test_what_the_disk_kept_from_being_written_is_an_outage(
    page: Page, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same ten seconds, but in the COMMIT of a save: that is no work of ours."""
    commits = world.app.extensions["cbt_journal"].commits
    monkeypatch.setattr(commits, "before_commit", lambda: world.clock.advance(10 * SECOND))
    page.answer(1, "A")
    monkeypatch.undo()
    with world.app.app_context():
        assert beat(now=world.clock.now()) is OutageKind.GIVE_BACK
    assert booked(world) == (2, 0)


def test_what_a_stopped_process_kept_from_being_written_is_an_outage(page: Page, world: World) -> None:
    with world.app.app_context():
        occupancy = occupancy_of(world.app)
        if occupancy is not None:  # on PostgreSQL nobody keeps others from writing
            occupancy.pulse.beat()
        with long_act(world, 10 * SECOND):
            pass  # its pulse stands still with it
        if occupancy is not None:
            occupancy.pulse.beat()
        assert beat(now=world.clock.now()) is OutageKind.GIVE_BACK
    assert booked(world) == (2, 0)


def test_somebody_else_who_keeps_everybody_from_writing_is_an_outage(page: Page, world: World) -> None:
    """Nobody of this product has noted any work: it is a gap like any other."""
    world.clock.advance(10 * SECOND)
    with world.app.app_context():
        assert beat(now=world.clock.now()) is OutageKind.GIVE_BACK
    assert booked(world) == (2, 0)


def test_of_a_gap_only_what_was_not_our_own_is_given_back(page: Page, world: World) -> None:
    with world.app.app_context():
        own = 10 * SECOND if one_writes() else timedelta(0)
        with long_act(world, own):
            pass
        world.clock.advance(5 * SECOND)
        assert beat(now=world.clock.now()) is OutageKind.GIVE_BACK
        with reading() as session:
            assert set(session.scalars(select(RoomAdjustment.amount))) == {5 * SECOND}


def test_giving_back_is_written_for_all_rooms_at_once_and_worked_out_in_pieces(
    page: Page, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So nothing of it keeps the next heartbeat waiting, however many rooms and candidates there are."""
    monkeypatch.setattr(outage, "AT_ONCE", 1)
    pieces: list[int] = []
    refresh = outage.refresh_clocks

    def noted(session: Any, *, attempt_ids: Any, **given: Any) -> Any:
        pieces.append(len(attempt_ids))
        return refresh(session, attempt_ids=attempt_ids, **given)

    monkeypatch.setattr(outage, "refresh_clocks", noted)
    skills = Page(world, "skills")
    assert skills.start().status_code == 200
    with world.app.app_context():
        outage.beat(now=world.clock.now())
        world.clock.advance(40 * SECOND)
        with statements() as said:
            assert outage.beat(now=world.clock.now()) is OutageKind.GIVE_BACK
        assert sum("INSERT INTO room_adjustment" in one for one in said) == 1
        assert settle_rooms(now=world.clock.now()) == 2
    assert len(pieces) >= 2
    assert set(pieces) == {1}
    assert attempt(world).closes_at == PLANNED + 45 * MINUTE + 40 * SECOND


def test_a_gap_that_is_found_while_the_last_is_worked_out_is_worked_out_too(
    page: Page, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    refresh, later = outage.refresh_clocks, [40 * SECOND]

    def interrupted(session: Any, **given: Any) -> Any:
        done = refresh(session, **given)
        if later:
            session.execute(update(SittingRoom).values(clocks_due_at=world.clock.now() + later.pop()))
        return done

    monkeypatch.setattr(outage, "refresh_clocks", interrupted)
    due = select(SittingRoom.id).where(SittingRoom.clocks_due_at.is_not(None))
    world.clock.advance(40 * SECOND)
    with world.app.app_context():
        outage.beat(now=world.clock.now())
        settle_rooms(now=world.clock.now())
        with reading() as session:
            assert session.scalars(due).all() != []
        settle_rooms(now=world.clock.now())
        with reading() as session:
            assert session.scalars(due).all() == []
