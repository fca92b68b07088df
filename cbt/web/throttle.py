"""Slow down guessing per account, ticket and seat; an exam room shares one address."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from cbt.db.unit_of_work import unit_of_work
from cbt.errors import TooMany
from cbt.web.models import Throttle

WINDOW = timedelta(minutes=5)
MAX_FAILURES = 8


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
    """Count one try of `subject` at `machine` before it is verified, in a transaction of its own.

    Raise TooMany("sign_in.throttled", seconds=…) when the budget is used up.

    Source: R-14.
    """
    key = _key(scope, subject, machine)
    with unit_of_work() as session:
        check(session, key, now=now)
        fail(session, key, now=now)


def succeed(session: Session, *, scope: str, subject: str, machine: str) -> None:
    """Give the budget of `subject` at `machine` back after a success."""
    clear(session, _key(scope, subject, machine))


def _key(scope: str, subject: str, machine: str) -> str:
    return f"{scope}:{hashlib.sha256(f'{subject}|{machine}'.encode()).hexdigest()[:40]}"
