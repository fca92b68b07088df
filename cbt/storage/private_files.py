"""Files and folders that are their owner's only from their first byte on, however loose the umask.

Whoever makes one as root over folders of another user makes it for that user: the server goes on with it.

Source: quality.md, Security.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from cbt.errors import Unavailable

FILE, FOLDER = 0o600, 0o700


def open_private(path: Path, flags: int) -> int:
    """Open a file, 0600 and its folder's owner's when this makes it; return the descriptor.

    Raise as `os.open`, and Unavailable("hands.not_given") where a file system does not give it away.
    """
    fresh = not os.path.lexists(path)
    descriptor = os.open(path, flags | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), FILE)
    if fresh:
        try:
            give(descriptor, path)
        except BaseException:
            os.close(descriptor)
            raise
    return descriptor


def give(made: int | Path, path: Path) -> None:
    """Give what root has just made at `path` to whom the folder around it belongs; others give nothing away."""
    if os.name != "posix" or os.geteuid() != 0:
        return
    around = path.parent.stat()
    if around.st_uid == 0:
        return
    try:
        os.chown(made, around.st_uid, around.st_gid)
    except OSError as error:
        raise Unavailable("hands.not_given", path=str(path), owner=around.st_uid) from error


def make_private(path: Path) -> None:
    """Make an empty file that only its owner can open; one that is there keeps what is in it."""
    os.close(open_private(path, os.O_WRONLY))


def make_folder(path: Path) -> None:
    """Make a folder, and those around it, that only its owner can open; one that is there stays as it is."""
    if path.is_dir():
        return
    make_folder(path.parent)
    try:
        path.mkdir(mode=FOLDER)
    except FileExistsError:
        if not path.is_dir():
            raise
        return
    give(path, path)


def copy_private(source: Path, target: Path) -> None:
    """Copy a file's bytes into one that only its owner can open, from the first byte on."""
    make_private(target)
    shutil.copyfile(source, target)
