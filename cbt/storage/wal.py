"""SQLite's write-ahead log as it lies on disk: where its last commit ends, and applying a copy of it.

The log is a header and frames, each one page as it is after a commit (encrypted as in the database). Its
index (`-shm`) says which frame the last commit ended with; what lies behind that was never committed.
The format is the documented one of sqlite.org/walformat.html.
"""

from __future__ import annotations

import struct
from array import array
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from cbt.storage.private_files import copy_private, make_private
from cbt.storage.raw_connection import open_raw

HEADER = 32
FRAME_HEADER = 24
_INDEX_VERSION = 3007000
_INDEX = struct.Struct("=IIIBBHII2I8s2I")
_FRAME = struct.Struct(">II8s2I")
_CHUNK = 1 << 20
_INDEX_HEADER, _BLOCK, _NUMBERS = 136, 32768, 4096
"""The index in bytes: its header and one block, which holds so many page numbers, fewer where the header is."""


@dataclass(frozen=True, slots=True)
class End:
    """Where the last commit of a log ends: its frames, and what its last frame has to look like."""

    frames: int
    page_size: int
    salts: bytes
    checksum: tuple[int, int]
    """Of everything up to the last frame, so two logs that agree in it agree in all frames before."""

    @property
    def frame_size(self) -> int:
        """Return the bytes of one frame."""
        return FRAME_HEADER + self.page_size

    @property
    def size(self) -> int:
        """Return the bytes of the log up to this end."""
        return HEADER + self.frames * self.frame_size

    def goes_on_in(self, log: BinaryIO) -> bool:
        """Return whether `log` has a frame of this very log behind this end."""
        log.seek(self.size)
        raw = log.read(FRAME_HEADER)
        return len(raw) == FRAME_HEADER and _FRAME.unpack(raw)[2] == self.salts

    def closes(self, tail: bytes) -> bool:
        """Return whether `tail` ends with the very frame this end stands for."""
        _page, pages, salts, *checksum = _FRAME.unpack_from(tail, len(tail) - self.frame_size)
        return bool(pages) and salts == self.salts and tuple(checksum) == self.checksum


def read_end(index: BinaryIO) -> End | None:
    """Read where the last commit ends from a log's index, unbuffered; None when nothing is in the log.

    The writers' gate has to be held: nobody may change the index meanwhile.
    """
    index.seek(0)
    raw = index.read(2 * _INDEX.size)
    if len(raw) < 2 * _INDEX.size or raw[: _INDEX.size] != raw[_INDEX.size :]:
        return None
    version, _, _, ready, _, page_size, frames, _, first, two, salts, *_ = _INDEX.unpack_from(raw)
    if version != _INDEX_VERSION or not ready or not frames:
        return None
    return End(frames, 65536 if page_size == 1 else page_size, salts, (first, two))


def read_numbers(index: BinaryIO, frames: int) -> list[int]:
    """Read from a log's index which page each of its first `frames` frames holds, from 1.

    The gate has to be held. The index is blocks of page numbers and of a table to find them by, the first of them
    shorter by its header.
    """
    numbers = array("I")
    block = 0
    while len(numbers) < frames:
        head = _INDEX_HEADER if block == 0 else 0
        most = min(frames - len(numbers), _NUMBERS - head // numbers.itemsize)
        index.seek(block * _BLOCK + head)
        numbers.frombytes(index.read(most * numbers.itemsize))
        block += 1
    return numbers.tolist()


def log_salts(log: BinaryIO) -> bytes:
    """Return what tells this log from the one before and after it; b"" for one without a header."""
    log.seek(0)
    return salts_of(log.read(HEADER))


def salts_of(header: bytes) -> bytes:
    """Return the salts in a log's header; b"" for a cut one."""
    return header[16:24] if len(header) == HEADER else b""


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of a log: frames applied, whether that is all of it, whole commits behind a damaged place."""

    frames: int
    whole: bool
    commits_left_out: int


def apply_log(database: Path, log: Path, key: bytes | None, *, frames: int | None = None) -> Applied:
    """Bring `database` to the state after the last whole commit of `log`; doing it again changes nothing.

    With `frames` only so many of the log are taken; the last of them has to end a commit. SQLite itself does it, so
    the log's checksums are checked. Raise OSError, or an error of `cbt.storage.raw_connection.DATABASE_ERRORS` for
    another key or a damaged file.
    """
    beside = database.with_name(f"{database.name}-wal")
    database.with_name(f"{database.name}-shm").unlink(missing_ok=True)
    copy_private(log, beside)
    if frames is not None:
        with beside.open("rb+") as handle:
            handle.truncate(HEADER + frames * _frame_size(handle.read(HEADER)))
    with closing(open_raw(database, key)) as connection:
        _busy, found, _done = connection.execute("PRAGMA wal_checkpoint(FULL)").fetchone()
    beside.unlink(missing_ok=True)
    applied = max(found, 0)
    return Applied(applied, *_rest(log, after=applied))


def _rest(log: Path, *, after: int) -> tuple[bool, int]:
    """Return whether frame `after` is a log's last, and how many of its commits end behind it.

    A log may be written over an older one: what has other salts is none of its frames.
    """
    frames = commits = 0
    with log.open("rb") as handle:
        header = handle.read(HEADER)
        if len(header) < HEADER:
            return False, 0
        frame_size = _frame_size(header)
        place = HEADER + after * frame_size
        while len(raw := _read_at(handle, place)) == FRAME_HEADER:
            _page, pages, salts, *_ = _FRAME.unpack(raw)
            frames += salts == header[16:24]
            commits += bool(pages) and salts == header[16:24]
            place += frame_size
    return not frames, commits


def _frame_size(header: bytes) -> int:
    return FRAME_HEADER + int.from_bytes(header[8:12], "big")


def _read_at(handle: BinaryIO, place: int) -> bytes:
    handle.seek(place)
    return handle.read(FRAME_HEADER)


def copy_range(source: BinaryIO, target: BinaryIO, start: int, end: int) -> bytes:
    """Copy bytes `start` to `end` between two unbuffered files; return the last chunk."""
    source.seek(start)
    target.seek(start)
    chunk = b""
    while start < end:
        chunk = source.read(min(_CHUNK, end - start))
        if not chunk:
            raise OSError("the file ended early")
        view = memoryview(chunk)
        while view:
            view = view[target.write(view) :]
        start += len(chunk)
    return chunk


def create_file(path: Path, *, over: Path | None = None) -> BinaryIO:
    """Open a file to be written, unbuffered, its owner's only; in the place of `over` when there is one.

    Writing over what is allocated is forced to disk several times faster than making a file longer.
    """
    if over is not None and over.is_file():
        over.replace(path)
        return path.open("rb+", buffering=0)
    make_private(path)
    handle = path.open("rb+", buffering=0)
    handle.truncate(0)
    return handle
