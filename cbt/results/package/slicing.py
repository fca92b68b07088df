"""The part of the log a package holds: from the first entry about a sitting to the last, link by link.

Entries about the sitting are whole; of all others there is the number and the hash, so that the chain has no hole
and tells nothing of another sitting. Prints and packages are no part of it: a package is the same until something
changes.

Source: R-64.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC

from sqlalchemy import func, not_, or_, select
from sqlalchemy.orm import Session

from cbt.accounts.log.naming import log_names
from cbt.audit.heads import DIGITS, Head
from cbt.audit.models import AuditEntry
from cbt.rules.canonical import canonical_json

MOST_LINKS = 100_000
"""So far back the slice goes at most, counted from its end."""
_ASIDE = or_(
    AuditEntry.act.like("print.%"), AuditEntry.act == "package.write", AuditEntry.act == "results.export"
)


@dataclass(frozen=True, slots=True)
class Slice:
    """The lines of the slice as JSON, one a line, and where it ends."""

    lines: bytes
    head: Head | None
    own: int


def slice_of(session: Session, sitting_ref: str) -> Slice:
    """Return the log of a sitting with its links."""
    subjects = log_names().of_sitting(sitting_ref)
    about = (AuditEntry.subject.in_(subjects), not_(_ASIDE))
    first, last = session.execute(
        select(func.min(AuditEntry.id), func.max(AuditEntry.id)).where(*about)
    ).one()
    if last is None:
        return Slice(b"", None, 0)
    first = max(first, last - MOST_LINKS)
    own = {
        entry.id: entry for entry in session.scalars(select(AuditEntry).where(*about, AuditEntry.id >= first))
    }
    links = session.execute(
        select(AuditEntry.id, AuditEntry.hash)
        .where(AuditEntry.id >= first, AuditEntry.id <= last)
        .order_by(AuditEntry.id)
    )
    lines = [canonical_json(_entry(own[row.id]) if row.id in own else [row.id, row.hash]) for row in links]
    end = own[last]
    return Slice(
        "".join(f"{line}\n" for line in lines).encode(), Head(last, end.at, end.hash[:DIGITS]), len(own)
    )


def _entry(entry: AuditEntry) -> list[object]:
    at = entry.at.astimezone(UTC).isoformat(timespec="microseconds")
    return [entry.id, entry.hash, entry.prev_hash, at, entry.fields]
