"""Room on the disks that answers, their copy and backups go to, and what kind of disk the database lies on."""

from __future__ import annotations

import shutil
from pathlib import Path

from cbt.console.texts import text
from cbt.http.health import LOW_BYTES, free_bytes
from cbt.ops.doctor.findings import Grade, Seen, Symptom
from cbt.ops.doctor.patient import Patient

CODES = {
    "ok": Grade.OK, "low": Grade.WARN, "full": Grade.FAIL, "memory": Grade.FAIL, "network": Grade.FAIL,
}  # fmt: skip
FULL_BYTES = 64 * 1024 * 1024
MEMORY = frozenset({"tmpfs", "ramfs"})
NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "ceph", "glusterfs"})
MOUNTS = Path("/proc/self/mounts")
_MIB = 1024 * 1024


def examine(patient: Patient) -> Seen:
    """Look at each folder's disk, and at the kind of file system below the embedded database."""
    found = free_bytes(patient.settings)
    found.setdefault("data", shutil.disk_usage(nearest(patient.settings.data_dir)).free)
    for name, free in found.items():
        yield judge(text(f"doctor.folder.{name}"), free)
    if patient.settings.embedded and MOUNTS.is_file():
        kind = kind_of(patient.settings.data_dir, MOUNTS.read_text("utf-8", "replace"))
        if kind in MEMORY:
            yield Symptom("memory", {"kind": kind, "path": patient.settings.data_dir})
        elif kind in NETWORK:
            yield Symptom("network", {"kind": kind, "path": patient.settings.data_dir})


def judge(name: str, free: int) -> Symptom:
    """Return what follows from the bytes that are left where the folder called `name` lies."""
    code = "full" if free < FULL_BYTES else "low" if free < LOW_BYTES else "ok"
    return Symptom(code, {"name": name, "mib": free // _MIB, "wanted": LOW_BYTES // _MIB})


def nearest(folder: Path) -> Path:
    """Return the folder, or what of the way to it is there."""
    return next(one for one in (folder.absolute(), *folder.absolute().parents) if one.is_dir())


def kind_of(folder: Path, mounts: str) -> str:
    """Return the kind of the file system that `folder` lies on, by a table of mounts; the last mount counts."""
    kinds = {}
    for line in mounts.splitlines():
        _, point, kind, *_rest = line.split(" ")
        kinds[Path(point.replace("\\040", " "))] = kind
    way = [folder.absolute(), *folder.absolute().parents]
    return next((kinds[one] for one in way if one in kinds), "")
