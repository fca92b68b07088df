"""A backup into the folder of the scheduled ones: whether it was made is on record, whoever asked for it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path

from sqlalchemy.orm import Session

from cbt.application.backups.places import check_folder
from cbt.application.backups.state import BackupStanding, note_failed, note_made, place_name, standing_of
from cbt.config import Settings
from cbt.db.migrate import database_revision
from cbt.db.unit_of_work import reading, unit_of_work
from cbt.errors import CbtError
from cbt.ops.safety.backup import back_up
from cbt.ops.safety.manifest import Manifest
from cbt.releases import newest_revision

log = logging.getLogger(__name__)


def on_record(settings: Settings, folder: Path, *, make_folder: bool, now: datetime) -> tuple[Path, Manifest]:
    """Make a backup below `folder`; return and raise as `back_up`, and with what is wrong with the folder.

    Only a folder that somebody named on purpose (`make_folder`) is made, or begun anew: the one of the settings may
    be the place of a disk that is not there. What became of a backup into that one is put on record, unless the
    tables are those of an earlier version, which have no place for it.
    """
    ours = settings.backup_dir is not None and place_name(folder) == place_name(settings.backup_dir)
    ours = ours and database_revision() == newest_revision()
    try:
        if not make_folder:
            check_folder(folder, _standing(settings) if ours else None)
        made, manifest = back_up(settings, folder, now=now)
    except CbtError as error:
        if ours:
            _note(partial(note_failed, folder=folder, error=error, at=now))
        raise
    if ours:
        _note(partial(note_made, folder=folder, name=made.name, size=manifest.bytes, at=now))
    return made, manifest


def _standing(settings: Settings) -> BackupStanding | None:
    with reading() as session:
        return standing_of(session, settings)


def _note(write: Callable[[Session], None]) -> None:
    """Write down what became of it; a database that cannot takes nothing away from a backup that was made."""
    try:
        with unit_of_work() as session:
            write(session)
    except Exception as error:
        log.warning("what became of the backup is not on record: %s", type(error).__name__)
