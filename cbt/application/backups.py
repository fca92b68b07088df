"""The scheduled backups: their state on record, the folder they go to, and the job that makes them."""

from __future__ import annotations

import json
import logging
import os
import platform
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import flask
from flask_babel import gettext as _
from sqlalchemy import BigInteger, String, Text, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from cbt.config import Settings, as_environment
from cbt.confined.priority import command_behind
from cbt.confined.runner import ended_with_group, others_turn
from cbt.errors import CbtError, Conflict, Unavailable
from cbt.http.app_context import path_of
from cbt.http.health import WARNINGS
from cbt.jobs import queue
from cbt.jobs.models import Job, JobState
from cbt.jobs.registry import JobKind, JobResult, Work
from cbt.jobs.worker import SYSTEM
from cbt.rules.roles import Role
from cbt.storage.backup_folder import SentBackups, copies, copy_name, due, read_sent
from cbt.storage.types import Base, UtcDateTime
from cbt.storage.unit_of_work import reading, unit_of_work

log = logging.getLogger(__name__)


class BackupState(Base):
    """What became of the backups in one folder (CBT_BACKUP_DIR), for all processes and after every restart.

    The last that was made and the last that failed each keep their own instant: the later one is how things are.
    """

    folder: Mapped[str] = mapped_column(String(500), primary_key=True)
    made_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    made_name: Mapped[str] = mapped_column(String(40))
    made_bytes: Mapped[int] = mapped_column(BigInteger)
    made_by: Mapped[str] = mapped_column(String(120))
    """The machine that made it."""
    failed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    failed_by: Mapped[str] = mapped_column(String(120))
    failure: Mapped[str] = mapped_column(String(60))
    """The code of the error."""
    named: Mapped[str] = mapped_column(Text)
    """What the error names, as JSON: a folder, what the system said."""


PATIENCE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class BackupStanding:
    """How the backups of CBT_BACKUP_DIR stand; instants are aware UTC, None for never."""

    folder: str
    made_at: datetime | None = None
    made_name: str = ""
    made_bytes: int = 0
    made_by: str = ""
    failed_at: datetime | None = None
    failed_by: str = ""
    failure: str = ""
    named: str = "{}"

    @property
    def error(self) -> Unavailable:
        return Unavailable(self.failure, **json.loads(self.named))

    @property
    def failing(self) -> bool:
        return self.failed_at is not None and (self.made_at is None or self.failed_at >= self.made_at)

    def old(self, *, every: timedelta, now: datetime) -> bool:
        return self.made_at is None or now - self.made_at > 2 * every + PATIENCE

    def warnings(self, *, every: timedelta, now: datetime) -> list[str]:
        """Return the names under which `/healthz` tells what is wrong."""
        codes = ["backup.failed"] if self.failing else []
        return [*codes, "backup.old"] if self.old(every=every, now=now) else codes


def standing_of(session: Session, settings: Settings) -> BackupStanding | None:
    """Return how the scheduled backups stand, None when none are made: the one truth for all who tell it."""
    if settings.backup_dir is None:
        return None
    folder = place_name(settings.backup_dir)
    row = session.get(BackupState, folder)
    if row is None:
        return BackupStanding(folder)
    names = BackupStanding.__dataclass_fields__
    return BackupStanding(**{name: getattr(row, name) for name in names})


def note_made(session: Session, folder: Path, name: str, size: int, *, at: datetime) -> None:
    row = _row(session, folder)
    row.made_at, row.made_name, row.made_bytes, row.made_by = at, name, size, this_machine()


def note_failed(session: Session, folder: Path, error: CbtError, *, at: datetime) -> None:
    row = _row(session, folder)
    row.failed_at, row.failed_by, row.failure = at, this_machine(), error.code
    row.named = json.dumps({name: str(value) for name, value in error.params.items()}, ensure_ascii=False)


def _row(session: Session, folder: Path) -> BackupState:
    name = place_name(folder)
    row = session.get(BackupState, name)
    if row is None:
        row = BackupState(
            folder=name, made_name="", made_bytes=0, made_by="", failed_by="", failure="", named="{}"
        )
        session.add(row)
    return row


def place_name(folder: Path) -> str:
    return str(folder.expanduser().absolute())[:500]


def this_machine() -> str:
    return platform.node()[:120]


MOUNTS = Path("/etc/fstab")


@dataclass(frozen=True, slots=True)
class PlaceFacts:
    """What is found where backups go."""

    there: bool
    writable: bool
    unmounted: str
    """A place above that a disk belongs at (fstab) and none is mounted at; "" for none."""
    gone: bool
    """This machine made backups here, and not one is left."""


def fault_of(facts: PlaceFacts) -> str:
    """Return what keeps a backup from being made, as the end of an error code; "" for nothing.

    A place without its disk comes first: its folder may be there, and writable, on the wrong disk.
    """
    if facts.unmounted:
        return "unmounted"
    if not facts.there:
        return "missing"
    if not facts.writable:
        return "read_only"
    return "gone" if facts.gone else ""


def check_folder(folder: Path, standing: BackupStanding | None) -> None:
    """Raise Unavailable with what is wrong with the folder of the scheduled backups, and what to do."""
    facts = look_at(folder, standing)
    match fault_of(facts):
        case "unmounted":
            raise Unavailable("backup.unmounted", folder=str(folder), mount=facts.unmounted)
        case "missing":
            raise Unavailable("backup.missing", folder=str(folder))
        case "read_only":
            raise Unavailable("backup.read_only", folder=str(folder))
        case "gone":
            raise Unavailable("backup.gone", folder=str(folder))


def look_at(folder: Path, standing: BackupStanding | None) -> PlaceFacts:
    """Return what is found where backups go."""
    folder = folder.expanduser().absolute()
    made_here = standing is not None and standing.made_at is not None and standing.made_by == this_machine()
    return PlaceFacts(
        there=folder.is_dir(),
        writable=os.access(folder, os.W_OK | os.X_OK),
        unmounted=next((str(place) for place in _disks_above(folder) if not place.is_mount()), ""),
        gone=made_here and not copies(folder),
    )


def _disks_above(folder: Path) -> list[Path]:
    """Return the places of fstab that `folder` lies at or below, but the root."""
    try:
        lines = MOUNTS.read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return []
    return [place for place in mount_points(lines) if folder.is_relative_to(place)]


def mount_points(lines: list[str]) -> list[Path]:
    """Return where the lines of an fstab mount something, but the root."""
    fields = (line.split() for line in lines if not line.lstrip().startswith("#"))
    # A blank in a name is written as its octal code there.
    places = (row[1].replace("\\040", " ") for row in fields if len(row) > 1)
    return [Path(place) for place in places if place.startswith("/") and place != "/"]


FRESH = timedelta(seconds=5)
"""How long a process tells again what it has read."""
_EXTENSION = "cbt_backups"


class BackupWatch:
    """How the backups stand, as a process read it a moment ago."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._every = timedelta(minutes=settings.backup_minutes)
        self._read_at: datetime | None = None
        self._standing: BackupStanding | None = None
        self._sent = SentBackups()

    def standing(self, *, now: datetime) -> BackupStanding | None:
        """Return it; a database that does not answer changes nothing of what is known."""
        if self._settings.backup_dir is None:
            return None
        if self._read_at is None or abs(now - self._read_at) >= FRESH:
            try:
                with reading() as session:
                    self._standing = standing_of(session, self._settings)
                self._read_at = now
                if self._settings.backup_hook is not None:
                    self._sent = read_sent(self._settings.backup_dir)
            except Exception as error:
                log.warning("how the backups stand cannot be read: %s", type(error).__name__)
        return self._standing

    def warnings(self, *, now: datetime) -> list[str]:
        standing = self.standing(now=now)
        if standing is None:
            return []
        codes = standing.warnings(every=self._every, now=now)
        return [*codes, "backup.unsent"] if self._sent.failed else codes

    def unsent(self, *, now: datetime) -> CbtError | None:
        """Return why the last backup was not sent elsewhere; None while all were, or nothing sends them."""
        return self._sent.error if self.standing(now=now) is not None and self._sent.failed else None


def init_backups(app: flask.Flask, settings: Settings) -> None:
    """Have `/healthz` and the pages of administrators tell what is wrong with the backups."""
    watch = app.extensions[_EXTENSION] = BackupWatch(settings)
    app.extensions.setdefault(WARNINGS, []).append(lambda: watch.warnings(now=flask.g.now))
    app.add_template_global(lambda: watch.warnings(now=flask.g.now), "backup_warnings")
    app.add_template_global(lambda: settings.backup_dir, "backup_folder")


def backup_watch() -> BackupWatch:
    watch: BackupWatch = flask.current_app.extensions[_EXTENSION]
    return watch


def fault_at_start(settings: Settings) -> CbtError | None:
    """Return what is wrong with the folder of the backups, for a start to tell; None for nothing."""
    if settings.backup_dir is None:
        return None
    with reading() as session:
        standing = standing_of(session, settings)
    try:
        check_folder(settings.backup_dir, standing)
    except CbtError as error:
        return error
    return None


RETRY = timedelta(minutes=5)
"""A backup that failed is tried again after this, and after its interval when that is shorter."""
EARLY = timedelta(seconds=1)
"""A backup is named by a whole second: one that is due this much later is due at this tick."""


LOOK_SECONDS = 0.1


def back_up_when_due(*, now: datetime) -> bool:
    """Have a backup wait for this machine's worker when the newest is old enough; return whether it was asked for.

    One that waits for another machine, which led before, is not waited for.
    """
    settings: Settings = flask.current_app.extensions["cbt_settings"]
    every = timedelta(minutes=settings.backup_minutes)
    if settings.backup_dir is None or not due(settings.backup_dir, every=every - EARLY, now=now):
        return False
    ours = queue.this_machine()
    with reading() as session:
        rows = session.scalars(select(Job).where(Job.kind == BACKUP.code).order_by(Job.id.desc())).all()
    going_on = [row for row in rows if row.is_open and (row.subject == ours or _is_at_work(row, now))]
    if going_on or _waits(next((row for row in rows if row.subject == ours), None), now, every):
        return False
    with unit_of_work() as session:
        queue.stop(session, [row.ref for row in rows if row.is_open], now=now)
        # As many are on record as there are copies: a backup a minute would leave no other job to be seen.
        past = [row.id for row in rows[settings.backup_keep - 1 :] if not row.is_open]
        session.execute(delete(Job).where(Job.id.in_(past)))
        page = path_of(flask.current_app, "backups.page")
        queue.put(session, BACKUP, subject=ours, asked={}, page=page, now=now, actor=SYSTEM)
    return True


def last_job() -> str:
    """Return the ref of the job of the backup that was asked for last, "" for none."""
    with reading() as session:
        newest = select(Job.ref).where(Job.kind == BACKUP.code).order_by(Job.id.desc()).limit(1)
        return session.scalar(newest) or ""


def _is_at_work(row: Job, now: datetime) -> bool:
    return row.state == JobState.WORKING and row.held_until is not None and row.held_until >= now


def _waits(last: Job | None, now: datetime, every: timedelta) -> bool:
    """Return whether the last one of this machine came to nothing just now."""
    if last is None or last.state == JobState.DONE or last.ended_at is None:
        return False
    return abs(now - last.ended_at) < min(RETRY, every) - EARLY


def _back_up(work: Work) -> JobResult:
    """Have a child make the backup: the copying takes nothing from the jobs of other people."""
    settings: Settings = flask.current_app.extensions["cbt_settings"]
    folder = settings.backup_dir
    if folder is None:
        raise Conflict("backup.not_planned")
    arguments = ("--scheduled", work.now.isoformat(), "--keep", str(settings.backup_keep))
    child = subprocess.Popen(
        command_behind("backup", *arguments),
        env=os.environ | as_environment(settings),
        stdin=subprocess.DEVNULL,
        # What it says stands on record and in a line of ours; its words would be none of the log's.
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    end = partial(child.send_signal, signal.SIGTERM)  # it takes away what it had begun
    try:
        with ended_with_group(end):
            while child.poll() is None:
                work.tell(0, 0)
                with others_turn():
                    time.sleep(LOOK_SECONDS)
    finally:
        end()
        code = child.wait()
    if code != 0:
        raise work.in_front(partial(_failure, settings, folder, code, now=work.now))
    return JobResult({"name": copy_name(work.now)})


def _failure(settings: Settings, folder: Path, code: int, *, now: datetime) -> CbtError:
    """Return what kept a backup from being made. The child puts that on record, unless something ended it."""
    with unit_of_work() as session:
        standing = standing_of(session, settings)
        if standing is not None and standing.failed_at is not None and standing.failed_at >= now:
            log.error("the scheduled backup failed: %s", standing.error)
            return standing.error
        died = Unavailable("backup.died", folder=str(folder), exit=code)
        note_failed(session, folder, died, at=now)
    log.error("the scheduled backup ended with exit code %d", code)
    return died


def _said(outcome: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(str(_("backups.done", name=outcome["name"])), "ok")]


BACKUP = JobKind(
    "server.backup",
    frozenset({Role.ADMIN}),
    _back_up,
    is_shared=True,
    is_local=True,
    is_act=False,
    said=_said,
)
"""One a machine at a time, on the machine whose folder is to hold it, by a child of its worker."""
