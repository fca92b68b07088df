"""Where rescues lie, and what stands beside each: from which hold it is, and how far it got.

data.rescue/cbt-20261124T013000Z/    cbt.db, manifest.json as in a backup, and rescue.json
data.rescue/aside-20261124T014000Z/  what lay in the database's place when a rescue was put back
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from cbt.config import Settings
from cbt.db.copies import copy_name, made_at, sync_folder
from cbt.db.manifests import read_manifest_as
from cbt.db.private.files import make_private

NOTE = "rescue.json"
RAW, WHOLE, SETTLED = "raw", "whole", "settled"
"""A rescue is raw while its log was not put into its database, whole when it was and all was verified, and settled
when nothing is to be done with it any more: it was put back, or the files themselves came back."""


@dataclass(frozen=True, slots=True)
class RescueNote:
    """What stands beside a rescue."""

    database: str
    token: str
    """Of the hold it was secured from."""
    trouble: str
    """What had happened: a code of cbt.db.holding.deciding."""
    state: str
    files: list[list[int]]
    """Device and inode of each file of the hold, in its order."""


@dataclass(frozen=True, slots=True)
class Rescue:
    """One rescue."""

    folder: Path
    note: RescueNote


def rescue_places(settings: Settings) -> list[Path]:
    """Return the folders a rescue is tried in: beside the data, with the backups, in what is left."""
    data = settings.data_dir.resolve()
    places = [data.with_name(f"{data.name}.rescue")]
    if settings.backup_dir is not None:
        places.append(settings.backup_dir / "rescue")
    return [*places, data / "rescue"]


def rescues(settings: Settings) -> list[Rescue]:
    """Return the rescues of this installation, the oldest first."""
    found: list[tuple[datetime, Rescue]] = []
    for place in rescue_places(settings):
        for folder in place.iterdir() if place.is_dir() else ():
            at = made_at(folder)
            if at is not None and (folder / NOTE).is_file():
                found.append((at, Rescue(folder, read_note(folder))))
    return [rescue for _, rescue in sorted(found, key=lambda one: one[0])]


def open_rescue(settings: Settings) -> Rescue | None:
    """Return the newest rescue if something is still to be done with it."""
    newest = next(reversed(rescues(settings)), None)
    return None if newest is None or newest.note.state == SETTLED else newest


def read_note(folder: Path) -> RescueNote:
    """Read what stands beside a rescue; raise InvalidInput("rescue.none") for a folder that is none."""
    return read_manifest_as(RescueNote, folder / NOTE, refusal="rescue.none")


def write_note(folder: Path, note: RescueNote) -> None:
    """Write what stands beside a rescue, on disk when this returns."""
    arriving = folder / f"{NOTE}.part"
    make_private(arriving)
    with arriving.open("w", encoding="utf-8") as handle:
        json.dump(asdict(note), handle, indent=2)
        handle.flush()
        os.fsync(handle.fileno())
    arriving.replace(folder / NOTE)
    sync_folder(folder)


def fresh_folder(place: Path, *, now: datetime) -> Path:
    """Make the folder of a rescue that is begun now; raise OSError when that cannot be done."""
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder = place / copy_name(now)
    folder.mkdir(mode=0o700)
    return folder


def belong_like(paths: Sequence[Path], owner: os.stat_result) -> None:
    """Give files that root made to the owner of the database."""
    if os.name == "posix" and os.geteuid() == 0:
        for path in paths:
            os.chown(path, owner.st_uid, owner.st_gid)
