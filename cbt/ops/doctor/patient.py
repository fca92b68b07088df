"""What is examined: the settings, and the server that runs on them, if one does."""

from __future__ import annotations

import re
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import datetime

from cbt.config import Settings, Sourced
from cbt.ops.host_resources import DataDirLock

PATIENCE_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Patient:
    """An installation as it is found; `now` is this machine's wall clock (aware UTC)."""

    sourced: Sourced
    now: datetime
    holder: str
    """What the running server wrote of itself, "" when none holds the data folder."""
    url: str = ""
    """Where browsers reach it, when whoever asks has said so."""

    @property
    def settings(self) -> Settings:
        """Return the settings."""
        return self.sourced.settings

    @property
    def server_pid(self) -> int | None:
        """Return the process of the running server."""
        found = re.search(r"pid (\d+)", self.holder)
        return int(found[1]) if found else None

    @property
    def served_at(self) -> str:
        """Return where this machine reaches the server."""
        port = re.search(r"port (\d+)", self.holder)
        scheme = "https" if self.settings.tls_cert is not None else "http"
        host = self.settings.host if self.settings.host not in ("0.0.0.0", "::") else "127.0.0.1"
        return f"{scheme}://{host}:{port[1] if port else self.settings.port}"


def patient(sourced: Sourced, *, now: datetime, url: str) -> Patient:
    """Return an installation to examine."""
    try:
        holder = DataDirLock(sourced.settings.data_dir).holder()
    except OSError:
        holder = ""  # who may not look there is told by a check
    return Patient(sourced, now, holder, url.rstrip("/"))


@dataclass(frozen=True, slots=True)
class Fetched:
    """What an address answered: status and text; 0 and why, when nothing did."""

    status: int
    text: str
    strict: bool = False
    """Whether browsers are told never to come back without https."""


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows no redirection to another place."""

    def redirect_request(self, *_: object) -> None:
        return None


def fetch(address: str) -> Fetched:
    """Ask an address of this installation, whoever signed its certificate, which another check looks at."""
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trusting), _Stay()
    )
    try:
        with opener.open(address, timeout=PATIENCE_SECONDS) as answer:
            strict = "Strict-Transport-Security" in answer.headers
            return Fetched(answer.status, answer.read().decode("utf-8", "replace"), strict)
    except urllib.error.HTTPError as refused:
        with refused:
            return Fetched(refused.code, refused.read().decode("utf-8", "replace"))
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        return Fetched(0, type(reason).__name__)
