"""A worker checks a brought roster, stores it, and is killed in the middle of that; the next one goes on."""

from __future__ import annotations

import sys
from datetime import timedelta

import pytest
from sqlalchemy import select

from cbt.batches.roster.models import RosterCheck
from cbt.candidates.models import Registration
from cbt.demo.world import Hall
from tests.batches.roster.bringing import Office, another_room, another_sitting, count, people
from tests.file_jobs import kill, wait_until, working
from tests.sittings.conftest import Day

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there a process is ended in other ways")
MANY = 200


def state_of(day: Day) -> str:
    """Return how far the roster is."""
    with day.read() as session:
        return session.scalars(select(RosterCheck.state)).one()


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_a_worker_does_it_and_another_goes_on_when_it_is_killed(day: Day) -> None:
    room = another_room(day, Hall("二号机房", MANY, 0))
    another_sitting(day, timedelta(0), "大场", room)
    office = Office(day)
    address = office.bring(people(1, MANY), work=False)
    with working(day.app) as worker:
        wait_until(lambda: state_of(day) == "ready")
        assert office.client.post(address).status_code == 303
        wait_until(lambda: count(day, Registration))
        kill(worker, day.app)
    assert 0 < count(day, Registration) < MANY
    with working(day.app):
        wait_until(lambda: state_of(day) == "done")
    assert count(day, Registration) == MANY
