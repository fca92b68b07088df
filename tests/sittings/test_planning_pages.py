"""Planning on pages: what the officer is shown and refused, who reads and who changes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from cbt.rules.roles import Role
from cbt.sittings import service
from cbt.sittings.models import Room, Seat, Sitting
from tests.accounts.test_signing_in import hire, principal
from tests.helpers import count_queries
from tests.sittings.conftest import OFFICER, PLANNED, Day
from tests.sittings.test_planning import browser, minutes

pytestmark = pytest.mark.once


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
        service.publish_sitting(session, day.work(session)[0], now=day.clock.now(), actor=OFFICER)
    client.post(f"{page}/rooms/{day.sitting_room_ref}/arm", data={"armed": "1"})
    assert "按计划自动开考" in client.get(page).text
    client.post(f"{page}/cancel", data={"reason": ""})
    assert "没有填写原因" in client.get(page).text
    client.post(f"{page}/cancel", data={"reason": "台风"})
    assert "已取消" in client.get(page).text


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


def test_a_room_has_rows_that_change_while_no_seat_in_use_goes(day: Day) -> None:
    client = browser(day.app, day.clock, "zhou", Role.OFFICER)
    centre = f"/office/centres/{day.centre_ref}"
    room = {"name": "二号机房", "seats": "7", "spares": "1", "per_row": "3", "door": "back_right"}
    assert client.post(centre, data=room | {"per_row": "25"}).status_code == 422
    page = client.post(centre, data=room | {"numbering": "rows_snake"}).headers["Location"]
    with day.read() as session:
        made = session.scalars(select(Room).where(Room.name == "二号机房")).one()
        assert (made.plan, made.door) == ("1 2 3\n6 5 4\n7 - -", "back_right")
    shown = client.get(page).text
    assert shown.count("plan-seat") == 7
    assert "靠门" in shown
    laid = client.get(f"{page}/plan?seats=8&columns=4&numbering=rows&aisles=2").text
    assert "1 2 - 3 4\n5 6 - 7 8" in laid
    assert "还没有保存" in laid
    for wrong, said in (
        ("?seats=8&columns=4&numbering=rows&aisles=x", "过道的列号没有看懂"), ("?seats=8&columns=99", "24"),
        ("?seats=8&columns=4&numbering=spiral", "422"),
    ):  # fmt: skip
        answer = client.get(f"{page}/plan{wrong}")
        assert answer.status_code == 422
        assert said in answer.text or said == "422"
    with day.write() as session:
        seat = session.scalars(select(Seat).where(Seat.room_id == made.id, Seat.number == 7)).one()
        seat.machine_hash, seat.bound_at, seat.machine_address = "b" * 64, PLANNED, "10.0.0.7"
    kept = "1 2 3\n4 5 6"
    refused = client.post(f"{page}/plan", data={"plan": kept, "door": ""})
    assert refused.status_code == 409
    assert "机位 07 绑定着机器" in refused.text or "机位 7 绑定着机器" in refused.text
    assert kept in refused.text
    assert client.post(f"{page}/plan", data={"plan": "1 1", "door": ""}).status_code == 422
    assert client.post(f"{page}/plan", data={"plan": "7 8 9", "door": "window"}).status_code == 422
    assert client.post(f"{page}/plan", data={"plan": "7 8\n- 9", "door": "front_left"}).status_code == 303
    with day.read() as session:
        seats = session.scalars(
            select(Seat.number).where(Seat.room_id == made.id).order_by(Seat.number)
        ).all()
        assert (list(seats), session.get_one(Room, made.id).plan) == ([7, 8, 9], "7 8\n- 9")
    assert "还不知道每排几个机位" in client.get(f"/office/rooms/{day.room_ref}").text
    assert browser(day.app, day.clock, "du", Role.INSPECTOR).get(f"{page}/plan").status_code == 403


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
            service.create_batch(session, name=f"批次 {number}", now=PLANNED, actor=OFFICER)
    with count_queries(day.app) as many:
        client.get("/office/batches")
    assert len(many) == len(few)
