"""Where the settings come from, and what they leave open."""

from __future__ import annotations

import os

from cbt.config import FILE_VARIABLE, NO_FILE
from cbt.ops.doctor.findings import Grade, Seen, Symptom
from cbt.ops.doctor.patient import Patient

CODES = {
    "file": Grade.OK, "environment": Grade.OK, "handed": Grade.OK, "adrift": Grade.WARN, "in_clear": Grade.WARN,
}  # fmt: skip


def examine(patient: Patient) -> Seen:
    """Say where they are read from; warn of a data folder that depends on where a command is typed."""
    found = patient.sourced
    if os.environ.get(FILE_VARIABLE) == NO_FILE:
        yield Symptom("handed")
    elif found.file is not None:
        yield Symptom("file", {"path": found.file, "count": len(found.sources)})
    else:
        yield Symptom("environment", {"count": len(found.sources)})
    if found.adrift:
        yield Symptom("adrift", {"path": found.settings.data_dir})
    if found.settings.embedded and not found.settings.db_encryption:
        yield Symptom("in_clear")
