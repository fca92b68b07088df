"""Every fault that is tried."""

from __future__ import annotations

from cbt.torture.faults import kills
from cbt.torture.trial import Fault

FAULTS: tuple[Fault, ...] = (
    Fault("kill-worker", kills.kill_worker, short=3, long=70),
    Fault("kill-parent", kills.kill_parent, short=1, long=20, in_short=("sqlite",)),
    Fault("kill-group", kills.kill_group, short=2, long=20),
)


def fault_of(name: str) -> Fault:
    """Return the fault called `name`; raise KeyError."""
    return {fault.name: fault for fault in FAULTS}[name]
