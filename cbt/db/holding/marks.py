"""What the last writer left: a mark in the file of the writers' gate, by which others are seen.

Whoever has the gate notes size and time of the database and its log when it leaves, and a digest of pages of
the database. A file written over in its place (`cp old.db cbt.db`) keeps its inode and is known by that alone.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from datetime import timedelta
from typing import BinaryIO

from cbt.db.holding.pages import read_pages
from cbt.db.second_copy.wal import HEADER, read_end, salts_of

TOUCHED = timedelta(seconds=2)
"""A time that moves by less may be a file system's rounding, so the digest decides; by more, somebody wrote."""
_MARK = struct.Struct("<8s?qqqq16s")
_INDEX = struct.Struct("=32x8s56xI28xI")
"""Of the log's index: the salts of the log, and how much of it went into the database, done and attempted."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """How long a file is, and when it was last written."""

    size: int
    written_ns: int


def stamp_of(found: os.stat_result) -> Stamp:
    """Return the stamp of a stat."""
    return Stamp(found.st_size, found.st_mtime_ns)


@dataclass(frozen=True, slots=True)
class Mark:
    """What a writer left under a hold; while it is `at_work`, or when it was killed at it, it says nothing."""

    token: str
    at_work: bool
    main: Stamp
    log: Stamp
    digest: bytes

    def pack(self) -> bytes:
        """Return it as bytes of one length."""
        stamps = (self.main.size, self.main.written_ns, self.log.size, self.log.written_ns)
        return _MARK.pack(bytes.fromhex(self.token), self.at_work, *stamps, self.digest)


@dataclass(frozen=True, slots=True)
class Emptying:
    """How far the log was emptied into the database."""

    salts: bytes
    done: int
    attempted: int

    def explains(self, before: Emptying) -> bool:
        """Return whether the database may have been written by emptying the log since `before`."""
        return self != before or self.cut_off

    @property
    def cut_off(self) -> bool:
        """Return whether an emptying did not come to its end."""
        return self.done != self.attempted


def read_mark(descriptor: int) -> Mark | None:
    """Return the mark in the gate's file; None for an empty one."""
    raw = os.pread(descriptor, _MARK.size, 0)
    if len(raw) < _MARK.size:
        return None
    token, at_work, size, written, log_size, log_written, digest = _MARK.unpack(raw)
    return Mark(token.hex(), at_work, Stamp(size, written), Stamp(log_size, log_written), digest)


def write_mark(descriptor: int, mark: Mark) -> None:
    """Leave a mark."""
    os.pwrite(descriptor, mark.pack(), 0)


def clear_mark(descriptor: int) -> None:
    """Leave none: who writes without knowing of the hold says so."""
    if os.fstat(descriptor).st_size:
        os.ftruncate(descriptor, 0)


def was_written(main: int, now: Stamp, mark: Mark) -> bool:
    """Return whether somebody else wrote the database since `mark` was left; `main` is a descriptor of it."""
    if now == mark.main:
        return False
    moved = abs(now.written_ns - mark.main.written_ns) >= TOUCHED / timedelta(microseconds=1) * 1000
    return moved or now.size != mark.main.size or read_pages(main, now.size).digest != mark.digest


def read_emptying(index: BinaryIO) -> Emptying:
    """Read how far the log was emptied, from its index."""
    raw = os.pread(index.fileno(), _INDEX.size, 0)
    return Emptying(b"", 0, 0) if len(raw) < _INDEX.size else Emptying(*_INDEX.unpack(raw))


def log_is_whole(log: BinaryIO, index: BinaryIO) -> bool:
    """Return whether a log ends with the very frame of the last commit that its index knows."""
    end = read_end(index)
    if end is None:
        return True
    tail = os.pread(log.fileno(), end.frame_size, end.size - end.frame_size)
    head = os.pread(log.fileno(), HEADER, 0)
    return len(tail) == end.frame_size and salts_of(head) == end.salts and end.closes(tail)
