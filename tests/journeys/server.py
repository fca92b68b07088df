"""The product as the journeys serve it: granian, its workers, the leader's jobs, and a clock that follows a file.

Started as `python -m tests.journeys.server` with CBT_… settings and the CBT_TEST_JOURNEY_… variables below. The
product has no setting for another clock; here it is handed to create_app, as any test does.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

import flask
from apscheduler.schedulers.background import BackgroundScheduler
from granian import Granian
from granian.constants import Interfaces
from sqlalchemy import update

from cbt.application.app import create_app
from cbt.application.jobs import lead
from cbt.http.server.deferred import PROMISE, Headers, Promise, PromisedRequest
from cbt.http.server.front import Front
from cbt.ops import worker as product_worker
from cbt.runner.close.outage import beat
from cbt.sittings.models import ServerHeartbeat
from cbt.storage.unit_of_work import unit_of_work
from tests.app_cache import hash_quickly, keep_templates

CLOCK = "CBT_TEST_JOURNEY_CLOCK"
RECORDS = "CBT_TEST_JOURNEY_RECORDS"
PROCESSES = "CBT_TEST_JOURNEY_PROCESSES"
TEMPLATES = "CBT_TEST_JOURNEY_TEMPLATES"
ADDRESS_HEADER = "HTTP_X_JOURNEY_ADDRESS"
RECORD_HEADER = "HTTP_X_JOURNEY_RECORD"
_MOVING = "moving"
_STANDING = "standing"


class FileClock:
    """The instant in a file, running on by the machine's monotonic clock, which all processes share.

    While the file says that the time is being moved, whoever asks waits: every request is answered either
    before the move or after it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def setting(self) -> tuple[datetime, float]:
        """Return the instant last set and the monotonic reading it was set at."""
        while (text := self._path.read_text("ascii")) == _MOVING:
            time.sleep(0.002)
        instant, reading = text.split()
        return datetime.fromisoformat(instant), time.monotonic() if reading == _STANDING else float(reading)

    def now(self) -> datetime:
        """Return the present instant of the journey."""
        instant, reading = self.setting()
        return instant + timedelta(seconds=time.monotonic() - reading)

    def drift(self) -> timedelta:
        """Return no drift."""
        return timedelta(0)

    def hold(self) -> None:
        """Keep everybody waiting who asks for the time."""
        self._write(_MOVING)

    def stand(self, instant: datetime) -> None:
        """Stand at `instant` until it is set."""
        self._write(f"{instant.astimezone(UTC).isoformat()} {_STANDING}")

    def set(self, instant: datetime) -> None:
        """Go on from `instant`."""
        self._write(f"{instant.astimezone(UTC).isoformat()} {time.monotonic()!r}")

    def _write(self, text: str) -> None:
        fresh = self._path.with_suffix(".new")
        fresh.write_text(text, "ascii")
        fresh.replace(self._path)


class SteadyBeat:
    """The leader's beat, to which a move of the journey's clock is no outage."""

    __name__ = "beat"

    def __init__(self, clock: FileClock) -> None:
        self._clock = clock
        self._seen: tuple[datetime, float] | None = None

    def __call__(self, *, now: datetime) -> None:
        """Beat at the clock's instant; after a move the row is first put where it would stand."""
        setting = self._clock.setting()
        now = setting[0] + timedelta(seconds=time.monotonic() - setting[1])
        if setting != self._seen:
            self._seen = setting
            with unit_of_work() as session:
                session.execute(update(ServerHeartbeat).values(at=now))
        beat(now=now)


def _steady_scheduler(app: flask.Flask) -> BackgroundScheduler:
    scheduler = lead(app)
    scheduler.modify_job("beat", args=(app, SteadyBeat(app.extensions["cbt_clock"])))
    return scheduler


class Machines:
    """Gives each browser the address it names, and keeps what is sent to those that ask for a record."""

    def __init__(self, app: Callable[..., Iterable[bytes]], clock: FileClock, folder: Path) -> None:
        self._app = app
        self._clock = clock
        self._file = folder / f"{os.getpid()}.jsonl"

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Serve one request."""
        environ["REMOTE_ADDR"] = environ.get(ADDRESS_HEADER, environ.get("REMOTE_ADDR", ""))
        if RECORD_HEADER not in environ:
            return self._app(environ, start_response)
        asked_at = self._clock.now()
        begun: dict[str, Any] = {}

        def note(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            begun.update(status=status, headers=headers)
            return start_response(status, headers, *rest)

        answer = self._app(environ, note)
        if PROMISE in environ:
            environ[PROMISE] = self._kept(environ, environ[PROMISE], asked_at)
            return answer
        body = b"".join(answer)
        getattr(answer, "close", lambda: None)()
        self._keep(environ, begun, body, asked_at)
        return [body]

    def _kept(self, environ: dict[str, Any], promise: Promise, asked_at: datetime) -> Promise:
        """Return a promise whose answer is kept before it is sent."""

        def made(request: PromisedRequest) -> None:
            def answer(status: int, headers: Headers, body: bytes) -> None:
                begun = {"status": f"{status} {HTTPStatus(status).phrase}", "headers": headers}
                self._keep(environ, begun, body, asked_at)
                request.answer(status, headers, body)

            promise(replace(request, answer=answer))

        return made

    def _keep(self, environ: dict[str, Any], begun: dict[str, Any], body: bytes, asked_at: datetime) -> None:
        packed = ("content-encoding", "gzip") in [(name.lower(), value) for name, value in begun["headers"]]
        line = {
            "record": environ[RECORD_HEADER],
            "at": asked_at.isoformat(),
            "path": environ["PATH_INFO"],
            "status": begun["status"],
            "headers": begun["headers"],
            "body": base64.b64encode(gzip.decompress(body) if packed else body).decode(),
        }
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


def worker() -> Front:
    """Return the front of one server process, led and tied to its parent as in production."""
    clock = FileClock(Path(os.environ[CLOCK]))
    hash_quickly()
    keep_templates(Path(os.environ[TEMPLATES]))
    # a worker of the product is built from these two names; nothing else of it is changed
    vars(product_worker)["create_app"] = lambda settings, **_: create_app(settings, clock=clock)
    vars(product_worker)["lead"] = _steady_scheduler
    app = product_worker.worker_app()
    app.wsgi_app = Machines(app.wsgi_app, clock, Path(os.environ[RECORDS]))  # type: ignore[method-assign]  # how Flask takes middleware
    return product_worker.front_of(app)


def main() -> None:
    """Serve on 127.0.0.1 until told to stop."""
    Granian(
        "tests.journeys.server:worker",
        address="127.0.0.1",
        port=int(os.environ["CBT_PORT"]),
        interface=Interfaces.RSGI,
        workers=int(os.environ[PROCESSES]),
        workers_kill_timeout=5,
        log_enabled=False,
        factory=True,
        websockets=False,
    ).serve()


if __name__ == "__main__":
    main()
