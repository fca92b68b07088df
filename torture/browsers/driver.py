"""One process that does one thing to a site, so that it can be killed at any of its system calls.

A helper process has the product imported and forks one driver per try; no driver shares anything with another.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import flask

from cbt.application.app import create_app
from cbt.config import Settings
from cbt.errors import CbtError
from cbt.ops.backup.verification import all_findings, verify_everything
from cbt.runner.close.closure import expire_overdue
from cbt.scoring.service import score_closed
from cbt.storage.migrate import migrate
from cbt.storage.types import db
from torture.browsers.client import Browser
from torture.judging.ledger import Ledger
from torture.sites.people import Person
from torture.sites.waiting import pause, wait_for

PATIENCE_SECONDS = 60.0
REST_SECONDS = 0.04


def drive(line: Connection, settings: Settings) -> None:
    """Serve what comes over `line` until it ends: requests of a browser, jobs, a migration, a checkpoint."""
    app = create_app(settings)
    line.send(os.getpid())
    with app.app_context():
        while True:
            try:
                name, arguments = line.recv()
            except EOFError:
                os._exit(0)
            line.send(ACTS[name](app, **arguments))


def _post(app: flask.Flask, *, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
    client = app.test_client(use_cookies=False)
    with app.app_context():
        answer = client.post(path, data=body, headers={"Content-Type": "application/json", **headers})
    return answer.status_code, answer.data


def _close(_app: flask.Flask, *, now: datetime) -> int:
    return expire_overdue(now=now)


def _score(_app: flask.Flask, *, now: datetime) -> int:
    return score_closed(now=now)


def _migrate(_app: flask.Flask) -> str:
    return migrate()


def _checkpoint(app: flask.Flask) -> int:
    """Close every connection: the last one writes the log back into the database."""
    app.extensions["cbt_journal"].close()
    db.engine.dispose()
    return 0


def _rest(_app: flask.Flask) -> int:
    """Wait a moment: whoever answers before the work is done is killed at that work, after the answer."""
    pause(REST_SECONDS)
    return 0


def _verify(_app: flask.Flask) -> list[str]:
    """Return what `cbt verify` finds; the cipher's own complaints about damaged pages are not shown."""
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        return [f"{one.what}: {one.where}" for one in all_findings(verify_everything())]
    except CbtError as error:
        return [str(error)]


ACTS: Mapping[str, Callable[..., Any]] = {
    "post": _post,
    "close": _close,
    "score": _score,
    "migrate": _migrate,
    "checkpoint": _checkpoint,
    "rest": _rest,
    "verify": _verify,
}


def _context() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


class Driver:
    """A handle on one driving process."""

    def __init__(self, settings: Settings) -> None:
        self._line, theirs = _context().Pipe()
        self._process = _context().Process(target=drive, args=(theirs, settings), daemon=True)
        self._process.start()
        theirs.close()
        self.pid = int(self._line.recv())
        self.alive = True
        """False once it ended before it had answered."""

    def tell(self, name: str, **arguments: Any) -> None:
        """Have it begin an act."""
        with suppress(OSError):
            self._line.send((name, arguments))

    def answer(self) -> Any:
        """Return what the act returned, None when the process ended before it said so."""
        try:
            if not self._line.poll(PATIENCE_SECONDS):
                raise RuntimeError("a driver stays silent")
            return self._line.recv()
        except (EOFError, ConnectionError):
            self.alive = False
            return None

    def ask(self, name: str, **arguments: Any) -> Any:
        """Have it do an act and return what that returned, None when the process ended."""
        self.tell(name, **arguments)
        return self.answer()

    def end(self) -> None:
        """Kill it, if it is still there."""
        self._line.close()
        self._process.kill()
        self._process.join()


@contextmanager
def driver(settings: Settings) -> Iterator[Driver]:
    """Run a driver for the length of the block."""
    one = Driver(settings)
    try:
        yield one
    finally:
        one.end()


class DrivenBrowser(Browser):
    """A candidate's browser whose requests a driver serves."""

    def __init__(self, person: Person, ledger: Ledger, rng: random.Random, driven: Driver) -> None:
        super().__init__(person, lambda: 0, ledger, rng)
        self.driven = driven

    def _exchange(self, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        answer = self.driven.ask("post", path=path, body=body, headers=dict(headers))
        return (0, b"") if answer is None else answer

    def job(self, name: str, **arguments: Any) -> Any:
        """Have the driver do a job; None when it ended before it said so."""
        return self.driven.ask(name, **arguments)


@contextmanager
def tampered(pids: Sequence[int], *injections: str, trace: str) -> Iterator[None]:
    """Have strace change what these processes (and their threads) are told, for the length of the block.

    `injections` are strace's own: `pwrite64:error=ENOSPC`, `fsync:signal=SIGKILL:when=3`.
    """
    command = ["strace", "-f", "-qq", "-o", os.devnull, "-e", f"trace={trace}", "-e", "signal=none"]
    for one in injections:
        command += ["-e", f"inject={one}"]
    for pid in pids:
        command += ["-p", str(pid)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        if not wait_for(lambda: process.poll() is not None or all(_traced(pid) for pid in pids)):
            raise RuntimeError("strace did not attach")
        if process.poll() is not None:
            raise RuntimeError(f"strace ended: {process.communicate()[1]!r}")
        yield
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        if process.poll() is None:
            process.kill()
            process.wait()
        if process.stderr is not None:
            process.stderr.close()


def _traced(pid: int) -> bool:
    """Return whether every thread of a process has a tracer (or the process is gone)."""
    try:
        threads = list(Path(f"/proc/{pid}/task").iterdir())
        return all("TracerPid:\t0\n" not in (one / "status").read_text("ascii") for one in threads)
    except OSError:
        return True
