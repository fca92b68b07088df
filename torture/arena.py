"""An installation within this process whose clock is moved by hand, and who sits in it."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import flask

from cbt.application.app import create_app
from cbt.config import Settings
from cbt.demo.world import ACTOR, Entrant, Signer, gather, prepare_papers
from cbt.http.auth.machine import MACHINE_COOKIE, tokens_of
from cbt.paths import product_dir
from cbt.rules.exam import Paper
from cbt.sittings.models import SittingRoom
from cbt.sittings.room_clock import start_room
from cbt.storage.engine import begin_installation
from cbt.storage.migrate import migrate
from cbt.storage.types import db
from cbt.storage.unit_of_work import unit_of_work

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
            cookie = Signer(self.app).sign_in(
                session,
                kind="candidate",
                subject_ref=sitter.registration_ref,
                machine=sitter.machine,
                now=self.clock.now(),
            )
        reply = self.app.test_client(use_cookies=False).post(
            f"/attempts/{sitter.ref}/start", json={}, headers={"Cookie": cookie}
        )
        body = dict(json.loads(reply.data))
        if reply.status_code == 200:
            sitter.lease, sitter.epoch, sitter.seq = body["lease"], body["epoch"], body["seq"]
        return reply.status_code, body


@contextmanager
def arena(settings: Settings, wanted: Sequence[Entrant], *, rng: random.Random) -> Iterator[Arena]:
    """Build an installation on an empty database and let go of it at the end of the block.

    Everybody has come through the door; every room starts at BEGIN.
    """
    clock = HandClock(BEGIN)
    begin_installation(settings)
    app = create_app(settings, clock=clock)
    app.testing = True
    app.config["WTF_CSRF_ENABLED"] = False
    built = Arena(app, clock)
    try:
        with app.app_context():
            migrate()
            papers = prepare_papers(settings, [one.variant for one in wanted], forms=1, now=BEGIN, rng=rng)
            gathering = gather(wanted, papers, at=BEGIN)
            built.rooms = [room_id for room_id, _ in gathering.rooms]
            with unit_of_work() as session:
                for room_id in built.rooms:
                    start_room(session, session.get_one(SittingRoom, room_id), now=BEGIN, actor=ACTOR)
        built.sitters = [
            Sitter(
                one.attempt_id,
                one.attempt_ref,
                one.registration_ref,
                one.sitting_room_id,
                papers[entrant.variant].terms,
            )
            for entrant, one in zip(wanted, gathering.seated, strict=True)
        ]
        # Each request has a context of its own from here on: what `flask.g` keeps is one request's.
        yield built
    finally:
        app.extensions["cbt_journal"].close()
        with app.app_context():
            db.engine.dispose()


def settings_in(folder: Path, *, database_url: str = "") -> Settings:
    """Return the settings of an installation below `folder`, with the banks and blueprints of the product."""
    return Settings(
        data_dir=folder / "data",
        key_dir=folder / "keys",
        database_url=database_url,
        blueprint_dir=product_dir("blueprints"),
        bank_dir=product_dir("question_bank"),
    )
