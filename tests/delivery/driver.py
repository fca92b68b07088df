"""A candidate's browser as HTTP: opens a paper, saves, finishes units, hands in."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from cbt.http.auth.machine import MACHINE_COOKIE, tokens_of
from tests.world import World


def person_in(page: str) -> dict[str, Any]:
    """Return what an answer page is told of the person."""
    told = re.search("data-attempt='([^']+)'", page)
    assert told is not None
    person: dict[str, Any] = json.loads(html.unescape(told[1]))
    return person


class Page:
    """One answer page of a candidate; `lease` and `epoch` are set by `start`."""

    def __init__(self, world: World, name: str, *, machine: str | None = None) -> None:
        self.world = world
        self.ref = world.sitters[name].attempt_ref
        self.client: FlaskClient = world.candidate(name, machine=machine)
        self.lease = ""
        self.epoch = 0
        self.seq = 0
        self.opened: dict[str, Any] = {}

    @property
    def machine(self) -> str:
        """What the server calls the machine of this page."""
        cookie = self.client.get_cookie(MACHINE_COOKIE)
        found = tokens_of(self.world.app).read(cookie.value) if cookie is not None else None
        return found or "addr:127.0.0.1"

    @property
    def machine_cookie(self) -> str:
        """The header that says at which machine this page is, for requests sent by hand."""
        cookie = self.client.get_cookie(MACHINE_COOKIE)
        return f"{MACHINE_COOKIE}={cookie.value}" if cookie is not None else ""

    def go_on_at(self, app: flask.Flask) -> None:
        """Keep the page open, with its browser's cookies, while another server takes the place of the first."""
        former, self.client = self.client, app.test_client()
        for name in (MACHINE_COOKIE, app.config["SESSION_COOKIE_NAME"]):
            cookie = former.get_cookie(name)
            if cookie is not None:
                self.client.set_cookie(name, cookie.value)

    def start(self) -> TestResponse:
        """Open the paper; on success keep lease, epoch and the next sequence number."""
        reply = self.client.post(f"/attempts/{self.ref}/start", json={})
        if reply.status_code == 200:
            self.opened = reply.get_json()
            self.lease, self.epoch, self.seq = (self.opened[name] for name in ("lease", "epoch", "seq"))
        return reply

    def entry(self, position: int, value: Any, kind: str = "answer") -> dict[str, Any]:
        """Return the next entry for a position."""
        self.seq += 1
        return {"seq": self.seq, "kind": kind, "position": position, "value": value}

    def send(self, *entries: dict[str, Any], path: str = "answers", **extra: Any) -> TestResponse:
        """Post entries (none: a heartbeat) under this page's lease."""
        return self.client.post(
            f"/attempts/{self.ref}/{path}",
            json={"epoch": self.epoch, "entries": list(entries), **extra},
            headers={"X-CBT-Lease": self.lease},
        )

    def answer(self, position: int, value: Any, kind: str = "answer") -> TestResponse:
        """Save one value."""
        return self.send(self.entry(position, value, kind))

    def advance(
        self, unit: int, *, completed: bool, entries: tuple[dict[str, Any], ...] = ()
    ) -> TestResponse:
        """End a unit."""
        return self.send(*entries, path="advance", from_unit=unit, completed=completed)

    def submit(self, *entries: dict[str, Any]) -> TestResponse:
        """交卷."""
        return self.send(*entries, path="submit", pressed_at=self.world.clock.now().isoformat())


def opened_page(world: World, name: str = "theory") -> Page:
    """Return the answer page of a candidate who opened the paper at 统一开考, when all were let in."""
    world.admit_all()
    world.start()
    page = Page(world, name)
    assert page.start().status_code == 200
    return page
