"""A leader, as far as it looks after the processes of checks, whose children are killed."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable

import flask
import pytest

from cbt.spreadsheets.check_process import CheckStarter
from cbt.spreadsheets.file_checks import AnyChecks
from tests.helpers import FakeClock

PATIENCE = 60.0


class Leading(CheckStarter):
    """Does what a leader does once a second when it is told to."""

    def __init__(self, checks: AnyChecks, app: flask.Flask, clock: FakeClock) -> None:
        super().__init__(checks)
        self._app = app
        self._clock = clock

    def look(self) -> int:
        """Look after the children; return how many were begun."""
        with self._app.app_context():
            return self.tick(now=self._clock.now())

    def kill(self, ref: str) -> None:
        """Kill the child of a check."""
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
