"""Making a backup: a folder with a copy of the database and a manifest, while the exam goes on."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

from cbt.config import Settings
from cbt.db.copies import (
    EMBEDDED_COPY,
    POSTGRES_COPY,
    UNFINISHED,
    check_place,
    copy_name,
    remove,
    sync_folder,
)
from cbt.db.private.files import FOLDER, give, make_folder, make_private
from cbt.db.private.keys import key_prints
from cbt.errors import Conflict, Unavailable
from cbt.ops.safety.embedded import DatabaseFacts, copy_embedded
from cbt.ops.safety.manifest import FORMAT, Manifest, file_hash
from cbt.ops.safety.postgres import dump_postgres
from cbt.releases import PRODUCT, product_version


def back_up(settings: Settings, destination: Path, *, now: datetime) -> tuple[Path, Manifest]:
    """Make a backup in a new folder below `destination` and return that folder and its manifest.

    The folder has its final name only once everything in it is on disk. No key goes into it.

    Raise InvalidInput("safety.place") for a destination that is served or holds the data or the keys,
    Unavailable("safety.no_room") when it cannot be written, and what the copying raises.
    """
    check_place(settings, destination)
    folder = destination / copy_name(now)
    making = folder.with_name(folder.name + UNFINISHED)
    if folder.exists():
        raise Conflict("safety.same_second", path=str(folder))
    try:
        make_folder(destination)
        making.mkdir(mode=FOLDER)
        give(making, making)
    except OSError as error:
        raise Unavailable("safety.no_room", path=str(destination), detail=error) from error
    try:
        manifest = _fill(settings, making, now=now)
        making.rename(folder)
        sync_folder(destination)
    except OSError as error:
        remove(making)
        raise Unavailable("safety.no_room", path=str(destination), detail=error) from error
    except BaseException:
        remove(making)
        raise
    return folder, manifest


def _fill(settings: Settings, folder: Path, *, now: datetime) -> Manifest:
    encrypted = settings.embedded and settings.db_encryption
    keys = key_prints(settings.keys, encrypted=encrypted)
    path = folder / (EMBEDDED_COPY if settings.embedded else POSTGRES_COPY)
    if settings.embedded:
        make_private(path)
        facts = copy_embedded(settings, path)
    else:
        facts = dump_postgres(settings, path)
    return describe(settings, path, facts, keys, now=now)


def describe(
    settings: Settings, path: Path, facts: DatabaseFacts, keys: dict[str, str], *, now: datetime
) -> Manifest:
    """Write the manifest beside a copy of the database; both are on disk when this returns."""
    with path.open("rb+") as handle:
        os.fsync(handle.fileno())
    manifest = Manifest(
        product=PRODUCT,
        format=FORMAT,
        version=product_version(),
        made_at=now.astimezone(UTC).isoformat(timespec="seconds"),
        database="sqlite" if settings.embedded else "postgresql",
        file=path.name,
        encrypted=settings.embedded and settings.db_encryption,
        bytes=path.stat().st_size,
        sha256=file_hash(path),
        revision=facts.revision,
        counts=facts.counts,
        keys=keys,
        audit_head=facts.head,
    )
    manifest.write(path.parent)
    sync_folder(path.parent)
    return manifest
