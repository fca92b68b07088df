"""What became of the last backups: read and written in one place."""

from __future__ import annotations

import json
import platform
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy.orm import Session

from cbt.application.backups.models import BackupState
from cbt.config import Settings
from cbt.errors import CbtError, Unavailable

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
        """Return the error that the last one which failed ended with."""
        return Unavailable(self.failure, **json.loads(self.named))

    @property
    def failing(self) -> bool:
        """Return whether the last one failed."""
        return self.failed_at is not None and (self.made_at is None or self.failed_at >= self.made_at)

    def old(self, *, every: timedelta, now: datetime) -> bool:
        """Return whether the last one that was made is older than two of its intervals and some minutes."""
        return self.made_at is None or now - self.made_at > 2 * every + PATIENCE

    def warnings(self, *, every: timedelta, now: datetime) -> list[str]:
        """Return the names under which `/healthz` tells what is wrong."""
        found = ["backup.failed"] if self.failing else []
        return [*found, "backup.old"] if self.old(every=every, now=now) else found


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
    """Put on record that the backup `name` of `size` bytes was made in `folder`."""
    row = _row(session, folder)
    row.made_at, row.made_name, row.made_bytes, row.made_by = at, name, size, this_machine()


def note_failed(session: Session, folder: Path, error: CbtError, *, at: datetime) -> None:
    """Put on record that a backup into `folder` failed with `error`."""
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
    """Return the name a folder goes by on record."""
    return str(folder.expanduser().absolute())[:500]


def this_machine() -> str:
    """Return the name of the machine this process runs on."""
    return platform.node()[:120]
