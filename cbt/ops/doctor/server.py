"""Checks of the server: settings, blueprints, port, proxy, certificate, and the pages a browser gets."""

from __future__ import annotations

import ipaddress
import json
import os
import re
from datetime import datetime, timedelta

from cbt.blueprints.versions import look
from cbt.config import FILE_VARIABLE, NO_FILE, Settings
from cbt.console.texts import explain
from cbt.errors import InvalidInput, Unavailable
from cbt.http.server.proxies import read_networks
from cbt.http.tls import SOON, read_shown
from cbt.ops.doctor.findings import Fetched, Grade, Patient, Seen, Symptom, fetch
from cbt.ops.host_resources import check_port, lan_address

SETTINGS_CODES = {
    "file": Grade.OK, "environment": Grade.OK, "handed": Grade.OK, "adrift": Grade.WARN, "in_clear": Grade.WARN,
}  # fmt: skip


def examine_settings(patient: Patient) -> Seen:
    """Say where they are read from; warn of a data folder that depends on where a command is typed."""
    sourced = patient.sourced
    if os.environ.get(FILE_VARIABLE) == NO_FILE:
        yield Symptom("handed")
    elif sourced.file is not None:
        yield Symptom("file", {"path": sourced.file, "count": len(sourced.sources)})
    else:
        yield Symptom("environment", {"count": len(sourced.sources)})
    if sourced.adrift:
        yield Symptom("adrift", {"path": sourced.settings.data_dir})
    if sourced.settings.embedded and not sourced.settings.db_encryption:
        yield Symptom("in_clear")


BLUEPRINTS_CODES = {"ok": Grade.OK, "none": Grade.NONE, "faulty": Grade.WARN}


def examine_blueprints(patient: Patient) -> Seen:
    """Read every file of the folder."""
    folder = patient.settings.blueprint_dir
    files = look(folder)
    for folder_file in files:
        if folder_file.error is not None:
            what, fix = explain(folder_file.error)
            yield Symptom("faulty", {"folder": folder, "what": what, "fix": fix})
    if not files:
        yield Symptom("none", {"folder": folder})
    elif all(one.error is None for one in files):
        yield Symptom("ok", {"folder": folder, "count": len(files)})


PORT_CODES = {
    "saves": Grade.OK, "warns": Grade.WARN, "refuses": Grade.FAIL, "silent": Grade.FAIL, "free": Grade.OK,
    "unheld": Grade.FAIL,
}  # fmt: skip


def examine_port(patient: Patient) -> Seen:
    """Ask the running server's /healthz, or try the port; a server of ours may have lost the folder it held."""
    if patient.holder:
        yield judge_port(patient.served_at, fetch(f"{patient.served_at}/healthz"))
        return
    try:
        check_port(patient.settings)
    except Unavailable as taken:
        ours = taken.code == "serve.port" and _is_ours(fetch(f"{patient.served_at}/healthz"))
        yield Symptom("unheld", {"address": patient.served_at}) if ours else taken
    else:
        yield Symptom("free", {"port": patient.settings.port})


def _is_ours(answer: Fetched) -> bool:
    return judge_port("", answer).code != "silent"


def judge_port(address: str, answer: Fetched) -> Symptom:
    """Return what follows from the answer of /healthz."""
    if answer.status not in (200, 503):
        return Symptom("silent", {"address": address, "status": answer.status or answer.text})
    try:
        reply = json.loads(answer.text)
    except ValueError:
        return Symptom("silent", {"address": address, "status": answer.status})
    warnings = list(reply.get("warnings", ()))
    if answer.status == 503:
        return Symptom(
            "refuses", {"address": address, "state": reply.get("database", "?"), "warnings": warnings or "–"}
        )
    return Symptom("warns" if warnings else "saves", {"address": address, "warnings": warnings})


PROXY_CODES = {
    "none": Grade.NONE, "named": Grade.OK, "unnamed": Grade.WARN, "everybody": Grade.FAIL, "in_clear": Grade.WARN,
}  # fmt: skip
WIDEST = 65_536
"""A network of more addresses than this is not a proxy's but the machines' own."""


def examine_proxy(patient: Patient) -> Seen:
    try:
        yield judge_proxy(patient.settings)
    except InvalidInput as unreadable:
        yield unreadable


def judge_proxy(settings: Settings) -> Symptom:
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


CERTIFICATE_CODES = {
    "lasts": Grade.OK, "ends": Grade.WARN, "over": Grade.FAIL, "proxy": Grade.NONE, "in_clear": Grade.NONE,
}  # fmt: skip


def examine_certificate(patient: Patient) -> Seen:
    """Read what `cbt serve` would show."""
    settings = patient.settings
    if settings.tls_cert is None or settings.tls_key is None:
        yield Symptom("proxy" if settings.secure_cookies else "in_clear")
        return
    try:
        yield judge_certificate(read_shown(settings.tls_cert, settings.tls_key).expires_at, now=patient.now)
    except Unavailable as unreadable:
        yield unreadable


def judge_certificate(expires_at: datetime, *, now: datetime) -> Symptom:
    left = expires_at - now
    code = "over" if left <= timedelta() else "ends" if left <= SOON else "lasts"
    return Symptom(code, {"days": left.days, "on": f"{expires_at:%Y-%m-%d}"})


PAGES_CODES = {
    "reached": Grade.OK, "not_running": Grade.NONE, "unreached": Grade.FAIL, "bare": Grade.FAIL,
    "metrics_open": Grade.FAIL, "not_strict": Grade.WARN,
}  # fmt: skip
_FILES = re.compile(r"""(?:href|src)="(/static/[^"]+\.(?:css|js))\"""")


def examine_pages(patient: Patient) -> Seen:
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
