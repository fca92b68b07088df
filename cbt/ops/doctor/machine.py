"""Checks of the machine: its clock, files that may be open, room on the disks, and how fast these are."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import statistics
import struct
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from cbt.console.texts import text
from cbt.errors import Unavailable
from cbt.http.health import LOW_BYTES, free_bytes
from cbt.ops.doctor.findings import Grade, Patient, Seen, Symptom
from cbt.ops.file_permissions import nearest
from cbt.storage.server_time import database_time

CLOCK_CODES = {
    "kept": Grade.OK,
    "alone": Grade.WARN,
    "untold": Grade.NONE,
    "agrees": Grade.OK,
    "apart": Grade.WARN,
}
APART = timedelta(seconds=2)
"""From here on a node shows a banner to staff."""
MARK = Path("/run/systemd/timesync/synchronized")
_UNSYNCHRONISED, _STATUS_AT, _ROOM = 0x40, 40, 512


def examine_clock(patient: Patient) -> Seen:
    """Ask the kernel whether something keeps the clock, and PostgreSQL what time it is."""
    yield Symptom({True: "kept", False: "alone", None: "untold"}[kept()])
    if not patient.settings.embedded:
        try:
            yield agreement(patient.now, database_time(patient.settings) or patient.now)
        except Unavailable:
            return  # whether the database answers is told by another check


def agreement(here: datetime, there: datetime) -> Symptom:
    off = here - there
    seconds = f"{off.total_seconds():+z.1f}"
    return Symptom("apart" if abs(off) >= APART else "agrees", {"seconds": seconds})


def kept() -> bool | None:
    """Return whether the clock is synchronised, as the kernel says (adjtimex); None where it cannot be asked.

    A service in its sandbox may not ask; systemd's own time service leaves a mark that it may see.
    """
    if MARK.exists():
        return True
    if sys.platform != "linux" or struct.calcsize("P") != 8:
        return None
    buffer = ctypes.create_string_buffer(_ROOM)  # all zero: nothing is to be changed
    if ctypes.CDLL(None).adjtimex(buffer) < 0:
        return None
    (status,) = struct.unpack_from("i", buffer, _STATUS_AT)
    return not status & _UNSYNCHRONISED


try:
    import resource
except ImportError:  # Windows has no such limit
    resource = None  # type: ignore[assignment]  # None says that there is nothing to ask

OPEN_FILES_CODES = {"ok": Grade.OK, "few": Grade.WARN, "too_few": Grade.FAIL, "no_limit": Grade.NONE}
ENOUGH, LEAST = 8192, 1024


def examine_open_files(patient: Patient) -> Seen:
    """Look at the running server's limit, else at that of whoever asks."""
    most = _of_server(patient.server_pid) or _own()
    yield judge_open_files(most) if most is not None else Symptom("no_limit")


def judge_open_files(most: int) -> Symptom:
    """Return what follows from the hard limit of open files, which a server raises its own to."""
    code = "ok" if most >= ENOUGH else "few" if most >= LEAST else "too_few"
    return Symptom(code, {"most": most, "enough": ENOUGH})


def _own() -> int | None:
    if resource is None:
        return None
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    return most if most != resource.RLIM_INFINITY else ENOUGH


def _of_server(pid: int | None) -> int | None:
    try:
        text = Path(f"/proc/{pid}/limits").read_text("ascii")
    except OSError:
        return None
    match = re.search(r"^Max open files\s+\S+\s+(\d+)", text, re.MULTILINE)
    return int(match[1]) if match else ENOUGH


SPACE_CODES = {
    "ok": Grade.OK, "low": Grade.WARN, "full": Grade.FAIL, "memory": Grade.FAIL, "network": Grade.FAIL,
    "backup_full": Grade.WARN, "copy_full": Grade.WARN, "log_full": Grade.WARN,
}  # fmt: skip
FULL_BYTES = 64 * 1024 * 1024
MEMORY = frozenset({"tmpfs", "ramfs"})
NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "ceph", "glusterfs"})
MOUNTS = Path("/proc/self/mounts")
_MIB = 1024 * 1024


def examine_space(patient: Patient) -> Seen:
    """Look at each folder's disk, and at the kind of file system below the embedded database."""
    sizes = free_bytes(patient.settings)
    sizes.setdefault("data", shutil.disk_usage(nearest(patient.settings.data_dir)).free)
    for name, free in sizes.items():
        yield judge_space(text(f"doctor.folder.{name}"), free, full=_full(name, patient))
    if patient.settings.embedded and MOUNTS.is_file():
        kind = kind_of(patient.settings.data_dir, MOUNTS.read_text("utf-8", "replace"))
        if kind in MEMORY:
            yield Symptom("memory", {"kind": kind, "path": patient.settings.data_dir})
        elif kind in NETWORK:
            yield Symptom("network", {"kind": kind, "path": patient.settings.data_dir})


def _full(folder: str, patient: Patient) -> str:
    """Return the code of a full disk: an answer needs the data's, and a copy that is required."""
    needed = folder == "data" or (folder == "copy" and patient.settings.journal_copy_required)
    return "full" if needed else f"{folder}_full"


def judge_space(name: str, free: int, *, full: str = "full") -> Symptom:
    code = full if free < FULL_BYTES else "low" if free < LOW_BYTES else "ok"
    return Symptom(code, {"name": name, "mib": free // _MIB, "wanted": LOW_BYTES // _MIB})


def kind_of(folder: Path, mounts: str) -> str:
    """Return the kind of the file system that `folder` lies on, by a table of mounts; the last mount counts."""
    kinds = {}
    for line in mounts.splitlines():
        _, point, kind, *_rest = line.split(" ")
        kinds[Path(point.replace("\\040", " "))] = kind
    way = [folder.absolute(), *folder.absolute().parents]
    return next((kinds[one] for one in way if one in kinds), "")


SPEED_CODES = {
    "ok": Grade.OK, "slow": Grade.WARN, "too_slow": Grade.FAIL, "unwritable": Grade.FAIL, "nothing": Grade.NONE,
}  # fmt: skip
SLOW_MS, TOO_SLOW_MS = 20.0, 150.0
LASTS_SECONDS, MOST = 0.4, 200
BLOCK = bytes(4096)


def examine_speed(patient: Patient) -> Seen:
    """Force small writes for less than half a second in the data folder and in that of the second copy."""
    settings = patient.settings
    folders = [settings.data_dir] if settings.embedded else []
    folders += [settings.journal_copy_dir] if settings.journal_copy_dir is not None else []
    if not [one for one in folders if one.is_dir()]:
        yield Symptom("nothing")
    for folder in folders:
        if folder.is_dir():
            try:
                yield judge_speed(folder, forced_ms(folder))
            except OSError as error:
                yield Symptom(
                    "unwritable", {"path": folder, "reason": error.strerror or type(error).__name__}
                )


def judge_speed(folder: Path, milliseconds: float) -> Symptom:
    """Return what follows from the median of how long a forced write takes."""
    code = "too_slow" if milliseconds >= TOO_SLOW_MS else "slow" if milliseconds >= SLOW_MS else "ok"
    return Symptom(code, {"path": folder, "ms": f"{milliseconds:.1f}"})


def forced_ms(folder: Path, clock: Callable[[], float] = time.monotonic) -> float:
    """Return the median of forcing a small write to the disk of `folder`, in milliseconds; raise OSError."""
    took: list[float] = []
    with tempfile.TemporaryFile(dir=folder) as probe:
        until = clock() + LASTS_SECONDS
        while len(took) < MOST and (not took or clock() < until):
            before = clock()
            os.write(probe.fileno(), BLOCK)
            os.fsync(probe.fileno())
            took.append((clock() - before) * 1000)
    return statistics.median(took)
