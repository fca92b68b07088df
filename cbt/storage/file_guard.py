"""The guard of the database's files: which a server holds, whether others lie there or somebody else wrote.

Source: R-40; I1, I12.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import struct
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

from cbt.errors import Unavailable
from cbt.storage.private_files import make_private
from cbt.storage.wal import FRAME_HEADER, HEADER, End, read_end, read_numbers, salts_of

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


def trouble_of(at_paths: Mapping[str, AtPath], *, overwritten: str | None = None) -> Trouble | None:
    """Return why nothing may be written, None when everything is in its place.

    `at_paths` has an entry for each of SUFFIXES. `overwritten` is the suffix of a file whose bytes somebody else
    wrote; it counts only where all are the files held open. What is exchanged is told before what is gone: it
    is what the next start would take for the database.
    """
    for code, meant in ((EXCHANGED, AtPath.OTHER), (GONE, AtPath.NONE)):
        for suffix in SUFFIXES:
            if at_paths[suffix] is meant:
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


def id_of(status: os.stat_result) -> FileId:
    return FileId(status.st_dev, status.st_ino)


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


# The guard of the database's files: whether somebody else wrote them, asked before each writing
# transaction.
#
# Emptying the log writes the pages that it has, as their last frames have them (encrypted or not: a frame
# holds
# what the database will), and nothing else. Whatever else a page then holds, somebody else wrote.
#
# Source: R-40; I1, I12.

PAGE = 4096
READ_WHOLE = 1024
"""Of a database of so many pages each is looked at, of a larger one some."""
SAMPLED = 256


class Pages:
    """How long a database is in bytes, and each page looked at, by its number from 0."""

    def __init__(self, size: int, content: Mapping[int, bytes], former: Pages | None = None) -> None:
        """What `former` knows of a page that is as it was is not worked out again."""
        self.size = size
        self.content = content
        digests = {} if former is None else former.known_of(content)
        self.digests: Mapping[int, bytes] = {
            page: digests.get(page) or _digest(found) for page, found in content.items()
        }

    def known_of(self, content: Mapping[int, bytes]) -> dict[int, bytes]:
        """Return the digests of those pages that are as they were here."""
        return {
            page: self.digests[page] for page, found in content.items() if self.content.get(page) == found
        }

    @cached_property
    def digest(self) -> bytes:
        """Return one digest of all, 16 bytes.

        Each page of an encrypted database is sealed anew when it is written, so it differs then whatever is in it.
        """
        sealed = hashlib.blake2b(str(self.size).encode(), digest_size=16)
        for page in sorted(self.digests):
            sealed.update(self.digests[page])
        return sealed.digest()


@dataclass(frozen=True, slots=True)
class Logged:
    """What a log has put into the database."""

    content: Mapping[int, bytes]
    """Pages that lie there as the log has them: all, or some of many."""
    written: frozenset[int] = frozenset()
    """All pages it has put there."""
    open: frozenset[int] = frozenset()
    """Pages it also has a later frame of: they may have been left as they were."""

    def and_then(self, later: Logged) -> Logged:
        """Return what both have put there, `later` being of the log that was begun afterwards."""
        return Logged({**self.content, **later.content}, self.written | later.written, later.open)


def read_pages(main: int, size: int, former: Pages | None = None) -> Pages:
    """Read the first page, the last and others between of the database with the descriptor `main`."""
    return Pages(size, _read(main, _sampled(size)), former)


def read_logged(log: int, index: BinaryIO, end: End, *, done: int, cut_off: bool = False) -> Logged:
    """Read what a log that ends there has put into the database, `done` of its frames; its index says which pages.

    After an emptying that was `cut_off` nobody knows which pages of later frames it still wrote.
    """
    numbers = read_numbers(index, end.frames)
    last = {number - 1: frame for frame, number in enumerate(numbers[:done])}
    later = {number - 1 for number in numbers[done:]}
    step = max(1, len(last) // SAMPLED)  # writers wait meanwhile
    first = HEADER + FRAME_HEADER
    content = {
        page: os.pread(log, end.page_size, first + last[page] * end.frame_size)
        for page in sorted(last)[::step]
    }
    if cut_off:
        return Logged(
            {page: content[page] for page in content.keys() - later}, frozenset(last.keys() | later)
        )
    return Logged(content, frozenset(last), frozenset(later))


def emptied(main: int, size: int, before: Pages, logged: Logged) -> Pages | None:
    """Return the pages of the database after an emptying; None when it does not explain what lies there."""
    there = _read(main, before.content.keys() | logged.content.keys() | set(_sampled(size)))
    for page, content in there.items():
        may_be = {logged.content.get(page)} if page in logged.written else {before.content.get(page)}
        if page in logged.open:
            may_be.add(before.content.get(page))
        if None not in may_be and content not in may_be:
            return None
    return Pages(size, {page: there[page] for page in _sampled(size)}, before)


def _sampled(size: int) -> list[int]:
    pages = max(size // PAGE, 1)
    step = 1 if pages <= READ_WHOLE else pages // (SAMPLED - 1)
    return sorted({*range(0, pages, step), pages - 1})


def _read(main: int, pages: Iterable[int]) -> dict[int, bytes]:
    return {page: os.pread(main, PAGE, page * PAGE) for page in pages}


def _digest(page: bytes) -> bytes:
    return hashlib.blake2b(page, digest_size=16).digest()


# What the last writer left: a mark in the file of the writers' gate, by which others are seen.
#
# Whoever has the gate notes size and time of the database and its log when it leaves, and a digest of pages
# of the database. A file written over in its place (`cp old.db cbt.db`) keeps its inode and is known by that
# alone.

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


def stamp_of(status: os.stat_result) -> Stamp:
    return Stamp(status.st_size, status.st_mtime_ns)


@dataclass(frozen=True, slots=True)
class FileMark:
    """What a writer left under a hold; while it is `at_work`, or when it was killed at it, it says nothing."""

    token: str
    at_work: bool
    main: Stamp
    log: Stamp
    digest: bytes

    def pack(self) -> bytes:
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
        return self.done != self.attempted


def read_mark(descriptor: int) -> FileMark | None:
    """Return the mark in the gate's file; None for an empty one."""
    raw = os.pread(descriptor, _MARK.size, 0)
    if len(raw) < _MARK.size:
        return None
    token, at_work, size, written, log_size, log_written, digest = _MARK.unpack(raw)
    return FileMark(token.hex(), at_work, Stamp(size, written), Stamp(log_size, log_written), digest)


def write_mark(descriptor: int, mark: FileMark) -> None:
    os.pwrite(descriptor, mark.pack(), 0)


def clear_mark(descriptor: int) -> None:
    """Leave none: who writes without knowing of the hold says so."""
    if os.fstat(descriptor).st_size:
        os.ftruncate(descriptor, 0)


def was_written(main: int, now: Stamp, mark: FileMark) -> bool:
    """Return whether somebody else wrote the database since `mark` was left; `main` is a descriptor of it."""
    if now == mark.main:
        return False
    moved = abs(now.written_ns - mark.main.written_ns) >= TOUCHED / timedelta(microseconds=1) * 1000
    return moved or now.size != mark.main.size or read_pages(main, now.size).digest != mark.digest


def read_emptying(index: BinaryIO) -> Emptying:
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


# What a process of a server knows of the files its database is open in, asked before each writing
# transaction.
#
# Costs six stats, a few small reads and two small writes a transaction, whatever is in it.
#
# Source: R-40; I1, I12.

_kept: list[BinaryIO] = []
"""Open files of databases in use: SQLite's locks on one end when any descriptor of it in the process closes."""


@dataclass(frozen=True, slots=True)
class _Sight:
    """What lies at the paths now: what each is, and the stat of those that are there."""

    found: dict[str, AtPath]
    stats: dict[str, os.stat_result]


class GuardedFiles:
    """Compares the files of a server's hold with what lies at their paths; without a hold everything is well."""

    def __init__(self, database: Path, hold: Hold | None, *, gate: Path) -> None:
        """`gate` is the file of the writers' gate, where marks are left."""
        self.hold = hold
        self._database = database
        self._paths = {suffix: database.with_name(f"{database.name}{suffix}") for suffix in SUFFIXES}
        self._gate = gate
        self._open: dict[str, BinaryIO] = {}
        self._before: FileMark | None = None
        self._emptying = Emptying(b"", 0, 0)
        self._noted = Logged({})
        self._pages: tuple[Stamp, Pages] | None = None
        self._overwritten: str | None = None
        self._reading = threading.Lock()

    def join_server(self) -> None:
        """Take over the hold of the server that runs here, if one does: a command writes beside it."""
        if self.hold is None:
            self.hold = find_hold(self._database)

    def trouble(self) -> Trouble | None:
        """Return why nothing may be written; called by whoever has not got the gate."""
        if self.hold is None:
            return None
        sight = self._look(self.hold)
        trouble = trouble_of(sight.found, overwritten=self._overwritten)
        if trouble is not None:
            return trouble
        return trouble_of(sight.found, overwritten=self._peek(self.hold))

    def error(self, trouble: Trouble) -> Unavailable:
        return Unavailable(trouble.code, path=str(self._paths[trouble.suffix]))

    def check(self) -> None:
        """Raise Unavailable(`trouble.code`, path=…) unless the files held open lie at their paths."""
        if self.hold is not None:
            self._refuse(trouble_of(self._look(self.hold).found, overwritten=self._overwritten))

    def check_closely(self) -> None:
        """Raise as `check` does, and for files that somebody else wrote; called without the gate."""
        self._refuse(self.trouble())

    def enter(self, gate: int) -> None:
        """Be called with the gate, by its descriptor, before a transaction begins; raise as `check` does.

        Besides, the files have to be as the last writer left them.
        """
        if self.hold is None:
            clear_mark(gate)
            return
        sight = self._look(self.hold)
        self._refuse(trouble_of(sight.found, overwritten=self._overwritten))
        mark = read_mark(gate)
        if mark is None or mark.token != self.hold.token or mark.at_work:
            mark = self._mark(self.hold, sight)  # nobody knows how it was left: it counts as it is now
        self._overwritten = self._changed(self.hold, mark, sight)
        self._refuse(trouble_of(sight.found, overwritten=self._overwritten))
        self._emptying, self._noted = read_emptying(self._file(self.hold, "-shm")), Logged({})
        self._before = entered = self._mark(self.hold, sight, at_work=True)
        if entered.digest != mark.digest:
            self._overwritten = ""
            self._refuse(trouble_of(sight.found, overwritten=""))
        _write(gate, entered)

    def committed(self) -> None:
        """Be called with the gate after a commit, before the second copy counts on it; raise as `leave` does.

        What was read of a file that somebody else wrote meanwhile may be anything: it would damage the copy.
        """
        if self.hold is None or self._before is None:
            return
        sight = self._look(self.hold)
        self._refuse(trouble_of(sight.found, overwritten=self._overwritten))
        with self._reading:
            if not self._goes_on(self.hold, self._before, stamp_of(sight.stats[""])):
                self._overwritten = ""
        self._refuse(trouble_of(sight.found, overwritten=self._overwritten))

    def leave(self, gate: int) -> None:
        """Be called with the gate after the end of a transaction that was entered, before it is acknowledged.

        Raise as `check` does when the files were moved away meanwhile, or written by somebody else: only
        emptying the log writes the database, with the log's own pages, and the log ends with the last commit.
        """
        if self.hold is None or self._before is None:
            return
        before, self._before = self._before, None
        sight = self._look(self.hold)
        if self._overwritten is None and trouble_of(sight.found) is None:
            with self._reading:
                whole = log_is_whole(self._file(self.hold, "-wal"), self._file(self.hold, "-shm"))
                main_is_ours = self._goes_on(self.hold, before, stamp_of(sight.stats[""]))
            if not whole or not main_is_ours:
                self._overwritten = "" if whole else "-wal"
        if self._overwritten is not None:  # for the others: what is left at work counts for them as it is
            _write(gate, replace(before, at_work=False))
        self._refuse(trouble_of(sight.found, overwritten=self._overwritten))
        _write(gate, self._mark(self.hold, sight))

    def _look(self, hold: Hold) -> _Sight:
        at_paths, stats = {}, {}
        for suffix, wanted in zip(SUFFIXES, hold.ids, strict=True):
            try:
                stats[suffix] = self._paths[suffix].stat()
            except OSError:
                at_paths[suffix] = AtPath.NONE
            else:
                at_paths[suffix] = AtPath.SAME if id_of(stats[suffix]) == wanted else AtPath.OTHER
        return _Sight(at_paths, stats)

    def _refuse(self, trouble: Trouble | None) -> None:
        if trouble is not None:
            raise self.error(trouble)

    def note_log(self) -> None:
        """Be called with the gate before the log is emptied and ended: its frames are gone afterwards."""
        if self.hold is None or self._before is None:
            return
        with self._reading:
            end = read_end(self._file(self.hold, "-shm"))
            if end is not None:
                self._noted = read_logged(*self._log_of(self.hold), end, done=end.frames)

    def _mark(self, hold: Hold, sight: _Sight, *, at_work: bool = False) -> FileMark:
        main, log = stamp_of(sight.stats[""]), stamp_of(sight.stats["-wal"])
        if self._pages is None or self._pages[0] != main:
            former = None if self._pages is None else self._pages[1]
            self._pages = main, read_pages(self._file(hold, "").fileno(), main.size, former)
        return FileMark(hold.token, at_work, main, log, self._pages[1].digest)

    def _goes_on(self, hold: Hold, before: FileMark, main: Stamp) -> bool:
        """Return whether the database is as it was before, but for what was emptied into it meanwhile."""
        if main == before.main:
            return True
        descriptor = self._file(hold, "").fileno()
        now = read_emptying(self._file(hold, "-shm"))
        if not now.explains(self._emptying):
            return not was_written(descriptor, main, before)
        assert self._pages is not None
        pages = emptied(descriptor, main.size, self._pages[1], self._logged(hold, now))
        if pages is not None:
            self._pages = main, pages
        return pages is not None

    def _logged(self, hold: Hold, now: Emptying) -> Logged:
        """Return what the log has put into the database: it may have been ended and begun anew meanwhile."""
        end = read_end(self._file(hold, "-shm"))
        if end is None:
            return self._noted
        logged = read_logged(*self._log_of(hold), end, done=now.done, cut_off=now.cut_off)
        return logged if now.salts == self._emptying.salts else self._noted.and_then(logged)

    def _changed(self, hold: Hold, mark: FileMark, sight: _Sight) -> str | None:
        """Return the suffix of a file that somebody else wrote since `mark` was left."""
        if was_written(self._file(hold, "").fileno(), stamp_of(sight.stats[""]), mark):
            return ""
        if stamp_of(sight.stats["-wal"]) != mark.log:
            with self._reading:
                if not log_is_whole(self._file(hold, "-wal"), self._file(hold, "-shm")):
                    return "-wal"
        return None

    def _peek(self, hold: Hold) -> str | None:
        """Look for what was overwritten without the gate: what a writer does meanwhile leaves another mark."""
        try:
            gate = os.open(self._gate, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            mark = read_mark(gate)
            if mark is None or mark.token != hold.token or mark.at_work:
                return None
            sight = self._look(hold)
            if len(sight.stats) < len(SUFFIXES):
                return None
            changed = self._changed(hold, mark, sight)
            if changed is not None and read_mark(gate) == mark:
                self._overwritten = changed
            return self._overwritten
        finally:
            os.close(gate)

    def _log_of(self, hold: Hold) -> tuple[int, BinaryIO]:
        return self._file(hold, "-wal").fileno(), self._file(hold, "-shm")

    def _file(self, hold: Hold, suffix: str) -> BinaryIO:
        """Return one of the files, unbuffered; opened once, and never closed while the process runs."""
        if suffix not in self._open:
            handle = self._paths[suffix].open("rb", buffering=0)
            _kept.append(handle)
            if id_of(os.fstat(handle.fileno())) != hold.ids[SUFFIXES.index(suffix)]:
                raise self.error(Trouble("db.exchanged", suffix))
            self._open[suffix] = handle
        return self._open[suffix]


def _write(gate: int, mark: FileMark) -> None:
    try:
        write_mark(gate, mark)
    except OSError as error:
        raise Unavailable("db.write") from error
