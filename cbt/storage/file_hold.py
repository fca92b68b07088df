"""The hold of a server on the files of its database, and what it means when others lie at their paths.

Source: R-40; I1, I12.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from cbt.storage.private_files import make_private

SUFFIXES = ("", "-wal", "-shm")
"""What the names of a database's files end with: the database, its write-ahead log, the index of that."""
GONE, EXCHANGED, OVERWRITTEN = "db.gone", "db.exchanged", "db.overwritten"
"""Codes of what can have happened; each is an Unavailable with the `path` it happened to."""
SAID = {GONE: "gone", EXCHANGED: "exchanged", OVERWRITTEN: "overwritten"}
"""What `/healthz` calls each."""


class AtPath(StrEnum):
    """What lies at a path, compared with the file held open."""

    SAME = "same"
    OTHER = "other"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why nothing may be written: a code, and the suffix of the file it happened to."""

    code: str
    suffix: str


def trouble_of(found: Mapping[str, AtPath], *, overwritten: str | None = None) -> Trouble | None:
    """Return why nothing may be written, None when everything is in its place.

    `found` has an entry for each of SUFFIXES. `overwritten` is the suffix of a file whose bytes somebody else
    wrote; it counts only where all are the files held open. What is exchanged is told before what is gone: it
    is what the next start would take for the database.
    """
    for code, meant in ((EXCHANGED, AtPath.OTHER), (GONE, AtPath.NONE)):
        for suffix in SUFFIXES:
            if found[suffix] is meant:
                return Trouble(code, suffix)
    return None if overwritten is None else Trouble(OVERWRITTEN, overwritten)


# The hold of a server on the files of its database: which they are, for all its processes and for commands.
#
# The parent of a server opens the files and keeps them open, whatever becomes of their names, and keeps a
# reader's lock on the database: so no process that ends last takes the log away, and the files stay the same
# ones for the life of the server. It opens no database with that: the lock is the one that SQLite's readers
# take, on the bytes its format names.

try:
    import fcntl
except ImportError:  # Windows: nobody can move or remove a file that is open
    fcntl = None  # type: ignore[assignment]  # None says that there is no hold here

HELD = "CBT_HELD_FILES"
"""The variable in which the processes of a server find the hold of their parent."""
NOTE = "cbt-held-files"
"""The name of the memory in which others find it (file_guard.py)."""
SHARED_BYTES, SHARED_AT = 510, 0x40000002
"""Where SQLite's readers lock a database; see its file format, "the lock-byte page"."""


@dataclass(frozen=True, slots=True)
class FileId:
    """Which file it is, whatever it is called."""

    device: int
    inode: int


@dataclass(frozen=True, slots=True)
class Hold:
    """Which files a server holds: its parent's process, the descriptors there, and a token of this very hold."""

    database: str
    token: str
    pid: int
    ids: tuple[FileId, ...]
    """In the order of SUFFIXES."""
    descriptors: tuple[int, ...]
    """Of the parent, in the order of SUFFIXES, and of the file of the writers' gate."""

    def as_text(self) -> str:
        """Return it as a text that `read_hold` reads."""
        ids = [[one.device, one.inode] for one in self.ids]
        return json.dumps([self.database, self.token, self.pid, ids, list(self.descriptors)])


def read_hold(text: str) -> Hold:
    """Return the hold a text tells of; raise ValueError for any other text."""
    try:
        database, token, pid, ids, descriptors = json.loads(text)
        files = tuple(FileId(int(device), int(inode)) for device, inode in ids)
        return Hold(str(database), str(token), int(pid), files, tuple(map(int, descriptors)))
    except TypeError as error:
        raise ValueError("not a hold") from error


def handed_down(database: Path) -> Hold | None:
    """Return the hold that this process got from its parent for `database`, None when there is none."""
    text = os.environ.get(HELD)
    hold = None if text is None else read_hold(text)
    return hold if hold is not None and hold.database == str(database.resolve()) else None


class Holding:
    """Takes the hold, and lets go of it."""

    def __init__(self, database: Path, gate: Path) -> None:
        """`gate` is the file of the writers' gate."""
        self._database = database.resolve()
        self._gate = gate.resolve()
        self._open: list[int] = []
        self._note = -1

    def take(self) -> Hold:
        """Open the files, those that are not there yet as empty ones, and hand the hold down to children.

        Raise OSError when that cannot be done.
        """
        paths = [self._database.with_name(self._database.name + suffix) for suffix in SUFFIXES]
        self._open = [os.open(paths[0], os.O_RDWR | os.O_CLOEXEC)]
        fcntl.lockf(self._open[0], fcntl.LOCK_SH, SHARED_BYTES, SHARED_AT)
        for path in [*paths[1:], self._gate]:
            make_private(path)
            self._open.append(os.open(path, os.O_RDWR | os.O_CLOEXEC))
        ids = tuple(id_of(os.fstat(one)) for one in self._open[: len(SUFFIXES)])
        hold = Hold(str(self._database), secrets.token_hex(8), os.getpid(), ids, tuple(self._open))
        os.environ[HELD] = hold.as_text()
        if hasattr(os, "memfd_create"):
            self._note = os.memfd_create(NOTE)
            os.write(self._note, hold.as_text().encode())
        return hold

    def release(self) -> None:
        """Let go of the files: the last process that closes them puts the log into the database again."""
        with suppress(KeyError):
            del os.environ[HELD]
        for descriptor in [*self._open, *([self._note] if self._note >= 0 else [])]:
            os.close(descriptor)
        self._open, self._note = [], -1


def can_hold() -> bool:
    """Return whether files can be moved away under a server here, and so are held."""
    return fcntl is not None


def id_of(found: os.stat_result) -> FileId:
    """Return which file a stat is of."""
    return FileId(found.st_dev, found.st_ino)


PROC = Path("/proc")
LOOKED_AT = 64
"""The memory is opened before the first request, so it is among a process's first files."""


def find_hold(database: Path, *, proc: Path = PROC) -> Hold | None:
    """Return the hold of the server that serves `database`; None when none can be seen.

    Seen is what this user may look into: the own processes, or all of them as root. Whether the files still lie
    at that path does not matter.
    """
    wanted = str(database.resolve())
    return next((hold for hold in _holds(proc) if hold.database == wanted), None)


def _holds(proc: Path) -> Iterator[Hold]:
    for process in proc.glob("[0-9]*"):
        try:
            descriptors = sorted((process / "fd").iterdir(), key=lambda one: int(one.name))[:LOOKED_AT]
        except OSError:
            continue  # somebody else's, or it has just ended
        for descriptor in descriptors:
            hold = _noted(descriptor)
            if hold is not None:
                yield hold
                break


def _noted(descriptor: Path) -> Hold | None:
    try:
        if not str(descriptor.readlink()).startswith(f"/memfd:{NOTE}"):
            return None
        return read_hold(descriptor.read_text("utf-8"))
    except (OSError, ValueError):
        return None
