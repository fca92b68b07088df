"""Slow guessing down without shutting anybody out: budgets per account and machine, and per account as a whole.

A try is counted before it is looked at, in a transaction of its own: of many that arrive together exactly as
many are verified as the budget has. An exam room shares one address, so nothing is counted against an address
alone; and whoever guesses uses up the budget of their own machine and of the machines nobody knows yet, never
that of a machine which signed this account in before.

Source: R-14.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

import flask
from sqlalchemy import ColumnElement, CursorResult, case, delete, exists, literal, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from cbt.db.types import UtcDateTime
from cbt.db.unit_of_work import unit_of_work
from cbt.errors import TooMany
from cbt.web.who.models import KnownMachine, Throttle

log = logging.getLogger(__name__)

WINDOW = timedelta(minutes=5)
MAX_FAILURES = 8
"""Tries of one machine at one account, ticket or seat in a window."""


@dataclass(frozen=True, slots=True)
class Budget:
    """So many tries in a window that begins with the first of them."""

    tries: int
    window: timedelta


SLOWER = Budget(40, timedelta(minutes=15))
"""Tries of all machines together that are not known for an account."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What one kind of secret allows.

    `machine` is the budget of one machine at one subject, `whole` that of all of them: where it is `shared`,
    machines not known for the subject are refused beyond it; and when half of it is used, people are told.
    """

    machine: Budget = Budget(MAX_FAILURES, WINDOW)
    whole: Budget = SLOWER
    shared: bool = True

    @property
    def alert(self) -> int:
        """From how many tries in the window of the whole somebody should look."""
        return self.whole.tries // 2


SCOPES = {
    "staff": Scope(),
    "ticket": Scope(),
    "results": Scope(),
    # A desk of the room, over all tickets: its own success does not clear it.
    "seat": Scope(whole=Budget(2 * MAX_FAILURES, WINDOW), shared=False),
    # A 登录码 is never refused for what others typed; five tries a seat are no way to find six digits.
    "code": Scope(machine=Budget(5, WINDOW), whole=Budget(20, WINDOW), shared=False),
    # Nobody's account: there are 30 to the power of 6 codes of rooms, and machines that guess are told of.
    "bind": Scope(shared=False),
    # The first person's own budget of guesses at each colleague, and that of a login at its own old password.
    "second": Scope(shared=False),
    "password": Scope(shared=False),
}
"""The one place where budgets are set; a scope that is not listed has those of an account."""

ALERTS = Budget(30, timedelta(minutes=15))
"""So many alerts become entries of the log: an unsigned machine with a list of names cannot flood it."""
KNOWN_FOR = timedelta(days=200)
"""A machine that has not signed an account in for so long is not known for it any more."""
MOST_ALERTS = 500
LONGEST = timedelta(hours=1)
"""No window is longer: a counter that began earlier counts nothing."""


@dataclass(frozen=True, slots=True)
class Try:
    """One try to be counted; `known` when the caller knows the machine for the subject's own."""

    scope: str
    subject: str
    machine: str
    known: bool = False


@dataclass(frozen=True, slots=True)
class Guessing:
    """So many tries at one subject within a window that somebody should look."""

    scope: str
    subject: str
    machine: str
    address: str
    tries: int
    at: datetime


ALL = ""
"""The counter of all machines together."""
Told = Callable[[Session, Guessing], None]
_EXTENSION = "cbt_guessing"


def register_guessing(app: flask.Flask, told: Told) -> None:
    """Tell who keeps a record of guessing; it is written in the transaction that counts the try."""
    app.extensions[_EXTENSION] = told


def reserve(
    *, scope: str, subject: str, machine: str, now: datetime, known: bool = False, address: str = ""
) -> None:
    """Count one try of a machine at a subject, before anything of it is verified.

    Raise TooMany("sign_in.throttled", seconds=…) when a budget is used up; the try is not counted then. A
    machine that signed the subject in before (`succeed`), or that the caller says is `known`, is held to its
    own budget only. `address` is kept for the alert.

    Source: R-14.
    """
    reserve_all([Try(scope, subject, machine, known)], now=now, address=address)


def reserve_all(tries: Sequence[Try], *, now: datetime, address: str = "") -> None:
    """Count one try under several names, or none of them; raise TooMany as `reserve` does. Source: R-14."""
    with unit_of_work() as session:
        # In one order for everybody, so that nobody waits in a circle.
        for one in sorted(tries, key=lambda each: (each.scope, each.subject)):
            _reserve(session, one, now=now, address=address)


def _reserve(session: Session, one: Try, *, now: datetime, address: str) -> None:
    scope = SCOPES.get(one.scope, Scope())
    subject, machine = _short(one.subject), _short(one.machine)
    _within(scope.machine, _count(session, one.scope, subject, machine, scope.machine, now), now)
    whole = _count(session, one.scope, subject, ALL, scope.whole, now, address=address, last=machine)
    if scope.shared and not one.known and not _known(session, one.scope, subject, machine):
        _within(scope.whole, whole, now)
    if whole[0] == scope.alert:
        _tell(session, Guessing(one.scope, subject, machine, address, whole[0], now))


def _within(budget: Budget, counted: tuple[int, datetime], now: datetime) -> None:
    tries, window_from = counted
    if tries > budget.tries:
        left = window_from + budget.window - now
        raise TooMany("sign_in.throttled", seconds=int(left.total_seconds()) + 1)


def _count(
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
        _insert(session)(Throttle)
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


def _known(session: Session, scope: str, subject: str, machine: str) -> bool:
    return bool(
        session.scalar(
            select(
                exists().where(
                    KnownMachine.scope == scope,
                    KnownMachine.subject == subject,
                    KnownMachine.machine == machine,
                )
            )
        )
    )


def _tell(session: Session, guessing: Guessing) -> None:
    told: Told | None = flask.current_app.extensions.get(_EXTENSION)
    counted, _ = _count(session, "alert", "", ALL, ALERTS, guessing.at)
    if counted > ALERTS.tries:
        return
    log.warning(
        "many failed tries: %s %s, last from %s, machine %s",
        guessing.scope,
        guessing.subject,
        guessing.address or "-",
        guessing.machine[:8],
    )
    if told is not None:
        told(session, guessing)


def succeed(session: Session, *, scope: str, subject: str, machine: str) -> None:
    """Give a machine's budget back after a success, and remember the machine as one of the subject's own.

    Only a machine with a token the server issued is remembered: an address is shared and changes hands.
    """
    mine = _counter(scope, subject, machine)
    at = session.scalar(delete(Throttle).where(*mine).returning(Throttle.window_from))
    _take_off(session, _counter(scope, subject, ALL))
    if at is not None and SCOPES.get(scope, Scope()).shared and is_token(machine):
        _remember(session, scope, _short(subject), machine, at)


def _remember(session: Session, scope: str, subject: str, machine: str, at: datetime) -> None:
    statement = (
        _insert(session)(KnownMachine)
        .values(scope=scope, subject=subject, machine=machine, seen_at=at)
        .on_conflict_do_update(
            index_elements=[KnownMachine.scope, KnownMachine.subject, KnownMachine.machine],
            set_={"seen_at": at},
        )
    )
    session.execute(statement)


def give_back(session: Session, *, scope: str, subject: str, machine: str) -> None:
    """Take one try off again, for it was no guess; what was counted before it stays. Source: R-14."""
    _take_off(session, _counter(scope, subject, machine))
    _take_off(session, _counter(scope, subject, ALL))


def _take_off(session: Session, counter: Sequence[ColumnElement[bool]]) -> None:
    session.execute(update(Throttle).where(*counter).values(tries=Throttle.tries - 1))
    session.execute(delete(Throttle).where(*counter, Throttle.tries <= 0))


def _counter(scope: str, subject: str, machine: str) -> Sequence[ColumnElement[bool]]:
    return (
        Throttle.scope == scope,
        Throttle.subject == _short(subject),
        Throttle.machine == _short(machine),
    )


def forget(session: Session, *, scope: str, subject: str) -> None:
    """Drop every counter of a subject: it has a fresh secret, which nobody has guessed at yet."""
    session.execute(delete(Throttle).where(Throttle.scope == scope, Throttle.subject == _short(subject)))


def guessed_at(
    session: Session, subjects: Mapping[str, Collection[str]], *, now: datetime
) -> Sequence[Throttle]:
    """Return the counters of those subjects (by scope) that were tried so often that somebody should look.

    One query, whatever their number; the latest address and machine stand on each. Source: R-14.
    """
    wanted = {scope: set(some) for scope, some in subjects.items()}
    query = select(Throttle).where(
        Throttle.machine == ALL,
        Throttle.scope.in_(wanted),
        Throttle.subject.in_(set().union(*wanted.values())),
    )
    return [row for row in session.scalars(query) if row.subject in wanted[row.scope] and _alerts(row, now)]


def alerts_of(session: Session, scopes: Collection[str], *, now: datetime) -> Sequence[Throttle]:
    """Return the counters of those scopes that somebody should look at, the most tried first. Source: R-14."""
    least = min(SCOPES.get(scope, Scope()).alert for scope in scopes)
    query = (
        select(Throttle)
        .where(
            Throttle.machine == ALL,
            Throttle.scope.in_(scopes),
            Throttle.tries >= least,
            Throttle.window_from > now - LONGEST,
        )
        .order_by(Throttle.tries.desc())
        .limit(MOST_ALERTS)
    )
    return [row for row in session.scalars(query) if _alerts(row, now)]


def _alerts(row: Throttle, now: datetime) -> bool:
    scope = SCOPES.get(row.scope, Scope())
    return row.tries >= scope.alert and now < row.window_from + scope.whole.window


def purge(*, now: datetime, most: int) -> int:
    """Delete counters whose window is over and machines long unseen, `most` of each; return how many."""
    names = (Throttle.scope, Throttle.subject, Throttle.machine)
    over = select(*names).where(Throttle.window_from <= now - LONGEST).limit(most)
    stale = select(KnownMachine.id).where(KnownMachine.seen_at <= now - KNOWN_FOR).limit(most)
    with unit_of_work() as session:
        counters = session.execute(delete(Throttle).where(tuple_(*names).in_(over)))
        machines = session.execute(delete(KnownMachine).where(KnownMachine.id.in_(stale)))
        return cast(CursorResult[Any], counters).rowcount + cast(CursorResult[Any], machines).rowcount


def is_token(machine: str) -> bool:
    """Return whether a machine is named by its token's hash, not by its address or otherwise."""
    return len(machine) == 64 and all(sign in "0123456789abcdef" for sign in machine)


def _insert(session: Session) -> Any:
    """Return the INSERT of this database that knows what to do when the row is there."""
    return postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert


def _short(text: str) -> str:
    return text[:80]
