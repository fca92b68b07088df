"""统一开考, by hand and by the schedule."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from cbt.proctoring import desk as acting
from cbt.proctoring.acts.room_start import start_armed_rooms
from cbt.runner.models import Attempt
from cbt.sittings.models import SittingRoom
from cbt.storage.unit_of_work import unit_of_work
from tests.helpers import count_queries
from tests.proctoring.desk import (
    Desk,
    change,
    done,
    log_kinds,
    refused,
    room,
)
from tests.proctoring.test_board import more_sitters
from tests.world import PLANNED, World

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)


def arm(world: World) -> None:
    with world.app.app_context(), unit_of_work() as session:
        session.get_one(SittingRoom, world.sitting_room_id).armed = True


def start_armed(world: World) -> int:
    with world.app.app_context():
        return start_armed_rooms(now=world.clock.now())


def test_the_start_preview_names_who_is_not_ready(world: World) -> None:
    world.admit_all()
    change(world, "skills", pledged_at=None)
    change(world, "extra", pledged_at=None, signed_in_at=None)
    change(world, "late", pledged_at=None, signed_in_at=None, checked_in_at=None, arrived_at=None)
    shown = Desk(world).ask("start").text
    for figure in ("<b>6</b>应考", "<b>5</b>已到", "<b>4</b>已登录", "<b>2</b>未就绪"):
        assert figure in shown
    not_ready = shown.split("已到场但未进入候考")[1].split("未到</h3>")[0]
    assert ("李娜" in not_ready, "赵敏" in not_ready, "王小明" in not_ready) == (True, True, False)


def test_the_room_starts_once(world: World) -> None:
    world.admit_all()
    world.clock.set(PLANNED + 3 * SECOND)
    done(Desk(world).act("start"))
    assert refused(Desk(world, "chief_proctor").act("start")) == "sitting.transition"
    assert room(world).started_at == PLANNED + 3 * SECOND
    assert log_kinds(world) == ["start"]


def test_a_room_without_every_form_does_not_start(world: World) -> None:
    world.admit_all()
    with world.app.app_context(), unit_of_work() as session:
        session.delete(session.get_one(Attempt, world.sitters["late"].attempt_id))
    assert refused(Desk(world).act("start")) == "proctoring.forms_missing"
    assert "有 1 人未组卷" in Desk(world).ask("start").text


@pytest.mark.parametrize(
    ("at", "started"),
    [pytest.param(PLANNED - SECOND, 0, id="a second early"), pytest.param(PLANNED, 1, id="on the minute")],
)
def test_an_armed_room_starts_at_its_planned_start(world: World, at: datetime, started: int) -> None:
    world.admit_all()
    arm(world)
    world.clock.set(at)
    assert start_armed(world) == started
    assert start_armed(world) == 0


def test_an_armed_room_waits_for_who_arrived_in_time_with_one_alert(world: World) -> None:
    world.admit_all()
    arm(world)
    change(world, "skills", pledged_at=None)
    world.clock.set(PLANNED)
    assert [start_armed(world), start_armed(world)] == [0, 0]
    assert log_kinds(world) == ["start_waits"]
    assert "到点未自动开考：1 人" in Desk(world).page()
    change(world, "skills", pledged_at=PLANNED)
    world.clock.advance(20 * SECOND)
    assert start_armed(world) == 1
    assert room(world).started_at == PLANNED + 20 * SECOND


def test_an_armed_room_does_not_wait_for_who_never_came(world: World) -> None:
    world.admit_all()
    arm(world)
    change(world, "skills", pledged_at=None, signed_in_at=None, checked_in_at=None, arrived_at=None)
    world.clock.set(PLANNED)
    assert start_armed(world) == 1


def test_a_room_that_is_not_armed_is_started_by_hand_only(world: World) -> None:
    world.admit_all()
    world.clock.set(PLANNED + MINUTE)
    assert start_armed(world) == 0


def test_a_start_asks_the_same_few_queries_however_many_sit_there(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it goes on nobody else writes, and a hall begins room after room."""
    monkeypatch.delattr(acting, "load_board")  # no board is read for it
    world.admit_all()
    world.clock.set(PLANNED)
    desk, elsewhere = Desk(world), Desk(world, "proctor_elsewhere")
    elsewhere.url = f"/proctor/rooms/{world.other_room_ref}"
    more_sitters(world, 40)
    asked = []
    for one in (desk, elsewhere):
        with count_queries(world.app) as queries:
            done(one.act("start"))
        asked.append(len(queries))
    assert max(asked) <= 12, asked
