"""The hash of an audit entry, with and without the installation's key, and the head of the log (日志锚点).

Source: R-64.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.audit.models import AuditEntry
from cbt.errors import InvalidInput
from cbt.rules.canonical import canonical_json, digest
from cbt.storage.types import to_micros

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


# The head of the log (日志锚点): number, time and digest of its last entry, in a form people copy and compare.
#
#     123 2026-11-24T01:00:05Z 1a2b-3c4d-5e6f-7a8b-9c0d-1e2f-3a4b-5c6d
#
# Whoever keeps one, on paper or on another disk, can show later that the log up to it was neither cut nor
# rewritten. The digest is the first 128 bits of the entry's hash.
#
# Source: R-64.

DIGITS = 32
_GROUP = 4
_DIGITS = rf"(?P<digits>(?:[0-9a-f]{{{_GROUP}}}[\s-]*){{{DIGITS // _GROUP}}})"
_WRITTEN = re.compile(rf"\D{{0,20}}(?P<number>[0-9]{{1,18}})(?:\D.*?)?{_DIGITS}", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Head:
    """Where the log ended at some moment: the last entry's number, its instant, the first digits of its hash."""

    number: int
    at: datetime
    digits: str

    @property
    def groups(self) -> str:
        """The digits in groups of four."""
        return "-".join(self.digits[at : at + _GROUP] for at in range(0, DIGITS, _GROUP))

    def __str__(self) -> str:
        at = self.at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        return f"{self.number} {at} {self.groups}"


@dataclass(frozen=True, slots=True)
class Written:
    """A head as somebody copied it: the number and the digits; the time is for people."""

    number: int
    digits: str


def head_of(session: Session) -> Head | None:
    """Return the head of the log as this session sees it; None for an empty log."""
    row = session.execute(
        select(AuditEntry.id, AuditEntry.at, AuditEntry.hash).order_by(AuditEntry.id.desc()).limit(1)
    ).one_or_none()
    return None if row is None else Head(row.id, row.at, row.hash[:DIGITS])


def read_head(text: str) -> Written:
    """Return what a copied head says; spaces, hyphens and capitals do not matter, nor does the time.

    Raise InvalidInput("audit.head") for what is none.
    """
    found = _WRITTEN.fullmatch(text.strip().lower())
    if found is None:
        raise InvalidInput("audit.head", text=text.strip()[:80])
    return Written(int(found["number"]), re.sub(r"[\s-]", "", found["digits"]))
