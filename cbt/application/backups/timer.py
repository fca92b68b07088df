"""Begins a scheduled backup when one is due, and sees to it that one which failed is on record."""

from __future__ import annotations

import logging
import os
import subprocess
from datetime import datetime, timedelta

import flask

from cbt.application.backups.state import note_failed, standing_of
from cbt.config import Settings, as_environment
from cbt.confined.behind import command_behind
from cbt.db.copies import due
from cbt.db.unit_of_work import reading, unit_of_work
from cbt.errors import Unavailable

log = logging.getLogger(__name__)

RETRY = timedelta(minutes=5)
"""A backup that failed is tried again after this, and after its interval when that is shorter."""
EARLY = timedelta(seconds=1)
"""A backup is named by a whole second: one that is due this much later is due at this tick."""


class BackupTimer:
    """Has a backup made when one is due, by a child of its own: the copying takes nothing from this process."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._begun_at: datetime | None = None
        self._failed = False

    def tick(self, *, now: datetime) -> bool:
        """Look after the backup under way, or begin one when it is time; return whether one was begun."""
        settings: Settings = flask.current_app.extensions["cbt_settings"]
        if self._child is not None:
            code = self._child.poll()
            if code is None:
                return False
            self._child = None
            self._settle(settings, code, now=now)
        every = timedelta(minutes=settings.backup_minutes)
        if settings.backup_dir is None or self._waits(now, every):
            return False
        if not due(settings.backup_dir, every=every - EARLY, now=now):
            return False
        self._begun_at = now
        asked = ("--scheduled", now.isoformat(), "--keep", str(settings.backup_keep))
        self._child = subprocess.Popen(
            command_behind("backup", *asked),
            env=os.environ | as_environment(settings),
            stdin=subprocess.DEVNULL,
            # What it says stands on record and in a line of ours; its words would be none of the log's.
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        return True

    def _settle(self, settings: Settings, code: int, *, now: datetime) -> None:
        """Take note of how the child ended. It puts its failures on record itself, unless something ended it."""
        self._failed = code != 0
        if not self._failed:
            return
        assert settings.backup_dir is not None
        assert self._begun_at is not None
        with reading() as session:
            known = standing_of(session, settings)
        if known is None or known.failed_at is None or known.failed_at < self._begun_at:
            with unit_of_work() as session:
                died = Unavailable("backup.died", folder=str(settings.backup_dir), exit=code)
                note_failed(session, settings.backup_dir, died, at=now)
            log.error("the scheduled backup ended with exit code %d", code)
        else:
            log.error("the scheduled backup failed: %s", known.error)

    def _waits(self, now: datetime, every: timedelta) -> bool:
        """Return whether the last one failed just now; who has just begun to lead tries at once."""
        waited = None if self._begun_at is None else abs(now - self._begun_at)
        return self._failed and waited is not None and waited < min(RETRY, every) - EARLY

    def wait(self) -> int | None:
        """Wait for the backup under way and return its exit code; None when there is none."""
        return None if self._child is None else self._child.wait()


_backups = BackupTimer()


def back_up_when_due(*, now: datetime) -> None:
    """Begin a scheduled backup when the newest is old enough (CBT_BACKUP_DIR, CBT_BACKUP_MINUTES)."""
    _backups.tick(now=now)
