"""Whether everything that is acknowledged is in a second place."""

from __future__ import annotations

import os
from pathlib import Path

from cbt.ops.doctor.findings import Grade, Seen, Symptom
from cbt.ops.doctor.patient import Patient

CODES = {
    "apart": Grade.OK, "none": Grade.WARN, "same_disk": Grade.WARN, "away": Grade.FAIL, "unwritable": Grade.FAIL,
    "postgresql": Grade.NONE,
}  # fmt: skip


def examine(patient: Patient) -> Seen:
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


def same_disk(one: Path, other: Path) -> bool:
    """Return whether two folders lie on one file system; one that is not there is on none."""
    try:
        return one.stat().st_dev == other.stat().st_dev
    except OSError:
        return False
