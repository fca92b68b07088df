"""How many files the server may open: every machine of a hall holds one or more."""

from __future__ import annotations

import re
from pathlib import Path

from cbt.ops.doctor.findings import Grade, Seen, Symptom
from cbt.ops.doctor.patient import Patient

try:
    import resource
except ImportError:  # Windows has no such limit
    resource = None  # type: ignore[assignment]  # None says that there is nothing to ask

CODES = {"ok": Grade.OK, "few": Grade.WARN, "too_few": Grade.FAIL, "no_limit": Grade.NONE}
ENOUGH, LEAST = 8192, 1024


def examine(patient: Patient) -> Seen:
    """Look at the running server's limit, else at that of whoever asks."""
    most = _of_server(patient.server_pid) or _own()
    yield judge(most) if most is not None else Symptom("no_limit")


def judge(most: int) -> Symptom:
    """Return what follows from the hard limit of open files, which a server raises its own to."""
    code = "ok" if most >= ENOUGH else "few" if most >= LEAST else "too_few"
    return Symptom(code, {"most": most, "enough": ENOUGH})


def _own() -> int | None:
    if resource is None:
        return None
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    return most if most != resource.RLIM_INFINITY else ENOUGH


def _of_server(pid: int | None) -> int | None:
    try:
        text = Path(f"/proc/{pid}/limits").read_text("ascii")
    except OSError:
        return None
    found = re.search(r"^Max open files\s+\S+\s+(\d+)", text, re.MULTILINE)
    return int(found[1]) if found else ENOUGH
