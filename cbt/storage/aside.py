"""How what lies in a folder is kept while something else comes into its place, as commands for whoever mends."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

LOST_AND_FOUND = "lost+found"
"""What a new file system has at its root, and nobody put there."""
ASIDE = "aside"
"""How folders within a data folder begin that hold what was put aside."""


def is_nothing(path: Path) -> bool:
    """Return whether what lies in a folder is none of its content: of the file system, or put aside."""
    return path.name == LOST_AND_FOUND or (path.name.startswith(ASIDE) and path.is_dir())


def keeping(folder: Path, suffix: str) -> str:
    """Return the command that keeps what lies in `folder` under another name, and leaves its place empty.

    The folder is moved beside itself. One that cannot be, or whose next would be another's (a disk is mounted
    there, or the folder around it is not its owner's), stays, and what is in it is moved into a folder within.
    """
    if not _stays(folder):
        return shlex.join(["mv", "-n", str(folder), f"{folder}.{suffix}"])
    inner = str(folder / f"{ASIDE}-{suffix}")
    but = ["!", "-name", f"{ASIDE}*", "!", "-name", LOST_AND_FOUND]
    found = ["find", str(folder), "-mindepth", "1", "-maxdepth", "1", *but]
    return (
        f"mkdir {shlex.quote(inner)} && {shlex.join([*found, '-exec', 'mv', '-n', '-t', inner, '{}', '+'])}"
    )


def _stays(folder: Path) -> bool:
    try:
        return os.path.ismount(folder) or folder.stat().st_uid != folder.parent.stat().st_uid
    except OSError:
        return False
