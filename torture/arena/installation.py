"""An installation within this process whose clock is moved by hand, and who sits in it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import flask

from cbt.config import Settings
from cbt.db.unit_of_work import unit_of_work
from cbt.paths import product_dir
from cbt.rules.exam.paper import Paper
from cbt.web.who.login import open_login, token_hash
from cbt.web.who.machine import MACHINE_COOKIE, tokens_of

ACTOR = "cli"
BEGIN = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
"""When the rooms of an arena start: 9:00 in Shanghai."""


class HandClock:
    """A clock that stands still until it is moved."""

    def __init__(self, at: datetime) -> None:
        self._now = at

    def now(self) -> datetime:
        """Return the present instant."""
        return self._now

    def drift(self) -> timedelta:
        """Return no drift."""
        return timedelta(0)

    def move_to(self, at: datetime) -> None:
        """Stand at `at`."""
        self._now = at


@dataclass(frozen=True, slots=True)
class Variant:
    """A paper with some of its terms changed: (text in the blueprint, text in its place)."""

    level: str
    paper: str
    changes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """One candidate to build: the room (counted from 0), the paper, and what they are granted."""

    room: int
    variant: Variant
    factor: Decimal = Decimal(1)
    extra: timedelta = timedelta(0)


@dataclass(slots=True)
class Sitter:
    """One candidate's browser."""

    attempt_id: int
    ref: str
    registration_ref: str
    room_id: int
    paper: Paper
    lease: str = ""
    epoch: int = 0
    seq: int = 0

    @property
    def machine(self) -> str:
        """The name in the token of this candidate's machine."""
        return f"m{self.attempt_id}"

    def entry(self, kind: str, position: int, value: Any) -> dict[str, Any]:
        """Return the next entry."""
        self.seq += 1
        return {"seq": self.seq, "kind": kind, "position": position, "value": value}


@dataclass(slots=True)
class Arena:
    """The app, its clock, and who sits in it."""

    app: flask.Flask
    clock: HandClock
    sitters: list[Sitter] = field(default_factory=list)
    rooms: list[int] = field(default_factory=list)

    def post(
        self, sitter: Sitter, path: str, entries: Sequence[Mapping[str, Any]] = (), **extra: Any
    ) -> tuple[int, dict[str, Any]]:
        """Send one request of a candidate's page under its lease; return status and body."""
        token = tokens_of(self.app).issue(sitter.machine)
        reply = self.app.test_client(use_cookies=False).post(
            f"/attempts/{sitter.ref}/{path}",
            json={"epoch": sitter.epoch, "entries": list(entries), **extra},
            headers={"X-CBT-Lease": sitter.lease, "Cookie": f"{MACHINE_COOKIE}={token}"},
        )
        return reply.status_code, dict(json.loads(reply.data))

    def open(self, sitter: Sitter) -> tuple[int, dict[str, Any]]:
        """Sign a candidate in and open the paper; on success the sitter holds lease, epoch and number."""
        with self.app.app_context(), unit_of_work() as session:
            token = open_login(
                session,
                kind="candidate",
                subject_ref=sitter.registration_ref,
                machine=token_hash(sitter.machine),
                now=self.clock.now(),
            )
        client = self.app.test_client()
        client.set_cookie(MACHINE_COOKIE, tokens_of(self.app).issue(sitter.machine))
        with client.session_transaction() as cookie:
            cookie["_user_id"] = token
            cookie["_fresh"] = True
        reply = client.post(f"/attempts/{sitter.ref}/start", json={})
        body = dict(json.loads(reply.data))
        if reply.status_code == 200:
            sitter.lease, sitter.epoch, sitter.seq = body["lease"], body["epoch"], body["seq"]
        return reply.status_code, body


def settings_in(folder: Path, *, database_url: str = "") -> Settings:
    """Return the settings of an installation below `folder`, with the banks and blueprints of the product."""
    return Settings(
        data_dir=folder / "data",
        key_dir=folder / "keys",
        database_url=database_url,
        blueprint_dir=product_dir("blueprints"),
        bank_dir=product_dir("question_bank"),
    )
