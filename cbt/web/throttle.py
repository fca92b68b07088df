"""Slow down guessing per account, ticket and seat; an exam room shares one address."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from cbt.db.unit_of_work import unit_of_work
from cbt.errors import TooMany
from cbt.web.models import Throttle

WINDOW = timedelta(minutes=5)
MAX_FAILURES = 8
MAX_FAILURES_OF_ALL = 64


def check(session: Session, key: str, *, now: datetime) -> None:
    """Raise TooMany("sign_in.throttled", seconds=…) while `key` has failed too often.

    Source: R-14.
    """
    row = session.get(Throttle, key)
    if row is not None and row.failures >= MAX_FAILURES and now < row.window_from + WINDOW:
        left = row.window_from + WINDOW - now
        raise TooMany("sign_in.throttled", seconds=int(left.total_seconds()) + 1)


def fail(session: Session, key: str, *, now: datetime) -> None:
    """Count one failed try of `key`."""
    row = session.get(Throttle, key)
    if row is None:
        session.add(Throttle(key=key, failures=1, window_from=now))
    elif now >= row.window_from + WINDOW:
        row.failures, row.window_from = 1, now
    else:
        row.failures += 1


def clear(session: Session, key: str) -> None:
    """Forget the failures of `key` after a success."""
    session.execute(delete(Throttle).where(Throttle.key == key))


def reserve(*, scope: str, subject: str, machine: str, now: datetime) -> None:
    """Count a try before it is verified, in a transaction of its own; parallel tries never exceed the budget.

    Raise TooMany("sign_in.throttled", seconds=…) when the budget of this subject from this machine, or the wider
    one of the subject, is used up.

    Source: R-14.
    """
    pairs = (
        (_pair(scope, subject, machine), MAX_FAILURES),
        (f"{scope}:{subject}"[:120], MAX_FAILURES_OF_ALL),
    )
    with unit_of_work() as session:
        insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
        for key, budget in pairs:
            session.execute(
                insert(Throttle).values(key=key, failures=0, window_from=now).on_conflict_do_nothing()
            )
            row = session.scalars(select(Throttle).where(Throttle.key == key).with_for_update()).one()
            if now >= row.window_from + WINDOW:
                row.failures, row.window_from = 0, now
            if row.failures >= budget:
                left = row.window_from + WINDOW - now
                raise TooMany("sign_in.throttled", seconds=int(left.total_seconds()) + 1)
            row.failures += 1


def succeed(session: Session, *, scope: str, subject: str, machine: str) -> None:
    """Give the budget of this subject from this machine back."""
    clear(session, _pair(scope, subject, machine))


def _pair(scope: str, subject: str, machine: str) -> str:
    return f"{scope}:{subject[:40]}@{machine}"[:120]
