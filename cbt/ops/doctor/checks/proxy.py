"""Whether a proxy in front is named, and only that one is believed."""

from __future__ import annotations

import ipaddress

from cbt.config import Settings
from cbt.errors import InvalidInput
from cbt.http.server.proxies import read_networks
from cbt.ops.doctor.findings import Grade, Seen, Symptom
from cbt.ops.doctor.patient import Patient

CODES = {
    "none": Grade.NONE, "named": Grade.OK, "unnamed": Grade.WARN, "everybody": Grade.FAIL, "in_clear": Grade.WARN,
}  # fmt: skip
WIDEST = 65_536
"""A network of more addresses than this is not a proxy's but the machines' own."""


def examine(patient: Patient) -> Seen:
    """Hold the settings against each other."""
    try:
        yield judge(patient.settings)
    except InvalidInput as unreadable:
        yield unreadable


def judge(settings: Settings) -> Symptom:
    """Return what the settings say of a proxy; raise InvalidInput for addresses that are none."""
    named = read_networks(settings.trusted_proxies)
    if any(one.num_addresses > WIDEST for one in named):
        return Symptom("everybody", {"named": settings.trusted_proxies})
    behind = _loopback(settings.host) or (settings.secure_cookies and settings.tls_cert is None)
    if not named:
        return Symptom("unnamed" if behind else "none")
    return Symptom("named" if settings.https else "in_clear", {"named": settings.trusted_proxies})


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
