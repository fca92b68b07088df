"""The counters of tries: one for each machine at a subject, and one for all machines together."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, case, delete, literal, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from cbt.db.types import UtcDateTime
from cbt.db.unit_of_work import unit_of_work
from cbt.web.who.budgets import KNOWN_FOR, LONGEST, Budget
from cbt.web.who.models import KnownMachine, Throttle

ALL = ""
"""The counter of all machines together."""


def count(
    session: Session,
    scope: str,
    subject: str,
    machine: str,
    budget: Budget,
    now: datetime,
    *,
    address: str = "",
    last: str = "",
) -> tuple[int, datetime]:
    """Add one to a counter and return it with the beginning of its window; on PostgreSQL others wait for it."""
    over = Throttle.window_from <= now - budget.window
    statement = (
        insert(session)(Throttle)
        .values(
            scope=scope,
            subject=subject,
            machine=machine,
            tries=1,
            window_from=now,
            last_machine=last,
            last_address=address[:64],
        )
        .on_conflict_do_update(
            index_elements=[Throttle.scope, Throttle.subject, Throttle.machine],
            set_={
                "tries": case((over, 1), else_=Throttle.tries + 1),
                "window_from": case((over, literal(now, UtcDateTime)), else_=Throttle.window_from),
                "last_machine": last,
                "last_address": address[:64],
            },
        )
        .returning(Throttle.tries, Throttle.window_from)
    )
    row = session.execute(statement).one()
    return row.tries, row.window_from


def take_off(session: Session, which: Sequence[ColumnElement[bool]]) -> None:
    """Take one try off the counter `which` picks (see `counter`); one that is empty is not kept."""
    session.execute(update(Throttle).where(*which).values(tries=Throttle.tries - 1))
    session.execute(delete(Throttle).where(*which, Throttle.tries <= 0))


def counter(scope: str, subject: str, machine: str) -> Sequence[ColumnElement[bool]]:
    """Return what picks the row of one counter."""
    return (
        Throttle.scope == scope,
        Throttle.subject == short(subject),
        Throttle.machine == short(machine),
    )


def purge(*, now: datetime, most: int) -> int:
    """Delete counters whose window is over and machines long unseen, `most` of each; return how many."""
    names = (Throttle.scope, Throttle.subject, Throttle.machine)
    over = select(*names).where(Throttle.window_from <= now - LONGEST).limit(most)
    stale = select(KnownMachine.id).where(KnownMachine.seen_at <= now - KNOWN_FOR).limit(most)
    with unit_of_work() as session:
        counters = session.execute(delete(Throttle).where(tuple_(*names).in_(over)))
        machines = session.execute(delete(KnownMachine).where(KnownMachine.id.in_(stale)))
        return cast(CursorResult[Any], counters).rowcount + cast(CursorResult[Any], machines).rowcount


def insert(session: Session) -> Any:
    """Return the INSERT of this database that knows what to do when the row is there."""
    return postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert


def short(text: str) -> str:
    """Return a name as long as a counter keeps it."""
    return text[:80]
