"""Who of a list is entered in an application, and what a request about the body shows (R-74, R-90)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select

from cbt.enrolment.applications import people as entering
from cbt.enrolment.applications.people import enter_all
from cbt.enrolment.body import BodyDetails, wish_for
from cbt.enrolment.models import Applicant, UnitApplication
from cbt.errors import Conflict
from cbt.storage.unit_of_work import unit_of_work
from tests.candidates.rosters import resident
from tests.enrolment.test_applications import PERSON, Desk, desk, officer, people_of, unit
from tests.world import World

__all__ = ["desk", "officer", "unit"]


@pytest.mark.once
def test_of_a_list_those_are_entered_who_are_not_in_this_application(
    world: World, desk: Desk, unit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is in another one is entered; the most that an application takes is counted in this one alone."""
    desk.enter()
    desk.begin(unit=unit)
    desk.enter(document_number=resident(42))
    desk.enter(document_number=resident(55))
    with world.app.app_context(), unit_of_work() as session:
        first, second = session.scalars(select(UnitApplication).order_by(UnitApplication.id))
        by_ref = {one.ref: one for one in session.scalars(select(Applicant).order_by(Applicant.id))}
        own = {"id", "ref", "application_id"}
        plain = [name for name in map(str, Applicant.__table__.columns.keys()) if name not in own]

        def listed(application: UnitApplication) -> list[Applicant]:
            return [
                Applicant(
                    ref=f"{application.id}-{place}",
                    application_id=application.id,
                    **{name: getattr(one, name) for name in plain},
                )
                for place, one in enumerate(by_ref.values())
            ]

        monkeypatch.setattr(entering, "MOST_PEOPLE", 3)
        assert enter_all(session, second, listed(second)) == 1
        session.flush()
        monkeypatch.setattr(entering, "MOST_PEOPLE", 2)
        with pytest.raises(Conflict) as full:
            enter_all(session, first, listed(first))
        assert (full.value.code, full.value.params["most"]) == ("application.full", 2)
        monkeypatch.setattr(entering, "MOST_PEOPLE", 3)
        assert enter_all(session, first, listed(first)) == 2
        session.flush()
        for application in (first, second):
            there = select(Applicant.document_index).where(Applicant.application_id == application.id)
            assert sorted(session.scalars(there)) == sorted(one.document_index for one in by_ref.values())


@pytest.mark.once
def test_a_request_about_the_body_shows_each_change_and_nothing_else(world: World) -> None:
    before = BodyDetails(
        "甲", "地址", "1", "http://a.example", "", 5, 15, 15, "", "", "", whole_numbers=False
    )
    for name, value, shown in (
        ("name", "乙", "甲 → 乙"),
        ("address", "", "地址 → —"),
        ("publicity_days", 0, "5 → 0"),
        ("whole_numbers", True, "否 → 是"),
    ):
        with world.app.test_request_context():
            wish = wish_for(before, replace(before, **{name: value}), " 原因 ")
        assert wish.preview == (
            (f"enrolment.body.{name}", "text", shown),
            ("approval.line.reason", "text", "原因"),
        )


@pytest.mark.once
def test_who_is_entered_twice_at_the_same_moment_is_in_once(
    world: World, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither saw the other: the database keeps one, and whoever comes second is told so."""
    desk.enter()
    desk.enter(name="郭宁", document_number=resident(42))
    before = people_of(world)
    monkeypatch.setattr(entering, "_refuse_twice", lambda *_: None)
    for page in ("new", before[1]):
        answer = desk.client.post(f"{desk.page}/people/{page}", data=PERSON | {"name": "又一次"})
        assert (answer.status_code, "f-document_number-error" in answer.text) == (409, True), page
    assert people_of(world) == before
