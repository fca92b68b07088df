"""Recovery files as a candidate's page writes them, made by hand."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from tests.delivery.driver import Page

NONCE = bytes(range(16))


def carried(page: Page, position: int, value: Any, at: datetime) -> dict[str, Any]:
    """Return the next answer of a page as its file carries it."""
    entry = page.entry(position, value)
    return {
        "epoch": page.epoch,
        "seq": entry["seq"],
        "position": position,
        "value": value,
        "at": at.isoformat(),
    }


def recovery_file(
    page: Page, *entries: dict[str, Any], receipts: Sequence[dict[str, Any]] = (), made_at: datetime
) -> str:
    """Return the file of a page under the seal it was given with its lease."""
    content = {"made_at": made_at.isoformat(), "entries": list(entries), "receipts": list(receipts)}
    return seal(content, page.opened["seal"], page.ref, page.epoch)


def seal(content: object, secret: str, ref: str, epoch: int) -> str:
    """Encrypt by HMAC in counter mode, then authenticate: the format written out once more."""
    key = bytes.fromhex(secret)
    plain = json.dumps(content, ensure_ascii=False).encode()
    encryption = hmac.digest(key, b"encrypt", "sha256")
    stream = b""
    while len(stream) < len(plain):
        stream += hmac.digest(encryption, NONCE + (len(stream) // 32).to_bytes(4, "big"), "sha256")
    body = base64.b64encode(bytes(a ^ b for a, b in zip(plain, stream, strict=False))).decode()
    signed = f"cbt-recovery-1|{ref}|{epoch}|{NONCE.hex()}|{body}".encode()
    mac = hmac.new(hmac.digest(key, b"authenticate", "sha256"), signed, hashlib.sha256).hexdigest()
    return json.dumps(
        {
            "format": "cbt-recovery-1",
            "attempt": ref,
            "epoch": epoch,
            "nonce": NONCE.hex(),
            "body": body,
            "seal": mac,
        }
    )
