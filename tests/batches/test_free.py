"""可选日期: which days are in time and how many places each has, for the office and a unit's own people (R-72)."""

from __future__ import annotations

from datetime import date

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select, update

from cbt.candidates.models import Candidate, Registration
from cbt.enrolment.models import Applicant, UnitApplication
from cbt.sittings.models import Centre, Seat, Sitting
from cbt.storage.unit_of_work import unit_of_work
from tests.candidates.rosters import resident
from tests.enrolment.test_applications import Desk, clerk_of, desk, officer, unit
from tests.helpers import count_queries, utc
from tests.world import World

__all__ = ["desk", "officer", "unit"]

PAGE, OWN = "/office/applications/calendar", "/unit/applications/calendar"


def test_places_are_seats_without_who_is_planned_and_who_is_accepted(
    world: World, officer: FlaskClient, desk: Desk, unit: str
) -> None:
    desk.enter()
    desk.enter(name="郭宁", document_number=resident(42))
    with world.app.app_context(), unit_of_work() as session:
        session.execute(update(Sitting).values(planned_start_at=utc("2026-12-19T23:30:00+08:00")))
        session.execute(update(UnitApplication).values(state="accepted", preferred_on=date(2026, 12, 20)))
        session.execute(update(Applicant).values(verdict="accepted"))
        one, same = session.scalars(select(Registration).order_by(Registration.id).limit(2))
        same.candidate_id = whoever = one.candidate_id  # two papers
        seats = session.scalar(select(func.count()).where(Seat.spare.is_(False))) or 0
        papers = session.scalar(select(func.count(Registration.id))) or 0
        session.execute(update(Centre).values(sittings_a_day=3))
    left = (seats * 3 - papers) // 2
    assert seats > papers > 2
    assert "2026 年 12 月" in desk.text(PAGE)  # the month of the first day in time, 18 December
    shown = desk.text(f"{PAGE}?day=2026-12-19")
    assert f"余 {left} 人（{seats} 个机位 × 3 场）" in shown
    assert f"已安排 {papers} 人次" in shown  # who takes two papers there has a seat in two sittings
    shown = desk.text(f"{PAGE}?day=2026-12-20&unit={unit}")
    assert f"合计还可安排</span><b>{seats * 3 // 2 - 2} 人" in shown
    assert f'href="/office/applications/new?unit={unit}&amp;day=2026-12-20' in shown
    assert "今天申请已来不及" in desk.text(f"{PAGE}?day=2026-12-17").partition('id="chosen"')[2]
    assert desk.text(f"{PAGE}?month=2026-12").count("day=2026-12-") == 14  # from the 18th on
    assert (
        'value="2026-12-20"' in desk.client.get(f"/office/applications/new?unit={unit}&day=2026-12-20").text
    )

    with world.app.app_context(), unit_of_work() as session:
        known = session.scalars(select(Candidate.document_index).where(Candidate.id == whoever)).one()
        first = session.scalars(select(Applicant).order_by(Applicant.id)).first()
        first.document_index = known
        batch = session.scalars(select(Sitting.batch_id)).first()
        session.execute(update(UnitApplication).values(state="scheduled", batch_id=batch))
    assert f"合计还可安排</span><b>{seats * 3 // 2 - 1} 人" in desk.text(
        f"{PAGE}?day=2026-12-20"
    )  # one has a ticket of it

    clerk = clerk_of(world, officer, unit, "miao")
    own = clerk.text(f"{OWN}?day=2026-12-19")
    assert f"余 {left} 人（{seats} 个机位 × 3 场）" in own
    assert "已安排" not in own
    assert 'href="/unit/applications/new?day=2026-12-19' in own
    assert clerk.client.get(PAGE).status_code == 403
    assert "可选日期" in clerk.text("/unit/applications/new")
    with world.app.app_context(), unit_of_work() as session:
        session.execute(update(Sitting).values(state="cancelled"))
    with count_queries(world.app) as queries:
        assert f"余 {seats * 3 // 2} 人（" in desk.text(f"{PAGE}?day=2026-12-19")
    assert len(queries) <= 9


@pytest.mark.once
def test_an_odd_address_shows_the_first_free_month(world: World, officer: FlaskClient, desk: Desk) -> None:
    for odd in (
        "month=2026-13",
        "month=1999-01",
        "month=2999-01",
        "day=x",
        "level=none&month=",
        "month=2026-1",
    ):
        assert "2026 年 12 月" in desk.text(f"{PAGE}?{odd}")
    assert "上月" not in desk.text(f"{PAGE}?month=2026-11")
    assert "2027 年 1 月" in desk.text(f"{PAGE}?month=2027-01")
