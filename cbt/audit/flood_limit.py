"""The flood limit of the audit log: what happens often is told once a window and counted from then on.

The first time in a window is an entry at once. When the window is over, or the next one begins, what was
counted since is one more entry; a job sees to those nobody came back for. So each (act, actor, subject) makes
at most two entries a window, and each of the three comes from a bounded set: signed-in people, known things.

Source: R-14, R-64.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from cbt.audit import chain
from cbt.audit.chain import record
from cbt.audit.models import AuditTally
from cbt.http.auth.throttle import Guessing
from cbt.storage.unit_of_work import reading, unit_of_work

WINDOW = timedelta(minutes=30)
CHUNK = 50
_NEW = -1
"""A row that was made this moment: racing callers meet on it, and one of them writes the entry."""


def count(session: Session, *, at: datetime, actor: str, act: str, subject: str, **after: str) -> None:
    """Put on record that `actor` did `act`: an entry for the first time in a window, else one more in its sum."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    named = {"act": act, "actor": actor, "subject": subject}
    new = insert(AuditTally).values(**named, window_from=at, count=_NEW).on_conflict_do_nothing()
    session.execute(new)
    row = session.scalars(
        select(AuditTally).filter_by(**named).with_for_update().execution_options(populate_existing=True)
    ).one()
    if row.count != _NEW:
        if row.window_from <= at < row.window_from + WINDOW:
            row.count += 1
            return
        _sum_up(session, row, at=at)
    row.window_from, row.count = at, 0
    record(session, at=at, actor=actor, act=act, subject=subject, after=after or None)


def sum_up(session: Session, *, at: datetime, act: str, subject: str) -> int:
    """End the windows of `act` on `subject` now and return how often it happened after its first entry."""
    rows = session.scalars(
        select(AuditTally).where(AuditTally.act == act, AuditTally.subject == subject).with_for_update()
    ).all()
    for row in rows:
        _sum_up(session, row, at=at)
        session.delete(row)
    return sum(row.count for row in rows)


def settle_tallies(*, now: datetime) -> int:
    """Put the sums of windows that are over on record and forget them; return how many there were.

    A repeat changes nothing, and a clock that was set back only puts it off.
    """
    over = AuditTally.window_from <= now - WINDOW
    with reading() as session:
        if session.scalar(select(AuditTally.act).where(over).limit(1)) is None:
            return 0
    with unit_of_work() as session:
        rows = session.scalars(
            select(AuditTally).where(over).order_by(AuditTally.window_from).limit(CHUNK).with_for_update()
        ).all()
        for row in rows:
            _sum_up(session, row, at=now)
            session.delete(row)
    return len(rows)


def _sum_up(session: Session, row: AuditTally, *, at: datetime) -> None:
    if row.count > 0:
        after = {"more": row.count, "since": row.window_from.isoformat()}
        record(session, at=at, actor=row.actor, act=row.act, subject=row.subject, after=after)


SHORT = 12
"""So many characters of a machine's hash tell machines apart in a log."""


def record_guessing(session: Session, guessing: Guessing) -> None:
    """Record that somebody guesses at a subject: how often, last from which address and machine. Source: R-14."""
    chain.record(
        session,
        at=guessing.at,
        actor=f"machine:{guessing.machine[:SHORT]}",
        act=f"guessing.{guessing.scope}",
        subject=f"{guessing.scope}:{guessing.named}",
        after={
            "tries": guessing.tries,
            "address": guessing.address,
            "machine": guessing.machine[:SHORT],
        },
    )
