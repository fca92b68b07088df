"""The newest log of a second copy, kept equal to the database's.

Only this empties the database's log, so no frame is lost between two looks. Nothing is remembered between
processes: where to go on is read from the copy itself.

Source: R-40; I1.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from pathlib import Path
from typing import BinaryIO

from cbt.db.copies import sync_folder
from cbt.db.private.files import make_folder
from cbt.db.private.keys import key_prints
from cbt.db.raw import DATABASE_ERRORS
from cbt.db.second_copy import folder as copy_folder
from cbt.db.second_copy.folder import BehindMark
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
_sync = getattr(os, "fdatasync", os.fsync)


class LogCopy:
    """One process's hold on the newest log of a copy. Everything runs under the gate."""

    def __init__(self, source: LogSource, folder: Path, *, keys: Path, mark: BehindMark) -> None:
        self.folder = folder
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
        """Return whether the copy's log is open."""
        return self._log is not None

    @property
    def attached(self) -> bool:
        """Return whether this process opened it and can go on with it."""
        return self._log is not None and self._source.open_here

    def close(self) -> None:
        """Let go of the copy's files; the next transaction opens them again."""
        for handle in (self._wal, self._log):
            if handle is not None:
                handle.close()
        self._wal = self._log = None

    def attach(self) -> None:
        """Find the newest log of the copy and make it equal to the database's; else begin with a base.

        Raise Broken, OSError or the database's error when that fails, Unavailable("copy.ahead") when the copy
        holds more than the database, ("copy.other_database") when it is another database's.
        """
        self._source.keep_open()
        self._source.recover()
        self.close()
        end = self._source.end() or self._source.raise_version()
        held = self._held()
        if held is None and self._attached_once:
            raise Broken("the folder is not there")
        if held is not None:
            self._check_own(held)
        if held is None or not self._continues(held, end) or self._mark.wants_base():
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

    def _begin(self, number: int) -> None:
        """Begin the copy with a base: the database file, which stands still while nobody empties the log."""
        make_folder(self.folder)
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
        # What was read of the database counts only with its description; until then the copy is what it was.
        self._source.check_files()
        copy_folder.write_copy(
            self.folder,
            copy_folder.CopySet(
                copy_folder.PRODUCT, copy_folder.FORMAT, encrypted, salt, version, number, closed, prints
            ),
        )
        self._seen = self._stamp()

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
            self.advance()
            return
        closed = copy_folder.closed_logs(self.folder) | {str(self._number): end.frames}
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
            copy_folder.fold(self.folder, self._source.key)
        except ValueError as error:
            log.error("the log %s of the second copy is damaged: it begins with a new base", error)
            self._mark.ask_for_base()

    def shorten(self) -> None:
        """Keep the log from filling the disk while the copy is away for long."""
        end = self._source.end() if self._source.open_here else None
        if end is not None and end.frames > LONGEST:
            with contextlib.suppress(*DATABASE_ERRORS):
                self._source.empty()
