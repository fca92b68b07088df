"""Recovery files of records as a browser keeps them, made by hand: the format written out once more."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import datetime
from typing import Any

NONCE = bytes(range(16))


def record(
    secret: str, ref: str, entry: dict[str, Any], *, anchor: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return one answer (`epoch`, `seq`, `position`, `value`, `at`) sealed under the secret of its lease."""
    key = bytes.fromhex(secret)
    inside: dict[str, Any] = {"value": entry["value"], "at": entry["at"], "acked": 2}
    if anchor is not None:
        inside["anchor"] = {**anchor, "epoch": entry["epoch"]}
    plain = json.dumps(inside, ensure_ascii=False).encode()
    encryption, stream = hmac.digest(key, b"outbox encrypt", "sha256"), b""
    while len(stream) < len(plain):
        stream += hmac.digest(encryption, NONCE + (len(stream) // 32).to_bytes(4, "big"), "sha256")
    made = {
        "key": f"answer:{entry['position']}",
        "seq": entry["seq"],
        "kind": "answer",
        "position": entry["position"],
        "epoch": entry["epoch"],
        "nonce": NONCE.hex(),
        "body": base64.b64encode(bytes(a ^ b for a, b in zip(plain, stream, strict=False))).decode(),
    }
    parts = (
        "cbt-outbox-1",
        ref,
        *(made[name] for name in ("epoch", "key", "seq", "kind", "position", "nonce", "body")),
    )
    signed = "|".join(map(str, parts)).encode()
    mac = hmac.new(hmac.digest(key, b"outbox authenticate", "sha256"), signed, hashlib.sha256).hexdigest()
    return {**made, "mac": mac}


def shelf_file(ref: str, *records: dict[str, Any], made_at: datetime) -> str:
    """Return the file of a machine where nobody has the secret."""
    content = {
        "format": "cbt-recovery-2",
        "attempt": ref,
        "made_at": made_at.isoformat(),
        "records": list(records),
    }
    return json.dumps(content)
