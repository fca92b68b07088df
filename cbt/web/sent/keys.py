"""The one-time key of a form: drawn when a page is shown, for whoever it is shown to.

Nobody else can draw one for that person: it is signed under the installation's own key. So a form that comes
with it came from a page that this person was shown, whatever became of their login in between.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

import flask

from cbt.web.who.attention import KIND
from cbt.web.who.login import current_principal

FIELD = "once_key"
RANDOM_BYTES, SEAL_BYTES = 12, 15
_PURPOSE = b"cbt once key"


@dataclass(frozen=True, slots=True)
class FormKey:
    """What the key of a form says: whose page it was on, and since when."""

    subject_ref: str
    drawn_at: datetime


def form_key() -> str:
    """Return a fresh key for a form of the page that is drawn; none for people who are not staff."""
    principal = current_principal()
    if principal is None or principal.kind != KIND:
        return ""
    return draw(principal.subject_ref, now=flask.g.now)


def draw(subject_ref: str, *, now: datetime) -> str:
    """Return a fresh key for `subject_ref`."""
    said = f"{subject_ref}.{int(now.timestamp()):x}.{secrets.token_urlsafe(RANDOM_BYTES)}"
    return f"{said}.{_seal(said)}"


def read(key: str) -> FormKey | None:
    """Return what a key says; None for one that was not drawn here."""
    said, _, seal = key.rpartition(".")
    parts = said.split(".")
    if len(parts) != 3 or not hmac.compare_digest(seal.encode(), _seal(said).encode()):
        return None
    return FormKey(parts[0], datetime.fromtimestamp(int(parts[1], 16), UTC))


def _seal(said: str) -> str:
    secret = hmac.new(flask.current_app.config["SECRET_KEY"], _PURPOSE, hashlib.sha256).digest()
    seal = hmac.new(secret, said.encode(), hashlib.sha256).digest()[:SEAL_BYTES]
    return base64.urlsafe_b64encode(seal).decode()
