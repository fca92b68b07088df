"""The audit log as it is read: entries that are looked for, and whether any came since a moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, CompoundSelect, Select, case, func, literal, select, union_all
from sqlalchemy.orm import Session, aliased

from cbt.audit.acts import GROUPS
from cbt.audit.models import AuditEntry

SPREAD = timedelta(hours=1)
"""Entries stand in the order in which they were committed: by their times they may be out of order by so much."""


@dataclass(frozen=True, slots=True)
class Sought:
    """Which entries are looked for: whatever is not said, any. Times are half-open; `subjects` selects subjects."""

    acts: tuple[str, ...] = ()
    actor: str = ""
    subject: str = ""
    subjects: CompoundSelect[str] | None = None
    since: datetime | None = None
    until: datetime | None = None


def entries(
    session: Session, sought: Sought, *, before: int | None = None, limit: int
) -> Sequence[AuditEntry]:
    """Return entries newest first, older than `before`.

    However long the log is, what is read of it is found by an index: a date by halving, several acts one by one.
    """
    told = _told(session, sought, before)
    if len(sought.acts) > 1:
        newest = [
            select(_ids([*told, AuditEntry.act == act]).limit(limit).subquery().c.id) for act in sought.acts
        ]
        told = [AuditEntry.id.in_(select(union_all(*newest).subquery().c.id))]
    elif sought.acts:
        told.append(AuditEntry.act == sought.acts[0])
    query = select(AuditEntry).where(*told).order_by(AuditEntry.id.desc()).limit(limit)
    return session.scalars(query).all()


def _ids(told: Sequence[ColumnElement[bool]]) -> Select[int]:
    return select(AuditEntry.id).where(*told).order_by(AuditEntry.id.desc())


def _told(session: Session, sought: Sought, before: int | None) -> list[ColumnElement[bool]]:
    told: list[ColumnElement[bool]] = []
    if before is not None:
        told.append(AuditEntry.id < before)
    if sought.actor:
        told.append(AuditEntry.actor == sought.actor)
    if sought.subject:
        told.append(AuditEntry.subject == sought.subject)
    if sought.subjects is not None:
        about = aliased(AuditEntry)
        told.append(AuditEntry.id.in_(select(about.id).where(about.subject.in_(sought.subjects))))
    if sought.since is not None:
        told += [AuditEntry.at >= sought.since, AuditEntry.id >= _first(session, sought.since - SPREAD)]
    if sought.until is not None:
        told += [AuditEntry.at < sought.until, AuditEntry.id < _first(session, sought.until + SPREAD)]
    return told


def _first(session: Session, instant: datetime) -> int:
    """Return the number of the first entry at or after `instant`, one past the last for none.

    There is no index on times: the log is halved until one entry is left, by one statement.
    """
    last = select(func.coalesce(func.max(AuditEntry.id), 0)).scalar_subquery()
    part = select(literal(1).label("low"), (last + 1).label("high")).cte("part", recursive=True)
    middle = (part.c.low + part.c.high) // 2
    # Where an entry is missing from a damaged log, the one before it tells.
    at = (
        select(AuditEntry.at)
        .where(AuditEntry.id <= middle)
        .order_by(AuditEntry.id.desc())
        .limit(1)
        .correlate(part)
        .scalar_subquery()
    )
    later = at >= instant
    halved = select(
        case((later, part.c.low), else_=middle + 1), case((later, middle), else_=part.c.high)
    ).where(part.c.low < part.c.high)
    part = part.union_all(halved)
    return session.scalar(select(func.max(part.c.low))) or 1


def latest(session: Session, act: str) -> dict[str, datetime]:
    """Return by subject when `act` was last done."""
    query = select(AuditEntry.subject, func.max(AuditEntry.at)).where(AuditEntry.act == act)
    return dict(session.execute(query.group_by(AuditEntry.subject)).all())


# Whether something was put on record since a moment: what was worked out before is so where nothing was.
#
# Whatever changes an examination is an entry, written in the transaction of the change.
#
# Source: I13, R-64.

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
