"""The second copy of the journal: every commit is on another path before anybody is told that it is saved.

SQLite's write-ahead log holds whatever is committed, as it is on disk. Under the writers' gate, after COMMIT
and before the gate is let go, its new frames are appended to a copy of it in another folder and forced to
disk there. What is promised is here; how the log is copied is in log_copy.py.

Source: R-40; I1, I12.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from cbt.db.raw import DATABASE_ERRORS
from cbt.db.second_copy.folder import BehindMark
from cbt.db.second_copy.log_copy import LogCopy
from cbt.db.second_copy.log_source import Broken, LogSource
from cbt.errors import CbtError, Unavailable

log = logging.getLogger(__name__)
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
        before_emptying: Callable[[], None],
        check_files: Callable[[], None],
    ) -> None:
        """Both are called with the gate: `before_emptying` each time before the log is emptied and ended.

        `check_files` before the copy counts on what was read of the database; raises when it is somebody else's.
        """
        self.folder = folder
        self._source = LogSource(database, key, before_emptying=before_emptying, check_files=check_files)
        self._mark = BehindMark(database)
        self._log = LogCopy(self._source, folder, keys=keys, mark=self._mark)
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
