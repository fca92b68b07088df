"""编入批次: an application stands in a batch with its people registered by the roster's path, or not at all."""

from __future__ import annotations

import io
import json
from datetime import date, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import delete, func, select, update

from cbt.audit.models import AuditEntry
from cbt.candidates.models import AdmissionTicket, Candidate, CandidatePhoto, Registration
from cbt.demo.people import portrait
from cbt.demo.world import Ground, plan_sitting
from cbt.enrolment.models import Applicant, ApplicationStep
from cbt.sittings.models import Batch, BatchLevel, Room, Sitting, SittingRoom
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.batches.test_checklist import steps
from tests.candidates.rosters import resident
from tests.enrolment.test_applications import Desk, clerk_of, desk, officer, people_of, state, unit
from tests.enrolment.test_units import rows
from tests.file_jobs import work_on
from tests.helpers import flat
from tests.world import PLANNED, World

__all__ = ["desk", "officer", "unit"]

NAMES = ("陆遥", "尚武")
SAID = "已安排"


@pytest.fixture
def accepted(world: World, desk: Desk) -> Desk:
    """Two people who were accepted, both for both papers, one with a photo; the world's sitting is a draft."""
    desk.enter()
    desk.enter(name=NAMES[1], document_number=resident(43))
    photo = {"photo": (io.BytesIO(portrait(seed=7, long_hair=True)), "照片.png")}
    desk.client.post(f"{desk.page}/people/{people_of(world)[0]}/photo", data=photo)
    desk.step("submit")
    desk.decide(people_of(world))
    assert desk.step("accept").status_code == 303
    with world.app.app_context(), unit_of_work() as session:
        room = session.get_one(Room, world.room_id)
        batch = session.scalars(select(Batch)).one()
        premises = Ground(room.centre_id, room.id, {}).premises(session, batch.id)
        plan_sitting(session, premises, name="下午", at=PLANNED + timedelta(hours=5), now=world.clock.now())
    change(world, update(Sitting).values(state="draft"), update(SittingRoom).values(state="draft"))
    return desk


def change(world: World, *statements: Any) -> None:
    with world.app.app_context(), unit_of_work() as session:
        for statement in statements:
            session.execute(statement)


def registered(world: World) -> list[tuple[str, str, str]]:
    """Return for whom of the application there is a registration: name, paper, kind."""
    with world.app.app_context(), reading() as session:
        query = (
            select(Candidate.name, Registration.paper, Registration.kind)
            .join(Registration, Registration.candidate_id == Candidate.id)
            .where(Candidate.name.in_(NAMES))
            .order_by(Candidate.id, Registration.paper.desc())
        )
        return [(name, paper, kind) for name, paper, kind in session.execute(query)]


BOTH = [(name, paper, "first") for name in NAMES for paper in ("theory", "skills")]


def count(world: World, *tables: Any) -> list[int]:
    with world.app.app_context(), reading() as session:
        return [session.scalar(select(func.count()).select_from(table)) or 0 for table in tables]


def pages(world: World, desk: Desk) -> dict[str, str]:
    """Return every page that says where an application stands."""
    batch = f"/office/batches/{world.batch_ref}"
    return {page: desk.text(page) for page in (desk.page, desk.start, "/staff", batch)}


def test_it_says_scheduled_once_its_people_are_registered_and_not_before(
    world: World, officer: FlaskClient, accepted: Desk, unit: str
) -> None:
    clerk = clerk_of(world, officer, unit, "miao")
    clerk.page = accepted.page.replace("/office/", "/unit/")
    looked = accepted.bring_in(world.batch_ref)
    assert looked.status_code == 303
    page = looked.headers["Location"]
    assert page.startswith(f"/office/batches/{world.batch_ref}/roster/")
    with world.app.app_context():
        work_on(page.rpartition("/")[2], clock=world.clock.now)
    shown = accepted.text(page)
    assert "确认" in shown
    assert accepted.page in shown  # the way back
    assert "<h1" in shown
    assert ".xlsx</h1>" not in shown  # called as the unit is: nobody brought a file
    assert (registered(world), state(world)) == ([], "accepted")
    assert not any(SAID in text for text in pages(world, accepted).values())
    assert accepted.client.post(page).status_code == 303
    with world.app.app_context():
        work_on(page.rpartition("/")[2], clock=world.clock.now)
    assert (registered(world), state(world)) == (BOTH, "scheduled")
    assert accepted.client.get(page).headers["Location"] == accepted.page
    told = accepted.text()
    assert f"/office/batches/{world.batch_ref}/people" in told  # what was made
    assert SAID in told
    assert SAID in clerk.text()
    with rows(world, ApplicationStep) as (*_before, last):
        assert (last.event, last.words) == ("schedule", "2026 年第四批")
    with rows(world, CandidatePhoto) as photos, rows(world, Candidate) as candidates:
        with_photo = {one.candidate_id for one in photos}
        assert [one.id in with_photo for one in candidates if one.name in NAMES] == [True, False]
    assert accepted.bring_in(world.batch_ref).status_code == 303  # nothing to add; the same again is harmless
    assert steps(officer, world.batch_ref)["名册"][0] == "done"


def test_a_batch_on_other_days_than_the_wished_one_is_asked_about(
    world: World, officer: FlaskClient, accepted: Desk
) -> None:
    change(world, update(Batch).values(starts_on=date(2027, 1, 12), ends_on=date(2027, 1, 13)))
    asked = accepted.client.post(f"{accepted.page}/batch", data={"batch": world.batch_ref})
    assert asked.status_code == 409
    said = flat(asked.text)
    for text in ("2027-01-12 – 2027-01-13", "单位希望 2027-01-11 考试", 'name="outside"'):
        assert text in said, text
    assert f'value="{world.batch_ref}" selected' in said
    assert accepted.bring_in(world.batch_ref).status_code == 303
    change(world, update(Batch).values(starts_on=date(2027, 1, 11)))
    inside = accepted.client.post(f"{accepted.page}/batch", data={"batch": world.batch_ref})
    assert inside.status_code == 303


def test_whoever_is_in_no_roster_is_named_wherever_the_application_stands(
    world: World, officer: FlaskClient, accepted: Desk
) -> None:
    accepted.register(world)
    shown = pages(world, accepted)
    assert not any("未报名" in text for text in shown.values())
    person = select(Candidate.id).where(Candidate.name == NAMES[1]).scalar_subquery()
    change(
        world,
        delete(Registration).where(Registration.candidate_id == person, Registration.paper == "skills"),
    )
    shown = pages(world, accepted)
    assert all("1 人未报名" in shown[page] for page in (accepted.page, accepted.start, "/staff"))
    assert not any(SAID in text for text in shown.values())
    assert f"不在名册中：{NAMES[1]}" in shown[accepted.page]
    state_, said, url = steps(officer, world.batch_ref)["名册"]
    assert (state_, url) == ("open*", accepted.page)
    assert "另有 1 人可以参加考试，却不在名册中" in said
    assert f"{NAMES[1]}，共 1 人" in flat(officer.get(f"/office/batches/{world.batch_ref}").text)
    accepted.register(world)  # the others of the same batch
    assert registered(world) == BOTH
    assert state(world) == "scheduled"
    assert steps(officer, world.batch_ref)["名册"][0] == "done"


def test_an_application_that_waits_for_such_a_batch_is_named_once_its_people_may_sit(
    world: World, officer: FlaskClient, accepted: Desk, unit: str
) -> None:
    with world.app.app_context(), unit_of_work() as session:
        version, batch = (
            session.scalars(select(Registration.blueprint_version_id)).first(),
            session.scalars(select(Batch)).one(),
        )
        batch.starts_on, batch.ends_on = date(2027, 1, 10), date(2027, 1, 11)
        session.add(
            BatchLevel(batch_id=batch.id, level="3", blueprint_version_id=version, papers="theory,skills")
        )
    assert "另有 2 人可以参加考试" in steps(officer, world.batch_ref)["名册"][1]
    change(world, update(Batch).values(ends_on=date(2027, 1, 10)))
    assert steps(officer, world.batch_ref)["名册"][0] == "done"  # it asks for another day


def test_what_was_looked_at_must_still_be_so_and_be_paid(
    world: World, officer: FlaskClient, accepted: Desk
) -> None:
    page = accepted.bring_in(world.batch_ref).headers["Location"]
    with world.app.app_context():
        work_on(page.rpartition("/")[2], clock=world.clock.now)
    change(world, update(Applicant).where(Applicant.name == NAMES[1]).values(verdict="refused"))
    officer.post(page)
    assert "同意的人员或科目变了" in accepted.text(page)
    assert registered(world) == []
    change(world, update(Applicant).values(verdict="accepted"))
    assert accepted.step("reconsider").status_code == 303
    officer.post(page)
    assert (registered(world), state(world)) == ([], "submitted")
    assert accepted.client.post(f"{page}/drop").headers["Location"] == accepted.page


def test_an_import_that_the_application_does_not_allow_any_more_is_taken_back(
    world: World, officer: FlaskClient, accepted: Desk
) -> None:
    page = accepted.bring_in(world.batch_ref).headers["Location"]
    with world.app.app_context():
        work_on(page.rpartition("/")[2], clock=world.clock.now)
    before = count(world, Registration, AdmissionTicket, Candidate)
    assert officer.post(page).status_code == 303
    assert accepted.step("withdraw").status_code == 303  # before a worker comes to it
    with world.app.app_context():
        assert not work_on(page.rpartition("/")[2], clock=world.clock.now)
    assert count(world, Registration, AdmissionTicket, Candidate) == before
    assert state(world) == "withdrawn"


def test_taking_it_out_of_the_batch_takes_its_people_off_the_roster(
    world: World, officer: FlaskClient, accepted: Desk
) -> None:
    tables = (Registration, AdmissionTicket, Candidate, CandidatePhoto)
    before = count(world, *tables)
    accepted.register(world)
    assert count(world, *tables) != before
    leave = f"{accepted.page}/batch/leave"
    change(world, update(Sitting).values(state="published"))
    refused = officer.post(leave)
    assert refused.status_code == 409
    assert "4 科次的场次已发布" in flat(refused.text)
    assert (registered(world), state(world)) == (BOTH, "scheduled")
    change(world, update(Sitting).values(state="draft"))
    assert officer.post(leave).headers["Location"] == accepted.page
    assert "撤下 4 科次的报名" in accepted.text()
    assert (count(world, *tables), state(world)) == (before, "accepted")
    assert officer.post(leave).status_code == 409
    with rows(world, AuditEntry) as log:
        acts = [
            (one.act.partition(".")[2], json.loads(one.after))
            for one in log
            if one.act in {"application.schedule", "application.unschedule"}
        ]
    batch = {"batch": world.batch_ref}
    assert acts == [("schedule", batch), ("unschedule", batch)]
    with rows(world, ApplicationStep) as steps, rows(world, Batch) as batches:
        (name,) = (one.name for one in batches if one.ref == world.batch_ref)
        assert [(one.event, one.words) for one in steps][-2:] == [("schedule", name), ("unschedule", name)]


def test_who_is_registered_already_goes_along(world: World, officer: FlaskClient, accepted: Desk) -> None:
    """A roster that was brought before has them; the application follows, with the photo that it brings."""
    roster = officer.post(f"{accepted.page}/roster").data
    where = officer.post(
        f"/office/batches/{world.batch_ref}/roster", data={"file": (io.BytesIO(roster), "r.xlsx")}
    ).headers["Location"]
    for confirmed in (False, True):
        if confirmed:
            assert officer.post(where).status_code == 303
        with world.app.app_context():
            work_on(where.rpartition("/")[2], clock=world.clock.now)
    change(world, delete(CandidatePhoto))
    assert (registered(world), state(world)) == (BOTH, "accepted")
    accepted.register(world)
    assert (registered(world), state(world)) == (BOTH, "scheduled")
    assert count(world, CandidatePhoto) == [1]
