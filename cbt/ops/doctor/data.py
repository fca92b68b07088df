"""Checks of the data: whose files and keys are, whether they belong together, second copy, backups."""

from __future__ import annotations

import os
import re
import shlex
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from cbt.config import Settings
from cbt.console.texts import explain
from cbt.errors import NotAllowed
from cbt.ops.backup.damage import way_back
from cbt.ops.backup.snapshot import database_key
from cbt.ops.doctor.findings import Grade, Patient, Seen, Symptom
from cbt.ops.file_permissions import ROOT, check_hands, group_name, open_to_others, user_name
from cbt.ops.start_gates import data_refusal
from cbt.storage.backup_folder import copies, made_at, read_sent, unsent
from cbt.storage.engine import database_path
from cbt.storage.log_times import reach, typed
from cbt.storage.mirror import logs_held, pages_logged, read_copy
from cbt.storage.raw_connection import open_to_read, quiet

PERMISSIONS_CODES = {
    "ok": Grade.OK, "open": Grade.WARN, "read": Grade.WARN, "written": Grade.FAIL, "owned": Grade.FAIL,
}  # fmt: skip


def examine_permissions(patient: Patient) -> Seen:
    """Ask as every command does whether this user may work here; then look at the modes."""
    try:
        check_hands(patient.settings, makes=True)
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


FILE_CODES = {
    "whole": Grade.OK, "large": Grade.NONE, "serving": Grade.NONE, "nothing": Grade.NONE, "damaged": Grade.FAIL,
}  # fmt: skip
SMALL_BYTES = 256 * 1024 * 1024
"""Read in a second or two, so without being asked for; beside a server only when it is asked for."""
_PAGE = re.compile(r"\bpage (\d+)", re.IGNORECASE)


def examine_file(patient: Patient) -> Seen:
    """Read every page of the embedded database and compare it with its seal; PostgreSQL looks after its own."""
    settings = patient.settings
    path = database_path(settings)
    size = path.stat().st_size if settings.embedded and path.is_file() else 0
    if not size or data_refusal(settings, beside_server=bool(patient.holder)) is not None:
        yield Symptom("nothing")  # none, or told by another check
    elif not patient.every_page and (patient.holder or size > SMALL_BYTES):
        yield Symptom("serving" if patient.holder else "large", {"mib": size // 2**20})
    elif pages := damaged_pages(settings):
        fix = {"command": way_back(settings)}
        yield Symptom("damaged", {"path": path, "count": len(pages), "page": pages[0]} | fix)
    else:
        yield Symptom("whole", {"mib": f"{size / 2**20:.1f}"})


def damaged_pages(settings: Settings, tries: int = 3) -> list[int]:
    """Return the pages of an embedded database that are not as they were written.

    A page the log still holds does not count: it is written anew. One that looks torn only because it is being
    written now is not so at every try. Without encryption there are no seals, and the structure is looked at.
    """
    path, key = database_path(settings), database_key(settings)
    query = "PRAGMA cipher_integrity_check" if key else "PRAGMA quick_check(100)"
    with quiet(), closing(open_to_read(path, key)) as connection:
        damaged = _pages_in(connection.execute(query))
        for _ in range(tries - 1):
            if damaged:
                damaged &= _pages_in(connection.execute(query))
        logged = pages_logged(path.with_name(f"{path.name}-shm")) if damaged else set[int]()
    return sorted(damaged - logged)


def _pages_in(rows: Iterable[Sequence[object]]) -> set[int]:
    """Return the pages that a check of SQLite names; 0 stands for what it says of none."""
    said = [str(row[0]) for row in rows if row[0] != "ok"]
    return {int(found[1]) if (found := _PAGE.search(line)) else 0 for line in said}


SECOND_COPY_CODES = {
    "apart": Grade.OK, "none": Grade.WARN, "same_disk": Grade.WARN, "away": Grade.FAIL, "unwritable": Grade.FAIL,
    "postgresql": Grade.NONE, "reaches": Grade.OK,
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
        copy = read_copy(folder)
        moments = None if copy is None else reach(folder, logs_held(folder, copy), copy.closed)
        if moments is not None:
            yield Symptom("reaches", {"first": typed(moments[0], ZoneInfo(settings.timezone), up=True)})


def same_disk(first: Path, other: Path) -> bool:
    """Return whether two folders lie on one file system; one that is not there is on none."""
    try:
        return first.stat().st_dev == other.stat().st_dev
    except OSError:
        return False


BACKUPS_CODES = {
    "ok": Grade.OK, "none": Grade.WARN, "away": Grade.FAIL, "unwritable": Grade.FAIL, "same_disk": Grade.WARN,
    "never": Grade.WARN, "old": Grade.WARN, "sent": Grade.OK, "unsent": Grade.WARN, "hook_missing": Grade.WARN,
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
    if settings.backup_hook is not None:
        yield _hook(settings.backup_hook, folder)


def _hook(hook: Path, folder: Path) -> Symptom:
    """Say whether the program that takes backups elsewhere is there, and took them."""
    state = read_sent(folder)
    left = unsent(folder, state)
    if not os.access(hook, os.X_OK) or hook.is_dir():
        return Symptom("hook_missing", {"hook": hook})
    if not state.failed or not left:
        return Symptom("sent", {"hook": hook, "count": len(left)})
    command = shlex.join([str(hook), str(left[0])])
    return Symptom("unsent", {"why": explain(state.error)[0], "count": len(left), "command": command})


def judge_backups(settings: Settings, newest: datetime | None, *, now: datetime, serving: bool) -> Symptom:
    """Return what follows from the newest backup's instant; without a server none is made, so none is overdue."""
    named = {"path": settings.backup_dir, "minutes": settings.backup_minutes}
    if newest is None:
        return Symptom("never", named)
    minutes = int((now - newest) / timedelta(minutes=1))
    late = serving and minutes > OVERDUE * settings.backup_minutes
    return Symptom("old" if late else "ok", named | {"age": minutes})
