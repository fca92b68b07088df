"""Every fault that is tried."""

from __future__ import annotations

from cbt.torture.faults import closings, copies, disks, edits, kills, syscalls
from cbt.torture.surroundings import SURROUNDINGS
from cbt.torture.trial import Fault

STRACE = ("linux", "strace")
SQLITE = ("sqlite",)

FAULTS: tuple[Fault, ...] = (
    Fault("kill-worker", kills.kill_worker, short=3, long=70),
    Fault("kill-parent", kills.kill_parent, short=1, long=20, in_short=("sqlite",)),
    Fault("kill-group", kills.kill_group, short=2, long=20),
    Fault("syscalls-save", syscalls.save, short=2, long=0, needs=STRACE),
    Fault("syscalls-start", syscalls.start, short=2, long=0, needs=STRACE),
    Fault("syscalls-submit", syscalls.submit, short=2, long=0, needs=STRACE),
    Fault("syscalls-close", syscalls.close, short=2, long=0, needs=STRACE),
    Fault(
        "syscalls-checkpoint",
        syscalls.checkpoint,
        short=2,
        long=0,
        needs=STRACE,
        databases=SQLITE,
        in_short=SQLITE,
    ),
    Fault("syscalls-migrate", syscalls.migration, short=2, long=0, needs=STRACE),
    Fault(
        "fsync-error", disks.fsync_error, short=1, long=10, needs=STRACE, databases=SQLITE, in_short=SQLITE
    ),
    Fault("disk-error", disks.disk_error, short=1, long=10, needs=STRACE, databases=SQLITE, in_short=SQLITE),
    Fault(
        "disk-full",
        disks.disk_full,
        short=1,
        long=5,
        needs=("linux", "mount"),
        databases=SQLITE,
        in_short=SQLITE,
    ),
    Fault("bit-flip", disks.bit_flip, short=6, long=300, databases=SQLITE, in_short=SQLITE),
    Fault("backup", copies.backup, short=1, long=5),
    Fault("poisoned", closings.poisoned, short=1, long=20),
    Fault("scheduler-dead", closings.scheduler_dead, short=1, long=20),
    Fault("scheduler-two", closings.scheduler_two, short=1, long=20),
    Fault("submit-race", closings.submit_race, short=1, long=40),
    Fault("item-edited", edits.item_edited, short=1, long=5),
    *SURROUNDINGS,
)


def fault_of(name: str) -> Fault:
    """Return the fault called `name`; raise KeyError."""
    return {fault.name: fault for fault in FAULTS}[name]
