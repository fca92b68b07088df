"""Who computes gives way to whoever is answered: processes and threads that go behind, run there, or take turns."""

from __future__ import annotations

import os
import runpy
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from typing import TypeVar

LEISURE = 10
"""The niceness of who gives way: a tenth of the share of a processor that others have."""


def give_way(*, holds: bool) -> None:
    """Have this thread, and what it begins from now on, go behind everybody else.

    It takes what others leave, of processors and disks, and whoever wakes goes first, at once. On Linux it is the
    thread that does, not its process, and there is no way back. Who `holds` what others wait for (the gate, a lock
    of Python's) is only nice, to be done with it some time: one that is nice runs to the end of its turn while a
    save waits, which is why all the others do more. Where a system has no such thing, or forbids it, they hurry.
    """
    if not holds:
        try:
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        except (AttributeError, OSError):
            pass
        else:
            return
    with suppress(AttributeError, OSError):
        os.setpriority(os.PRIO_PROCESS, 0, max(LEISURE, os.getpriority(os.PRIO_PROCESS, 0)))


class Turns:
    """Whose turn it is among the threads of one process that go behind: one computes at a time, first come, first.

    A thread that writes in front would wait for Python's lock at each statement, with everybody else waiting for
    its end: whoever computes beside it has that lock, and gets a processor last of all. So it writes in the turn of
    the one that it writes for, and the others stand still meanwhile.
    """

    def __init__(self) -> None:
        self._line: deque[object] = deque()
        self._is_held = False
        self._changed = threading.Condition()

    @contextmanager
    def taken(self, *, within: float | None = None) -> Iterator[bool]:
        """Hold the turn in the block; where it does not come `within` so many seconds, go on without."""
        have = self._take(within)
        former, _own.turns = getattr(_own, "turns", None), self if have else None
        try:
            yield have
        finally:
            _own.turns = former
            if have:
                self._give()

    @contextmanager
    def given(self) -> Iterator[None]:
        """Let others have the turn that this thread holds during the block, and wait for it at the end."""
        self._give()
        _own.turns = None
        try:
            yield
        finally:
            self._take(None)
            _own.turns = self

    def _take(self, within: float | None) -> bool:
        me = object()
        with self._changed:
            self._line.append(me)
            have = self._changed.wait_for(lambda: not self._is_held and self._line[0] is me, within)
            self._line.remove(me)
            self._is_held = self._is_held or have
            self._changed.notify_all()
            return have

    def _give(self) -> None:
        with self._changed:
            self._is_held = False
            self._changed.notify_all()


_own = threading.local()


@contextmanager
def others_turn() -> Iterator[None]:
    """Let others compute during the block, which waits for something else; does nothing where none take turns."""
    turns: Turns | None = getattr(_own, "turns", None)
    if turns is None:
        yield
        return
    with turns.given():
        yield


# Work that is done behind whoever is answered: in a thread, or in a process of its own.
#
# `python -m cbt.confined.background <module> …` runs a module so from its first line on: a child that loads
# the product
# before it steps back would take a second of what candidates need.

COMMAND = "cbt.cli"
R = TypeVar("R")


def done_behind(work: Callable[[], R]) -> R:
    """Do work in a thread of its own that is nice, for none gets its priority back; return what it returns."""
    with ThreadPoolExecutor(1, "giving-way", initializer=partial(give_way, holds=True)) as thread:
        return thread.submit(work).result()


def command_behind(*arguments: str) -> list[str]:
    """Return how a process of its own carries out a command of `cbt`, behind from its first line on."""
    return [sys.executable, "-m", __name__, COMMAND, *arguments]


def main() -> None:
    """Run the module that is named as if it was called by itself, behind everybody else."""
    give_way(holds=True)
    module = sys.argv[1]
    del sys.argv[1]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
