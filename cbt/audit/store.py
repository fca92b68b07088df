"""The audit log, looked through; reading changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cbt.audit.models import AuditEntry


def entries(
    session: Session, *, act: str = "", subject: str = "", before: int | None = None, limit: int
) -> Sequence[AuditEntry]:
    """Return entries whose act and subject begin with the given texts, newest first, older than `before`."""
    query = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(limit)
    if act:
        query = query.where(AuditEntry.act.startswith(act, autoescape=True))
    if subject:
        query = query.where(AuditEntry.subject.startswith(subject, autoescape=True))
    if before is not None:
        query = query.where(AuditEntry.id < before)
    return session.scalars(query).all()


def latest(session: Session, act: str) -> dict[str, datetime]:
    """Return by subject when `act` was last done."""
    query = select(AuditEntry.subject, func.max(AuditEntry.at)).where(AuditEntry.act == act)
    return dict(session.execute(query.group_by(AuditEntry.subject)).all())
