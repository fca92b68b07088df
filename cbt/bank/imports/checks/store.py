"""Queries of the checks: one's own, their pieces, and those that wait for a process."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.bank.imports.checks.models import CheckState, ImportCheck, ImportPart
from cbt.bank.imports.checks.records import SUMMARY, CheckSummary, Stretch, opened, page_of
from cbt.bank.models import KeptMapping
from cbt.errors import NotFound, Unavailable

T = TypeVar("T")
WORKING = (CheckState.WAITING, CheckState.READING, CheckState.CHECKING, CheckState.IMPORTING)
"""What a process is to do, or does."""
UNKNOWN = "bank.draft_unknown"


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


def at_work(session: Session) -> Sequence[ImportCheck]:
    """Return the checks that wait for a process or have one, the oldest first."""
    return session.scalars(
        select(ImportCheck).where(ImportCheck.state.in_(WORKING)).order_by(ImportCheck.at, ImportCheck.id)
    ).all()


def part(session: Session, check: ImportCheck, name: str, number: int = 0) -> bytes:
    """Return a sealed piece; raise NotFound("bank.draft_unknown")."""
    own = select(ImportPart.sealed).where(ImportPart.check_id == check.id, ImportPart.name == name)
    found = session.scalar(own.where(ImportPart.number == number))
    if found is None:
        raise NotFound(UNKNOWN)
    return found


def part_numbers(session: Session, check: ImportCheck, name: str) -> list[int]:
    """Return which pieces of a name there are."""
    own = select(ImportPart.number).where(ImportPart.check_id == check.id, ImportPart.name == name)
    return list(session.scalars(own.order_by(ImportPart.number)))


def part_ids(session: Session, check_id: int) -> list[int]:
    """Return the pieces of a check."""
    return list(session.scalars(select(ImportPart.id).where(ImportPart.check_id == check_id)))


def summary_of(session: Session, check: ImportCheck) -> CheckSummary:
    """Return what a check found as a whole; raise NotFound when it was sealed under a key that was lost."""
    try:
        return opened(part(session, check, SUMMARY), CheckSummary)
    except Unavailable as error:
        raise NotFound(UNKNOWN) from error


def lines_of(
    session: Session, check: ImportCheck, name: str, lines: Stretch, page: int, kind: type[T]
) -> list[T]:
    """Return one page of the findings or the entries of a check."""
    return page_of(lines, page, kind, lambda number: part(session, check, name, number))


def kept_mapping(session: Session, bank_id: int, layout: str) -> KeptMapping | None:
    """Return how files of this layout were understood before, None when nobody said."""
    if not layout:
        return None
    own = select(KeptMapping).where(KeptMapping.bank_id == bank_id, KeptMapping.layout == layout)
    return session.scalar(own)
