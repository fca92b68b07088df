"""The head of the log (日志锚点): number, time and digest of its last entry, in a form people copy and compare.

    123 2026-11-24T01:00:05Z 1a2b-3c4d-5e6f-7a8b-9c0d-1e2f-3a4b-5c6d

Whoever keeps one, on paper or on another disk, can show later that the log up to it was neither cut nor
rewritten. The digest is the first 128 bits of the entry's hash.

Source: R-64.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.audit.models import AuditEntry
from cbt.errors import InvalidInput

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
