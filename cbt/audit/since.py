"""Whether something was put on record since a moment: what was worked out before is so where nothing was.

Whatever changes an examination is an entry, written in the transaction of the change.

Source: I13, R-64.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.audit.acts import GROUPS
from cbt.audit.models import AuditEntry

PLANS = ("planning", "candidates")
"""The groups of acts that change who sits where and when."""


def last_number(session: Session) -> int:
    """Return the number of the last entry that this session sees; 0 for an empty log."""
    return session.scalar(select(AuditEntry.id).order_by(AuditEntry.id.desc()).limit(1)) or 0


def told_since(session: Session, number: int, groups: tuple[str, ...] = PLANS) -> bool:
    """Return whether an act of these groups was put on record after that entry."""
    acts = [act for group in groups for act in GROUPS[group]]
    query = select(AuditEntry.id).where(AuditEntry.id > number, AuditEntry.act.in_(acts))
    return session.scalar(query.limit(1)) is not None
