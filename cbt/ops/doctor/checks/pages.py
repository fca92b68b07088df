"""Whether a browser gets a page with its styles and scripts, here and, with `--url`, through the proxy."""

from __future__ import annotations

import re

from cbt.ops.doctor.findings import Grade, Seen, Symptom
from cbt.ops.doctor.patient import Fetched, Patient, fetch
from cbt.ops.host_resources import lan_address

CODES = {
    "reached": Grade.OK, "not_running": Grade.NONE, "unreached": Grade.FAIL, "bare": Grade.FAIL,
    "metrics_open": Grade.FAIL, "not_strict": Grade.WARN,
}  # fmt: skip
_FILES = re.compile(r"""(?:href|src)="(/static/[^"]+\.(?:css|js))\"""")


def examine(patient: Patient) -> Seen:
    """Open the seat page as a browser does: on this machine, at its address in the room, and where `--url` says."""
    if not patient.holder and not patient.url:
        yield Symptom("not_running")
        return
    addresses = [patient.served_at] if patient.holder else []
    if patient.holder and patient.settings.host == "0.0.0.0":
        addresses.append(patient.served_at.replace("127.0.0.1", lan_address()))
    for address in dict.fromkeys(addresses):
        yield _opened(address, fetch(f"{address}/"))
    if patient.url:
        page = fetch(f"{patient.url}/")
        opened = _opened(patient.url, page)
        yield opened
        if fetch(f"{patient.url}/metrics").status == 200:
            yield Symptom("metrics_open", {"address": patient.url})
        if opened.code == "reached" and patient.url.startswith("https:") and not page.strict:
            yield Symptom("not_strict", {"address": patient.url})


def _opened(address: str, page: Fetched) -> Symptom:
    files = _FILES.findall(page.text)
    if page.status != 200 or not files:
        return Symptom("unreached", {"address": address, "status": page.status or page.text})
    lacking = [path for path in files if fetch(f"{address}{path}").status != 200]
    if lacking:
        return Symptom("bare", {"address": address, "path": lacking[0], "count": len(lacking)})
    return Symptom("reached", {"address": address, "count": len(files)})
