"""What a process of a server knows of the files its database is open in, asked before each writing transaction.

Costs six stats, a few small reads and two small writes a transaction, whatever is in it.

Source: R-40; I1, I12.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from cbt.db.holding.deciding import SUFFIXES, AtPath, Trouble, trouble_of
from cbt.db.holding.finding import find_hold
from cbt.db.holding.hold import Hold, id_of
from cbt.db.holding.marks import (
    Emptying,
    Mark,
    Stamp,
    clear_mark,
    log_is_whole,
    read_emptying,
    read_mark,
    stamp_of,
    was_written,
    write_mark,
)
from cbt.db.holding.pages import Logged, Pages, emptied, read_logged, read_pages
from cbt.db.second_copy.wal import read_end
from cbt.errors import Unavailable

_kept: list[BinaryIO] = []
"""Open files of databases in use: SQLite's locks on one end when any descriptor of it in the process closes."""


@dataclass(frozen=True, slots=True)
class _Sight:
    """What lies at the paths now: what each is, and the stat of those that are there."""

    found: dict[str, AtPath]
    stats: dict[str, os.stat_result]


class HeldFiles:
    """Compares the files of a server's hold with what lies at their paths; without a hold everything is well."""

    def __init__(self, database: Path, hold: Hold | None, *, gate: Path) -> None:
        """`gate` is the file of the writers' gate, where marks are left."""
        self.hold = hold
        self._database = database
        self._paths = {suffix: database.with_name(f"{database.name}{suffix}") for suffix in SUFFIXES}
        self._gate = gate
        self._open: dict[str, BinaryIO] = {}
        self._before: Mark | None = None
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
        """Return what a writer is told."""
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
        found, stats = {}, {}
        for suffix, wanted in zip(SUFFIXES, hold.ids, strict=True):
            try:
                stats[suffix] = self._paths[suffix].stat()
            except OSError:
                found[suffix] = AtPath.NONE
            else:
                found[suffix] = AtPath.SAME if id_of(stats[suffix]) == wanted else AtPath.OTHER
        return _Sight(found, stats)

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

    def _mark(self, hold: Hold, sight: _Sight, *, at_work: bool = False) -> Mark:
        main, log = stamp_of(sight.stats[""]), stamp_of(sight.stats["-wal"])
        if self._pages is None or self._pages[0] != main:
            former = None if self._pages is None else self._pages[1]
            self._pages = main, read_pages(self._file(hold, "").fileno(), main.size, former)
        return Mark(hold.token, at_work, main, log, self._pages[1].digest)

    def _goes_on(self, hold: Hold, before: Mark, main: Stamp) -> bool:
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

    def _changed(self, hold: Hold, mark: Mark, sight: _Sight) -> str | None:
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


def _write(gate: int, mark: Mark) -> None:
    try:
        write_mark(gate, mark)
    except OSError as error:
        raise Unavailable("db.write") from error
