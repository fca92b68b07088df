"""The counters of tries: one for each machine at a subject, and one for all machines together."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any, cast

from sqlalchemy import (
    CursorResult,
    String,
    bindparam,
    case,
    delete,
    select,
    tuple_,
    update,
)
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
    given = {
        "in_scope": scope,
        "of_subject": subject,
        "of_machine": machine,
        "now": now,
        "over_at": now - budget.window,
        "last": last,
        "address": address[:64],
    }
    row = session.execute(_counting(session.get_bind().dialect.name), given).one()
    return row.tries, row.window_from


@cache
def _counting(dialect: str) -> Any:
    """Return the statement of `count`, put together once: every try at the door asks it four times."""
    over = Throttle.window_from <= bindparam("over_at", type_=UtcDateTime)
    now = bindparam("now", type_=UtcDateTime)
    last, address = bindparam("last", type_=String), bindparam("address", type_=String)
    return (
        insert_of(dialect)(Throttle)
        .values(
            scope=bindparam("in_scope"),
            subject=bindparam("of_subject"),
            machine=bindparam("of_machine"),
            tries=1,
            window_from=now,
            last_machine=last,
            last_address=address,
        )
        .on_conflict_do_update(
            index_elements=[Throttle.scope, Throttle.subject, Throttle.machine],
            set_={
                "tries": case((over, 1), else_=Throttle.tries + 1),
                "window_from": case((over, now), else_=Throttle.window_from),
                "last_machine": last,
                "last_address": address,
            },
        )
        .returning(Throttle.tries, Throttle.window_from)
    )


_ONE = (
    Throttle.scope == bindparam("in_scope"),
    Throttle.subject == bindparam("of_subject"),
    Throttle.machine == bindparam("of_machine"),
)
_WHOLE = delete(Throttle).where(*_ONE).returning(Throttle.window_from)
_EMPTIED = delete(Throttle).where(*_ONE, Throttle.tries <= 1)
_LESS = (
    update(Throttle)
    .where(*_ONE)
    .values(tries=Throttle.tries - 1)
    .execution_options(synchronize_session=False)
)


def take_off(session: Session, scope: str, subject: str, machine: str) -> None:
    """Take one try off a counter; one that is empty is not kept."""
    given = {"in_scope": scope, "of_subject": short(subject), "of_machine": short(machine)}
    gone = session.execute(_EMPTIED, given, execution_options={"synchronize_session": False})
    if not cast(CursorResult[Any], gone).rowcount:
        session.execute(_LESS, given)


def give_whole(session: Session, scope: str, subject: str, machine: str) -> datetime | None:
    """Drop a counter; return the beginning of its window, None where there was none."""
    given = {"in_scope": scope, "of_subject": short(subject), "of_machine": short(machine)}
    at: datetime | None = session.scalar(_WHOLE, given, execution_options={"synchronize_session": False})
    return at


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
    return insert_of(session.get_bind().dialect.name)


def insert_of(dialect: str) -> Any:
    """Return that of a database, for a statement that is put together once."""
    return postgresql.insert if dialect == "postgresql" else sqlite.insert


def short(text: str) -> str:
    """Return a name as long as a counter keeps it."""
    return text[:80]
