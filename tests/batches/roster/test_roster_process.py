"""A server begins a process for a brought roster: it checks it, stores it, and is killed in the middle of that."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from cbt.batches.roster.models import ROSTERS, RosterCheck
from cbt.candidates.models import Registration
from cbt.demo.places import Hall
from cbt.sheets.checks.starting import CheckStarter
from tests.batches.roster.bringing import Office, another_room, another_sitting, count, people
from tests.sittings.conftest import Day

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there a process is ended in other ways")
PATIENCE = 60.0
MANY = 200


class Server(CheckStarter):
    """A leader, as far as it looks after the children of rosters."""

    def __init__(self, day: Day) -> None:
        super().__init__(ROSTERS)
        self._day = day

    def look(self) -> int:
        """Do what a leader does once a second; return how many children were begun."""
        with self._day.app.app_context():
            return self.tick(now=self._day.clock.now())

    def kill(self, ref: str) -> None:
        """Kill the child of a roster."""
        child = self._children[ref]
        os.kill(child.pid, signal.SIGKILL)
        assert child.wait(PATIENCE) == -signal.SIGKILL

    def rest(self) -> None:
        """Wait for the children that are left."""
        for child in self._children.values():
            assert child.wait(PATIENCE) == 0


def wait_until(condition: Callable[[], object]) -> None:
    """Wait until something is so."""
    pause = threading.Event()
    for _ in range(int(PATIENCE / 0.02)):
        if condition():
            return
        pause.wait(0.02)
    pytest.fail("it did not come to that")


def state_of(day: Day) -> str:
    """Return how far the roster is."""
    with day.read() as session:
        return session.scalars(select(RosterCheck.state)).one()


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_a_process_does_it_and_another_goes_on_when_it_is_killed(day: Day) -> None:
    room = another_room(day, Hall("二号机房", MANY, 0))
    another_sitting(day, timedelta(0), "大场", room)
    office, server = Office(day), Server(day)
    address = office.bring(people(1, MANY), work=False)
    ref = address.rpartition("/")[2]
    assert server.look() == 1
    wait_until(lambda: state_of(day) == "ready")
    assert office.client.post(address).status_code == 303
    wait_until(lambda: server.look() == 1)
    wait_until(lambda: count(day, Registration))
    server.kill(ref)
    assert 0 < count(day, Registration) < MANY
    assert server.look() == 0
    assert server.look() == 1  # an import goes on by itself
    wait_until(lambda: state_of(day) == "done")
    server.rest()
    assert count(day, Registration) == MANY
