"""Whose the data and the keys are, and whether others may read them."""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Iterator
from pathlib import Path

from cbt.config import Settings
from cbt.errors import NotAllowed
from cbt.ops.doctor.findings import Grade, Seen, Symptom
from cbt.ops.doctor.patient import Patient
from cbt.ops.file_permissions import ROOT, check_hands, group_name, open_to_others, user_name

CODES = {
    "ok": Grade.OK, "open": Grade.WARN, "read": Grade.WARN, "written": Grade.FAIL, "owned": Grade.FAIL,
}  # fmt: skip


def examine(patient: Patient) -> Seen:
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
        found = path.stat()
    except OSError:
        return None  # what cannot be looked at is another check's
    user, group = _server(settings)
    mode = stat.S_IMODE(found.st_mode)
    told = {"path": path, "mode": f"{mode:04o}", "command": _closing(path, found.st_uid, user, group)}
    if found.st_uid not in (ROOT, user):
        return Symptom("owned", told | {"owner": user_name(found.st_uid)})
    if mode & 0o022:
        return Symptom("written", told)
    strange = mode & 0o040 and found.st_gid not in (ROOT, group)
    return Symptom("read", told) if strange or mode & 0o004 else None


def _server(settings: Settings) -> tuple[int, int]:
    """Return user and group that the server runs as: whose the data folder is, or would be."""
    try:
        found = settings.data_dir.stat()
    except OSError:
        return os.geteuid(), os.getegid()
    return found.st_uid, found.st_gid


def _closing(path: Path, owner: int, user: int, group: int) -> str:
    """Return the command that closes a file: to its owner, where that is the server's user, else to root and the
    server's group."""
    if owner == user:
        return shlex.join(["chmod", "600", str(path)])
    hand_over = shlex.join(["sudo", "chown", f"{user_name(ROOT)}:{group_name(group)}", str(path)])
    return f"{hand_over} && {shlex.join(['sudo', 'chmod', '640', str(path)])}"
