"""Whether others may read the data and the keys."""

from __future__ import annotations

from cbt.db.private.modes import open_to_others
from cbt.ops.doctor.findings import Grade, Seen, Symptom
from cbt.ops.doctor.patient import Patient

CODES = {"ok": Grade.OK, "open": Grade.WARN}


def examine(patient: Patient) -> Seen:
    """Look at the modes of data, keys, backups and the copy."""
    loose = open_to_others(patient.settings)
    if loose:
        yield Symptom("open", {"path": loose[0], "count": len(loose)})
    else:
        yield Symptom("ok", {"data": patient.settings.data_dir, "keys": patient.settings.keys})
