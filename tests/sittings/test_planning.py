"""Planning a day: marks, rooms, seats, staff, and the command line."""

from __future__ import annotations

from datetime import timedelta

import flask
import pytest
from click.testing import CliRunner
from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.errors import CbtError, InvalidInput, NotFound
from cbt.http.app_context import register_factory
from cbt.rules.exam import AdmissionPolicy
from cbt.rules.roles import Role
from cbt.sittings import places, service, store
from cbt.sittings.commands import sitting as sitting_command
from cbt.sittings.models import Room
from cbt.sittings.service import assign_staff
from cbt.storage.unit_of_work import reading
from tests.accounts.test_signing_in import hire, principal
from tests.helpers import FakeClock, sign_in_as
from tests.sittings.conftest import OFFICER, PLANNED, Day


def browser(app: flask.Flask, clock: FakeClock, login: str, *roles: Role) -> flask.testing.FlaskClient:
    hire(app, clock, login, *roles)
    return sign_in_as(app, kind="staff", subject_ref=principal(app, login).subject_ref, machine=f"m-{login}")


def minutes(count: int) -> timedelta:
    return timedelta(minutes=count)


def test_the_marks_count_back_from_the_planned_start(day: Day) -> None:
    with day.read() as session:
        sitting, _ = day.work(session)
    assert PLANNED - sitting.check_in_opens_at == minutes(40)
    assert PLANNED - sitting.report_at == minutes(30)
    assert PLANNED - sitting.sign_in_opens_at == minutes(20)
    assert PLANNED - sitting.late_cutoff_at == minutes(15)


def test_another_centre_counts_lateness_from_the_start(day: Day) -> None:
    with day.write() as session:
        sitting = service.create_sitting(
            session, batch=store.batch_by_ref(session, day.batch_ref),
            centre=store.centre_by_ref(session, day.centre_ref), name="下午",
            planned_start_at=PLANNED, policy=AdmissionPolicy(late_from="start", late_limit=minutes(5)),
            now=day.clock.now(), actor=OFFICER,
        )  # fmt: skip
        assert sitting.late_cutoff_at - PLANNED == minutes(5)


def test_spare_seats_are_the_last_ones(day: Day) -> None:
    with day.read() as session:
        seats = store.seats_of_room(session, store.room_by_ref(session, day.room_ref).id)
    assert [(seat.number, seat.spare) for seat in seats][-2:] == [(5, False), (6, True)]


@pytest.mark.parametrize(
    ("seats", "spares"),
    [pytest.param(1, 0, id="one seat"), pytest.param(200, 199, id="most seats")],
)
def test_a_room_has_seats_to_give(day: Day, seats: int, spares: int) -> None:
    with day.write() as session:
        room = add_room(session, day, seats, spares)
        assert store.seat_counts(session, [room.id])[room.id].spares == spares


@pytest.mark.parametrize(
    ("seats", "spares"),
    [
        pytest.param(0, 0, id="no seat"),
        pytest.param(201, 2, id="one too many"),
        pytest.param(2, 2, id="only spares"),
        pytest.param(30, -1, id="negative spares"),
    ],
)
def test_a_room_without_seats_to_give_is_refused(day: Day, seats: int, spares: int) -> None:
    with day.write() as session, pytest.raises(CbtError) as refused:
        add_room(session, day, seats, spares)
    assert refused.value.code == "room.seats"


def add_room(session: Session, day: Day, seats: int, spares: int) -> Room:
    centre = store.centre_by_ref(session, day.centre_ref)
    return places.create_room(
        session, centre, name="二号", seats=seats, spares=spares, now=day.clock.now(), actor=OFFICER
    )


def test_a_sitting_needs_rooms_of_its_own_centre(day: Day) -> None:
    with day.write() as session:
        sitting, _ = day.work(session)
        other = places.create_centre(session, name="西区", address="", now=day.clock.now(), actor=OFFICER)
        room = places.create_room(session, other, name="甲", now=day.clock.now(), actor=OFFICER)
        with pytest.raises(CbtError) as refused:
            service.add_sitting_room(session, sitting, room, now=day.clock.now(), actor=OFFICER)
        assert refused.value.code == "sitting.other_centre"


def test_a_sitting_without_rooms_is_not_published(day: Day) -> None:
    with day.write() as session:
        empty = service.create_sitting(
            session, batch=store.batch_by_ref(session, day.batch_ref),
            centre=store.centre_by_ref(session, day.centre_ref), name="空", planned_start_at=PLANNED,
            now=day.clock.now(), actor=OFFICER,
        )  # fmt: skip
        with pytest.raises(CbtError) as refused:
            service.publish_sitting(session, empty, now=day.clock.now(), actor=OFFICER)
        assert refused.value.code == "sitting.no_rooms"


def test_a_proctor_sees_only_assigned_rooms(day: Day) -> None:
    hire(day.app, day.clock, "li", Role.PROCTOR)
    hire(day.app, day.clock, "wu", Role.PROCTOR)
    hire(day.app, day.clock, "du", Role.INSPECTOR)
    with day.write() as session:
        _, room = day.work(session)
        assign_staff(
            session,
            room,
            staff_id=principal(day.app, "li").subject_id,
            duty="proctor",
            now=PLANNED,
            actor=OFFICER,
        )
    with day.read() as session:
        for login in ("li", "du"):
            assert store.room_for(session, day.sitting_room_ref, principal(day.app, login)).ref
        with pytest.raises(NotFound):
            store.room_for(session, day.sitting_room_ref, principal(day.app, "wu"))


def test_a_sitting_is_planned_from_the_command_line(app: flask.Flask) -> None:
    register_factory(lambda: app)
    runner = CliRunner()
    arguments = ["--batch", "第 5 批", "--centre", "西区", "--room", "甲", "--room", "乙", "--seats", "8"]
    for name in ("上午", "下午"):
        done = runner.invoke(sitting_command, ["add", name, "--start", "2026-12-05T09:00", *arguments])
        assert done.exit_code == 0, done.output
    ref = done.output.strip()
    listed = runner.invoke(sitting_command, ["list"]).output
    assert f"{ref}  2026-12-05 09:00  草稿  第 5 批 · 西区 · 下午" in listed
    for start in ("tomorrow", "0001-01-01T00:00"):
        refused = runner.invoke(sitting_command, ["add", "x", "--start", start, *arguments]).exception
        assert isinstance(refused, InvalidInput)
        assert refused.code == "input.instant"
    with app.app_context(), reading() as session:
        assert len(session.scalars(select(Room)).all()) == 2
