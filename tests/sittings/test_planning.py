"""Planning a day: marks, rooms, seats, staff, and what the officer's pages refuse."""

from __future__ import annotations

from datetime import timedelta

import flask
import pytest
from click.testing import CliRunner
from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.db.unit_of_work import reading
from cbt.errors import CbtError, NotFound
from cbt.rules.exam.policies import AdmissionPolicy
from cbt.rules.roles import Role
from cbt.sittings import store
from cbt.sittings.commands import sitting as sitting_command
from cbt.sittings.models import Room, Seat, Sitting
from cbt.sittings.planning import places, sittings
from cbt.sittings.planning.staff import assign_staff
from cbt.web.cli import register_factory
from tests.accounts.test_signing_in import hire, principal
from tests.helpers import FakeClock, count_queries, sign_in_as
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
        sitting = sittings.create_sitting(
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
            sittings.add_room(session, sitting, room, now=day.clock.now(), actor=OFFICER)
        assert refused.value.code == "sitting.other_centre"


def test_a_sitting_without_rooms_is_not_published(day: Day) -> None:
    with day.write() as session:
        empty = sittings.create_sitting(
            session, batch=store.batch_by_ref(session, day.batch_ref),
            centre=store.centre_by_ref(session, day.centre_ref), name="空", planned_start_at=PLANNED,
            now=day.clock.now(), actor=OFFICER,
        )  # fmt: skip
        with pytest.raises(CbtError) as refused:
            sittings.publish_sitting(session, empty, now=day.clock.now(), actor=OFFICER)
        assert refused.value.code == "sitting.no_rooms"


def form(day: Day, **changes: str) -> dict[str, str]:
    return {"name": "下午", "start": "2026-11-24T13:30", "rooms": day.room_ref, "mode": "machine", **changes}


def test_the_officer_plans_a_sitting_in_local_time(day: Day) -> None:
    client = browser(day.app, day.clock, "zhou", Role.OFFICER)
    answer = client.post(f"/office/batches/{day.batch_ref}/sittings/new", data=form(day, report="25"))
    assert answer.status_code == 303
    with day.read() as session:
        made = session.scalars(select(Sitting).where(Sitting.name == "下午")).one()
    assert made.planned_start_at - PLANNED == timedelta(hours=4, minutes=30)
    assert made.planned_start_at - made.report_at == minutes(25)
    assert client.get(answer.headers["Location"]).status_code == 200


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param({"mode": "paper"}, "二级理论表只写闭卷笔试", id="on paper"),
        pytest.param({"start": "2026-11-24T05:59"}, "计划开考时间已过", id="in the past"),
        pytest.param({"start": "soon"}, "日期时间看不懂", id="no time"),
        pytest.param({"name": ""}, "场次名称为空", id="no name"),
        pytest.param({"rooms": ""}, "没有这个考场", id="unknown room"),
        pytest.param({"report": "41"}, "早于签到开放", id="report before check-in"),
        pytest.param({"late_limit": "x"}, "这里要填分钟数", id="no number"),
    ],
)
def test_a_refused_sitting_is_explained_and_nothing_is_stored(
    day: Day, changes: dict[str, str], said: str
) -> None:
    client = browser(day.app, day.clock, "zhou", Role.OFFICER)
    page = client.post(f"/office/batches/{day.batch_ref}/sittings/new", data=form(day, **changes))
    assert page.status_code in {404, 422}
    assert said in page.text
    with day.read() as session:
        assert len(session.scalars(select(Sitting)).all()) == 1


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


def test_only_somebody_with_the_role_is_assigned_to_it(day: Day) -> None:
    client = browser(day.app, day.clock, "zhou", Role.OFFICER)
    hire(day.app, day.clock, "li", Role.PROCTOR)
    ref = principal(day.app, "li").subject_ref
    url = f"/office/sittings/{day.sitting_ref}/rooms/{day.sitting_room_ref}/staff"
    for staff, said in ((f"chief_proctor:{ref}", "没有这个角色"), (f"proctor:{ref}", "已安排监考人员")):
        client.post(url, data={"staff": staff})
        assert said in client.get(f"/office/sittings/{day.sitting_ref}").text
    client.post(f"{url}/{ref}/remove")
    assert "尚未安排" in client.get(f"/office/sittings/{day.sitting_ref}").text


def test_the_officer_arms_and_cancels_what_is_published(day: Day) -> None:
    client = browser(day.app, day.clock, "zhou", Role.OFFICER)
    page = f"/office/sittings/{day.sitting_ref}"
    with day.write() as session:
        sittings.publish_sitting(session, day.work(session)[0], now=day.clock.now(), actor=OFFICER)
    client.post(f"{page}/rooms/{day.sitting_room_ref}/arm", data={"armed": "1"})
    assert "按计划自动开考" in client.get(page).text
    client.post(f"{page}/cancel", data={"reason": ""})
    assert "没有填写原因" in client.get(page).text
    client.post(f"{page}/cancel", data={"reason": "台风"})
    assert "已取消（改期）" in client.get(page).text


def test_a_seat_is_unbound_and_made_a_spare(day: Day) -> None:
    client = browser(day.app, day.clock, "zhou", Role.OFFICER)
    with day.write() as session:
        seat = session.scalars(select(Seat).where(Seat.number == 3)).one()
        seat.machine_hash, seat.bound_at, seat.machine_address = "a" * 64, PLANNED, "10.0.0.3"
    page = f"/office/rooms/{day.room_ref}"
    assert "10.0.0.3" in client.get(page).text
    client.post(f"{page}/seats/3/unbind")
    client.post(f"{page}/seats/3/spare")
    with day.read() as session:
        seat = session.scalars(select(Seat).where(Seat.number == 3)).one()
        assert (seat.machine_hash, seat.machine_address, seat.spare) == (None, None, True)
    assert client.post(f"{page}/seats/7/unbind").status_code == 404
    assert client.post(f"{page}/seats/3/explode").status_code == 422


def test_the_room_code_is_for_those_who_run_rooms_and_can_be_changed(day: Day) -> None:
    with day.read() as session:
        code = session.scalars(select(Room.room_code)).one()
    inspector = browser(day.app, day.clock, "du", Role.INSPECTOR)
    assert code not in inspector.get(f"/office/rooms/{day.room_ref}").text
    officer = browser(day.app, day.clock, "zhou", Role.OFFICER)
    assert code not in officer.get(f"/office/rooms/{day.room_ref}").text  # no round is under way
    officer.post(f"/office/rooms/{day.room_ref}/code")
    with day.read() as session:
        fresh = session.scalars(select(Room.room_code)).one()
    assert fresh != code
    assert fresh in officer.get(f"/office/rooms/{day.room_ref}").text
    assert fresh not in inspector.get(f"/office/rooms/{day.room_ref}").text
    officer.post(f"/office/rooms/{day.room_ref}/code", data={"act": "close"})
    assert fresh not in officer.get(f"/office/rooms/{day.room_ref}").text


def test_an_inspector_reads_and_changes_nothing(day: Day) -> None:
    client = browser(day.app, day.clock, "du", Role.INSPECTOR)
    for path in ("/office/batches", "/office/centres", f"/office/centres/{day.centre_ref}"):
        assert client.get(path).status_code == 200
        assert client.post(path, data={"name": "x"}).status_code == 403
    assert client.post(f"/office/sittings/{day.sitting_ref}/publish").status_code == 403


def test_the_list_of_batches_asks_no_more_when_it_grows(day: Day) -> None:
    client = browser(day.app, day.clock, "zhou", Role.OFFICER)
    client.get("/office/batches")
    with count_queries(day.app) as few:
        client.get("/office/batches")
    with day.write() as session:
        for number in range(20):
            sittings.create_batch(session, name=f"批次 {number}", now=PLANNED, actor=OFFICER)
    with count_queries(day.app) as many:
        client.get("/office/batches")
    assert len(many) == len(few)


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
    with app.app_context(), reading() as session:
        assert len(session.scalars(select(Room)).all()) == 2
