"""Whether backups are made, where, and how old the newest is."""

from __future__ import annotations

import os
from datetime import datetime, timedelta

from cbt.config import Settings
from cbt.ops.doctor.checks.copy import same_disk
from cbt.ops.doctor.findings import Grade, Seen, Symptom
from cbt.ops.doctor.patient import Patient
from cbt.storage.backup_folder import copies, made_at

CODES = {
    "ok": Grade.OK, "none": Grade.WARN, "away": Grade.FAIL, "unwritable": Grade.FAIL, "same_disk": Grade.WARN,
    "never": Grade.WARN, "old": Grade.WARN,
}  # fmt: skip
OVERDUE = 2
"""So many times the planned span without a new one is a backup that fails."""


def examine(patient: Patient) -> Seen:
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
    found = [at for path in copies(folder) if (at := made_at(path))]
    yield judge(settings, max(found, default=None), now=patient.now, serving=bool(patient.holder))


def judge(settings: Settings, newest: datetime | None, *, now: datetime, serving: bool) -> Symptom:
    """Return what follows from the newest backup's instant; without a server none is made, so none is overdue."""
    named = {"path": settings.backup_dir, "minutes": settings.backup_minutes}
    if newest is None:
        return Symptom("never", named)
    minutes = int((now - newest) / timedelta(minutes=1))
    late = serving and minutes > OVERDUE * settings.backup_minutes
    return Symptom("old" if late else "ok", named | {"age": minutes})
