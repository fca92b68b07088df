"""Releases and corrections that a worker carries out: what it stops in is what was approved, and no more (R-62)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from cbt.accounts.models import Approval
from cbt.accounts.store import staff_principal
from cbt.audit.models import AuditEntry
from cbt.jobs import answers, queue
from cbt.jobs.models import JobState
from cbt.jobs.registry import job_kinds_of
from cbt.results import release as releases
from cbt.results.models import Result
from cbt.storage.unit_of_work import reading
from tests.jobs.test_acts import Killed, carried_out, killed, last_job, words
from tests.results.scene import finish, release, release_url, rescore
from tests.world import World

SOME = 2
"""So many results are stored in one unit of work here."""


@pytest.fixture
def served(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A sitting that is over, whose office has a worker and waits for nothing."""

    def pieces(rows: Sequence[Any]) -> list[Sequence[Any]]:
        return [rows[begin : begin + SOME] for begin in range(0, len(rows), SOME)]

    monkeypatch.setattr(releases, "PIECE", SOME)
    monkeypatch.setattr(releases, "pieces_of", pieces)
    monkeypatch.setattr(answers, "PATIENCE_SECONDS", 0.0)
    finish(world)
    return world


def approved(world: World, **form: str) -> str:
    """Have an officer ask and the chief approve; return the request's ref: from now on a worker is wanted."""
    asked = world.staff("officer").post(release_url(world), data={"ask": "1", **form})
    ref = str(asked.location).rsplit("/", 1)[1]
    job_kinds_of(world.app).worker_is_kept = True
    step = world.staff("chief_proctor").post(
        f"/approvals/{ref}/approve", data={"digest": row(world, ref).digest}
    )
    assert step.status_code == 303, step.text
    return ref


def row(world: World, ref: str) -> Approval:
    with world.app.app_context(), reading() as session:
        return session.scalars(select(Approval).where(Approval.ref == ref)).one()


def results(world: World) -> dict[str, str | None]:
    with world.app.app_context(), reading() as session:
        names = {sitter.registration_id: name for name, sitter in world.sitters.items()}
        rows = session.scalars(select(Result))
        return {names[one.registration_id]: None if one.score is None else str(one.score) for one in rows}


def logged(world: World, act: str) -> list[AuditEntry]:
    with world.app.app_context(), reading() as session:
        return list(session.scalars(select(AuditEntry).where(AuditEntry.act == act)))


def next_worker(world: World) -> None:
    world.clock.advance(queue.HELD + timedelta(seconds=1))
    carried_out(world, 99, lambda: None)


def test_an_approved_release_is_under_way_until_a_worker_has_done_it(served: World) -> None:
    ref = approved(served)
    assert results(served) == {}
    for role in ("officer", "chief_proctor"):
        page = served.staff(role).get(f"/approvals/{ref}").text
        assert "已批准，正在办理。" in page, role
        assert "/withdraw" not in page
        assert "/approve" not in page
    assert served.staff("officer").post(f"/approvals/{ref}/withdraw").status_code != 303
    served.clock.advance(timedelta(minutes=6))  # a request that nobody answered would be over
    carried_out(served, 99, lambda: None)
    assert len(results(served)) == 7
    page = served.staff("officer").get(f"/approvals/{ref}").text
    assert 'data-state="done"' in page
    assert "成绩已发布" in page
    assert [len(logged(served, act)) for act in ("approval.approve", "results.release")] == [1, 1]


def test_it_is_not_cancelled_and_approved_once(served: World) -> None:
    ref = approved(served)
    job = last_job(served).ref
    served.staff("officer").post(f"/jobs/{job}/cancel")
    again = served.staff("chief_proctor").post(
        f"/approvals/{ref}/approve", data={"digest": row(served, ref).digest}
    )
    assert "正在办理" in again.text
    assert (last_job(served).ref, last_job(served).state) == (job, JobState.WAITING)


@pytest.mark.parametrize("units", range(1, 7))
def test_a_release_whose_worker_dies_is_gone_on_with(served: World, units: int) -> None:
    approved(served)
    with pytest.raises(Killed):
        carried_out(served, units, killed)
    next_worker(served)
    assert last_job(served).state == JobState.DONE
    assert len(results(served)) == 7
    assert len(logged(served, "results.release")) == 1
    assert logged(served, "results.release_left") == []


def test_what_changed_while_it_stood_still_is_left_for_another_approval(served: World) -> None:
    approved(served)
    with pytest.raises(Killed):
        carried_out(served, 4, killed)  # rooms scored, begun, two results
    there = results(served)
    assert 0 < len(there) < 7
    name = next(name for name in served.sitters if name not in there and name not in ("factor", "second"))
    rescore(served, name, "99.0")
    next_worker(served)
    assert results(served) == there
    (left,) = logged(served, "results.release_left")
    assert f'"people":{7 - len(there)}' in (left.after or "")
    job_kinds_of(served.app).worker_is_kept = False
    release(served)
    assert results(served)[name] == "99.0"
    assert len(results(served)) == 7


def test_what_changed_before_it_began_ends_the_request_with_why(served: World) -> None:
    ref = approved(served)
    rescore(served, "extra", "60.0")
    carried_out(served, 99, lambda: None)
    assert (last_job(served).state, last_job(served).error) == (JobState.FAILED, "approval.changed")
    assert results(served) == {}
    page = served.staff("officer").get(f"/approvals/{ref}").text
    assert 'data-state="failed"' in page
    assert "提请之后情况已变" in words(page)


@pytest.mark.parametrize("units", [1, 2])
def test_a_correction_whose_worker_dies_is_gone_on_with(
    served: World, units: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    release(served)
    for name, mark in (("extra", "61.0"), ("elsewhere", "42.0"), ("late", "87.0")):
        rescore(served, name, mark)
    approved(served, act="correct", reason="成绩复核")
    with pytest.raises(Killed):
        carried_out(served, units, killed)
    next_worker(served)
    assert last_job(served).state == JobState.DONE
    assert [results(served)[name] for name in ("extra", "elsewhere", "late")] == ["61.0", "42.0", "87.0"]
    assert len(logged(served, "results.correct")) == 3


def test_nobody_releases_who_lost_the_right_meanwhile(served: World) -> None:
    ref = approved(served)
    admin = served.staff("admin")
    officer = served.people["officer"].ref
    admin.post(f"/staff/people/{officer}/disable")
    with served.app.app_context(), reading() as session:
        gone = staff_principal(session, officer) is None
    assert gone
    carried_out(served, 99, lambda: None)
    assert results(served) == {}
    assert row(served, ref).state == "failed"
