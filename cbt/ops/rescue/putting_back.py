"""Putting a rescue in the place of the database; what lies there now is kept beside it.

Source: I1.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cbt.config import Settings
from cbt.db.copies import copy_name, sync_folder
from cbt.db.engine import DATABASE_NAME, database_path
from cbt.db.holding.finding import find_hold
from cbt.errors import Conflict, InvalidInput, Unavailable
from cbt.ops.hosting import DataDirLock
from cbt.ops.rescue.comparing import Meant
from cbt.ops.rescue.places import WHOLE, Rescue, belong_like, open_rescue, read_note, rescue_places
from cbt.ops.rescue.securing import make_whole, settle
from cbt.ops.rescue.starting import meant_by
from cbt.ops.safety.manifest import Manifest, check_file, read_manifest
from cbt.ops.safety.restore import check_keys, copy_file, log_key_fits


@dataclass(frozen=True, slots=True)
class PutBack:
    """What was put back, where, and the folder that now holds what lay there; None when nothing did."""

    manifest: Manifest
    folder: Path
    place: str
    aside: Path | None
    personal_key_fits: bool
    log_key_fits: bool


def put_back(settings: Settings, folder: Path | None, *, now: datetime) -> PutBack:
    """Put the rescue in `folder`, else the newest that waits, in the place of the database.

    Everything is checked before anything is moved: that no server holds the database, keys, manifest, hash, and
    that what lies there does not go on where the rescue ends. Raise InvalidInput, Conflict or Unavailable with
    the way out.
    """
    if not settings.embedded:
        raise InvalidInput("rescue.embedded_only")
    rescue = open_rescue(settings) if folder is None else Rescue(folder, read_note(folder))
    if rescue is None:
        raise InvalidInput("rescue.none", path=str(rescue_places(settings)[0]))
    _check_unserved(settings)
    if rescue.note.state != WHOLE and not (rescue.folder / "manifest.json").is_file():
        rescue, _ = make_whole(settings, rescue, now=now)
    manifest = read_manifest(rescue.folder)
    copy = check_file(rescue.folder, manifest)
    fits = check_keys(settings, manifest.keys)
    if meant_by(settings, rescue) is Meant.MORE:
        raise Conflict("rescue.older", path=str(rescue.folder), database=str(database_path(settings)))
    arriving = settings.data_dir / f"{DATABASE_NAME}.arriving"
    try:
        if copy_file(copy, arriving) != manifest.sha256:
            raise Unavailable("safety.damaged", path=str(copy))
        aside = _set_aside(settings, now=now)
        arriving.rename(database_path(settings))
        sync_folder(settings.data_dir)
        belong_like([database_path(settings)], settings.data_dir.stat())
    except OSError as error:
        raise Unavailable("safety.no_room", path=str(settings.data_dir), detail=error.strerror) from error
    finally:
        arriving.unlink(missing_ok=True)
    settle(rescue)
    place = str(settings.data_dir)
    return PutBack(manifest, rescue.folder, place, aside, fits, log_key_fits(settings, manifest.keys))


def _check_unserved(settings: Settings) -> None:
    """Raise Unavailable("serve.running") while a server runs there, or still holds what lay there."""
    DataDirLock(settings.data_dir).take(f"pid {os.getpid()}, rescue")
    hold = find_hold(database_path(settings))
    if hold is not None:
        raise Unavailable("serve.running", holder=f"pid {hold.pid}", path=str(settings.data_dir))


def _set_aside(settings: Settings, *, now: datetime) -> Path | None:
    """Move what lies in the place of the database into a folder of its own; return that."""
    there = [
        path for path in settings.data_dir.glob(f"{DATABASE_NAME}*") if not path.name.endswith(".arriving")
    ]
    if not there:
        return None
    aside = settings.data_dir / copy_name(now).replace("cbt-", "aside-", 1)
    aside.mkdir(mode=0o700)
    belong_like([aside], settings.data_dir.stat())
    for path in there:
        path.rename(aside / path.name)
    return aside
