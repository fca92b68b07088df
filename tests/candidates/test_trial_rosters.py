"""A trial beside examinations: the same people, a roster of its own, and no place for a roster of the batch."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from cbt.audit.models import AuditEntry
from cbt.batches.checks.sittings import checks_of_sitting, set_purpose
from cbt.batches.roster.plan import OpenPlaces
from cbt.batches.roster.planner import dry_run
from cbt.errors import Conflict
from cbt.rules.states import Purpose
from cbt.sittings import store as sittings
from cbt.sittings.service import create_sitting
from tests.candidates.rosters import row, xlsx
from tests.candidates.test_importing import BLUEPRINTS, bring
from tests.sittings.conftest import OFFICER, PLANNED, Day


def plan_trial(day: Day) -> str:
    """Plan a trial in the room of the day's sitting, the day after it."""
    with day.write() as session:
        return create_sitting(
            session,
            batch=sittings.batch_by_ref(session, day.batch_ref),
            centre=sittings.centre_by_ref(session, day.centre_ref),
            name="试考",
            planned_start_at=PLANNED + timedelta(days=1),
            rooms=[sittings.room_by_ref(session, day.room_ref)],
            purpose=Purpose.TRIAL,
            now=day.clock.now(),
            actor=OFFICER,
        ).ref


def test_people_of_an_examination_are_in_its_trial_too(day: Day) -> None:
    trial, people = plan_trial(day), [row(number) for number in range(1, 6)]
    bring(day, people)
    with day.app.app_context():
        again = dry_run(
            batch_ref=day.batch_ref, file_name="名册.xlsx", body=xlsx([*people, row(6)]), folder=BLUEPRINTS
        )
    assert again.plan.already == 5
    assert not again.plan.placements, "five seats are taken, and a trial is no place for who is left"
    brought = bring(day, people, sitting=trial)
    assert (len(brought.plan.placements), brought.plan.already) == (5, 0)
    with day.read() as session:
        batch = sittings.batch_by_ref(session, day.batch_ref)
        assert {one.sitting.name for one in OpenPlaces(session, batch.id).rooms} == {"上午"}
        found = checks_of_sitting(session, sittings.sitting_by_ref(session, trial))
        assert not [one for one in found if one.stops or one.clause == "R-4"]


def test_a_trial_becomes_no_second_examination_of_its_people(day: Day) -> None:
    trial, people = plan_trial(day), [row(1), row(2)]
    for sitting in ("", trial):
        bring(day, people, sitting=sitting)
    with day.app.app_context(), pytest.raises(Conflict, match="purpose_twice") as refused:
        set_purpose(sitting_ref=trial, purpose=Purpose.OFFICIAL, now=day.clock.now(), actor=OFFICER)
    assert refused.value.params["people"] == 2
    with day.app.app_context():
        set_purpose(sitting_ref=trial, purpose=Purpose.PRACTICE, now=day.clock.now(), actor=OFFICER)
    with day.read() as session:
        assert sittings.sitting_by_ref(session, trial).purpose == "practice"
        assert len(session.scalars(select(AuditEntry).where(AuditEntry.act == "sitting.purpose")).all()) == 1
