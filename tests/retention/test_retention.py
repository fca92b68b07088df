"""Retention: what is due, holds, destruction by two people, and what stays (R-95)."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import PrimaryKeyConstraint, UniqueConstraint, func, select

from cbt.accounts.models import Approval
from cbt.audit.models import AuditEntry
from cbt.candidates.corrections import store_photo
from cbt.candidates.models import Candidate, CandidatePhoto, Registration
from cbt.enrolment.models import Applicant, ApplicationStep, FeeCharge, UnitApplication
from cbt.jobs import queue
from cbt.jobs import worker as jobs
from cbt.jobs.models import Job, JobPart
from cbt.jobs.worker import JobRun, new_holder
from cbt.ops.backup.verification import all_findings, verify_everything
from cbt.personal import PHONE
from cbt.retention.destruction import DESTROY, want_destructions
from cbt.retention.erasure import STAYS, referring
from cbt.retention.models import Destruction
from cbt.storage.crypto import seal
from cbt.storage.types import Base
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.certificates.test_certificates import BOTH, candidate_id, given, look_up, qualify, set_parts
from tests.enrolment.test_applications import Desk, desk, people_of, unit
from tests.enrolment.test_units import officer
from tests.helpers import count_queries, flat
from tests.results.scene import USUAL, finish
from tests.world import World, named_nobody

__all__ = ["desk", "officer", "unit"]

LIST = "/office/retention"
FIVE_YEARS = timedelta(days=5 * 366)
NOTE = {"kind": "electronic", "note": "保管期满，按档案制度销毁"}


def page(world: World) -> str:
    return f"{LIST}/batches/{world.batch_ref}"


def asked(world: World, **changes: str) -> str:
    """Ask for the destruction of the world's batch; return its page."""
    answer = world.staff("officer").post(f"{page(world)}/destroy", data=NOTE | changes)
    assert answer.status_code == 303, flat(answer.text)
    return str(answer.headers["Location"])


def carry_out(world: World) -> int:
    """Have the jobs run until nothing is left; return how many pieces went."""
    pieces, now = 0, world.clock.now()

    def front(write: Callable[[], object]) -> object:
        nonlocal pieces
        pieces += 1
        return write()

    with world.app.app_context():
        want_destructions(now=now)
        while (job := queue.claim(new_holder(), now=now, kinds=(DESTROY.code,))) is not None:
            jobs.carry_out(JobRun(job, now=now, front=front))
            pieces -= 1  # its end is none
        with reading() as session:
            ended = session.scalars(select(Job.state).where(Job.kind == DESTROY.code)).all()
    assert set(ended) <= {"done"}
    return pieces


def rows_of(world: World, table: str) -> int:
    with world.app.app_context(), reading() as session:
        return session.scalar(select(func.count()).select_from(Base.metadata.tables[table])) or 0


def waiting_file(world: World) -> None:
    """Have a roster wait to be fetched, as when its worker took longer than its click."""
    export = f"/office/sittings/{world.sitting_ref}/export"
    assert world.staff("officer").post(export, data={"format": "csv"}).status_code == 200
    with world.app.app_context(), unit_of_work() as session:
        job = session.scalars(select(Job).where(Job.kind == "sitting.roster")).one()
        job.file_bytes = 1
        session.add(JobPart(job_id=job.id, number=0, sealed=b"somebody"))


def test_two_people_destroy_what_is_due_and_the_register_stays(world: World) -> None:
    qualify(world)
    set_parts(world)
    row, *_others = given(world, *BOTH)
    with world.app.app_context(), unit_of_work() as session:
        for name in ("theory", "elsewhere"):
            store_photo(session, candidate_id(world, name), b"\xff\xd8photo")
        refs = session.scalars(select(Candidate.ref)).all()
        batches = session.scalars(
            select(Base.metadata.tables["batch"].c.ref).order_by(Base.metadata.tables["batch"].c.id)
        ).all()
    too_early = world.staff("officer").post(f"{page(world)}/destroy", data=NOTE)
    assert too_early.status_code == 409
    assert "还没有到期" in too_early.text
    world.clock.advance(FIVE_YEARS)
    officer, admin = world.staff("officer"), world.staff("admin")
    assert world.staff("inspector").post(f"{page(world)}/destroy", data=NOTE).status_code == 403
    for batch in batches:
        order = officer.post(f"{LIST}/batches/{batch}/destroy", data=NOTE).headers["Location"]
        assert officer.post(f"{order}/confirm").status_code == 409
        assert admin.post(f"{order}/confirm").status_code == 303
        assert admin.post(f"{order}/confirm").status_code == 409
        assert officer.get(f"{order}.pdf").status_code == 409
    waiting_file(world)
    assert carry_out(world) > len(batches)
    assert rows_of(world, "job_part") == 0
    for table in Base.metadata.tables.values():
        if {key.column.table.name for key in table.foreign_keys} & {"registration", "attempt", "applicant"}:
            assert table.name in STAYS or rows_of(world, table.name) == 0, table.name
    assert rows_of(world, "registration") == rows_of(world, "form") == rows_of(world, "admission_ticket") == 0
    with world.app.app_context(), reading() as session:
        left = session.scalars(select(Candidate).order_by(Candidate.id)).all()
        assert session.scalars(select(CandidatePhoto)).all() == []
        order_rows = session.scalars(select(Destruction)).all()
        log = session.scalars(select(AuditEntry).where(AuditEntry.act == "retention.done")).all()
    assert {one.state for one in order_rows} == {"done"}
    assert len(log) == len(batches)
    assert len(left) == len(BOTH) < len(refs)
    assert {(one.phone_sealed, one.employer) for one in left} == {(None, "")}
    gone = json.loads(order_rows[0].counts)
    assert gone["registration"] == gone["attempt"] > 0
    assert 0 not in gone.values()
    assert [json.loads(entry.after) for entry in log] == [
        {"batch": batch, "erased": sum(json.loads(row.counts).values())}
        for batch, row in zip(batches, order_rows, strict=True)
    ]
    assert {(entry.actor, entry.subject) for entry in log} == {
        ("system", f"destruction:{row.ref}") for row in order_rows
    }
    assert {(row.left, row.done_at) for row in order_rows} == {(0, world.clock.now())}
    assert "证书有效" in look_up(world.app, row.number, row.name)
    assert officer.post(f"/office/certificates/{row.ref}/print").status_code == 200
    with world.app.app_context():
        assert list(all_findings(verify_everything())) == []
    for shown in (LIST, f"{LIST}?list=gone", page(world), order, "/results", "/audit"):
        assert officer.get(shown).status_code == 200, shown
    for shown in ("/office/batches/{}", "/results/retakes/{}"):
        assert officer.get(shown.format(world.batch_ref)).status_code == 200, shown
    assert officer.get(f"/results/{world.sitting_ref}").status_code == 200
    assert named_nobody(world, lambda: officer.get(f"{order}.pdf").status_code) == 409
    record = officer.get(f"{order}.pdf")
    assert (record.status_code, record.mimetype) == (200, "application/pdf")


def test_who_is_in_another_batch_stays_as_they_are(world: World) -> None:
    """With all that is held of them, though the register has them already."""
    qualify(world)
    set_parts(world)
    given(world, *BOTH)
    with world.app.app_context(), unit_of_work() as session:
        for one in session.scalars(select(Candidate)):
            one.phone_sealed = seal("13800138000", PHONE)
        for name in BOTH:
            store_photo(session, candidate_id(world, name), b"\xff\xd8photo")
        held = set(session.scalars(select(Candidate.employer)))
    world.clock.advance(FIVE_YEARS)
    order = asked(world)
    world.staff("admin").post(f"{order}/confirm")
    carry_out(world)
    with world.app.app_context(), reading() as session:
        people = set(session.scalars(select(Candidate.id)))
        registered = set(session.scalars(select(Registration.candidate_id)))
        left = session.scalars(select(Candidate)).all()
        assert set(session.scalars(select(CandidatePhoto.candidate_id))) == people
    assert (
        {(one.employer, one.phone_sealed is None) for one in left} == {(one, False) for one in held} != set()
    )
    assert people == registered
    assert len(people) == len(BOTH)


@pytest.mark.once
def test_a_hold_keeps_a_batch_until_somebody_else_lifts_it(world: World) -> None:
    finish(world, USUAL)
    world.clock.advance(FIVE_YEARS)
    officer, admin = world.staff("officer"), world.staff("admin")
    order = asked(world)
    assert officer.post(f"{page(world)}/hold").status_code == 422
    assert officer.post(f"{page(world)}/hold", data={"reason": "法院来函"}).status_code == 303
    assert officer.post(f"{page(world)}/hold", data={"reason": "法院来函"}).status_code == 409
    shown = officer.get(page(world)).text
    assert "法院来函" in shown
    assert (f'{page(world)}/lift"' in shown, f'{page(world)}/hold"' in shown) == (True, False)
    assert world.staff("inspector").post(f"{page(world)}/lift", data={"reason": "x"}).status_code == 403
    assert admin.post(f"{order}/confirm").status_code == 409
    assert officer.post(f"{page(world)}/lift", data={"reason": "结案"}).status_code == 409
    with count_queries(world.app) as queries:
        assert world.batch_ref in officer.get(f"{LIST}?list=held").text
    assert len(queries) <= 16
    assert admin.post(f"{page(world)}/lift", data={"reason": "结案"}).status_code == 303
    assert world.batch_ref in officer.get(LIST).text
    shown = officer.get(page(world)).text
    assert (f'{page(world)}/lift"' in shown, f'{page(world)}/hold"' in shown) == (False, True)
    ask = f'action="{page(world)}/destroy"'
    assert shown.count(ask) == 1
    assert admin.post(f"{order}/withdraw").status_code == 303
    assert officer.get(page(world)).text.count(ask) == 2
    assert carry_out(world) == 0
    assert rows_of(world, "journal") == 0 or rows_of(world, "attempt") > 0
    order = asked(world)
    assert admin.post(f"{order}/confirm").status_code == 303
    assert officer.post(f"{page(world)}/hold", data={"reason": "太晚"}).status_code == 409


@pytest.mark.once
def test_paper_is_due_earlier_and_its_destruction_is_noted(world: World) -> None:
    finish(world, USUAL)
    world.clock.advance(timedelta(days=3 * 366))
    officer, admin = world.staff("officer"), world.staff("admin")
    assert officer.post(f"{page(world)}/destroy", data=NOTE).status_code == 409
    order = asked(world, kind="paper", note="签到表等两盒，送造纸厂化浆")
    attempts = rows_of(world, "attempt")
    assert admin.post(f"{order}/confirm").status_code == 303
    assert "化浆" in flat(officer.get(order).text)
    assert carry_out(world) == 0
    assert rows_of(world, "attempt") == attempts > 0
    assert officer.post(LIST, data={"electronic": "2", "paper": "2"}).status_code == 403
    for wrong in ("0", "31", "x"):
        assert admin.post(LIST, data={"electronic": wrong, "paper": "2"}).status_code == 422
    shorter = admin.post(LIST, data={"electronic": "2", "paper": "2", "ask": "1"}).headers["Location"]
    with world.app.app_context(), reading() as session:
        digest = session.scalars(select(Approval.digest)).one()
    assert officer.post(f"{shorter}/approve", data={"digest": digest}).status_code == 303
    assert world.batch_ref in officer.get(LIST).text
    asked(world)


def test_what_was_paid_stays_and_who_it_was_for_goes(
    world: World, officer: FlaskClient, desk: Desk, unit: str
) -> None:
    desk.enter()
    desk.step("submit")
    desk.decide(people_of(world))
    assert desk.step("accept").status_code == 303
    finish(world, USUAL)
    with world.app.app_context(), unit_of_work() as session:
        batch = session.scalars(
            select(Base.metadata.tables["batch"].c.id).where(
                Base.metadata.tables["batch"].c.ref == world.batch_ref
            )
        ).one()
        assert len(session.scalars(select(FeeCharge)).all()) == 1
        application = session.scalars(select(UnitApplication)).one()
        application.batch_id, application.note = batch, "陆遥请靠门坐"
        applied = session.scalars(select(Applicant.ref)).one()
    stays = flat(world.staff("officer").get(f"{LIST}/people/{applied}").text)
    assert ("收费记录" in stays, "正在办理的申请" in stays) == (True, False)
    world.clock.advance(FIVE_YEARS)
    order = asked(world)
    world.staff("admin").post(f"{order}/confirm")
    carry_out(world)
    with world.app.app_context(), reading() as session:
        assert session.scalars(select(Applicant)).all() == []
        assert session.scalars(select(UnitApplication.note)).all() == [""]
        assert session.execute(select(FeeCharge.fen, FeeCharge.applicant_id)).all() == [(28000, None)]
    again = world.staff("officer")
    assert again.get(desk.page).status_code == 200
    assert again.get(f"/office/fees/units/{unit}").status_code == 200


@pytest.mark.once
@pytest.mark.parametrize("touched_later", [False, True])
def test_an_application_that_came_to_nothing_goes_once_it_is_as_old(
    world: World, officer: FlaskClient, desk: Desk, touched_later: bool
) -> None:
    desk.enter()
    finish(world, USUAL)
    with world.app.app_context(), unit_of_work() as session:
        step = session.scalars(select(ApplicationStep).order_by(ApplicationStep.id.desc())).first()
        if touched_later and step is not None:
            step.at += timedelta(days=400)
    world.clock.advance(FIVE_YEARS)
    world.staff("admin").post(f"{asked(world)}/confirm")
    carry_out(world)
    assert rows_of(world, "unit_application") == 1
    assert rows_of(world, "applicant") == touched_later
    assert world.staff("officer").get(desk.page).status_code == 200


FEW = {
    ("corrected_attempt", "after_score_id"),
    ("corrected_attempt", "before_score_id"),
    ("fresh_request", "mark_id"),
    ("granted_time", "registration_id"),
    ("inspector_comment", "registration_id"),
    ("result_objection", "publication_id"),
    ("ruled_attempt", "after_score_id"),
    ("ruled_attempt", "before_score_id"),
    ("withdrawal", "form_id"),
    ("withdrawal", "sitting_room_id"),
}
"""Columns of tables with few rows for each sitting, which are gone through."""


def test_what_goes_with_a_row_is_found_by_an_index() -> None:
    roots = ("registration", "admission_ticket", "candidate", "applicant", "form", "sitting_room", "sitting")
    missing = {one for root in roots for one in without_index(root)}
    assert missing == FEW


def without_index(name: str) -> set[tuple[str, str]]:
    """Return the columns below a table by which rows are looked for and which no index begins with."""
    found = set()
    for table, key in referring(name, all_of_them=True):
        first = {next(iter(index.columns)).name for index in table.indexes}
        first |= {
            next(iter(one.columns)).name
            for one in table.constraints
            if isinstance(one, UniqueConstraint | PrimaryKeyConstraint) and len(one.columns)
        }
        if key.parent.name not in first:
            found.add((table.name, key.parent.name))
        if table.name not in STAYS:
            found |= without_index(table.name)
    return found
