"""The process of a file check: started for each check that waits, with signs of life, and its end told.

One that ended without a word is told too.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from itertools import chain
from types import TracebackType
from typing import Self, TypeVar

import flask

from cbt.config import Settings, as_environment
from cbt.confined.priority import command_behind, give_way
from cbt.confined.runner import take_longer
from cbt.errors import CbtError, Unavailable
from cbt.spreadsheets.file_checks import AnyChecks, CheckState, FileCheck, FileChecks, FilePiece, cut
from cbt.storage.unit_of_work import reading, unit_of_work
from cbt.storage.write_queue.change_set import put_down, writing

log = logging.getLogger(__name__)


AT_ONCE = 2
"""So many checks have a process at a time; of one person one."""
SILENT = timedelta(seconds=60)
"""A process that gives no sign of life for so long is taken for dead: whoever began it is not there to say so."""


class CheckStarter:
    """Has a child of its own for each check: reading and planning hold no server's interpreter."""

    def __init__(self, checks: AnyChecks) -> None:
        self._checks = checks
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._reviewing: dict[str, bool] = {}
        """The children that check a file and store nothing: whether each was seen to have taken its row."""
        self._killed: list[subprocess.Popen[bytes]] = []
        """Those that nobody wanted: how they ended is asked for and told to nobody."""

    def tick(self, *, now: datetime) -> int:
        """Look after the children, and begin one for each check that may have one; return how many were begun."""
        codes = self._ended()
        with reading() as session:
            at_work = list(self._checks.at_work(session))
            wanted = self._checks.wanted(session, [*self._children, *codes])
        self._end_unwanted(at_work, wanted)
        broken = {check.ref for check in at_work if codes.get(check.ref) and not self._is_another(check)}
        for ref in broken:
            log.error("the process of a check ended with exit code %d", codes[ref])
        for ref in codes:
            self._reviewing.pop(ref, None)
        dead = [check for check in at_work if check.ref in broken or self._is_silent(check, now)]
        for check in dead:
            self._bury(check)
        alive = [check for check in at_work if check not in dead]
        busy = [check for check in alive if check.ref in self._children or check.beat_at is not None]
        begun = 0
        for check in alive:
            taken = {other.actor for other in busy}
            if check not in busy and check.actor not in taken and len(busy) < AT_ONCE:
                self._begin(check.ref)
                self._reviewing |= {check.ref: False} if check.state == CheckState.WAITING else {}
                busy.append(check)
                begun += 1
        return begun

    def _ended(self) -> dict[str, int]:
        """Return how children ended since, of each check."""
        self._killed = [child for child in self._killed if child.poll() is None]
        codes = {ref: child.poll() for ref, child in self._children.items()}
        ended = {ref: code for ref, code in codes.items() if code is not None}
        for ref in ended:
            del self._children[ref]
        return ended

    def _end_unwanted(self, at_work: list[FileCheck], wanted: set[str]) -> None:
        """End the children whose check is gone, or waits to be read anew or stored; none that stores."""
        not_begun = {check.ref for check in at_work if check.beat_at is None}
        for ref, seen in list(self._reviewing.items()):
            self._reviewing[ref] = seen or ref in wanted
            if ref in self._children and ref not in wanted and (seen or ref not in not_begun):
                child = self._children.pop(ref)
                del self._reviewing[ref]
                _kill(child)
                self._killed.append(child)

    def _is_another(self, check: FileCheck) -> bool:
        """Return whether what waits is no longer what a child that has ended had taken."""
        return check.beat_at is None and self._reviewing.get(check.ref, False)

    def _is_silent(self, check: FileCheck, now: datetime) -> bool:
        """Return whether a process that somebody else began is taken for dead."""
        ours = check.ref in self._children
        return not ours and check.beat_at is not None and abs(now - check.beat_at) > SILENT

    def _bury(self, check: FileCheck) -> None:
        with unit_of_work() as session:
            there = session.get(self._checks.rows, check.id)
            if there is not None and (there.state, there.beat_at) == (check.state, check.beat_at):
                self._checks.bury(session, there)

    def _begin(self, ref: str) -> None:
        settings: Settings = flask.current_app.extensions["cbt_settings"]
        self._children[ref] = subprocess.Popen(
            command_behind(*self._checks.command, ref),
            env=os.environ | as_environment(settings),
            stdin=subprocess.DEVNULL,
            # How it ends stands in its row; its words would be none of the log's.
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # Linux shares a machine out among sessions first: what the child computes is not to be our turn.
            start_new_session=True,
        )


def _kill(child: subprocess.Popen[bytes]) -> None:
    """End a child with the readers that it began: it is the head of their group.

    It has nothing to put in order: it may die at any time, and what it wrote half is taken back by the database.
    """
    with contextlib.suppress(OSError):  # it has just ended
        if sys.platform == "win32":
            child.kill()
        else:
            os.killpg(child.pid, signal.SIGKILL)


# Signs of life of a process that works on a check, and who goes first: its work goes behind everybody else's.
#
# Whoever holds the gate must not be behind: all would wait for it. So what the work finds is handed to who
# writes, in parcels, and the few units of work of its own are done by a thread in front.

EVERY_SECONDS = 1.0
QUIET = timedelta(seconds=10)
"""A sign of life is given so often, also when nothing moved."""


REST_SECONDS = 0.008
"""Between two parcels of a large import: what queued meanwhile goes first."""
T = TypeVar("T")


class Unwanted(Exception):
    """Nobody wants the check any more: its author forgot it, or brought another file."""


class Beat:
    """Where a check stands, told and kept; one that is only kept is put down by nobody."""

    def __init__(self, checks: AnyChecks, ref: str, clock: Callable[[], datetime]) -> None:
        self.checks, self.ref, self.clock = checks, ref, clock
        self.stand: tuple[CheckState, int, int] | None = None
        self.unwanted = False

    def tell(self, state: CheckState, done: int, total: int) -> None:
        """Say how far it is; raise Unwanted when nobody waits for it."""
        self.stand = (state, done, total)
        self.check()

    def tell_stored(self, done: int, total: int) -> None:
        """Say how much is stored, and let others write."""
        self.tell(CheckState.IMPORTING, done, total)
        self.rest()

    def rest(self) -> None:
        """Let others write."""

    def in_front(self, work: Callable[[], T]) -> T:
        """Do what others wait for: a unit of work."""
        return work()

    def check(self) -> None:
        """Raise Unwanted when nobody waits for it."""
        if self.unwanted:
            raise Unwanted

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End."""


class ThreadBeat(Beat):
    """A thread puts down once a second how far the process is, and ends it with the one that began it.

    It ends it as well when nobody wants the check any more, in whatever it is stuck. An import is never ended: once
    it is done its row may be gone while it still tidies up.
    """

    def __init__(self, checks: AnyChecks, ref: str, clock: Callable[[], datetime]) -> None:
        super().__init__(checks, ref, clock)
        self._app = flask.current_app._get_current_object()  # type: ignore[attr-defined]  # a thread has no other way
        self._over = threading.Event()
        self._parent = os.getppid()
        self._told: tuple[CheckState, int, int] | None = None
        self._told_at = clock()
        self._front = ThreadPoolExecutor(max_workers=1)
        self._thread = threading.Thread(target=self._run, name="check-beat", daemon=True)

    def rest(self) -> None:
        """Let others write for a moment: the saves of a hall that answers."""
        self._over.wait(REST_SECONDS)

    def in_front(self, work: Callable[[], T]) -> T:
        """Do a unit of work in a thread that is not behind: whoever writes keeps nobody waiting."""

        def within() -> T:
            with self._app.app_context():
                return work()

        return self._front.submit(within).result()

    def __enter__(self) -> Self:
        """Begin to put it down, and go behind; the threads that are to be in front are begun before."""
        self._front.submit(bool).result()
        writing().begin()
        self._thread.start()
        take_longer()
        give_way(holds=False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        self._front.shutdown()

    def _run(self) -> None:
        while not self._over.wait(EVERY_SECONDS):
            if os.getppid() != self._parent:
                _end_at_once()
            try:
                self._beat()
                nobody_waits = self._nobody_waits()
            except Exception as error:
                log.warning("how far a check is cannot be put down: %s", type(error).__name__)
                continue
            if nobody_waits and not self._over.is_set():
                _end_at_once()

    def _nobody_waits(self) -> bool:
        if self.stand is None or self.stand[0] == CheckState.IMPORTING:
            return False
        with self._app.app_context(), reading() as session:
            return not self.checks.wanted(session, [self.ref])

    def _beat(self) -> None:
        stand, now = self.stand, self.clock()
        if stand is None or (stand == self._told and now - self._told_at < QUIET):
            return
        state, done, total = stand
        with self._app.app_context():
            self.unwanted = not put_down(
                self.checks.progress(self.ref, state=state, done=done, total=total, now=now)
            )
        self._told, self._told_at = stand, now


def _end_at_once() -> None:
    """End this process and the readers that it began, which would else compute to their limits for nobody."""
    with contextlib.suppress(AttributeError, OSError):  # Windows has no groups
        if os.getpgrp() == os.getpid():  # else who began it by hand is in it, too
            os.killpg(0, signal.SIGKILL)
    os._exit(1)


PARCEL_BYTES = 48 * 1024
"""Of the pieces that are put down together; a larger one is put down alone."""
PARTS_AT_ONCE = 4
"""So many pieces of a check are deleted together."""
TRIES = 5
"""A parcel that was not put down, or of which nobody knows, is put down so often."""
Clock = Callable[[], datetime]
C = TypeVar("C", bound=FileCheck)
Beating = Callable[[AnyChecks, str, Clock], Beat]


def work_on(
    checks: FileChecks[C],
    ref: str,
    *,
    clock: Clock,
    beat: Beating,
    review: Callable[[C, Beat], None],
    store: Callable[[C, Beat, datetime], None],
) -> bool:
    """Do what check `ref` waits for, and put down how it ended; return whether it came to its end well.

    Nothing is done when nobody waits for it, or another process was quicker.
    """
    with unit_of_work() as session:
        check = checks.take(session, ref, now=clock())
        if check is None:
            return False
        session.flush()
        session.expunge(check)
    with beat(checks, ref, clock) as pulse:
        try:
            if check.state == CheckState.IMPORTING:
                store(check, pulse, clock())
            else:
                review(check, pulse)
        except Unwanted:
            return False
        except CbtError as error:
            _fail(checks, ref, error, pulse)
            return False
        except Exception:
            log.exception("the check of a file broke")
            _fail(checks, ref, Unavailable(checks.broken), pulse)
            raise
    return True


def _fail(checks: AnyChecks, ref: str, error: CbtError, beat: Beat) -> None:
    def fail() -> None:
        with unit_of_work() as session:
            checks.fail(session, ref, error)

    beat.in_front(fail)


def put_pieces_down(checks: AnyChecks, check_id: int, pieces: Iterable[FilePiece]) -> None:
    """Put pieces down, as many together as nobody's save notices."""
    some: list[FilePiece] = []
    for piece in chain.from_iterable(map(cut, pieces)):
        if some and sum(len(body) for _name, _number, body in [*some, piece]) > PARCEL_BYTES:
            put_down(checks.parts(check_id, some), tries=TRIES)
            some = []
        some.append(piece)
    put_down(checks.parts(check_id, some), tries=TRIES)


def keep_copy(checks: AnyChecks, check_id: int, piece: FilePiece, beat: Beat) -> bool:
    """Keep a marked copy of a file, a part at a time; return whether its dry run is still looked at."""

    def keep(part: FilePiece) -> bool:
        with unit_of_work() as session:
            return checks.add_copy(session, check_id, part)

    return all(beat.in_front(partial(keep, part)) for part in cut(piece))


def put_pieces_away(checks: AnyChecks, ids: Iterable[int], beat: Beat) -> None:
    """Delete pieces that nobody looks at any more, a few at a time."""
    rest = list(ids)
    for start in range(0, len(rest), PARTS_AT_ONCE):
        put_down(checks.no_parts(rest[start : start + PARTS_AT_ONCE]), tries=TRIES)
        beat.rest()
