"""The health of a process: whether an answer can be saved now, room on the disks, and files in their places.

It is for load balancers and whoever watches, and for the pages of staff.

Source: I12.
"""

from __future__ import annotations

import logging
import os
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast

import flask
from sqlalchemy import text
from sqlalchemy.engine import Engine

from cbt.clock import Agreement
from cbt.config import Settings
from cbt.http.auth import access
from cbt.http.i18n import explain
from cbt.http.partials import Reply
from cbt.http.views import tls_ends_soon
from cbt.storage.engine import WRITE, files_of
from cbt.storage.file_guard import SAID, GuardedFiles, Trouble
from cbt.storage.private_files import make_private
from cbt.storage.types import db
from cbt.storage.write_queue.write_lock import Gate

log = logging.getLogger(__name__)


LOW_BYTES = 512 * 1024 * 1024
"""Less than this left on a disk is told: an exam of a hall writes far less, and there is time to act."""
PROBE_BYTES = 64 * 1024
PROBE = "health.probe"


def _folders(settings: Settings) -> Iterator[tuple[str, Path]]:
    yield "data", settings.data_dir
    if settings.journal_copy_dir is not None:
        yield "copy", settings.journal_copy_dir
    if settings.backup_dir is not None:
        yield "backup", settings.backup_dir
    if settings.log_file is not None:
        yield "log", settings.log_file.parent


def free_bytes(settings: Settings) -> dict[str, int]:
    """Return what is left on each folder's disk, by `data`, `copy`, `backup`, `log`; none for one away."""
    sizes = {}
    for name, folder in _folders(settings):
        try:
            sizes[name] = shutil.disk_usage(folder).free
        except OSError:
            continue  # a backup folder may not be made yet, and a copy that is away says so itself
    return sizes


def low_disks(settings: Settings) -> list[str]:
    return [name for name, free in free_bytes(settings).items() if free < LOW_BYTES]


def write_probe(folder: Path) -> None:
    """Write a little file, force it to disk and remove it; raise OSError when that cannot be done."""
    path = folder / PROBE
    try:
        make_private(path)
        with path.open("wb") as handle:
            handle.write(bytes(PROBE_BYTES))
            handle.flush()
            os.fsync(handle.fileno())
    finally:
        path.unlink(missing_ok=True)


def files_lost(app: flask.Flask) -> tuple[str, str] | None:
    """Return what happened to the files of the database and what to do now; None while they are in their places."""
    files = files_of(app)
    trouble = None if files is None else files.trouble()
    return None if files is None or trouble is None else explain(files.error(trouble))


pages = flask.Blueprint("health", __name__)

PATIENCE = timedelta(seconds=1)
"""A writing transaction that does not begin within this is an answer that would not be saved in time."""
FRESH = timedelta(seconds=1)
"""An answer is given again for as long: whoever asks a thousand times takes the writers' gate once."""
OK, BUSY, FAILED = "ok", "busy", "failed"
WARNINGS = "cbt_warnings"
"""Where later rooms leave callables; each returns the names of what is not as it should be there."""


class Probe:
    """Begins a writing transaction and rolls it back, in a thread of its own and one at a time."""

    def __init__(self, engine: Engine, gate: Gate, settings: Settings, files: GuardedFiles | None) -> None:
        self._settings = settings
        self._files = files
        self._engine = engine
        self._gate = gate
        self._lock = threading.Lock()
        self._running: Future[str] | None = None
        self._answer = ""
        self._answered_at: datetime | None = None

    @property
    def warnings(self) -> list[str]:
        """Return what is not as it should be while answers can be saved all the same."""
        behind = self._gate.copy is not None and self._gate.copy.behind
        trouble = self.trouble()
        codes = [trouble.code] if trouble is not None else []
        codes += ["copy.behind"] if behind else []
        return codes + [f"disk.low:{name}" for name in low_disks(self._settings)]

    def trouble(self) -> Trouble | None:
        """Return what happened to the files of the database, None while they are in their places."""
        return None if self._files is None else self._files.trouble()

    def ask(self, *, now: datetime, patience: timedelta = PATIENCE) -> str:
        """Return `ok`, `busy` when it takes longer than `patience`, `failed` when it was refused.

        `gone`, `exchanged` and `overwritten` say what happened to the files of the database, at once.
        """
        trouble = self.trouble()
        if trouble is not None:
            return SAID[trouble.code]
        with self._lock:
            if self._answered_at is not None and abs(now - self._answered_at) < FRESH:
                return self._answer
            if self._running is None:
                self._running = Future()
                threading.Thread(
                    target=self._try, args=(self._running, now), name="health", daemon=True
                ).start()
            running = self._running
        try:
            return running.result(timeout=patience.total_seconds())
        except TimeoutError:
            return BUSY

    def _try(self, future: Future[str], now: datetime) -> None:
        try:
            if self._settings.embedded:
                write_probe(self._settings.data_dir)  # a transaction rolled back never meets a full disk
            self._begin_and_roll_back()
            answer = OK
        except Exception as error:
            log.warning("no writing transaction can be begun: %s", type(error).__name__, exc_info=error)
            answer = FAILED
        with self._lock:
            self._running, self._answer, self._answered_at = None, answer, now
        future.set_result(answer)

    def _begin_and_roll_back(self) -> None:
        engine = self._engine.execution_options(**{WRITE: True})
        with self._gate(), engine.connect() as connection, connection.begin() as transaction:
            if engine.dialect.name == "postgresql":
                if connection.scalar(text("SHOW transaction_read_only")) != "off":
                    raise OSError("the server only reads")  # a standby, or a switch to another primary
                connection.execute(text("SELECT txid_current()"))
            else:
                connection.execute(text("SELECT count(*) FROM sqlite_master"))
            transaction.rollback()


@dataclass(frozen=True, slots=True)
class Health:
    """How a process is: whether an answer can be saved now, why not, and what else is not as it should be."""

    ok: bool
    database: str
    warnings: list[str]


def health() -> Health:
    """Return how this process is now."""
    app = flask.current_app
    probe: Probe = app.extensions["cbt_probe"]
    answer = probe.ask(now=flask.g.now)
    agreement: Agreement = app.extensions["cbt_agreement"]
    warnings = [*probe.warnings, *(name for warn in app.extensions.get(WARNINGS, ()) for name in warn())]
    warnings += ["tls.ends"] if tls_ends_soon() else []
    warnings += _disagreements(agreement)
    return Health(answer == OK and agreement.agrees, answer, warnings)


def _disagreements(agreement: Agreement) -> list[str]:
    off = [] if agreement.in_time else ["clock.off"]
    return [*off, "db.left_behind"] if agreement.left_behind else off


def init_health(app: flask.Flask, settings: Settings) -> None:
    with app.app_context():
        gate = cast(Gate, app.extensions["cbt_gate"])
        app.extensions["cbt_probe"] = Probe(db.engine, gate, settings, files_of(app))


@pages.get("/healthz")
@access.public
def healthz() -> Reply:
    """Answer 200 while answers can be saved, else 503; `warnings` are only there when there is one."""
    report = health()
    body: dict[str, object] = {"ok": report.ok, "database": report.database}
    if report.warnings:
        body["warnings"] = report.warnings
    return body, 200 if report.ok else 503
