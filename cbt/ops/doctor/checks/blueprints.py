"""Whether the files in the folder of blueprints can be used; one that cannot leaves in force what was."""

from __future__ import annotations

from cbt.blueprints.versions import look
from cbt.console.texts import explain
from cbt.ops.doctor.findings import Grade, Seen, Symptom
from cbt.ops.doctor.patient import Patient

CODES = {"ok": Grade.OK, "none": Grade.NONE, "faulty": Grade.WARN}


def examine(patient: Patient) -> Seen:
    """Read every file of the folder."""
    folder = patient.settings.blueprint_dir
    found = look(folder)
    for one in found:
        if one.error is not None:
            what, fix = explain(one.error)
            yield Symptom("faulty", {"folder": folder, "what": what, "fix": fix})
    if not found:
        yield Symptom("none", {"folder": folder})
    elif all(one.error is None for one in found):
        yield Symptom("ok", {"folder": folder, "count": len(found)})
