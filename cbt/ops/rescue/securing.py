"""Securing what was saved from the descriptors a server still has, and making one whole database of it.

The bytes of the database and of its log are copied as they are, encrypted; that needs no key and no database. Then
the log is put into the database of the copy, which is verified like a rebuilt one.

Source: I1, I8.
"""

from __future__ import annotations

import errno
import os
import shutil
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from cbt.config import Settings
from cbt.db.copies import EMBEDDED_COPY, check_place, sync_folder
from cbt.db.holding.deciding import OVERWRITTEN, SUFFIXES
from cbt.db.holding.hold import Hold
from cbt.db.private.files import make_private
from cbt.db.private.keys import key_prints
from cbt.db.raw import DATABASE_ERRORS, open_raw
from cbt.errors import Unavailable
from cbt.ops.rescue.places import (
    RAW,
    SETTLED,
    WHOLE,
    Rescue,
    RescueNote,
    belong_like,
    fresh_folder,
    rescue_places,
    write_note,
)
from cbt.ops.safety.backup import describe
from cbt.ops.safety.embedded import database_key
from cbt.ops.safety.manifest import Manifest
from cbt.ops.safety.rebuild import check_whole

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
