"""Queries of the checks: one's own, their pieces, and those that wait for a process."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.bank.imports.checks.models import CHECKS, ImportCheck
from cbt.bank.imports.checks.records import SUMMARY, CheckSummary
from cbt.bank.models import KeptMapping
from cbt.errors import NotFound, Unavailable
from cbt.sheets.checks.models import CheckState

UNKNOWN = CHECKS.gone


def own_check(session: Session, ref: str, *, bank_id: int, actor: str) -> ImportCheck:
    """Return a person's own check; raise NotFound("bank.draft_unknown") for none, or for somebody else's."""
    own = select(ImportCheck).where(ImportCheck.ref == ref, ImportCheck.actor == actor)
    found = session.scalar(own.where(ImportCheck.bank_id == bank_id))
    if found is None:
        raise NotFound(UNKNOWN)
    return found


def own_checks(session: Session, *, bank_id: int, actor: str) -> Sequence[ImportCheck]:
    """Return what a person has brought for a bank and not yet stored."""
    query = select(ImportCheck).where(ImportCheck.bank_id == bank_id, ImportCheck.actor == actor)
    return session.scalars(query.where(ImportCheck.state != CheckState.DONE)).all()


def summary_of(session: Session, check: ImportCheck) -> CheckSummary:
    """Return what a check found as a whole; raise NotFound when it was sealed under a key that was lost."""
    try:
        return CHECKS.opened(CHECKS.part(session, check, SUMMARY), CheckSummary)
    except Unavailable as error:
        raise NotFound(UNKNOWN) from error


def kept_mapping(session: Session, bank_id: int, layout: str) -> KeptMapping | None:
    """Return how files of this layout were understood before, None when nobody said."""
    if not layout:
        return None
    own = select(KeptMapping).where(KeptMapping.bank_id == bank_id, KeptMapping.layout == layout)
    return session.scalar(own)
