"""Every fault that is tried."""

from __future__ import annotations

from torture.faults import closings, copies, disks, edits, files, kills, quotas, stalls, syscalls
from torture.faults.surroundings import SURROUNDINGS
from torture.trial import Fault

SQLITE = ("sqlite",)
POSTGRES = ("postgresql",)
BOTH = SQLITE + POSTGRES
STRACE = ("linux", "strace")
MOUNT = ("linux", "mount")

FAULTS: tuple[Fault, ...] = (
    Fault("kill-worker", kills.kill_worker, short=3, long=80, in_short=BOTH),
    Fault("kill-writer", kills.kill_writer, short=2, long=80, databases=SQLITE, in_short=SQLITE),
    Fault("kill-parent", kills.kill_parent, short=1, long=10, in_short=SQLITE),
    Fault("kill-group", kills.kill_group, short=1, long=10, in_short=SQLITE),
    Fault("syscalls-save", syscalls.save, short=2, long=0, needs=STRACE, in_short=BOTH),
    Fault("syscalls-start", syscalls.start, short=1, long=0, needs=STRACE, in_short=SQLITE),
    Fault("syscalls-submit", syscalls.submit, short=2, long=0, needs=STRACE, in_short=POSTGRES),
    Fault("syscalls-close", syscalls.close, short=1, long=0, needs=STRACE, in_short=SQLITE),
    Fault("syscalls-checkpoint", syscalls.checkpoint, short=0, long=0, needs=STRACE, databases=SQLITE),
    Fault("syscalls-migrate", syscalls.migration, short=1, long=0, needs=STRACE, in_short=SQLITE),
    Fault("fsync-error", disks.fsync_error, short=1, long=5, needs=STRACE, databases=SQLITE, in_short=SQLITE),
    Fault("disk-error", disks.disk_error, short=1, long=5, needs=STRACE, databases=SQLITE),
    Fault("disk-full", disks.disk_full, short=1, long=3, needs=MOUNT, databases=SQLITE, in_short=SQLITE),
    Fault("stall", stalls.stall, short=1, long=6, needs=STRACE, in_short=BOTH),
    Fault("bit-flip", disks.bit_flip, short=4, long=60, databases=SQLITE, in_short=SQLITE),
    Fault("file-removed", files.removed, short=4, long=40, databases=SQLITE, in_short=SQLITE),
    Fault("file-moved", files.moved, short=3, long=30, databases=SQLITE, in_short=SQLITE),
    Fault("file-overwritten", files.overwritten, short=1, long=5, databases=SQLITE, in_short=SQLITE),
    Fault("file-unmounted", files.unmounted, short=1, long=5, needs=MOUNT, databases=SQLITE, in_short=SQLITE),
    Fault("backup", copies.backup, short=1, long=1, in_short=SQLITE),
    Fault("poisoned", closings.poisoned, short=1, long=3, in_short=SQLITE),
    Fault("scheduler-dead", closings.scheduler_dead, short=1, long=3, in_short=POSTGRES),
    Fault("scheduler-two", closings.scheduler_two, short=1, long=3, in_short=POSTGRES),
    Fault("submit-race", closings.submit_race, short=1, long=5, in_short=BOTH),
    Fault("journal-filled", quotas.journal_filled, short=1, long=5, in_short=BOTH),
    Fault("item-edited", edits.item_edited, short=1, long=1, in_short=SQLITE),
    *SURROUNDINGS,
)
"""At system calls the long run tries every call, whatever `long` says."""


def fault_of(name: str) -> Fault:
    """Return the fault called `name`; raise KeyError."""
    return {fault.name: fault for fault in FAULTS}[name]
