"""The second copy of the journal: every commit is on another path before anybody is told that it is saved.

SQLite's write-ahead log holds whatever is committed, as it is on disk. Under the writers' gate, after COMMIT
and before the gate is let go, its new frames are appended to a copy of it in another folder and forced to
disk there. Only the copier empties the log, so no frame is lost between two looks. Nothing is remembered
between processes: where to go on is read from the copy itself.

Source: R-40; I1, I12.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from pathlib import Path
from typing import BinaryIO

from cbt.db.copies import sync_folder
from cbt.db.private.files import make_private
from cbt.db.private.keys import key_prints
from cbt.db.raw import DATABASE_ERRORS
from cbt.db.second_copy import folder as copy_folder
from cbt.db.second_copy.log_source import Broken, LogSource
from cbt.db.second_copy.wal import HEADER, End, copy_range, create_file, log_salts
from cbt.db.writing.gate import Gate
from cbt.errors import CbtError, Unavailable

log = logging.getLogger(__name__)
EMPTY_AT = 4000
"""Frames after which the log is emptied into the database (16 MB)."""
EMPTY_AGAIN = 1000
"""Frames after which that is tried again when a reader stood in the way."""
LONGEST = 65536
"""Frames after which the log is emptied though the copy is behind: the copy then begins anew (256 MB)."""
TRY_EVERY_SECONDS = 1.0
BEHIND = "copy.behind"
"""The mark in the data folder that the copy lacks something; "base" in it: begin the copy anew."""
_sync = getattr(os, "fdatasync", os.fsync)
_TROUBLE: tuple[type[Exception], ...] = (OSError, Broken, *DATABASE_ERRORS)


class JournalCopy:
    """Follows the log of one database into one folder. Everything but `keep_open` runs under the gate."""

    def __init__(
        self, database: Path, folder: Path, *, key: bytes | None, keys: Path, required: bool
    ) -> None:
        self.folder = folder
        self._source = LogSource(database, key)
        self._keys = keys
        self._required = required
        self._mark = database.with_name(BEHIND)
        self._tidying = Gate(database.with_name("copy.lock"))
        self._wal: BinaryIO | None = None
        self._log: BinaryIO | None = None
        self._number = 0
        self._salts = b""
        self._seen = (0, 0)
        self._copied = 0
        self._empty_at = EMPTY_AT
        self._attached_once = False
        self._failed = False
        self._tried = float("-inf")

    @property
    def behind(self) -> bool:
        """Return whether something that is saved is not on the second path."""
        return self._failed or self._mark.exists()

    def keep_open(self) -> None:
        """Hold the database open in this process; each of its connections asks for it."""
        self._source.keep_open()

    def ready(self) -> None:
        """Make the copy whole before a transaction begins.

        Raise Unavailable("copy.behind") when that fails and the copy is required, ("copy.ahead") when the
        copy holds more than the database, ("copy.other_database") when it is another database's.
        """
        if self._log is not None and self._source.open_here and not self._mark.exists():
            return
        now = time.monotonic()
        if now - self._tried < TRY_EVERY_SECONDS and self._failed:
            if self._required:
                raise Unavailable("copy.behind", path=str(self.folder))
            return
        self._tried = now
        try:
            self._attach()
            self._mark.unlink(missing_ok=True)
        except _TROUBLE as error:
            self._fall_behind(error)
            return
        except CbtError:
            self.close()
            raise
        if self._failed:
            log.warning("the second copy in %s is whole again", self.folder)
        self._failed = False

    def follow(self) -> None:
        """Copy what was committed; when this returns it is on the second path.

        Raise Unavailable("copy.behind") when it cannot be and the copy is required: nothing is promised
        then, and the same request may be sent again.
        """
        if self._log is None:
            self._shorten()
            return
        try:
            self._advance()
        except (OSError, Broken) as error:
            self._fall_behind(error)

    def _fall_behind(self, error: Exception) -> None:
        if not self._failed:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            log.error("the second copy in %s is behind: %s", self.folder, reason or type(error).__name__)
        self._failed = True
        self._tried = time.monotonic()
        self.close()
        try:
            self._mark.touch(mode=0o600)
        except OSError:
            log.error("%s cannot be marked", self._mark)
        if self._required:
            raise Unavailable("copy.behind", path=str(self.folder)) from error

    def close(self) -> None:
        """Let go of the copy's files; the next transaction opens them again."""
        for handle in (self._wal, self._log):
            if handle is not None:
                handle.close()
        self._wal = self._log = None

    def _attach(self) -> None:
        """Find the newest log of the copy and make it equal to the database's; else begin with a base."""
        self._source.keep_open()
        self._source.recover()
        self.close()
        end = self._source.end() or self._source.raise_version()
        held = self._held()
        if held is None and self._attached_once:
            raise Broken("the folder is not there")
        if held is not None:
            self._check_own(held)
        if held is None or not self._continues(held, end) or self._marked_for_base():
            self._begin(1 if held is None else held.newest + 1)
        self._attached_once = True

    def _held(self) -> copy_folder.CopySet | None:
        """Read what the copy says it is, and remember which text said so."""
        try:
            held = copy_folder.read_copy(self.folder)
        except CbtError as error:
            raise Broken("its description cannot be read") from error
        if held is not None:
            self._seen = self._stamp()
        return held

    def _stamp(self) -> tuple[int, int]:
        found = (self.folder / copy_folder.COPY_MANIFEST).stat()
        return found.st_ino, found.st_mtime_ns

    def _check_own(self, held: copy_folder.CopySet) -> None:
        if held.salt != self._source.salt() or held.encrypted != (self._source.key is not None):
            raise Unavailable("copy.other_database", path=str(self.folder))

    def _continues(self, held: copy_folder.CopySet, end: End) -> bool:
        """Return whether the newest log of the copy is of the database's log; then they are equal after."""
        path = copy_folder.log_path(self.folder, held.newest)
        self._log = path.open("rb+", buffering=0) if path.is_file() else None
        if self._log is None or log_salts(self._log) != end.salts:
            # Another log has begun, which is right when the database has all the copy has.
            if self._source.version() < held.version:
                raise Unavailable("copy.ahead", path=str(self.folder))
            return False
        self._wal = self._source.open_log()
        self._number, self._salts = held.newest, end.salts
        if end.goes_on_in(self._log):
            raise Unavailable("copy.ahead", path=str(self.folder))
        # What was not yet forced to disk when the power failed may be anything: the log is written anew.
        copy_range(self._wal, self._log, 0, end.size)
        os.fsync(self._log.fileno())
        self._copied = end.frames
        return True

    def _marked_for_base(self) -> bool:
        return self._mark.exists() and self._mark.read_text("ascii") == "base"

    def _begin(self, number: int) -> None:
        """Begin the copy with a base: the database file, which stands still while nobody empties the log."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        end = self._source.raise_version()
        source = self._source.main_file()
        base = copy_folder.base_path(self.folder, number)
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
            copy_folder.remove_before(self.folder, number)
        log.warning("the second copy in %s begins with a new base", self.folder)

    def _begin_log(self, number: int, end: End, closed: dict[str, int]) -> None:
        self.close()
        self._wal = self._source.open_log()
        spare = self.folder / copy_folder.SPARE
        self._log = create_file(copy_folder.log_path(self.folder, number), over=spare)
        copy_range(self._wal, self._log, 0, end.size)
        os.fsync(self._log.fileno())
        sync_folder(self.folder)
        self._number, self._salts, self._copied = number, end.salts, end.frames
        encrypted = self._source.key is not None
        prints = key_prints(self._keys, encrypted=encrypted)
        salt, version = self._source.salt(), self._source.version()
        copy_folder.write_copy(
            self.folder,
            copy_folder.CopySet(
                copy_folder.PRODUCT, copy_folder.FORMAT, encrypted, salt, version, number, closed, prints
            ),
        )
        self._seen = self._stamp()

    def _advance(self) -> None:
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
        if end.frames >= self._empty_at:
            self._empty(end)

    def _take_over(self, end: End) -> None:
        """Go on with the log that another process has begun."""
        held = self._held()
        self.close()
        if held is None:
            raise Broken("the folder is not there")
        self._log = copy_folder.log_path(self.folder, held.newest).open("rb+", buffering=0)
        if log_salts(self._log) != end.salts:
            raise Broken("the database's log was begun by another program")
        self._wal = self._source.open_log()
        self._number, self._salts, self._copied = held.newest, end.salts, 0
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
            self._advance()
            return
        closed = copy_folder.closed_logs(self.folder) | {str(self._number): end.frames}
        self._begin_log(self._number + 1, begun, closed)
        self._empty_at = EMPTY_AT
        threading.Thread(target=self._fold, name="copy-fold", daemon=True).start()

    def _fold(self) -> None:
        try:
            with self._tidying():
                copy_folder.fold(self.folder, self._source.key)
        except ValueError as error:
            log.error("the log %s of the second copy is damaged: it begins with a new base", error)
            make_private(self._mark)
            self._mark.write_text("base", "ascii")
        except Exception as error:
            log.warning("the second copy cannot be tidied yet: %s", type(error).__name__)

    def _shorten(self) -> None:
        """Keep the log from filling the disk while the copy is away for long."""
        end = self._source.end() if self._source.open_here else None
        if end is not None and end.frames > LONGEST:
            with contextlib.suppress(*DATABASE_ERRORS):
                self._source.empty()
