"""Whether the server runs and saves, or, where none runs, whether it could listen."""

from __future__ import annotations

import json

from cbt.errors import Unavailable
from cbt.ops.doctor.findings import Grade, Seen, Symptom
from cbt.ops.doctor.patient import Fetched, Patient, fetch
from cbt.ops.host_resources import check_port

CODES = {
    "saves": Grade.OK, "warns": Grade.WARN, "refuses": Grade.FAIL, "silent": Grade.FAIL, "free": Grade.OK,
}  # fmt: skip


def examine(patient: Patient) -> Seen:
    """Ask the running server's /healthz, or try the port."""
    if patient.holder:
        yield judge(patient.served_at, fetch(f"{patient.served_at}/healthz"))
        return
    try:
        check_port(patient.settings)
    except Unavailable as taken:
        yield taken
    else:
        yield Symptom("free", {"port": patient.settings.port})


def judge(address: str, answer: Fetched) -> Symptom:
    """Return what follows from the answer of /healthz."""
    if answer.status not in (200, 503):
        return Symptom("silent", {"address": address, "status": answer.status or answer.text})
    try:
        said = json.loads(answer.text)
    except ValueError:
        return Symptom("silent", {"address": address, "status": answer.status})
    warnings = list(said.get("warnings", ()))
    if answer.status == 503:
        return Symptom(
            "refuses", {"address": address, "state": said.get("database", "?"), "warnings": warnings or "–"}
        )
    return Symptom("warns" if warnings else "saves", {"address": address, "warnings": warnings})
