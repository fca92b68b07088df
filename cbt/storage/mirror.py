"""The mirror: a second copy of the embedded database's log on another path at every commit, and its folder.

    copy.json            what it is a copy of, and the number of its newest log
    cbt-00000007.base    the database before log 7
    cbt-00000007.log     everything committed since; then 8, 9 … up to the newest
    cbt-00000007.times   when the commits of log 7 were made
    cbt.spare            a log that was applied, or an empty one, to be written over as the next

Logs that are done are kept for the moments in them (docs/decisions/044-kept-logs.md), then applied to the base
in their order and removed. Applying one again changes nothing, so this may end at any moment. No key is ever in
the folder.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import logging
import os
import re
import shlex
import shutil
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

from cbt.errors import CbtError, InvalidInput, Unavailable
from cbt.storage.aside import keeping
from cbt.storage.backup_folder import read_manifest_as, sync_folder
from cbt.storage.crypto import key_prints, salt_of
from cbt.storage.log_times import TimesFile, read_times, times_path
from cbt.storage.private_files import make_folder, make_private
from cbt.storage.raw_connection import DATABASE_ERRORS, open_raw, open_to_read
from cbt.storage.wal import HEADER, End, apply_log, copy_range, create_file, log_salts, read_end, read_numbers
from cbt.storage.write_queue.write_lock import Gate

log = logging.getLogger(__name__)


COPY_MANIFEST = "copy.json"
SPARE = "cbt.spare"
FORMAT = 1
PRODUCT = "cbt-engine"
_BASE = re.compile(r"cbt-(\d{8})\.base")
_OURS = re.compile(r"cbt-(\d{8})\.(?:base|base\.part|base-wal|base-shm|log|times)")
BEHIND = "copy.behind"
_ANEW = "base"


@dataclass(frozen=True, slots=True)
class CopySet:
    """What stands in a copy's manifest."""

    product: str
    format: int
    encrypted: bool
    salt: str
    """The first bytes of the database file: an encrypted one keeps its own for life."""
    version: int
    """The database's user_version as the newest log began: that log's first commit raised it."""
    newest: int
    closed: dict[str, int]
    """Frames of the logs that are done, by number."""
    keys: dict[str, str]
    """Fingerprints of the keys that the copy needs."""


def is_ours(name: str) -> bool:
    ours = (COPY_MANIFEST, f"{COPY_MANIFEST}.part", SPARE, f"{SPARE}.part")
    return name in ours or _OURS.fullmatch(name) is not None


def base_path(folder: Path, number: int) -> Path:
    return folder / f"cbt-{number:08d}.base"


def log_path(folder: Path, number: int) -> Path:
    return folder / f"cbt-{number:08d}.log"


def base_number(folder: Path, newest: int) -> int | None:
    numbers = (int(match[1]) for path in folder.iterdir() if (match := _BASE.fullmatch(path.name)))
    return max((number for number in numbers if number <= newest), default=None)


def read_copy(folder: Path) -> CopySet | None:
    """Read a copy's manifest; None when there is none. Raise InvalidInput("copy.manifest") for a strange one."""
    path = folder / COPY_MANIFEST
    if not path.is_file():
        return None
    copy = read_manifest_as(CopySet, path, refusal="copy.manifest")
    if (copy.product, copy.format) != (PRODUCT, FORMAT):
        raise InvalidInput("copy.manifest", path=str(path))
    return copy


def write_copy(folder: Path, copy: CopySet) -> None:
    """Write a copy's manifest in one step, on disk when this returns."""
    arriving = folder / f"{COPY_MANIFEST}.part"
    make_private(arriving)
    with arriving.open("w", encoding="utf-8") as handle:
        json.dump(asdict(copy), handle, indent=2)
        handle.flush()
        os.fsync(handle.fileno())
    arriving.replace(folder / COPY_MANIFEST)
    sync_folder(folder)


def closed_logs(folder: Path) -> dict[str, int]:
    """Return the frames of the logs that are done and still there."""
    copy = read_copy(folder)
    closed = {} if copy is None else copy.closed
    return {number: frames for number, frames in closed.items() if log_path(folder, int(number)).is_file()}


def remove_before(folder: Path, number: int) -> None:
    """Remove the files of this kind that are older than base `number`, and what was never finished."""
    for path in folder.iterdir():
        match = _OURS.fullmatch(path.name)
        if match and (int(match[1]) < number or path.suffix == ".part"):
            path.unlink(missing_ok=True)


MOST_KEPT = 128
"""Logs that are kept for the moments in them (2 GB), however short the time is that they cover."""
ROOM_BYTES = 1024 * 1024 * 1024
"""With less left on its disk no log is kept that is not needed: the copy comes first."""


def fold(folder: Path, key: bytes | None, *, keep_from: datetime | None = None) -> None:
    """Apply the logs that are done to the base and remove them, but those with commits since `keep_from`.

    Raise OSError when the folder cannot be written, ValueError with the name of a log that is not whole.
    """
    copy = read_copy(folder)
    number = None if copy is None else base_number(folder, copy.newest)
    if copy is None or number is None:
        return
    for done in range(number, copy.newest):
        if keep_from is not None and _is_kept(folder, done, copy.newest, keep_from):
            return
        applied = apply_log(base_path(folder, done), log_path(folder, done), key)
        if applied.frames != copy.closed.get(str(done)):
            raise ValueError(log_path(folder, done).name)
        with base_path(folder, done).open("rb+") as handle:
            os.fsync(handle.fileno())
        base_path(folder, done).rename(base_path(folder, done + 1))
        log_path(folder, done).replace(folder / SPARE)
        sync_folder(folder)
        remove_before(folder, done + 1)


def _is_kept(folder: Path, number: int, newest: int, since: datetime) -> bool:
    if newest - number > MOST_KEPT or shutil.disk_usage(folder).free < ROOM_BYTES:
        return False
    commits = read_times(folder, number)
    return bool(commits) and commits[-1].at >= since


def make_spare(folder: Path) -> None:
    """Have a file to be written over as the next log, where no log was applied that could be; raise OSError."""
    arriving = folder / f"{SPARE}.part"
    if (folder / SPARE).exists() or shutil.disk_usage(folder).free < ROOM_BYTES:
        return
    with create_file(arriving) as handle:
        for _ in range(EMPTY_AT // 256 + 1):
            handle.write(bytes(256 * FRAME_BYTES))
        os.fsync(handle.fileno())
    arriving.replace(folder / SPARE)


def logs_held(folder: Path, copy: CopySet) -> range:
    """Return the numbers of the logs behind a copy's base; none without a base."""
    number = base_number(folder, copy.newest)
    return range(0) if number is None else range(number, copy.newest + 1)


class BehindMark:
    """The mark of one database: it stands, or it stands and says to begin the copy anew with a base."""

    def __init__(self, database: Path) -> None:
        self.path = database.with_name(BEHIND)

    def stands(self) -> bool:
        """Return whether the copy lacks something."""
        return self.path.exists()

    def since(self) -> datetime | None:
        """Return since when it stands, by the wall clock; None when it does not."""
        try:
            return datetime.fromtimestamp(self.path.stat().st_mtime, UTC)
        except FileNotFoundError:
            return None

    def wants_base(self) -> bool:
        return self.path.exists() and self.path.read_text("ascii") == _ANEW

    def set(self) -> None:
        """Say that the copy lacks something; raise OSError when that cannot be written."""
        if not self.stands():
            make_private(self.path)

    def ask_for_base(self) -> None:
        make_private(self.path)
        self.path.write_text(_ANEW, "ascii")

    def lift(self) -> None:
        self.path.unlink(missing_ok=True)


# The mirror of the journal: a second copy of the embedded database's log, on another path at every commit.
#
# Source: R-40; I1, I12.

SALT_BYTES = 16
READERS_MS = 50
"""How long emptying the log waits for readers of it, with the writers waiting behind."""
_kept: list[BinaryIO] = []
"""Open files of databases in use: SQLite's locks on one end when any descriptor of it in the process closes."""


class Broken(Exception):
    """The copy cannot be gone on with as it is; the message says why, for the log."""


class LogSource:
    """One process's view of a database and its log. Everything but `keep_open` runs under the gate."""

    def __init__(
        self,
        database: Path,
        key: bytes | None,
        *,
        before_emptying: Callable[[], None],
        check_files: Callable[[], None],
    ) -> None:
        self.database = database
        self.key = key
        self._before_emptying = before_emptying
        self.check_files = check_files
        """Raises when what was read of the database may be somebody else's."""
        self._opening = threading.Lock()
        self._owner = -1
        self._connection: Any = None
        self._main: BinaryIO | None = None
        self._index: BinaryIO | None = None

    @property
    def open_here(self) -> bool:
        """Return whether this process has opened it; what a parent opened before a fork is not its own."""
        return self._owner == os.getpid()

    def keep_open(self) -> None:
        """Hold a connection of this process open for its life.

        SQLite empties and removes the log when its last connection closes. This one is never closed, so
        nobody but the copier ends a log.
        """
        with self._opening:
            if self.open_here:
                return
            connection = open_raw(self.database, self.key, patience_ms=READERS_MS)
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))
            connection.execute("PRAGMA wal_autocheckpoint = 0")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            self._index = self._main = None
            self._connection = connection
            self._owner = os.getpid()

    def recover(self) -> None:
        """Have SQLite read the log, so that its index is true; raise its error for a damaged database."""
        self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()

    def end(self) -> End | None:
        """Return where the last commit ends; None when the log is empty."""
        path = self.database.with_name(f"{self.database.name}-shm")
        if self._index is None or os.fstat(self._index.fileno()).st_ino != path.stat().st_ino:
            self._index = path.open("rb", buffering=0)
            _kept.append(self._index)
        return read_end(self._index)

    def open_log(self) -> BinaryIO:
        """Open the log's file, on which SQLite holds no lock."""
        return self.database.with_name(f"{self.database.name}-wal").open("rb", buffering=0)

    def main_file(self) -> BinaryIO:
        """Return the database's file, to be left open."""
        if self._main is None:
            self._main = self.database.open("rb", buffering=0)
            _kept.append(self._main)
        return self._main

    def salt(self) -> str:
        """Return the first bytes of the file: an encrypted one keeps its own for life."""
        source = self.main_file()
        source.seek(0)
        return source.read(SALT_BYTES).hex()

    def version(self) -> int:
        """Return user_version, which the product uses for nothing but its copy."""
        return int(self._connection.execute("PRAGMA user_version").fetchone()[0])

    def raise_version(self) -> End:
        """Commit one more user_version and return where the log ends now."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            self._connection.execute(f"PRAGMA user_version = {self.version() + 1}")
            self._connection.execute("COMMIT")
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        end = self.end()
        if end is None:
            raise Broken("the log has no frame after a commit")
        return end

    def empty(self) -> None:
        """Write the log into the database and end it, unless a reader stands in the way of that."""
        self._before_emptying()
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()


def ahead(database: Path, folder: Path) -> Unavailable:
    """Return the refusal of a copy that holds more than its database."""
    return Unavailable("copy.ahead", path=str(folder), command=rebuilding(database, folder))


def _others(database: Path, folder: Path) -> Unavailable:
    return Unavailable(
        "copy.other_database",
        path=str(folder),
        database=str(database),
        command=rebuilding(database, folder),
    )


def rebuilding(database: Path, folder: Path) -> str:
    """Return the command that keeps what lies there and rebuilds it from the copy."""
    return (
        f"{keeping(database.parent, 'kept')} && {shlex.join(['cbt', 'restore', '--from-copy', str(folder)])}"
    )


def check_copy(database: Path, folder: Path, key: bytes | None) -> None:
    """Raise what the next writer would meet in `JournalCopy.ready`, and write nothing; nobody may serve meanwhile.

    A folder that holds no copy, or none that can be read, is begun anew, or waited for.
    """
    try:
        held = read_copy(folder) if folder.is_dir() else None
    except CbtError:
        return
    if held is None:
        return
    if held.encrypted != (key is not None) or (held.encrypted and held.salt != salt_of(database)):
        raise _others(database, folder)
    index, log = database.with_name(f"{database.name}-shm"), log_path(folder, held.newest)
    with closing(open_to_read(database, key)) as connection:
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        end = _end_of(index)
        if end is not None and log.is_file():
            with log.open("rb") as handle:
                if log_salts(handle) == end.salts:
                    if end.goes_on_in(handle):
                        raise ahead(database, folder)
                    return
    if version < held.version:
        raise ahead(database, folder)


def pages_logged(index: Path) -> set[int]:
    """Return the pages, from 1, that a log still holds by its index."""
    end = _end_of(index)
    return set() if end is None else set(read_numbers(_kept[-1], end.frames))


def _end_of(index: Path) -> End | None:
    try:
        handle = index.open("rb", buffering=0)
    except FileNotFoundError:
        return None
    _kept.append(handle)
    return read_end(handle)


# The newest log of a second copy, kept equal to the database's.
#
# Only this empties the database's log, so no frame is lost between two looks. Nothing is remembered between
# processes: where to go on is read from the copy itself.
#
# Source: R-40; I1.

EMPTY_AT = 4000
"""Frames after which the log is emptied into the database (16 MB)."""
FRAME_BYTES = 4120
EMPTY_AGAIN = 1000
"""Frames after which that is tried again when a reader stood in the way."""
LONGEST = 65536
"""Frames after which the log is emptied though the copy is behind: the copy then begins anew (256 MB)."""
_sync = getattr(os, "fdatasync", os.fsync)


class LogCopy:
    """One process's hold on the newest log of a copy. Everything runs under the gate."""

    def __init__(
        self,
        source: LogSource,
        folder: Path,
        *,
        keys: Path,
        mark: BehindMark,
        now: Callable[[], datetime],
        kept: timedelta,
    ) -> None:
        """`kept` is for how long logs are kept for the moments in them; `now` is the product's clock."""
        self.folder = folder
        self._now = now
        self._kept = kept
        self._times = TimesFile(now)
        self._source = source
        self._keys = keys
        self._mark = mark
        self._tidying = Gate(source.database.with_name("copy.lock"))
        self._wal: BinaryIO | None = None
        self._log: BinaryIO | None = None
        self._number = 0
        self._salts = b""
        self._seen = (0, 0)
        self._copied = 0
        self._empty_at = EMPTY_AT
        self._attached_once = False

    @property
    def is_open(self) -> bool:
        return self._log is not None

    @property
    def attached(self) -> bool:
        return self._log is not None and self._source.open_here

    def close(self) -> None:
        """Let go of the copy's files; the next transaction opens them again."""
        for handle in (self._wal, self._log):
            if handle is not None:
                handle.close()
        self._wal = self._log = None
        self._times.close()

    def attach(self) -> None:
        """Find the newest log of the copy and make it equal to the database's; else begin with a base.

        Raise Broken, OSError or the database's error when that fails, Unavailable("copy.ahead") when the copy
        holds more than the database, ("copy.other_database") when it is another database's.
        """
        self._source.keep_open()
        self._source.recover()
        self.close()
        version = self._source.version()  # as it lies there: a commit of our own makes an older file no newer
        end = self._source.end() or self._source.raise_version()
        held = self._held()
        if held is None and self._attached_once:
            raise Broken("the folder is not there")
        if held is not None:
            self._check_own(held)
        if held is None or not self._continues(held, end, version) or self._mark.wants_base():
            self._begin(1 if held is None else held.newest + 1)
        self._attached_once = True

    def _held(self) -> CopySet | None:
        """Read what the copy says it is, and remember which text said so."""
        try:
            held = read_copy(self.folder)
        except CbtError as error:
            raise Broken("its description cannot be read") from error
        if held is not None:
            self._seen = self._stamp()
        return held

    def _stamp(self) -> tuple[int, int]:
        stat = (self.folder / COPY_MANIFEST).stat()
        return stat.st_ino, stat.st_mtime_ns

    def _check_own(self, held: CopySet) -> None:
        if held.salt != self._source.salt() or held.encrypted != (self._source.key is not None):
            raise _others(self._source.database, self.folder)

    def _continues(self, held: CopySet, end: End, version: int) -> bool:
        """Return whether the newest log of the copy is of the database's log; then they are equal after."""
        path = log_path(self.folder, held.newest)
        self._log = path.open("rb+", buffering=0) if path.is_file() else None
        if self._log is None or log_salts(self._log) != end.salts:
            # Another log has begun, which is right when the database has all the copy has.
            if version < held.version:
                raise ahead(self._source.database, self.folder)
            return False
        self._wal = self._source.open_log()
        self._number, self._salts = held.newest, end.salts
        if end.goes_on_in(self._log):
            raise ahead(self._source.database, self.folder)
        # What was not yet forced to disk when the power failed may be anything: the log is written anew.
        copy_range(self._wal, self._log, 0, end.size)
        os.fsync(self._log.fileno())
        self._copied = end.frames
        noted = read_times(self.folder, held.newest)
        self._times.begin(times_path(self.folder, held.newest))
        if not noted or noted[-1].frames < end.frames:
            self._times.note(end.frames, after_gap=True)
        return True

    def _begin(self, number: int) -> None:
        """Begin the copy with a base: the database file, which stands still while nobody empties the log."""
        make_folder(self.folder)
        end = self._source.raise_version()
        source = self._source.main_file()
        base = base_path(self.folder, number)
        arriving = base.with_name(f"{base.name}.part")
        with self._tidying():
            try:
                with create_file(arriving) as handle:
                    copy_range(source, handle, 0, os.fstat(source.fileno()).st_size)
                    os.fsync(handle.fileno())
                arriving.rename(base)
            finally:
                arriving.unlink(missing_ok=True)
            self._begin_log(number, end, {})
            remove_before(self.folder, number)
        log.warning("the second copy in %s begins with a new base", self.folder)

    def _begin_log(self, number: int, end: End, closed: dict[str, int]) -> None:
        self.close()
        self._wal = self._source.open_log()
        spare = self.folder / SPARE
        self._log = create_file(log_path(self.folder, number), over=spare)
        copy_range(self._wal, self._log, 0, end.size)
        os.fsync(self._log.fileno())
        sync_folder(self.folder)
        self._number, self._salts, self._copied = number, end.salts, end.frames
        encrypted = self._source.key is not None
        prints = key_prints(self._keys, encrypted=encrypted)
        salt, version = self._source.salt(), self._source.version()
        # What was read of the database counts only with its description; until then the copy is what it was.
        self._source.check_files()
        write_copy(
            self.folder,
            CopySet(PRODUCT, FORMAT, encrypted, salt, version, number, closed, prints),
        )
        self._seen = self._stamp()
        times_path(self.folder, number).unlink(missing_ok=True)
        self._times.begin(times_path(self.folder, number))
        self._times.note(end.frames)

    def advance(self) -> None:
        """Copy what was committed and force it to disk; raise Broken or OSError when that fails."""
        end = self._source.end()
        if end is None or self._log is None or self._wal is None:
            raise Broken("the log is empty")
        if end.salts != self._salts or self._stamp() != self._seen:
            self._take_over(end)
        if self._copied > end.frames:
            raise Broken("the copy is longer than the log")
        if self._copied < end.frames:
            # What another process has copied meanwhile is written again: the same bytes in the same place.
            tail = copy_range(self._wal, self._log, HEADER + self._copied * end.frame_size, end.size)
            if len(tail) >= end.frame_size and not end.closes(tail):
                raise Broken("the log does not end where its index says")
            _sync(self._log.fileno())
            self._copied = end.frames
            self._times.note(end.frames)
        if end.frames >= self._empty_at:
            self._empty(end)

    def _take_over(self, end: End) -> None:
        """Go on with the log that another process has begun."""
        held = self._held()
        self.close()
        if held is None:
            raise Broken("the folder is not there")
        self._log = log_path(self.folder, held.newest).open("rb+", buffering=0)
        if log_salts(self._log) != end.salts:
            raise Broken("the database's log was begun by another program")
        self._wal = self._source.open_log()
        self._number, self._salts, self._copied = held.newest, end.salts, 0
        self._times.begin(times_path(self.folder, held.newest))
        self._empty_at = EMPTY_AT

    def _empty(self, end: End) -> None:
        """Empty the log into the database and begin the next; what is saved stays so when that fails."""
        self._empty_at = end.frames + EMPTY_AGAIN
        try:
            self._source.empty()
            # After a checkpoint that stopped at a reader the next writer could begin the log anew by itself.
            # One more commit, here, keeps it from that, or is itself the first of the new log.
            begun = self._source.raise_version()
        except DATABASE_ERRORS as error:
            log.error("the log cannot be emptied: %s", type(error).__name__)
            return
        if begun.salts == end.salts:
            self.advance()
            return
        closed = closed_logs(self.folder) | {str(self._number): end.frames}
        self._begin_log(self._number + 1, begun, closed)
        self._empty_at = EMPTY_AT
        threading.Thread(target=self._fold, name="copy-fold", daemon=True).start()

    def _fold(self) -> None:
        try:
            with self._tidying():
                self._fold_logs()
        except Exception as error:
            log.warning("the second copy cannot be tidied yet: %s", type(error).__name__)

    def _fold_logs(self) -> None:
        try:
            fold(self.folder, self._source.key, keep_from=self._now() - self._kept)
            make_spare(self.folder)
        except ValueError as error:
            log.error("the log %s of the second copy is damaged: it begins with a new base", error)
            self._mark.ask_for_base()

    def shorten(self) -> None:
        """Keep the log from filling the disk while the copy is away for long."""
        end = self._source.end() if self._source.open_here else None
        if end is not None and end.frames > LONGEST:
            with contextlib.suppress(*DATABASE_ERRORS):
                self._source.empty()


# The second copy of the journal: every commit is on another path before anybody is told that it is saved.
#
# SQLite's write-ahead log holds whatever is committed, as it is on disk. Under the writers' gate, after
# COMMIT and before the gate is let go, its new frames are appended to a copy of it in another folder and
# forced to disk there. What is promised is here.
#
# Source: R-40; I1, I12.

TRY_EVERY_SECONDS = 1.0
_TROUBLE: tuple[type[Exception], ...] = (OSError, Broken, *DATABASE_ERRORS)


class JournalCopy:
    """Follows the log of one database into one folder. Everything but `keep_open` runs under the gate."""

    def __init__(
        self,
        database: Path,
        folder: Path,
        *,
        key: bytes | None,
        keys: Path,
        required: bool,
        now: Callable[[], datetime],
        kept: timedelta,
        before_emptying: Callable[[], None],
        check_files: Callable[[], None],
    ) -> None:
        """Both are called with the gate: `before_emptying` each time before the log is emptied and ended.

        `check_files` before the copy counts on what was read of the database; raises when it is somebody else's.
        Logs that are done are `kept` for so long, for the moments in them, by the clock `now`.
        """
        self.folder = folder
        self._source = LogSource(database, key, before_emptying=before_emptying, check_files=check_files)
        self._mark = BehindMark(database)
        self._log = LogCopy(self._source, folder, keys=keys, mark=self._mark, now=now, kept=kept)
        self._required = required
        self._failed = False
        self._tried = float("-inf")

    @property
    def behind(self) -> bool:
        """Return whether something that is saved is not on the second path."""
        return self._failed or self._mark.stands()

    @property
    def behind_since(self) -> datetime | None:
        """Return since when it is behind, by the wall clock; None when it is not, or nobody could mark it."""
        return self._mark.since()

    def keep_open(self) -> None:
        """Hold the database open in this process; each of its connections asks for it."""
        self._source.keep_open()

    def ready(self) -> None:
        """Make the copy whole before a transaction begins.

        Raise Unavailable("copy.behind") when that fails and the copy is required, ("copy.ahead") when the
        copy holds more than the database, ("copy.other_database") when it is another database's.
        """
        if self._log.attached and not self._mark.stands():
            return
        now = time.monotonic()
        if now - self._tried < TRY_EVERY_SECONDS and self._failed:
            if self._required:
                raise Unavailable("copy.behind", path=str(self.folder))
            return
        self._tried = now
        try:
            self._log.attach()
            self._mark.lift()
        except _TROUBLE as error:
            self._fall_behind(error)
            return
        except CbtError:
            self._log.close()
            raise
        if self._failed:
            log.warning("the second copy in %s is whole again", self.folder)
        self._failed = False

    def follow(self) -> None:
        """Copy what was committed; when this returns it is on the second path.

        Raise Unavailable("copy.behind") when it cannot be and the copy is required, what `check_files` raises:
        nothing is promised then, and the same request may be sent again.
        """
        if not self._log.is_open:
            self._log.shorten()
            return
        try:
            self._log.advance()
        except (OSError, Broken) as error:
            self._fall_behind(error)
        except CbtError:
            self._log.close()
            raise

    def _fall_behind(self, error: Exception) -> None:
        if not self._failed:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            log.error("the second copy in %s is behind: %s", self.folder, reason or type(error).__name__)
        self._failed = True
        self._tried = time.monotonic()
        self._log.close()
        try:
            self._mark.set()
        except OSError:
            log.error("%s cannot be marked", self._mark.path)
        if self._required:
            raise Unavailable("copy.behind", path=str(self.folder)) from error

    def close(self) -> None:
        """Let go of the copy's files; the next transaction opens them again."""
        self._log.close()
