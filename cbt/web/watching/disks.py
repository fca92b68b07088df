"""Is there room on the disks that answers, their second copy and backups go to?

Source: I12.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from cbt.config import Settings
from cbt.db.private.files import make_private

LOW_BYTES = 512 * 1024 * 1024
"""Less than this left on a disk is told: an exam of a hall writes far less, and there is time to act."""
PROBE_BYTES = 64 * 1024
PROBE = "health.probe"


def _folders(settings: Settings) -> Iterator[tuple[str, Path]]:
    yield "data", settings.data_dir
    if settings.journal_copy_dir is not None:
        yield "copy", settings.journal_copy_dir
    if settings.backup_dir is not None:
        yield "backup", settings.backup_dir


def free_bytes(settings: Settings) -> dict[str, int]:
    """Return what is left on the disk of each folder, by `data`, `copy`, `backup`; one that is away is left out."""
    found = {}
    for name, folder in _folders(settings):
        try:
            found[name] = shutil.disk_usage(folder).free
        except OSError:
            continue  # a backup folder may not be made yet, and a copy that is away says so itself
    return found


def low_disks(settings: Settings) -> list[str]:
    """Return the names of the folders whose disk has less than LOW_BYTES left."""
    return [name for name, free in free_bytes(settings).items() if free < LOW_BYTES]


def write_probe(folder: Path) -> None:
    """Write a little file, force it to disk and remove it; raise OSError when that cannot be done."""
    path = folder / PROBE
    try:
        make_private(path)
        with path.open("wb") as handle:
            handle.write(bytes(PROBE_BYTES))
            handle.flush()
            os.fsync(handle.fileno())
    finally:
        path.unlink(missing_ok=True)
