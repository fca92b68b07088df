"""Signs of life of a process that works on a check: how far it is, while its work holds the interpreter."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self, TypeVar

import flask

from cbt.bank.imports.checks.models import CheckState
from cbt.bank.imports.checks.steps import note_progress
from cbt.db.unit_of_work import unit_of_work

log = logging.getLogger(__name__)

EVERY_SECONDS = 1.0
_NICENESS = 10
QUIET = timedelta(seconds=10)
"""A sign of life is given so often, also when nothing moved."""


REST_SECONDS = 0.02
"""Between two units of work of a large import."""
T = TypeVar("T")


class Unwanted(Exception):
    """Nobody wants the check any more: its author forgot it, or brought another file."""


class Beat:
    """Where a check stands, told and kept; one that is only kept is put down by nobody."""

    def __init__(self, ref: str, clock: Callable[[], datetime]) -> None:
        self.ref, self.clock = ref, clock
        self.stand: tuple[CheckState, int, int] | None = None
        self.unwanted = False

    def tell(self, state: CheckState, done: int, total: int) -> None:
        """Say how far it is; raise Unwanted when nobody waits for it."""
        self.stand = (state, done, total)
        self.check()

    def tell_stored(self, done: int, total: int) -> None:
        """Say how many items are stored, and let others write."""
        self.tell(CheckState.IMPORTING, done, total)
        self.rest()

    def rest(self) -> None:
        """Let others write."""

    def aside(self, work: Callable[[], T]) -> T:
        """Do some work where it is in nobody's way."""
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
    """A thread puts down once a second how far the process is, and ends it with the one that began it."""

    def __init__(self, ref: str, clock: Callable[[], datetime]) -> None:
        super().__init__(ref, clock)
        self._app = flask.current_app._get_current_object()  # type: ignore[attr-defined]  # a thread has no other way
        self._over = threading.Event()
        self._parent = os.getppid()
        self._told: tuple[CheckState, int, int] | None = None
        self._told_at = clock()
        self._aside = ThreadPoolExecutor(max_workers=1, initializer=_go_behind)
        self._thread = threading.Thread(target=self._run, name="check-beat", daemon=True)

    def tell(self, state: CheckState, done: int, total: int) -> None:
        """Say how far it is; who reads and checks lets others go first, who stores keeps nobody waiting."""
        if state is CheckState.READING and self.stand is None:
            _go_behind()
        super().tell(state, done, total)

    def rest(self) -> None:
        """Let others write for a moment: the saves of a hall that answers."""
        self._over.wait(REST_SECONDS)

    def aside(self, work: Callable[[], T]) -> T:
        """Do some work in a thread of its own, which lets others go first; whoever writes keeps nobody waiting."""
        return self._aside.submit(work).result()

    def __enter__(self) -> Self:
        """Begin to put it down."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Put nothing down from now on."""
        self._over.set()
        self._thread.join()
        self._aside.shutdown()

    def _run(self) -> None:
        while not self._over.wait(EVERY_SECONDS):
            if os.getppid() != self._parent:
                os._exit(1)
            try:
                self._beat()
            except Exception as error:
                log.warning("how far a check is cannot be put down: %s", type(error).__name__)

    def _beat(self) -> None:
        stand, now = self.stand, self.clock()
        if stand is None or (stand == self._told and now - self._told_at < QUIET):
            return
        with self._app.app_context(), unit_of_work() as session:
            state, done, total = stand
            self.unwanted = not note_progress(session, self.ref, state=state, done=done, total=total, now=now)
        self._told, self._told_at = stand, now


def _go_behind() -> None:
    """Have this thread give way to others; on Linux it is the thread that is nice, not its process."""
    with contextlib.suppress(AttributeError, OSError):  # Windows has no nice
        os.nice(_NICENESS)
