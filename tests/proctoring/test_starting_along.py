"""统一开考 goes along with what others write: nobody's papers wait for the transaction of a room's start."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import delete

from cbt.audit.models import AuditEntry
from cbt.candidates.models import Registration
from cbt.proctoring.acts import room_start
from cbt.proctoring.models import Incident
from cbt.runner.models import Attempt
from cbt.sittings.models import RoomStaff, Sitting, SittingRoom
from cbt.storage.unit_of_work import unit_of_work
from tests.proctoring.desk import Desk, done, log_kinds, refused, room, row, rows
from tests.proctoring.test_start import SECOND, arm, start_armed
from tests.web.test_once import key_on
from tests.world import PLANNED, World

STARTED = PLANNED + 3 * SECOND


@pytest.fixture
def hall(world: World) -> World:
    """Everybody waits, and nobody began."""
    world.admit_all()
    world.clock.set(STARTED)
    return world


def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room_start, "one_writes", lambda: False)


def along(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("a transaction of its own")

    monkeypatch.setattr(room_start, "acting", never)
    monkeypatch.setattr(room_start, "unit_of_work", never)


@pytest.mark.once(on="sqlite")
@pytest.mark.parametrize("way", [alone, along])
def test_both_ways_write_the_same(
    hall: World, monkeypatch: pytest.MonkeyPatch, way: Callable[[pytest.MonkeyPatch], None]
) -> None:
    way(monkeypatch)
    done(Desk(hall).act("start"))
    is_written_down(hall, kind="start", by=f"staff:{hall.people['proctor'].ref}", who="proctor-老师")


@pytest.mark.once(on="sqlite")
@pytest.mark.parametrize("way", [alone, along])
def test_both_ways_write_the_same_by_schedule(
    hall: World, monkeypatch: pytest.MonkeyPatch, way: Callable[[pytest.MonkeyPatch], None]
) -> None:
    arm(hall)
    way(monkeypatch)
    assert start_armed(hall) == 1
    is_written_down(hall, kind="start_armed", by="scheduler", who="")


def is_written_down(hall: World, *, kind: str, by: str, who: str) -> None:
    """Insist on all that a start writes."""
    found = room(hall)
    assert (found.state, found.started_at, found.started_by) == ("running", STARTED, by)
    assert row(hall, Sitting, ref=hall.sitting_ref).state == "running"
    (line,) = rows(hall, Incident)
    assert (line.sitting_room_id, line.registration_id, line.kind) == (found.id, None, kind)
    assert (line.at, line.by, json.loads(line.params)) == (STARTED, by, {"who": who})
    entry = rows(hall, AuditEntry)[-1]
    assert (entry.at, entry.actor, entry.act) == (STARTED, by, "room.start")
    assert (entry.subject, entry.after) == (found.logged_as, f'{{"started_at":"{STARTED.isoformat()}"}}')
    assert log_kinds(hall) == [kind]


def evacuated(session: Any, hall: World) -> None:
    session.get_one(SittingRoom, hall.sitting_room_id).evacuated_at = STARTED


def lost_a_form(session: Any, hall: World) -> None:
    session.delete(session.get_one(Attempt, hall.sitters["late"].attempt_id))


def was_taken_away(session: Any, hall: World) -> None:
    session.execute(delete(RoomStaff).where(RoomStaff.staff_id == hall.people["proctor"].id))


def was_disarmed(session: Any, hall: World) -> None:
    session.get_one(SittingRoom, hall.sitting_room_id).armed = False


def went_back(session: Any, hall: World) -> None:
    session.get_one(Registration, hall.sitters["skills"].registration_id).pledged_at = None


def meanwhile(
    hall: World, monkeypatch: pytest.MonkeyPatch, puts_down: str, happens: Callable[[Any, World], None]
) -> None:
    """Have something happen between what a start reads and what it writes."""
    puts = getattr(room_start, puts_down)

    def late(*rows: object, **named: Any) -> bool:
        with unit_of_work() as session:
            happens(session, hall)
        return bool(puts(*rows, **named))

    monkeypatch.setattr(room_start, puts_down, late)


@pytest.mark.once(on="sqlite")
@pytest.mark.parametrize(
    ("happens", "said"),
    [
        (evacuated, "sitting.evacuated"),
        (lost_a_form, "proctoring.forms_missing"),
        (was_taken_away, "sitting.room_unknown"),
    ],
)
def test_what_happens_before_it_is_written_is_minded(
    hall: World, monkeypatch: pytest.MonkeyPatch, happens: Callable[[Any, World], None], said: str
) -> None:
    meanwhile(hall, monkeypatch, "put_down_joined", happens)
    assert refused(Desk(hall).act("start")) == said
    assert (room(hall).started_at, log_kinds(hall)) == (None, [])


@pytest.mark.once(on="sqlite")
@pytest.mark.parametrize("happens", [evacuated, lost_a_form, was_disarmed])
def test_an_armed_room_minds_it_as_well(
    hall: World, monkeypatch: pytest.MonkeyPatch, happens: Callable[[Any, World], None]
) -> None:
    arm(hall)
    meanwhile(hall, monkeypatch, "put_down", happens)
    assert start_armed(hall) == 0
    assert (room(hall).started_at, "start_armed" in log_kinds(hall)) == (None, False)


@pytest.mark.once(on="sqlite")
def test_an_armed_room_minds_who_went_back_to_the_pledge(
    hall: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    arm(hall)
    meanwhile(hall, monkeypatch, "put_down", went_back)
    assert (start_armed(hall), log_kinds(hall)) == (0, ["start_waits"])


@pytest.mark.once(on="sqlite")
def test_a_start_that_arrives_twice_is_one(hall: World, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(hall)
    key = key_on(desk.client, f"{desk.url}/acts/start")
    along(monkeypatch)
    first, again = desk.act("start", once_key=key), desk.act("start", once_key=key)
    assert (first.status_code, again.status_code) == (303, 303)
    assert first.location == again.location
    assert log_kinds(hall) == ["start"]


@pytest.mark.once(on="sqlite")
def test_of_two_that_arrive_at_once_one_is_made(hall: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other's row came between: this one makes nothing, and is answered as the other was."""
    desk = Desk(hall)
    key = key_on(desk.client, f"{desk.url}/acts/start")
    puts, replies = room_start.put_down_joined, []

    def late(*rows: object, **named: Any) -> bool:
        if not replies:
            replies.append(None)
            replies.append(desk.act("start", once_key=key))
        return puts(*rows, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(room_start, "put_down_joined", late)
    second = desk.act("start", once_key=key)
    assert replies[1] is not None
    assert (second.status_code, second.location) == (303, replies[1].location)
    assert log_kinds(hall) == ["start"]
