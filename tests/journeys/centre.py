"""One served installation of a journey: its world, its clock, its browsers' time and what was sent to them."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import gettext
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import flask
from playwright.sync_api import BrowserContext
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from cbt.application.app import create_app
from cbt.config import Settings
from cbt.http.models import LoginSession
from cbt.paths import product_dir, translations_dir
from cbt.runner.models import AttemptLive
from cbt.scoring.models import Score
from cbt.sittings.models import ServerHeartbeat
from cbt.storage.engine import GATE_NAME
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.app_cache import kept_templates
from tests.fork_server import CAN_FORK
from tests.helpers import FakeClock
from tests.journeys.server import CLOCK, PROCESSES, RECORDS, TEMPLATES, FileClock
from tests.product_processes import Forked
from tests.world import World
from torture.sites.waiting import free_port

HEARD_WITHIN = timedelta(seconds=15)
DRAIN_SECONDS = 0.15
CLOSED_PORT_SECONDS = 120
_BEGUN = """SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND state = 'idle in transaction' AND pid <> pg_backend_pid()"""
MACHINES_AFFAIR = ("slow_request", ' seconds"', "the server was away for 0:00:0")
"""Parts of lines that say how long a request or a job took, or that a busy machine had the server wait."""


@dataclass
class Sent:
    """One response to a recorded browser."""

    at: datetime
    path: str
    status: str
    headers: list[list[str]]
    body: bytes

    @property
    def text(self) -> str:
        """Headers and body as one text to search."""
        head = "\n".join(f"{name}: {value}" for name, value in self.headers)
        return f"{head}\n\n{self.body.decode('utf-8', 'replace')}"


@dataclass
class Centre:
    """A running server on its own copy of the world; `app` is the journey's own view into its database."""

    world: World
    clock: FileClock
    url: str
    app: flask.Flask
    records: Path
    process: subprocess.Popen[bytes] | Forked
    environment: dict[str, str] = field(default_factory=dict)
    contexts: list[BrowserContext] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)
    """Parts of lines that its log may have."""

    def restart(self) -> None:
        """End the server as a machine does that is switched off, and start it again."""
        self.stop()
        self.go_on()

    def stop(self) -> datetime:
        """End the server as a machine does that is switched off; return when.

        Its heartbeats up to here count as having come, however busy the machine was: one that was due since the
        time was last set is not taken for an outage as the server begins again.
        """
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=60)
        stopped_at = self.now()
        with self.app.app_context(), unit_of_work() as session:
            session.execute(update(ServerHeartbeat).values(at=stopped_at))
        return stopped_at

    def go_on(self, *, at: datetime | None = None) -> None:
        """Start it again; `at`: at this instant, however long the machine takes for it."""
        if at is not None:
            self.clock.stand(at)
        self.process = _start(self.environment, self.records.parent / "server.log")
        _wait(self)
        if at is not None:
            self.clock.set(at)

    def now(self) -> datetime:
        """Return the server's instant."""
        return self.clock.now()

    def stand_at(self, instant: datetime) -> None:
        """Move to an instant to come."""
        self.move(seconds=(instant - self.now()).total_seconds())

    def move(self, *, minutes: float = 0, seconds: float = 0, heard: bool = True) -> None:
        """Move the server's time and every browser's on together.

        Nobody is answered while it moves. `heard`: the heartbeats of that time count as having come; without
        it the browsers were silent, as with a cut network.
        """
        span = timedelta(minutes=minutes, seconds=seconds)
        before = self._hold()
        with self.app.app_context(), unit_of_work() as session:
            for login in session.scalars(select(LoginSession).where(LoginSession.seen_at.is_not(None))):
                login.seen_at = (login.seen_at or before) + span  # staff sat there all the time
                login.board_at = login.board_at and login.board_at + span
        if heard:
            with self.app.app_context(), unit_of_work() as session:
                for row in session.scalars(
                    select(AttemptLive).where(AttemptLive.seen_at >= before - HEARD_WITHIN)
                ):
                    row.seen_at += span
        for context in self.contexts:
            context.clock.fast_forward(int(span.total_seconds() * 1000))
        self.clock.set(before + span)

    def _hold(self) -> datetime:
        """Keep everybody waiting who asks for the time; return the instant at which it stands.

        What was already answered is stored by then. Whoever has begun to write asks for the time once more before
        they are done: they are let go on first, for else nothing could be written here.
        """
        while True:
            before = self.clock.now()
            self.clock.hold()
            self._pause(DRAIN_SECONDS)
            if not self._writing():
                return before
            self.clock.set(before)
            self._pause(DRAIN_SECONDS)

    def _writing(self) -> bool:
        settings: Settings = self.app.extensions["cbt_settings"]
        if not settings.embedded:
            with self.session() as session:
                return bool(session.scalar(text(_BEGUN)))
        with (settings.data_dir / GATE_NAME).open("ab") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def _pause(self, seconds: float) -> None:
        pages = [page for context in self.contexts for page in context.pages]
        if pages:
            pages[0].wait_for_timeout(seconds * 1000)
        else:
            time.sleep(seconds)

    @contextlib.contextmanager
    def session(self) -> Iterator[Session]:
        """Read the database."""
        with self.app.app_context(), reading() as session:
            yield session

    def wait_for_score(self, name: str) -> Decimal:
        """Return the score of a sitter as soon as the leader has given it; no browser has a part in it."""
        return Decimal(self.wait_for_sheet(name)["score"])

    def wait_for_sheet(self, name: str) -> dict[str, Any]:
        """Return the score sheet of a sitter as soon as it is there."""
        query = select(Score.sheet).where(Score.attempt_id == self.world.sitters[name].attempt_id)
        for _ in range(200):
            with self.session() as session:
                sheet = session.scalar(query.order_by(Score.number.desc()).limit(1))
            if sheet is not None:
                return dict(json.loads(sheet))
            self._pause(0.05)
        raise AssertionError(f"{name} was not scored")

    def sent_to(self, record: str) -> list[Sent]:
        """Return every response to the browsers of `record`, in the order they were asked for."""
        found = []
        for path in self.records.glob("*.jsonl"):
            for line in path.read_text("utf-8").splitlines():
                one: dict[str, Any] = json.loads(line)
                if one["record"] == record:
                    found.append(
                        Sent(
                            datetime.fromisoformat(one["at"]),
                            one["path"],
                            one["status"],
                            one["headers"],
                            base64.b64decode(one["body"]),
                        )
                    )
        return sorted(found, key=lambda sent: sent.at)


def text_of(language: str, key: str, **params: object) -> str:
    """Return a catalogue text, so that a journey can tell in either language what it waits for."""
    catalogue = gettext.translation("messages", str(translations_dir()), languages=[language])
    text = catalogue.gettext(key)
    return text % params if params else text


@contextlib.contextmanager
def serve(
    settings: Settings, world: World, start: datetime, folder: Path, *, processes: int = 2
) -> Iterator[Centre]:
    """Serve `settings` from `start` on in a process group of its own, and end it afterwards."""
    clock = FileClock(folder / "clock")
    clock.set(start)
    records = folder / "sent"
    records.mkdir()
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CBT_")}
    environment |= {
        CLOCK: str(folder / "clock"),
        RECORDS: str(records),
        PROCESSES: str(processes),
        TEMPLATES: kept_templates(),
        "CBT_DATA_DIR": str(settings.data_dir),
        "CBT_KEY_DIR": str(settings.keys),
        "CBT_BLUEPRINT_DIR": str(settings.blueprint_dir),
        "CBT_DATABASE_URL": settings.database_url,
        "CBT_PORT": str(port),
        "CBT_SLOW_MS": "60000",  # a journey asks for a quiet log, not for a fast machine
    }
    process = _start(environment, folder / "server.log")
    app = create_app(settings, clock=FakeClock(start))
    centre = Centre(world, clock, f"http://127.0.0.1:{port}", app, records, process, environment)
    try:
        _wait(centre)
        yield centre
    finally:
        _end(centre.process)


def _start(environment: dict[str, str], log: Path) -> subprocess.Popen[bytes] | Forked:
    place = product_dir("templates").parent
    if CAN_FORK:
        return Forked(
            "tests.journeys.server:main",
            [],
            environment=environment,
            folder=place,
            out=log,
            err=log,
            own_group=True,
        )
    with log.open("wb") as handle:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.journeys.server"],
            cwd=place, env=environment, stdout=handle, stderr=handle, start_new_session=True,
        )  # fmt: skip


def quiet_log(folder: Path, allowed: Sequence[str] = ()) -> list[str]:
    """Return the lines of the server's log that say more than that its processes come and go.

    How long something took is the machine's affair: two browsers and a server share it with other tests.
    """
    lines = (folder / "server.log").read_text("utf-8", "replace").splitlines()
    allowed = (*allowed, '"level": "info"', "[INFO]", *MACHINES_AFFAIR)
    return [line for line in lines if line.strip() and not any(part in line for part in allowed)]


def _wait(centre: Centre) -> None:
    until = time.monotonic() + CLOSED_PORT_SECONDS
    while time.monotonic() < until:
        if centre.process.poll() is not None:
            raise RuntimeError(f"the server ended at its start: {quiet_log(centre.records.parent)[-20:]}")
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"{centre.url}/", timeout=5).close()
            return
        time.sleep(0.05)
    raise RuntimeError(f"the server did not answer: {quiet_log(centre.records.parent)[-20:]}")


def _end(process: subprocess.Popen[bytes] | Forked) -> None:
    for number, patience in ((signal.SIGTERM, 10), (signal.SIGKILL, 10)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=patience)
            return
