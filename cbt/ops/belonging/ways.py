"""The one command that is next after a refusal; none of them removes what could hold an answer.

Source: I1.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from cbt.config import Settings
from cbt.db.copies import EMBEDDED_COPY, POSTGRES_COPY, copies
from cbt.ops.belonging.ruling import Database, Remains

BACKUP = "BACKUP"
"""Stands for a backup where no folder of backups is set."""


def next_command(settings: Settings, found: Remains, *, key: str, fstab: str) -> str:
    """Return what to type next: bring a key, mount the data, or bring the data back."""
    if found.opened_by:
        return _exchange_keys(settings, found)
    if key:
        return _key_command(settings, found, key)
    mount = missing_mount(settings.data_dir, fstab) if settings.embedded else ""
    if mount:
        return shlex.join(["mount", mount])
    if found.database is Database.SEALED or found.log_left:
        aside = settings.data_dir.with_name(f"{settings.data_dir.name}.kept")
        return f"mv -n {_quoted(settings.data_dir)} {_quoted(aside)} && {_restore(settings, found)}"
    if settings.embedded and not found.copy and not _newest(settings):
        return shlex.join(["findmnt", "--target", str(settings.data_dir)])
    return _restore(settings, found)


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))


def _restore(settings: Settings, found: Remains) -> str:
    if found.copy:
        return shlex.join(["cbt", "restore", "--from-copy", str(settings.journal_copy_dir)])
    return shlex.join(["cbt", "restore", _newest(settings) or BACKUP])


def _newest(settings: Settings) -> str:
    if settings.backup_dir is None:
        return ""
    name = EMBEDDED_COPY if settings.embedded else POSTGRES_COPY
    try:
        found = [path for path in copies(settings.backup_dir) if (path / name).is_file()]
    except OSError:
        return ""
    return str(found[-1]) if found else ""


def _exchange_keys(settings: Settings, found: Remains) -> str:
    present = settings.keys / "database.key"
    aside = settings.keys / f"database-{found.keys['database']}.key"
    return f"mv -n {_quoted(present)} {_quoted(aside)} && cp -p {_quoted(Path(found.opened_by))} {_quoted(present)}"


def _key_command(settings: Settings, found: Remains, key: str) -> str:
    path = settings.keys / f"{key}.key"
    if key not in found.keys:
        if not found.embedded:
            return shlex.join(["scp", "-p", f"NODE:{settings.keys.absolute()}/*.key", f"{settings.keys}/"])
        return shlex.join(["cbt", "key", "enter", key])
    aside = settings.keys / f"{key}-{found.keys[key]}.key"
    return f"mv -n {_quoted(path)} {_quoted(aside)} && {shlex.join(['cbt', 'key', 'enter', key])}"


def missing_mount(folder: Path, fstab: str) -> str:
    """Return the mount point on the way to `folder` that fstab names and nothing is mounted on; "" for none."""
    way = [folder.absolute(), *folder.absolute().parents]
    points = {
        Path(parts[1]) for line in fstab.splitlines() if len(parts := line.split()) > 1 and parts[0][0] != "#"
    }
    return next(
        (str(one) for one in way if one in points and one != Path("/") and not os.path.ismount(one)), ""
    )
