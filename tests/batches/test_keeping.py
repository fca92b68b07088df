"""What was planned is renamed with its former name on record, and goes only while nothing hangs on it."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, func, select

from cbt.audit.models import AuditEntry
from cbt.candidates.models import Registration
from cbt.rules.roles import Role
from cbt.sittings.models import Batch, Centre, Room, Seat, Sitting
from tests.candidates.rosters import row
from tests.candidates.test_importing import bring
from tests.sittings.conftest import Day
from tests.sittings.test_planning import browser


def entry(day: Day, act: str) -> tuple[object, object]:
    with day.read() as session:
        found = session.scalars(select(AuditEntry).where(AuditEntry.act == act)).one()
        return found.before, found.after


def test_a_centre_and_a_room_are_renamed_with_the_former_name_on_record(day: Day) -> None:
    client = browser(day.app, day.clock, "zhou", Role.OFFICER)
    centre, room = f"/office/centres/{day.centre_ref}", f"/office/rooms/{day.room_ref}"
    assert 'value="东区考点"' in client.get(f"{centre}/edit").text
    assert client.post(f"{centre}/edit", data={"name": "东区一考点", "address": "松江"}).status_code == 303
    assert client.post(f"{centre}/edit", data={"name": "东区一考点", "address": "松江"}).status_code == 303
    before, after = entry(day, "centre.change")
    assert "东区考点" in str(before)
    assert "松江" in str(after)
    for a_day, status in (("0", 422), ("13", 422), ("3", 303)):
        told = {"name": "东区一考点", "address": "松江", "sittings_a_day": a_day}
        assert client.post(f"{centre}/edit", data=told).status_code == status
    assert 'name="sittings_a_day"' in client.get(f"{centre}/edit").text
    assert 'value="3"' in client.get(f"{centre}/edit").text
    assert client.post(f"{room}/edit", data={"name": ""}).status_code == 422
    client.post(centre, data={"name": "二号机房", "seats": "3", "spares": "0"})
    taken = client.post(f"{room}/edit", data={"name": "二号机房"})
    assert (taken.status_code, 'value="二号机房"' in taken.text) == (409, True)
    assert client.post(f"{room}/edit", data={"name": "甲机房"}).status_code == 303
    assert "甲机房" in client.get(f"/office/sittings/{day.sitting_ref}").text
    assert browser(day.app, day.clock, "du", Role.INSPECTOR).get(f"{room}/edit").status_code == 403


def test_everything_goes_from_below_and_nothing_before_what_hangs_on_it(day: Day) -> None:
    client = browser(day.app, day.clock, "zhou", Role.OFFICER)
    bring(day, [row(1), row(2)])
    batch, sitting = f"/office/batches/{day.batch_ref}", f"/office/sittings/{day.sitting_ref}"
    centre, room = f"/office/centres/{day.centre_ref}", f"/office/rooms/{day.room_ref}"
    for path, said in (
        (sitting, "报名 2 人次"),
        (batch, "场次 1 个"),
        (room, "使用本考场的场次 1 个"),
        (centre, "考场 1 间"),
    ):
        assert said in client.get(f"{path}/delete").text
        refused = client.post(f"{path}/delete")
        assert (refused.status_code, said in refused.text) == (409, True), path
    with day.write() as session:
        session.execute(delete(Registration))
    assert client.post(f"{sitting}/delete").headers["Location"] == batch
    assert "准考证 2 张" in client.post(f"{batch}/delete").text
    assert client.post(f"{room}/delete").headers["Location"] == centre
    assert client.post(f"{centre}/delete").headers["Location"] == "/office/centres"
    assert client.get(sitting).status_code == 404
    for act in ("sitting.delete", "room.delete", "centre.delete"):
        assert "name" in str(entry(day, act)[0])
    with day.read() as session:
        left = [
            session.scalar(select(func.count()).select_from(one)) for one in (Sitting, Room, Seat, Centre)
        ]
        assert left == [0, 0, 0, 0]
        assert session.scalars(select(Batch.ref)).all() == [day.batch_ref]


@pytest.mark.parametrize("state", ["published", "scored"])
def test_what_people_were_told_of_is_not_deleted(day: Day, state: str) -> None:
    with day.write() as session:
        day.work(session)[0].state = state
    client = browser(day.app, day.clock, "zhou", Role.OFFICER)
    assert "场次已发布" in client.post(f"/office/sittings/{day.sitting_ref}/delete").text
    with day.read() as session:
        assert day.work(session)[0].state == state
