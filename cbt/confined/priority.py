"""Who computes gives way to whoever is answered: processes and threads that go behind, or run there."""

from __future__ import annotations

import os
import runpy
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
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
