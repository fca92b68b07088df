"""A browser whose requests are served in this process, by the whole WSGI stack and a clock that is set."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import flask

from torture.browsers.client import Browser
from torture.browsers.driver import ACTS
from torture.judging.ledger import Ledger
from torture.sites.people import Person


class SetClock:
    """A clock that stands where it is set."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        """Return the instant it was set to."""
        return self.at

    def drift(self) -> timedelta:
        """Return no drift."""
        return timedelta(0)


class LocalBrowser(Browser):
    """A candidate's browser without a network."""

    def __init__(self, person: Person, app: flask.Flask, ledger: Ledger, rng: random.Random) -> None:
        super().__init__(person, lambda: 0, ledger, rng)
        self.app = app

    def _exchange(self, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        client = self.app.test_client(use_cookies=False)
        # A context of its own: a request would share what the outer one remembers of who signed in.
        with self.app.app_context():
            answer = client.post(path, data=body, headers={"Content-Type": "application/json", **headers})
        return answer.status_code, answer.data

    def job(self, name: str, **arguments: Any) -> Any:
        """Do one of the driver's jobs in this process."""
        return ACTS[name](self.app, **arguments)
