"""Signs of life of a process that works on a check, and who goes first: its work goes behind everybody else's.

Whoever holds the gate must not be behind: all would wait for it. So what the work finds is handed to who writes, in
parcels, and the few units of work of its own are done by a thread in front.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self, TypeVar

import flask

from cbt.confined.priority import give_way
from cbt.confined.running import take_longer
from cbt.db.unit_of_work import reading
from cbt.db.writing.parcels import put_down, writing
from cbt.sheets.checks.keeping import AnyChecks
from cbt.sheets.checks.models import CheckState

log = logging.getLogger(__name__)

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
        """Begin."""
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
        """Put nothing down from now on."""
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
