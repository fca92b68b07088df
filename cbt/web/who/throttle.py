"""Slow guessing down without shutting anybody out: budgets per account and machine, and per account as a whole.

A try is counted before it is looked at, in a transaction of its own: of many that arrive together exactly as
many are verified as the budget has. An exam room shares one address, so nothing is counted against an address
alone; and whoever guesses uses up the budget of their own machine and of the machines nobody knows yet, never
that of a machine which signed this account in before.

Source: R-14.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import bindparam, delete, exists, select
from sqlalchemy.orm import Session

from cbt.db.types import UtcDateTime
from cbt.db.unit_of_work import unit_of_work
from cbt.errors import TooMany
from cbt.web.who.budgets import SCOPES, Budget, SecretScope
from cbt.web.who.counters import ALL, count, give_whole, insert_of, short, take_off
from cbt.web.who.guessing import Guessing, tell
from cbt.web.who.models import KnownMachine, Throttle


@dataclass(frozen=True, slots=True)
class Try:
    """One try to be counted; `known` when the caller knows the machine for the subject's own."""

    scope: str
    subject: str
    machine: str
    known: bool = False


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
    scope = SCOPES.get(one.scope, SecretScope())
    subject, machine = short(one.subject), short(one.machine)
    _within(scope.machine, count(session, one.scope, subject, machine, scope.machine, now), now)
    whole = count(session, one.scope, subject, ALL, scope.whole, now, address=address, last=machine)
    if scope.shared and not one.known and not _known(session, one.scope, subject, machine):
        _within(scope.whole, whole, now)
    if whole[0] == scope.alert:
        tell(session, Guessing(one.scope, subject, machine, address, whole[0], now))


def _within(budget: Budget, counted: tuple[int, datetime], now: datetime) -> None:
    tries, window_from = counted
    if tries > budget.tries:
        left = window_from + budget.window - now
        raise TooMany("sign_in.throttled", seconds=int(left.total_seconds()) + 1)


_IS_KNOWN = select(
    exists().where(
        KnownMachine.scope == bindparam("in_scope"),
        KnownMachine.subject == bindparam("of_subject"),
        KnownMachine.machine == bindparam("of_machine"),
    )
)


def _known(session: Session, scope: str, subject: str, machine: str) -> bool:
    asked = {"in_scope": scope, "of_subject": subject, "of_machine": machine}
    return bool(session.scalar(_IS_KNOWN, asked))


def succeed(session: Session, *, scope: str, subject: str, machine: str) -> None:
    """Give a machine's budget back after a success, and remember the machine as one of the subject's own.

    Only a machine with a token the server issued is remembered: an address is shared and changes hands.
    """
    at = give_whole(session, scope, subject, machine)
    take_off(session, scope, subject, ALL)
    if at is not None and SCOPES.get(scope, SecretScope()).shared and is_token(machine):
        _remember(session, scope, short(subject), machine, at)


def _remember(session: Session, scope: str, subject: str, machine: str, at: datetime) -> None:
    given = {"in_scope": scope, "of_subject": subject, "of_machine": machine, "at": at}
    session.execute(_remembering(session.get_bind().dialect.name), given)


@cache
def _remembering(dialect: str) -> Any:
    """Return the statement of `_remember`, put together once."""
    at = bindparam("at", type_=UtcDateTime)
    return (
        insert_of(dialect)(KnownMachine)
        .values(
            scope=bindparam("in_scope"),
            subject=bindparam("of_subject"),
            machine=bindparam("of_machine"),
            seen_at=at,
        )
        .on_conflict_do_update(
            index_elements=[KnownMachine.scope, KnownMachine.subject, KnownMachine.machine],
            set_={"seen_at": at},
        )
    )


def give_back(session: Session, *, scope: str, subject: str, machine: str) -> None:
    """Take one try off again, for it was no guess; what was counted before it stays. Source: R-14."""
    take_off(session, scope, subject, machine)
    take_off(session, scope, subject, ALL)


def forget(session: Session, *, scope: str, subject: str) -> None:
    """Drop every counter of a subject: it has a fresh secret, which nobody has guessed at yet."""
    session.execute(delete(Throttle).where(Throttle.scope == scope, Throttle.subject == short(subject)))


def is_token(machine: str) -> bool:
    """Return whether a machine is named by its token's hash, not by its address or otherwise."""
    return len(machine) == 64 and all(sign in "0123456789abcdef" for sign in machine)
