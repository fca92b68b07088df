"""Files of a template put in their place for a test: read once a process, and written over what another has left.

A database is four megabytes. To get so much room of the system and to give it back costs six times what writing it
does; so a database's file that nobody has open any longer is kept for the next test, as one of PostgreSQL's is.
"""

from __future__ import annotations

import fcntl
import os
import stat
from functools import cache
from itertools import count
from pathlib import Path

MOST_SPARE = 8
LARGEST_SPARE = 2**24


@cache
def _files_of(template: Path) -> tuple[tuple[str, int, bytes], ...]:
    """Return the files of a folder, each by its place in it, its mode and what is in it."""
    found = sorted(path for path in template.rglob("*") if path.is_file())
    return tuple(
        (str(path.relative_to(template)), stat.S_IMODE(path.stat().st_mode), path.read_bytes())
        for path in found
    )


def write_over(path: Path, mode: int, content: bytes) -> None:
    """Have a file hold `content` and nothing else, whether it is there or not."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, mode)
    try:
        os.fchmod(descriptor, mode)
        written = 0
        while written < len(content):
            written += os.write(descriptor, memoryview(content)[written:])
        os.ftruncate(descriptor, len(content))
    finally:
        os.close(descriptor)


class SpareFiles:
    """Database files that tests of this process are done with."""

    def __init__(self, folder: Path) -> None:
        """`folder` is on the disk that tests store things on."""
        self._folder = folder
        self._spare: list[Path] = []
        self._numbers = count()

    def put(self, template: Path, target: Path, largest: str = "") -> None:
        """Have `target` hold the files of `template` as well; `largest` of them is written over a spare one."""
        if largest and self._spare and not (target / largest).exists():
            self._spare.pop().rename(target / largest)
        for name, mode, content in _files_of(template):
            write_over(target / name, mode, content)

    def keep(self, path: Path) -> None:
        """Keep a file for another test, unless somebody, of whatever process, still has it open."""
        if len(self._spare) < MOST_SPARE and _is_free(path):
            self._folder.mkdir(mode=0o700, exist_ok=True)
            self._spare.append(path.rename(self._folder / str(next(self._numbers))))


def _is_free(path: Path) -> bool:
    """Return whether a file is one of our own that is open nowhere: then alone a lease on it is granted (Linux)."""
    if not hasattr(fcntl, "F_SETLEASE"):
        return False
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        found = os.fstat(descriptor)
        plain = stat.S_ISREG(found.st_mode) and found.st_nlink == 1 and found.st_uid == os.geteuid()
        if plain and found.st_size <= LARGEST_SPARE:
            fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_WRLCK)
            fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
            return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False
