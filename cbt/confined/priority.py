"""Who computes gives way to whoever is answered: the one place where a process or a thread goes behind."""

from __future__ import annotations

import os
from contextlib import suppress

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
