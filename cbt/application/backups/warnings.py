"""Who is told of scheduled backups that fail: `/healthz`, `/metrics`, the pages of administrators, a start."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

import flask

from cbt.application.backups.places import check_folder
from cbt.application.backups.state import BackupStanding, standing_of
from cbt.config import Settings
from cbt.db.unit_of_work import reading
from cbt.errors import CbtError
from cbt.web.watching.health import WARNINGS

log = logging.getLogger(__name__)

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

    def standing(self, *, now: datetime) -> BackupStanding | None:
        """Return it; a database that does not answer changes nothing of what is known."""
        if self._settings.backup_dir is None:
            return None
        if self._read_at is None or abs(now - self._read_at) >= FRESH:
            try:
                with reading() as session:
                    self._standing = standing_of(session, self._settings)
                self._read_at = now
            except Exception as error:
                log.warning("how the backups stand cannot be read: %s", type(error).__name__)
        return self._standing

    def warnings(self, *, now: datetime) -> list[str]:
        """Return `backup.failed`, `backup.old`, or nothing."""
        standing = self.standing(now=now)
        return [] if standing is None else standing.warnings(every=self._every, now=now)


def init_backups(app: flask.Flask, settings: Settings) -> None:
    """Have `/healthz` and the pages of administrators tell what is wrong with the backups."""
    watch = app.extensions[_EXTENSION] = BackupWatch(settings)
    app.extensions.setdefault(WARNINGS, []).append(lambda: watch.warnings(now=flask.g.now))
    app.add_template_global(lambda: watch.warnings(now=flask.g.now), "backup_warnings")
    app.add_template_global(lambda: settings.backup_dir, "backup_folder")


def backup_watch() -> BackupWatch:
    """Return how this process sees the backups stand."""
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
