"""Whether the certificate can be served, and for how long still."""

from __future__ import annotations

from datetime import datetime, timedelta

from cbt.errors import Unavailable
from cbt.http.tls import SOON, read_shown
from cbt.ops.doctor.findings import Grade, Seen, Symptom
from cbt.ops.doctor.patient import Patient

CODES = {
    "lasts": Grade.OK, "ends": Grade.WARN, "over": Grade.FAIL, "proxy": Grade.NONE, "in_clear": Grade.NONE,
}  # fmt: skip


def examine(patient: Patient) -> Seen:
    """Read what `cbt serve` would show."""
    settings = patient.settings
    if settings.tls_cert is None or settings.tls_key is None:
        yield Symptom("proxy" if settings.secure_cookies else "in_clear")
        return
    try:
        yield judge(read_shown(settings.tls_cert, settings.tls_key).expires_at, now=patient.now)
    except Unavailable as unreadable:
        yield unreadable


def judge(expires_at: datetime, *, now: datetime) -> Symptom:
    """Return what follows from when it ends."""
    left = expires_at - now
    code = "over" if left <= timedelta() else "ends" if left <= SOON else "lasts"
    return Symptom(code, {"days": left.days, "on": f"{expires_at:%Y-%m-%d}"})
