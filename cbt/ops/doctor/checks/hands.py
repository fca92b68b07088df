"""Whose the data and the keys are, and whether others may read them."""

from __future__ import annotations

from cbt.db.private.modes import open_to_others
from cbt.errors import NotAllowed
from cbt.ops.belonging.hands import check_hands
from cbt.ops.doctor.findings import Grade, Seen, Symptom
from cbt.ops.doctor.patient import Patient

CODES = {"ok": Grade.OK, "open": Grade.WARN}


def examine(patient: Patient) -> Seen:
    """Ask as every command does whether this user may work here; then look at the modes."""
    try:
        check_hands(patient.settings)
    except NotAllowed as refused:
        yield refused
        return
    loose = open_to_others(patient.settings)
    if loose:
        yield Symptom("open", {"path": loose[0], "count": len(loose)})
    else:
        yield Symptom("ok", {"data": patient.settings.data_dir, "keys": patient.settings.keys})
