"""Whether keys and database belong together."""

from __future__ import annotations

from cbt.errors import NotAllowed, Unavailable
from cbt.ops.doctor.findings import Grade, Seen, Symptom
from cbt.ops.doctor.patient import Patient
from cbt.ops.preflight import ask

CODES = {"ok": Grade.OK, "none": Grade.WARN}
NOTHING_YET = "belonging.none"


def examine(patient: Patient) -> Seen:
    """Ask as every command does; before the first start there is nothing, which is no fault."""
    try:
        ask(patient.settings)
    except (Unavailable, NotAllowed) as refused:
        if refused.code == NOTHING_YET:
            yield Symptom("none", {"data": patient.settings.data_dir, "keys": patient.settings.keys})
        elif not isinstance(refused, NotAllowed):  # who may not look is told by another check
            yield refused
        return
    yield Symptom("ok")
