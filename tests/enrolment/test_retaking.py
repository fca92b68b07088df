"""补考 at application, by what was released; and who may go to a batch before the fee is paid (R-4, R-76)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update

from cbt.blueprints.versions import store_blueprint
from cbt.candidates.models import Candidate, Registration
from cbt.enrolment.models import FeeCharge
from cbt.paths import product_dir
from cbt.personal import document_index
from cbt.results.models import Release, Result
from cbt.sittings.models import Sitting
from cbt.storage.unit_of_work import unit_of_work
from tests.candidates.rosters import resident
from tests.enrolment.test_applications import LEVEL, Desk, desk, officer, people_of, unit
from tests.enrolment.test_units import rows
from tests.enrolment.test_workbook import bring, line
from tests.helpers import flat, utc
from tests.world import World

__all__ = ["desk", "officer", "unit"]

RELEASED = utc("2026-11-19T10:00:00+08:00")


def examined(world: World, outcome: str) -> None:
    """Have 陆遥 be who sat the theory of level three in the world's sitting, with that result."""
    with world.app.app_context(), unit_of_work() as session:
        row = session.get_one(Registration, world.sitters["theory"].registration_id)
        person = session.get_one(Candidate, row.candidate_id)
        person.name, person.document_index = "陆遥", document_index(resident(31))
        session.get_one(Sitting, row.sitting_id).state = "released"
        release = Release(sitting_id=row.sitting_id, released_at=RELEASED, by="staff:a", second="staff:b")
        session.add(release)
        session.flush()
        session.add(Result(release_id=release.id, registration_id=row.id, outcome=outcome, score=None))


def changed(world: World, outcome: str, *, days: int = 0) -> None:
    with world.app.app_context(), unit_of_work() as session:
        session.execute(update(Result).values(outcome=outcome))
        session.execute(update(Release).values(released_at=RELEASED - timedelta(days=days)))


def test_a_failed_paper_is_offered_alone_within_its_window_and_refused_with_its_last_day(
    world: World, officer: FlaskClient, desk: Desk
) -> None:
    examined(world, "failed")
    first = desk.enter()
    assert first.status_code == 409
    assert "理论知识上次不合格，2028-11-19 以前可以补考" in flat(first.text)
    assert "市场营销" in first.text  # what was typed is still there
    assert desk.enter(name="陆瑶").status_code == 303  # of another name nothing is told
    (other,) = people_of(world)
    assert "系统中没有此人的成绩" not in desk.text(f"{desk.page}/people/{other}")
    desk.client.post(f"{desk.page}/people/{other}/remove")
    listed = bring(desk, [line(31, "陆遥"), line(42, "补一", kind="补考", papers="理论知识")])
    shown = desk.text(listed.headers["Location"])
    assert "2028-11-19以前可以补考" in shown.replace(" ", "")
    changed(world, "passed")
    refused = desk.enter(kind="retake", papers=["theory"])
    assert refused.status_code == 409
    assert "理论知识已经合格，2028-11-19 之前不能再考" in flat(refused.text)
    changed(world, "absent")
    assert "没有补考资格" in flat(desk.enter(kind="retake", papers=["theory"]).text)
    changed(world, "failed", days=700)
    assert "补考期已过，最后一天是 2026-12-19" in flat(desk.enter(kind="retake", papers=["theory"]).text)

    changed(world, "failed")
    assert desk.enter(kind="retake", papers=["theory"]).status_code == 303
    (person,) = people_of(world)
    for page in (desk.page, f"{desk.page}/people/{person}"):
        assert "理论知识：可以补考，最后一天 2028-11-19" in desk.text(page)
    assert desk.step("submit").status_code == 303
    changed(world, "passed")  # by a correction meanwhile
    assert desk.decide([person]).status_code == 409
    changed(world, "failed")
    assert desk.decide([person]).status_code == 303
    assert desk.step("accept").status_code == 303
    with rows(world, FeeCharge) as (charge,):
        assert (charge.kind, charge.paper, charge.fen) == ("retake", "theory", 10000)


@pytest.mark.once
def test_who_may_not_sit_unpaid_goes_to_no_batch_until_it_is_paid(
    world: World, officer: FlaskClient, desk: Desk, unit: str
) -> None:
    text = (product_dir("blueprints") / f"{LEVEL}.toml").read_text("utf-8")
    strict = text.replace("unpaid_may_sit = true", "unpaid_may_sit = false")
    assert strict != text
    with world.app.app_context(), unit_of_work() as session:
        store_blueprint(session, strict, now=world.clock.now(), actor="staff:test")
    assert desk.begin(unit=unit).status_code == 303
    desk.enter()
    desk.step("submit")
    desk.decide(people_of(world))
    assert desk.step("accept").status_code == 303
    assert "还有 280.00 元没有付清" in desk.text()
    for refused in (
        desk.bring_in(world.batch_ref),
        officer.post(f"{desk.page}/roster"),
    ):
        assert refused.status_code == 409
        assert "还有 280.00 元没有付清" in flat(refused.text)
    paid = {
        "paid_on": "2026-11-20",
        "amount": "280",
        "way": "transfer",
        "payer": "浦江财务",
        "reference": "T-1",
    }
    assert officer.post(f"/office/fees/units/{unit}/payments", data=paid).status_code == 303
    officer.post(f"/office/fees/units/{unit}/match")
    assert "没有付清" not in desk.text()
    assert desk.bring_in(world.batch_ref).status_code == 303
    assert officer.post(f"{desk.page}/roster").status_code == 200
