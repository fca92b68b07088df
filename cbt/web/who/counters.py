"""The counters of tries: one for each machine at a subject, and one for all machines together."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    CursorResult,
    Integer,
    String,
    and_,
    bindparam,
    case,
    delete,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from cbt.db.known.changes import Change, KnownChange
from cbt.db.types import UtcDateTime
from cbt.db.unit_of_work import unit_of_work
from cbt.db.writing.parcels import Rows
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
    given = _counted(scope, subject, machine, budget, now, address=address, last=last)
    row = session.execute(_counting(session.get_bind().dialect.name), given).one()
    return row.tries, row.window_from


def count_within(
    scope: str,
    subject: str,
    machine: str,
    budget: Budget,
    now: datetime,
    *,
    most: int | None,
    but: int = 0,
    address: str = "",
    last: str = "",
) -> Rows:
    """Return what adds one to a counter as `count` does, unless it would be more than `most` then, or `but`."""
    given = _counted(scope, subject, machine, budget, now, address=address, last=last)
    return _WITHIN.of(most=_NO_END if most is None else most, but=but, **given).rows(touches=1)


_NO_END = 2**31 - 1


def _counted(
    scope: str, subject: str, machine: str, budget: Budget, now: datetime, *, address: str, last: str
) -> dict[str, Any]:
    return {
        **_named(scope, subject, machine),
        "now": now,
        "over_at": now - budget.window,
        "last": last,
        "address": address[:64],
    }


_OVER = Throttle.window_from <= bindparam("over_at", type_=UtcDateTime)
"""The window is over: the next try is the first of another one."""


def _upsert(dialect: str, within: ColumnElement[bool] | None = None) -> Any:
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
                "tries": case((_OVER, 1), else_=Throttle.tries + 1),
                "window_from": case((_OVER, now), else_=Throttle.window_from),
                "last_machine": last,
                "last_address": address,
            },
            where=within,
        )
    )


@cache
def _counting(dialect: str) -> Any:
    """Return the statement of `count`, put together once: every try at the door asks it four times."""
    return _upsert(dialect).returning(Throttle.tries, Throttle.window_from)


_MORE = Throttle.tries + 1
_WITHIN = KnownChange(
    lambda dialect: _upsert(
        dialect,
        or_(
            _OVER,
            and_(
                bindparam("most", type_=Integer) >= _MORE,
                bindparam("but", type_=Integer) != _MORE,
            ),
        ),
    )
)
_ONE = (
    Throttle.scope == bindparam("in_scope"),
    Throttle.subject == bindparam("of_subject"),
    Throttle.machine == bindparam("of_machine"),
)
_WHOLE = KnownChange(lambda _: delete(Throttle).where(*_ONE))
_EMPTIED = KnownChange(lambda _: delete(Throttle).where(*_ONE, Throttle.tries <= 1))
_LESS = KnownChange(lambda _: update(Throttle).where(*_ONE).values(tries=Throttle.tries - 1))
_REMEMBER = KnownChange(
    lambda dialect: _remembering(insert_of(dialect)(KnownMachine), Throttle.window_from.label("seen_at"))
)


def _remembering(insert: Any, seen_at: ColumnElement[Any]) -> Any:
    names = ["scope", "subject", "machine", "seen_at"]
    counter = select(Throttle.scope, Throttle.subject, Throttle.machine, seen_at).where(*_ONE)
    return insert.from_select(names, counter).on_conflict_do_update(
        index_elements=[KnownMachine.scope, KnownMachine.subject, KnownMachine.machine],
        set_={"seen_at": insert.excluded.seen_at},
    )


def take_off(scope: str, subject: str, machine: str) -> list[Change]:
    """Return what takes one try off a counter; one that is empty is not kept."""
    given = _named(scope, subject, machine)
    return [_EMPTIED.of(**given), _LESS.of(**given)]


def give_whole(scope: str, subject: str, machine: str, *, remember: bool) -> list[Change]:
    """Return what drops a counter, and before that has its machine known for the subject."""
    given = _named(scope, subject, machine)
    return [*([_REMEMBER.of(**given)] if remember else []), _WHOLE.of(**given)]


def _named(scope: str, subject: str, machine: str) -> dict[str, str]:
    return {"in_scope": scope, "of_subject": short(subject), "of_machine": short(machine)}


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
