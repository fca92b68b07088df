"""What an entry of the log is hashed to: under the installation's audit key, formerly without one.

Source: R-64.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Sequence
from datetime import datetime

from cbt.db.types import to_micros
from cbt.rules.canonical import canonical_json, digest

GENESIS = "0" * 64


def entry_hash(key: bytes, prev_hash: str, entry_id: int, at: datetime, fields: Sequence[str]) -> str:
    """Return the hash of one entry over the former hash and everything the entry says, under `key`."""
    said = canonical_json([prev_hash, entry_id, to_micros(at), *fields])
    return hmac.digest(key, said.encode(), "sha256").hex()


def head_mac(key: bytes, last_id: int, last_hash: str) -> str:
    """Return what says that the log ends here: whoever moves the head without the key cannot make it."""
    return hmac.digest(key, canonical_json(["head", last_id, last_hash]).encode(), "sha256").hex()


def plain_hashes(prev_hash: str, entry_id: int, at: datetime, fields: Sequence[str]) -> tuple[str, str]:
    """Return the hashes of an entry from before the key: the later spelling, and that of 0.1.0.

    That version hashed JSON with a space after each comma.
    """
    said = [prev_hash, entry_id, to_micros(at), *fields]
    return digest(canonical_json(said)), digest(json.dumps(said, ensure_ascii=False))


class Content:
    """A digest, without a key, of all that was read so far: it stands in for hashes whose key was lost."""

    def __init__(self) -> None:
        self._sum = hashlib.sha256()

    def add(self, entry_id: int, at: datetime, fields: Sequence[str]) -> None:
        """Take in one entry."""
        self._sum.update(canonical_json([entry_id, to_micros(at), *fields]).encode() + b"\n")

    @property
    def digest(self) -> str:
        """The digest of the entries so far."""
        return self._sum.hexdigest()
