"""Files and folders of the product that are open to others are closed at every start (0600, 0700).

They are made so that they are not (files.py); an older version, or whoever unpacked a copy, may have made
them wider.

Source: quality.md, Security.
"""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from cbt.config import Settings
from cbt.db.copies import UNFINISHED, copies
from cbt.db.private.files import FILE, FOLDER
from cbt.db.second_copy.folder import is_ours

log = logging.getLogger(__name__)


def mend_modes(settings: Settings) -> list[Path]:
    """Close what is open to others among the product's files and folders; return what that was.

    Each is a line in the log. What belongs to somebody else cannot be changed, and is told as well.
    """
    if os.name != "posix":
        return []
    return [path for path, mode in _files(settings) if _mend(path, mode)]


def open_to_others(settings: Settings) -> list[Path]:
    """Return what is open to others among the product's files and folders, and change nothing."""
    if os.name != "posix":
        return []
    return [path for path, _ in _files(settings) if _loose(path)]


def _loose(path: Path) -> bool:
    try:
        found = path.lstat().st_mode
    except OSError:
        return False  # a log that was just taken away
    return not stat.S_ISLNK(found) and bool(found & 0o077)


def _files(settings: Settings) -> Iterator[tuple[Path, int]]:
    for folder in (settings.data_dir, settings.keys):
        yield from _whole(folder)
    if settings.backup_dir is not None and settings.backup_dir.is_dir():
        for backup in [*copies(settings.backup_dir), *settings.backup_dir.glob(f"cbt-*{UNFINISHED}")]:
            yield from _whole(backup)
    if settings.journal_copy_dir is not None and settings.journal_copy_dir.is_dir():
        yield settings.journal_copy_dir, FOLDER
        for path in settings.journal_copy_dir.iterdir():
            if is_ours(path.name):
                yield path, FILE


def _whole(folder: Path) -> Iterator[tuple[Path, int]]:
    if not folder.is_dir():
        return
    yield folder, FOLDER
    for path in folder.rglob("*"):
        yield path, FOLDER if path.is_dir() else FILE


def _mend(path: Path, mode: int) -> bool:
    try:
        found = path.lstat().st_mode
        if stat.S_ISLNK(found) or not found & 0o077:
            return False
        path.chmod(mode)
    except FileNotFoundError:
        return False  # a log or an index that was just taken away
    except OSError as error:
        log.warning("%s is open to others and cannot be closed: %s", path, error.strerror)
        return False
    log.warning("%s was open to others (%03o) and is closed now (%03o)", path, stat.S_IMODE(found), mode)
    return True
