"""The salvage of a database from the descriptors a server still holds, and the folders of rescues.

data.rescue/cbt-20261124T013000Z/    cbt.db, manifest.json as in a backup, and rescue.json
data.rescue/aside-20261124T014000Z/  what lay in the database's place when a rescue was put back

`rescue.json` says from which hold a rescue is, and how far it got.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path

from cbt.config import Settings
from cbt.errors import Unavailable
from cbt.ops.backup.restore import check_whole
from cbt.ops.backup.snapshot import Manifest, database_key, describe
from cbt.storage.backup_folder import (
    EMBEDDED_COPY,
    check_place,
    copy_name,
    made_at,
    read_manifest_as,
    sync_folder,
)
from cbt.storage.crypto import key_prints
from cbt.storage.file_hold import OVERWRITTEN, SUFFIXES, Hold
from cbt.storage.private_files import make_private
from cbt.storage.raw_connection import DATABASE_ERRORS, open_raw

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
    """What had happened: a code of cbt.storage.file_hold."""
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


try:
    import fcntl
except ImportError:  # Windows, where there is no hold and nothing to secure
    fcntl = None  # type: ignore[assignment]  # None says that there is no such lock here

PATIENCE_SECONDS = 5.0
_STEP_SECONDS = 0.02


def pass_gate(held: int, path: Path, *, patience: float = PATIENCE_SECONDS) -> None:
    """Wait for whoever writes now: `held` is a descriptor of the gate's file, `path` where it lay.

    A gate that was removed and made anew is passed there, too. Raise Unavailable("rescue.busy") when a writer
    does not end within `patience` seconds.
    """
    until = time.monotonic() + patience
    _pass(held, until)
    try:
        anew = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return
    try:
        _pass(anew, until)
    finally:
        os.close(anew)


def _pass(descriptor: int, until: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() >= until:
                raise Unavailable("rescue.busy") from error
            time.sleep(_STEP_SECONDS)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_UN)
            return


# Securing what was saved from the descriptors a server still has, and making one whole database of it.
#
# The bytes of the database and of its log are copied as they are, encrypted; that needs no key and no
# database. Then the log is put into the database of the copy, which is verified like a rebuilt one.
#
# Source: I1, I8.

CHUNK = 1 << 20
COPIED = SUFFIXES[:2]
"""The index is not copied: it is made anew from the log."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Open descriptors of this process: the database and its log, and whose files they are."""

    database: int
    log: int

    @property
    def size(self) -> int:
        """Return how many bytes there are to copy."""
        return os.fstat(self.database).st_size + os.fstat(self.log).st_size


def secure(
    settings: Settings,
    hold: Hold,
    sources: Sources,
    *,
    trouble: str,
    now: datetime,
    into: Path | None = None,
) -> Rescue:
    """Copy what the descriptors hold into a new folder, on disk when this returns; nobody may write meanwhile.

    The folder is one below `into`, else in the first of `rescue_places` that takes it. Raise
    InvalidInput("safety.place"), Unavailable("rescue.no_room") with what the last of them said.
    """
    files = [[one.device, one.inode] for one in hold.ids]
    note = RescueNote(hold.database, hold.token, trouble, RAW, files)
    if into is not None:
        check_place(settings, into)
    refused = ""
    for place in rescue_places(settings) if into is None else [into]:
        try:
            folder = fresh_folder(place, now=now)
        except OSError as error:
            refused = f"{place}: {error.strerror}"
            continue
        try:
            _copy(sources, folder)
            write_note(folder, note)
        except OSError as error:
            refused = f"{place}: {error.strerror}"
            shutil.rmtree(folder, ignore_errors=True)  # of a copy that never was whole
            continue
        return Rescue(folder, note)
    raise Unavailable("rescue.no_room", detail=refused, size=f"{sources.size / 2**20:.0f}")


def _copy(sources: Sources, folder: Path) -> None:
    if shutil.disk_usage(folder).free < sources.size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    owner = os.fstat(sources.database)
    made = []
    for suffix, source in zip(COPIED, (sources.database, sources.log), strict=True):
        target = folder / f"{EMBEDDED_COPY}{suffix}"
        make_private(target)
        made.append(target)
        with target.open("rb+", buffering=0) as handle:
            place = 0
            while chunk := os.pread(source, CHUNK, place):
                view = memoryview(chunk)
                while view:
                    view = view[handle.write(view) :]
                place += len(chunk)
            os.fsync(handle.fileno())
    sync_folder(folder)
    belong_like([*made, folder, folder.parent], owner)


def make_whole(settings: Settings, rescue: Rescue, *, now: datetime) -> tuple[Rescue, Manifest]:
    """Put the log of a raw rescue into its database, verify all of it and describe it as a backup is described.

    Raise Unavailable("rescue.overwritten") for one of a file that was written over in its place, what
    `database_key` raises without the key, ("copy.damaged") when it does not verify. Its bytes stay then.
    """
    folder = rescue.folder
    if rescue.note.trouble == OVERWRITTEN:
        raise Unavailable("rescue.overwritten", path=str(folder))
    key = database_key(settings)
    path = folder / EMBEDDED_COPY
    try:
        with closing(open_raw(path, key)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            connection.execute("PRAGMA journal_mode = DELETE")
    except DATABASE_ERRORS as error:
        raise Unavailable("copy.damaged", path=str(folder)) from error
    facts = check_whole(path, key, folder)
    keys = key_prints(settings.keys, encrypted=settings.db_encryption)
    manifest = describe(settings, path, facts, keys, now=now)
    whole = Rescue(folder, replace(rescue.note, state=WHOLE))
    write_note(folder, whole.note)
    belong_like(list(folder.iterdir()), path.stat())
    return whole, manifest


def settle(rescue: Rescue) -> None:
    """RescueNote that nothing is to be done with a rescue any more."""
    write_note(rescue.folder, replace(rescue.note, state=SETTLED))
