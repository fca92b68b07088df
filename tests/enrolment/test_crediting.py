"""中止、退考、考毕: what the rooms know of papers cancels their fees once, when a batch is over (R-76, R-77)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update

from cbt.audit.models import AuditEntry
from cbt.batches.applications import QUIET, complete_applications
from cbt.batches.people.change import withdraw
from cbt.candidates.models import Candidate, Registration
from cbt.enrolment.models import Applicant, FeeCharge, UnitApplication
from cbt.personal import document_index
from cbt.sittings.models import Sitting, SittingRoom
from cbt.storage.unit_of_work import unit_of_work
from tests.candidates.rosters import resident
from tests.enrolment.test_applications import Desk, desk, officer, put_in, state, unit
from tests.enrolment.test_fees import accepted, pay
from tests.enrolment.test_units import rows
from tests.world import PLANNED, World

__all__ = ["accepted", "desk", "officer", "unit"]


def seat(world: World, sitter: str, number: int, *, again: str = "") -> str:
    """Have whoever sits there be the person of that number, `again` at another seat; return the candidate's ref."""
    with world.app.app_context(), unit_of_work() as session:
        row = session.get_one(Registration, world.sitters[sitter].registration_id)
        person = session.get_one(Candidate, row.candidate_id)
        person.document_index = document_index(resident(number))
        if again:
            other = session.get_one(Registration, world.sitters[again].registration_id)
            other.candidate_id, other.ticket_id = row.candidate_id, row.ticket_id
        return person.ref


def over(world: World, *aborted: str) -> None:
    """Have every room be ended, those of some sitters aborted."""
    with world.app.app_context(), unit_of_work() as session:
        session.execute(update(Sitting).values(state="ended"))
        session.execute(update(SittingRoom).values(state="ended"))
        for sitter in aborted:
            row = session.get_one(Registration, world.sitters[sitter].registration_id)
            session.execute(
                update(SittingRoom).where(SittingRoom.id == row.sitting_room_id).values(state="aborted")
            )


def cancelled(world: World) -> list[tuple[str, str]]:
    with rows(world, FeeCharge) as charges:
        return [(one.kind, one.cause) for one in charges if one.cancelled_on is not None]


def test_an_aborted_paper_is_credited_once_and_one_that_was_held_is_not(
    world: World, officer: FlaskClient, unit: str, accepted: Desk
) -> None:
    pay(officer, unit)
    seat(world, "theory", 31, again="factor")  # both papers, in the room that is held
    seat(world, "elsewhere", 42)  # the make-up, in the room that is aborted
    put_in(world, accepted)
    over(world, "elsewhere")
    assert accepted.step("complete").status_code == 303
    assert cancelled(world) == [("retake", "aborted")]
    shown = accepted.text(f"/office/fees/units/{unit}")
    assert "100.00" in shown  # what was paid for it is credit
    assert accepted.step("complete").status_code == 409
    world.clock.advance(QUIET + timedelta(days=30))
    with world.app.app_context():
        assert complete_applications(now=world.clock.now()) == 0
    assert cancelled(world) == [("retake", "aborted")]


@pytest.mark.once
def test_who_withdrew_is_credited_when_the_application_ends_by_itself_a_week_later(
    world: World, officer: FlaskClient, unit: str, accepted: Desk
) -> None:
    ref = seat(world, "theory", 31, again="factor")
    put_in(world, accepted)
    with world.app.app_context():
        withdraw(
            batch_ref=world.batch_ref,
            candidate_ref=ref,
            registration_ref="",
            reason="离职",
            now=world.clock.now(),
            actor="staff:a",
        )
        over(world)
        assert complete_applications(now=PLANNED + QUIET) == 0
        assert state(world) == "scheduled"
        assert complete_applications(now=PLANNED + QUIET + timedelta(seconds=1)) == 1
        assert complete_applications(now=PLANNED + QUIET + timedelta(days=1)) == 0
    assert state(world) == "done"
    assert cancelled(world) == [("first", "withdrawn")]  # of the make-up nobody knows anything: it stands
    assert "系统定时" in accepted.text()
    with rows(world, AuditEntry) as log:
        assert [one.actor for one in log if one.act in {"application.complete", "fee.cancel"}] == [
            "scheduler",
            "scheduler",
        ]


@pytest.mark.once
def test_the_one_fee_of_two_applications_is_left_to_an_officer(
    world: World, unit: str, desk: Desk, officer: FlaskClient
) -> None:
    for papers in (["theory"], ["skills"]):
        desk.begin(unit=unit)
        desk.enter(papers=papers)
        desk.step("submit")
        with rows(world, UnitApplication) as found:
            ref = found[-1].ref
        people = accepted_people(world, ref)
        desk.decide(people)
        assert desk.step("accept").status_code == 303
        if papers == ["theory"]:
            first = desk.page
    seat(world, "elsewhere", 31)
    desk.page = first
    put_in(world, desk)
    over(world, "elsewhere")
    assert desk.step("complete").status_code == 303
    assert cancelled(world) == []


def accepted_people(world: World, ref: str) -> list[str]:
    with world.app.app_context(), unit_of_work() as session:
        query = select(Applicant.ref).join(UnitApplication, UnitApplication.id == Applicant.application_id)
        return list(session.scalars(query.where(UnitApplication.ref == ref)))
