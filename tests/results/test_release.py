"""Releasing a sitting: what it waits for, who countersigns, what it writes."""

from __future__ import annotations

from decimal import Decimal

import pytest
from sqlalchemy import select

from cbt.audit.models import AuditEntry
from cbt.audit.verification import verify
from cbt.candidates.models import Registration
from cbt.results.models import Release, Result
from cbt.results.release import correction_wish
from cbt.runner.models import Attempt
from cbt.sittings.models import Sitting, SittingRoom
from cbt.sittings.room_clock import abort_room, end_room
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.results.scene import (
    ENDED,
    SECOND,
    USUAL,
    add_score,
    finish,
    release,
    release_url,
    rescore,
    set_violation,
)
from tests.world import PASSWORD, World


def outcomes(world: World) -> dict[str, tuple[str, Decimal | None]]:
    """Return what was released, by the sitters' short names."""
    names = {sitter.registration_id: name for name, sitter in world.sitters.items()}
    with world.app.app_context(), reading() as session:
        rows = session.scalars(select(Result)).all()
    return {names[row.registration_id]: (row.outcome, row.score) for row in rows}


def acts(world: World, act: str) -> list[AuditEntry]:
    """Return the audit lines of an act."""
    with world.app.app_context(), reading() as session:
        return list(session.scalars(select(AuditEntry).where(AuditEntry.act == act)))


def test_a_release_writes_a_result_for_everybody_and_moves_the_states(world: World) -> None:
    finish(world)
    release(world)
    assert outcomes(world) == {
        "theory": ("passed", Decimal("72.5")),
        "skills": ("passed", Decimal("60.0")),
        "extra": ("failed", Decimal("59.9")),
        "factor": ("absent", None),
        "late": ("passed", Decimal("88.0")),
        "second": ("failed", Decimal("0.0")),
        "elsewhere": ("failed", Decimal("41.0")),
    }
    with world.app.app_context(), reading() as session:
        row = session.scalars(select(Release)).one()
        sitting = session.scalars(select(Sitting)).one()
        rooms = {room.state for room in session.scalars(select(SittingRoom))}
        assert verify(session).broken_at is None
    assert row.by == f"staff:{world.people['officer'].ref}"
    assert row.second == f"staff:{world.people['chief_proctor'].ref}"
    assert (sitting.state, rooms, sitting.released_at) == ("released", {"released"}, ENDED)
    assert len(acts(world, "results.release")) == 1


@pytest.mark.parametrize(
    ("credential", "status"),
    [
        pytest.param({"second_login": "officer", "second_password": PASSWORD}, 422, id="the same person"),
        pytest.param({"second_login": "chief-proctor", "second_password": "wrong"}, 422, id="wrong password"),
        pytest.param({"second_login": "proctor", "second_password": PASSWORD}, 403, id="a proctor"),
        pytest.param({"second_login": "admin", "second_password": PASSWORD}, 403, id="an administrator"),
        pytest.param({}, 422, id="nobody"),
    ],
)
def test_a_release_needs_another_officer_or_a_chief(
    world: World, credential: dict[str, str], status: int
) -> None:
    finish(world)
    answer = world.staff("officer").post(release_url(world), data=credential)
    assert answer.status_code == status
    assert 'aria-invalid="true"' in answer.text
    assert outcomes(world) == {}


@pytest.mark.parametrize(
    ("marks", "end"),
    [
        pytest.param({**USUAL, "late": "unscored"}, True, id="one attempt is not scored"),
        pytest.param(USUAL, False, id="the rooms have not ended"),
    ],
)
def test_a_release_waits_until_everything_is_there(world: World, marks: dict[str, str], end: bool) -> None:
    finish(world, marks, end=end)
    answer = world.staff("officer").post(release_url(world), data=SECOND)
    assert answer.status_code == 409
    assert outcomes(world) == {}


def test_one_room_that_runs_holds_back_the_whole_sitting(world: World) -> None:
    finish(world)
    with world.app.app_context(), unit_of_work() as session:
        session.scalars(select(SittingRoom)).all()[1].state = "running"
    answer = world.staff("officer").post(release_url(world), data=SECOND)
    assert answer.status_code == 409
    assert "1 个考场未结束" in answer.text


def test_a_second_release_is_refused(world: World) -> None:
    finish(world)
    release(world)
    answer = world.staff("officer").post(release_url(world), data=SECOND)
    assert answer.status_code == 409
    assert "已经发布" in answer.text
    assert len(outcomes(world)) == 7


def test_an_aborted_room_gets_no_result_and_does_not_hold_back_the_others(world: World) -> None:
    world.admit_all()
    world.start()
    with world.app.app_context(), unit_of_work() as session:
        other = session.scalars(select(SittingRoom)).all()[1]
        abort_room(session, other, now=ENDED, reason="停电", actor="staff:test")
    with world.app.app_context(), reading() as session:
        state = session.scalars(select(SittingRoom)).all()[0].state
    assert state == "running"
    _finish_first_room(world)
    release(world)
    assert "elsewhere" not in outcomes(world)
    assert len(outcomes(world)) == 6
    page = world.candidate("elsewhere").get("/my/results").text
    assert "不计为补考" in page


def _finish_first_room(world: World) -> None:
    with world.app.app_context(), unit_of_work() as session:
        for name, sitter in world.sitters.items():
            if name != "elsewhere":
                attempt = session.get_one(Attempt, sitter.attempt_id)
                attempt.started_at, attempt.closed_at, attempt.closed_by = ENDED, ENDED, "deadline"
                add_score(session, attempt, Decimal("75.0"))
        end_room(session, session.scalars(select(SittingRoom)).all()[0], now=ENDED, actor="staff:test")


def test_a_violation_in_one_paper_voids_the_other_of_the_batch(world: World) -> None:
    finish(world)
    set_violation(world, "skills", "organised_cheating")
    with world.app.app_context(), unit_of_work() as session:
        # The same person sat both papers with one ticket.
        skills = session.get_one(Registration, world.sitters["skills"].registration_id)
        second = session.get_one(Registration, world.sitters["late"].registration_id)
        second.ticket_id, second.candidate_id, second.paper = skills.ticket_id, skills.candidate_id, "theory"
    release(world)
    assert outcomes(world)["skills"] == ("violation", None)
    assert outcomes(world)["late"] == ("violation", None)


def test_a_rescore_after_the_release_waits_for_two_people(world: World) -> None:
    finish(world)
    release(world)
    rescore(world, "extra", "61.0")
    officer = world.staff("officer")
    assert "待更正" in officer.get("/results").text
    assert outcomes(world)["extra"] == ("failed", Decimal("59.9"))
    refused = officer.post(release_url(world), data={**SECOND, "act": "correct", "reason": "  "})
    assert refused.status_code == 422
    done = officer.post(release_url(world), data={**SECOND, "act": "correct", "reason": "成绩复核"})
    assert done.status_code == 303
    assert outcomes(world)["extra"] == ("passed", Decimal("61.0"))
    assert len(outcomes(world)) == 7
    line = acts(world, "results.correct")[0]
    assert ("59.9" in line.before, "61.0" in line.after, line.reason) == (True, True, "成绩复核")
    assert "待更正" not in officer.get("/results").text


def test_the_second_person_reads_a_score_of_nothing_as_one(world: World) -> None:
    finish(world)
    release(world)
    rescore(world, "elsewhere", "0.0")
    with world.app.test_request_context():
        _needed, request = correction_wish(world.sitting_ref, reason="成绩复核")
    name = world.sitters["elsewhere"].name
    assert ("approval.line.score", "text", f"{name} 41.0 → 0.0") in request.preview


def test_a_correction_without_a_change_is_refused(world: World) -> None:
    finish(world)
    release(world)
    data = {**SECOND, "act": "correct", "reason": "成绩复核"}
    assert world.staff("officer").post(release_url(world), data=data).status_code == 409


def test_a_violation_found_after_the_release_is_a_correction(world: World) -> None:
    finish(world)
    release(world)
    set_violation(world, "theory", "impersonation")
    data = {**SECOND, "act": "correct", "reason": "事后认定替考"}
    assert world.staff("officer").post(release_url(world), data=data).status_code == 303
    assert outcomes(world)["theory"] == ("violation", None)
