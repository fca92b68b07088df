"""违纪裁决: what a violation takes away waits until the candidate was heard, and somebody else has ruled."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from cbt.audit.models import AuditEntry
from cbt.results.models import Result
from cbt.storage.unit_of_work import reading
from tests.helpers import flat
from tests.printing.paper import papers_of
from tests.proctoring.desk import Desk, done
from tests.results.scene import SECOND, USUAL, end_with, finish, release_url, set_violation
from tests.world import World

TOLD = {
    "verdict": "stands",
    "told_on": "2026-11-24",
    "statement": "手机忘记上交。",
    "grounds": "监控和见证人一致，违纪成立。",
}


def page_of(world: World, name: str) -> str:
    """Return where a violation of somebody is ruled on."""
    return f"/results/rulings/{world.sitters[name].registration_ref}"


def release(world: World, **more: str) -> int:
    """Have two people release the world's sitting."""
    return world.staff("officer").post(release_url(world), data=SECOND | more).status_code


def results(world: World) -> dict[str, str]:
    """Return what was released, by the sitters' short names."""
    names = {sitter.registration_id: name for name, sitter in world.sitters.items()}
    with world.app.app_context(), reading() as session:
        return {names[one.registration_id]: one.outcome for one in session.scalars(select(Result))}


def test_a_result_waits_for_the_ruling_and_nobody_elses_does(world: World, tmp_path: Path) -> None:
    finish(world)
    set_violation(world, "theory", "phone_used", ruled=False)
    assert release(world) == 303
    assert set(results(world)) == set(world.sitters) - {"theory"}
    assert "违纪待裁决" in world.candidate("theory").get("/my/results").text
    officer = world.staff("officer")
    assert "待裁决" in officer.get(f"/results/{world.sitting_ref}/publicity").text
    home = flat(officer.get("/staff").text)
    assert (world.batch_ref in home, "1 人的成绩因违纪待裁决" in home) == (True, True)
    assert release(world, rest="1") == 409
    assert officer.get(f"{page_of(world, 'theory')}/letter.pdf").status_code == 409
    for wrong in ({"verdict": ""}, {"told_on": "2026-11-23"}, {"told_on": "2026-11-25"}, {"grounds": " "}):
        assert officer.post(page_of(world, "theory"), data=TOLD | wrong).status_code == 422
    assert world.staff("inspector").post(page_of(world, "theory"), data=TOLD).status_code == 403
    assert officer.post(page_of(world, "theory"), data=TOLD).status_code == 303
    assert officer.post(page_of(world, "theory"), data=TOLD).status_code == 409
    assert officer.get(page_of(world, "skills")).status_code == 409
    (letter,) = papers_of(officer.get(f"{page_of(world, 'theory')}/letter.pdf"), tmp_path)
    assert world.sitters["theory"].name in letter.text
    assert "手机忘记上交" in letter.text
    # What was decided is still to be released.
    assert f"/results/{world.sitting_ref}/release?rest=1" in officer.get("/staff").text
    assert release(world, rest="1") == 303
    assert world.batch_ref not in officer.get("/staff").text
    assert results(world)["theory"] == "violation"
    with world.app.app_context(), reading() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.act == "ruling.decide")).one()
    assert "手机" not in entry.after


@pytest.mark.once
def test_who_reported_it_does_not_rule_on_it(world: World) -> None:
    world.admit_all()
    world.start()
    desk = Desk(world, "chief_proctor")
    done(desk.act("violation", "theory", code="phone_used", reason="开考后使用手机", second="officer"))
    end_with(world, {name: mark for name, mark in USUAL.items() if name != "theory"})
    chief = world.staff("chief_proctor")
    assert "这次违纪由您登记" in chief.get(page_of(world, "theory")).text
    assert chief.post(page_of(world, "theory"), data=TOLD).status_code == 403
    assert world.staff("officer").post(page_of(world, "theory"), data=TOLD).status_code == 303


def test_one_that_does_not_stand_is_on_record_no_more_even_after_the_others_were_released(
    world: World,
) -> None:
    finish(world)
    set_violation(world, "theory", "phone_used", ruled=False)
    assert release(world) == 303
    chief = world.staff("chief_proctor")
    assert chief.post(page_of(world, "theory"), data=TOLD | {"verdict": "dismissed"}).status_code == 303
    assert chief.get(page_of(world, "theory")).status_code == 409
    assert release(world, rest="1") == 303
    assert results(world)["theory"] == "passed"


@pytest.mark.once
def test_a_warning_holds_nothing(world: World) -> None:
    finish(world)
    set_violation(world, "theory", "noise", ruled=False)
    assert release(world) == 303
    assert set(results(world)) == set(world.sitters)
