"""Checks of the data: whose files and keys are, whether they belong together, second copy, backups."""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from cbt.config import Settings
from cbt.errors import NotAllowed
from cbt.ops.doctor.findings import Grade, Patient, Seen, Symptom
from cbt.ops.file_permissions import ROOT, check_hands, group_name, open_to_others, user_name
from cbt.ops.start_gates import data_refusal
from cbt.storage.backup_folder import copies, made_at

PERMISSIONS_CODES = {
    "ok": Grade.OK, "open": Grade.WARN, "read": Grade.WARN, "written": Grade.FAIL, "owned": Grade.FAIL,
}  # fmt: skip


def examine_permissions(patient: Patient) -> Seen:
    """Ask as every command does whether this user may work here; then look at the modes."""
    try:
        check_hands(patient.settings)
    except NotAllowed as refused:
        yield refused
        return
    loose = open_to_others(patient.settings)
    beside = list(_beside(patient))
    yield from beside
    if loose:
        yield Symptom("open", {"path": loose[0], "count": len(loose)})
    elif not beside:
        yield Symptom("ok", {"data": patient.settings.data_dir, "keys": patient.settings.keys})


def _beside(patient: Patient) -> Iterator[Symptom]:
    """Look at what lies outside the product's own folders: the settings file (it may hold the password of
    PostgreSQL, and says where everything is) and the key of the certificate."""
    if os.name != "posix":
        return
    for path in (patient.sourced.file, patient.settings.tls_key):
        if path is not None and (seen := _judge(path, patient.settings)) is not None:
            yield seen


def _judge(path: Path, settings: Settings) -> Symptom | None:
    """Return what is wrong with owner and mode of a file that root and the server's user alone may know."""
    try:
        status = path.stat()
    except OSError:
        return None  # what cannot be looked at is another check's
    user, group = _server(settings)
    mode = stat.S_IMODE(status.st_mode)
    params = {"path": path, "mode": f"{mode:04o}", "command": _closing(path, status.st_uid, user, group)}
    if status.st_uid not in (ROOT, user):
        return Symptom("owned", params | {"owner": user_name(status.st_uid)})
    if mode & 0o022:
        return Symptom("written", params)
    strange = mode & 0o040 and status.st_gid not in (ROOT, group)
    return Symptom("read", params) if strange or mode & 0o004 else None


def _server(settings: Settings) -> tuple[int, int]:
    """Return user and group that the server runs as: whose the data folder is, or would be."""
    try:
        status = settings.data_dir.stat()
    except OSError:
        return os.geteuid(), os.getegid()
    return status.st_uid, status.st_gid


def _closing(path: Path, owner: int, user: int, group: int) -> str:
    """Return the command that closes a file: to its owner, where that is the server's user, else to root and the
    server's group."""
    if owner == user:
        return shlex.join(["chmod", "600", str(path)])
    hand_over = shlex.join(["sudo", "chown", f"{user_name(ROOT)}:{group_name(group)}", str(path)])
    return f"{hand_over} && {shlex.join(['sudo', 'chmod', '640', str(path)])}"


KEYS_CODES = {"ok": Grade.OK, "none": Grade.WARN}
NOTHING_YET = "belonging.none"


def examine_keys(patient: Patient) -> Seen:
    """Ask the gates that a start asks; before the first one there is nothing, which is no fault."""
    refused = data_refusal(patient.settings, beside_server=bool(patient.holder))
    if refused is None:
        yield Symptom("ok")
    elif refused.code == NOTHING_YET:
        yield Symptom("none", {"data": patient.settings.data_dir, "keys": patient.settings.keys})
    elif not isinstance(refused, NotAllowed):  # who may not look is told by another check
        yield refused


SECOND_COPY_CODES = {
    "apart": Grade.OK, "none": Grade.WARN, "same_disk": Grade.WARN, "away": Grade.FAIL, "unwritable": Grade.FAIL,
    "postgresql": Grade.NONE,
}  # fmt: skip


def examine_second_copy(patient: Patient) -> Seen:
    """Look at the folder of the second copy; PostgreSQL keeps one by its own means."""
    settings = patient.settings
    folder = settings.journal_copy_dir
    if not settings.embedded:
        yield Symptom("postgresql")
    elif folder is None:
        yield Symptom("none")
    elif not folder.is_dir():
        yield Symptom("away", {"path": folder})
    elif not os.access(folder, os.W_OK | os.X_OK):
        yield Symptom("unwritable", {"path": folder})
    else:
        yield Symptom("same_disk" if same_disk(folder, settings.data_dir) else "apart", {"path": folder})


def same_disk(first: Path, other: Path) -> bool:
    """Return whether two folders lie on one file system; one that is not there is on none."""
    try:
        return first.stat().st_dev == other.stat().st_dev
    except OSError:
        return False


BACKUPS_CODES = {
    "ok": Grade.OK, "none": Grade.WARN, "away": Grade.FAIL, "unwritable": Grade.FAIL, "same_disk": Grade.WARN,
    "never": Grade.WARN, "old": Grade.WARN,
}  # fmt: skip
OVERDUE = 2
"""So many times the planned span without a new one is a backup that fails."""


def examine_backups(patient: Patient) -> Seen:
    """Look at the folder of the scheduled backups and at the newest in it."""
    settings = patient.settings
    folder = settings.backup_dir
    if folder is None:
        yield Symptom("none")
        return
    if not folder.is_dir():
        yield Symptom("away", {"path": folder})
        return
    if not os.access(folder, os.W_OK | os.X_OK):
        yield Symptom("unwritable", {"path": folder})
        return
    if settings.embedded and same_disk(folder, settings.data_dir):
        yield Symptom("same_disk", {"path": folder})
    instants = [at for path in copies(folder) if (at := made_at(path))]
    yield judge_backups(settings, max(instants, default=None), now=patient.now, serving=bool(patient.holder))


def judge_backups(settings: Settings, newest: datetime | None, *, now: datetime, serving: bool) -> Symptom:
    """Return what follows from the newest backup's instant; without a server none is made, so none is overdue."""
    named = {"path": settings.backup_dir, "minutes": settings.backup_minutes}
    if newest is None:
        return Symptom("never", named)
    minutes = int((now - newest) / timedelta(minutes=1))
    late = serving and minutes > OVERDUE * settings.backup_minutes
    return Symptom("old" if late else "ok", named | {"age": minutes})
