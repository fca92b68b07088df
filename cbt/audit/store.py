"""The audit log, looked through; reading changes nothing."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
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
