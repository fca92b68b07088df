"""The append-only, hash-chained log of everything that changes an exam.

Source: R-64.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import event, insert, select, update
from sqlalchemy.orm import Session

from cbt.audit.models import AuditEntry, AuditHead
from cbt.db.types import to_micros
from cbt.rules.canonical import canonical_json, digest

GENESIS = "0" * 64
HEAD_ID = 1
_BUFFER = "cbt_audit"


@dataclass(frozen=True, slots=True)
class _Line:
    at: datetime
    actor: str
    act: str
    subject: str
    reason: str
    before: str
    after: str


def record(
    session: Session,
    *,
    at: datetime,
    actor: str,
    act: str,
    subject: str,
    reason: str = "",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Add one line to the log of this unit of work; it is hashed just before COMMIT, or not written.

    `actor` is `staff:<ref>`, `candidate:<ref>`, `scheduler` or `cli`; `subject` is `<kind>:<ref>`.
    No value holds an answer key or a full personal number.
    """
    line = _Line(at, actor, act, subject, reason, _text(before), _text(after))
    session.info.setdefault(_BUFFER, []).append(line)


def _text(values: Mapping[str, Any] | None) -> str:
    return "" if values is None else canonical_json(dict(values))


def entry_hash(prev_hash: str, entry_id: int, at: datetime, fields: list[str]) -> str:
    """Return the hash of one entry over the former hash and everything the entry says."""
    return digest(canonical_json([prev_hash, entry_id, to_micros(at), *fields]))


def _former_hash(prev_hash: str, entry_id: int, at: datetime, fields: list[str]) -> str:
    """Return the hash as 0.1.0 took it, over JSON with a space after each comma."""
    return digest(json.dumps([prev_hash, entry_id, to_micros(at), *fields], ensure_ascii=False))


@event.listens_for(Session, "before_commit")
def _seal(session: Session) -> None:
    lines: list[_Line] = session.info.pop(_BUFFER, [])
    if not lines:
        return
    session.flush()
    head = session.execute(
        select(AuditHead.last_id, AuditHead.hash).where(AuditHead.id == HEAD_ID).with_for_update()
    ).one_or_none()
    last_id, last_hash = (0, GENESIS) if head is None else (head.last_id, head.hash)
    rows: list[dict[str, Any]] = []
    for line in lines:
        last_id += 1
        fields = [line.actor, line.act, line.subject, line.reason, line.before, line.after]
        sealed = entry_hash(last_hash, last_id, line.at, fields)
        rows.append(
            {
                "id": last_id,
                "at": line.at,
                "actor": line.actor,
                "act": line.act,
                "subject": line.subject,
                "reason": line.reason,
                "before": line.before,
                "after": line.after,
                "prev_hash": last_hash,
                "hash": sealed,
            }
        )
        last_hash = sealed
    session.execute(insert(AuditEntry), rows)
    if head is None:
        session.execute(insert(AuditHead).values(id=HEAD_ID, last_id=last_id, hash=last_hash))
    else:
        session.execute(
            update(AuditHead).where(AuditHead.id == HEAD_ID).values(last_id=last_id, hash=last_hash)
        )


@dataclass(frozen=True, slots=True)
class ChainReport:
    """What `verify` found: how many entries, and the first id that does not fit (None when all do)."""

    entries: int
    broken_at: int | None


def verify(session: Session) -> ChainReport:
    """Recompute the whole chain; a changed, missing or added entry breaks it at its id.

    Source: R-64, I7.
    """
    prev_hash, count = GENESIS, 0
    query = select(AuditEntry).order_by(AuditEntry.id).execution_options(yield_per=1000)
    with closing(session.scalars(query)) as entries:
        for entry in entries:
            count += 1
            fields = [entry.actor, entry.act, entry.subject, entry.reason, entry.before, entry.after]
            said = (prev_hash, entry.id, entry.at, fields)
            whole = entry.hash == entry_hash(*said) or entry.hash == _former_hash(*said)
            if entry.id != count or entry.prev_hash != prev_hash or not whole:
                return ChainReport(count, entry.id)
            prev_hash = entry.hash
    head = session.get(AuditHead, HEAD_ID)
    ended = (0, GENESIS) if head is None else (head.last_id, head.hash)
    return ChainReport(count, None if ended == (count, prev_hash) else count + 1)
