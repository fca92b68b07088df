"""Files that are their owner's only (0600) from their first byte on, however loose the umask.

Source: quality.md, Security.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

FILE = 0o600


def make_private(path: Path) -> None:
    """Make an empty file that only its owner can open; one that is there keeps what is in it."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, FILE))


def copy_private(source: Path, target: Path) -> None:
    """Copy a file's bytes into one that only its owner can open, from the first byte on."""
    make_private(target)
    shutil.copyfile(source, target)
