"""The throttle: tries are counted before they are looked at, and guessing is slowed down and told of.

Source: R-14.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from functools import partial

import flask
from sqlalchemy import bindparam, delete, exists, select
from sqlalchemy.orm import Session

from cbt.errors import TooMany
from cbt.http.auth.machine import Machine
from cbt.http.auth.rate_limit import (
    ALERTS,
    ALL,
    LONGEST,
    MOST_ALERTS,
    OF_PERSONS,
    SCOPES,
    UNKNOWN_NAMES,
    Budget,
    SecretScope,
    count,
    count_within,
    drop,
    remember,
    short,
    take_off,
)
from cbt.http.models import KnownMachine, Throttle
from cbt.storage.prepared import Change
from cbt.storage.types import UtcDateTime
from cbt.storage.unit_of_work import reading, unit_of_work
from cbt.storage.write_queue.change_set import Rows, one_writes, put_down

log = logging.getLogger(__name__)


SHOWN = 4
"""So many signs of a number are enough to find whose it is among those at hand, and none to look anybody up by."""


@dataclass(frozen=True, slots=True)
class Guessing:
    """So many tries at one subject within a window that somebody should look."""

    scope: str
    subject: str
    machine: str
    address: str
    tries: int
    at: datetime

    @property
    def named(self) -> str:
        """Return the subject as a log may hold it: of a ticket or a certificate the last signs alone.

        Source: R-60.
        """
        return f"…{self.subject[-SHOWN:]}" if self.scope in OF_PERSONS else self.subject


Told = Callable[[Session, Guessing], None]
_EXTENSION = "cbt_guessing"


def register_guessing(app: flask.Flask, listener: Told) -> None:
    """Tell who keeps a record of guessing; it is written in the transaction that counts the try."""
    app.extensions[_EXTENSION] = listener


def tell(session: Session, guessing: Guessing) -> None:
    """Have guessing put on record by whoever keeps it, unless there were too many alerts of late."""
    listener: Told | None = flask.current_app.extensions.get(_EXTENSION)
    counted, _ = count(session, "alert", "", ALL, ALERTS, guessing.at)
    if counted > ALERTS.tries:
        return
    log.warning(
        "many failed tries: %s %s, last from %s, machine %s",
        guessing.scope,
        guessing.named,
        guessing.address or "-",
        guessing.machine[:8],
    )
    if listener is not None:
        listener(session, guessing)


def alerts_of(session: Session, scopes: Collection[str], *, now: datetime) -> Sequence[Throttle]:
    """Return the counters of those scopes that somebody should look at, the most tried first. Source: R-14."""
    least = min(SCOPES.get(scope, SecretScope()).alert for scope in scopes)
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
    return [row for row in session.scalars(query) if worth_a_look(row, now)]


@dataclass(frozen=True, slots=True)
class TryCount:
    """How often something was tried, as far as it is told."""

    scope: str
    subject: str
    tries: int
    window_from: datetime
    last_address: str


LATELY_TRIED = select(*(getattr(Throttle, one.name) for one in fields(TryCount))).where(
    Throttle.machine == ALL,
    Throttle.tries >= min((*(scope.alert for scope in SCOPES.values()), SecretScope().alert)),
    Throttle.window_from > bindparam("since", type_=UtcDateTime()),
)
"""All counters that somebody may have to look at, for whoever asks every two seconds: usually there is none."""


def worth_a_look(row: Throttle | TryCount, now: datetime) -> bool:
    """Return whether something was tried so often, in a window that is not over, that somebody should look."""
    scope = SCOPES.get(row.scope, SecretScope())
    return row.tries >= scope.alert and now < row.window_from + scope.whole.window


# Slow guessing down without shutting anybody out: budgets per account and machine, and per account as a
# whole.
#
# A try is counted, on disk, before it is looked at: of many that arrive together exactly as many are verified
# as the budget has. An exam room shares one address, so nothing is counted against an address alone but
# public look-ups, of which it has many; and whoever guesses uses up the budget of their own machine and of
# the machines nobody knows yet, never that of a machine which signed this account in before.
#
# Source: R-14.


@dataclass(frozen=True, slots=True)
class Try:
    """One try to be counted; `known` when the caller knows the machine for the subject's own."""

    scope: str
    subject: str
    machine: str
    """`ALL` where the subject is who asks: it has the budget of a machine, and one counter."""
    known: bool = False


def look_up_by(machine: Machine) -> Try:
    """Return the try by which a public look-up counts for the machine that asks. Source: R-14, R-94."""
    return Try("verify", machine.guesses_as, ALL)


def look_up_from(machine: Machine) -> Try:
    """Return the try by which a public look-up counts for its address, whatever machine asks.

    Source: R-14, R-94.
    """
    return Try("look_ups", machine.place, ALL)


def reserve(
    *, scope: str, subject: str, machine: str, now: datetime, recognised: bool = False, address: str = ""
) -> None:
    """Count one try of a machine at a subject, before anything of it is verified.

    Raise TooMany("sign_in.throttled", seconds=…) when a budget is used up; the try is not counted then. A
    machine that signed the subject in before (`succeed`), or that the caller says is `recognised`, is held to its
    own budget only. `address` is kept for the alert.

    Source: R-14.
    """
    reserve_all([Try(scope, subject, machine, recognised)], now=now, address=address)


def reserve_all(tries: Sequence[Try], *, now: datetime, address: str = "") -> None:
    """Count one try under several names, or none of them; raise TooMany as `reserve` does.

    Where every budget has room it goes along with what others write, for a hall signs in all at once.

    Source: R-14.
    """
    # In one order for everybody, so that nobody waits in a circle.
    in_order = sorted(tries, key=lambda each: (each.scope, each.subject))
    if one_writes():
        within = [rows for one in in_order for rows in _within_all(one, now=now, address=address)]
        if put_down(*within):
            return
    with unit_of_work() as session:
        for tried in in_order:
            _reserve(session, tried, now=now, address=address)


def _within_all(tried: Try, *, now: datetime, address: str) -> list[Rows]:
    """Return what counts a try where it is within all budgets, and nobody is to be told of it."""
    scope, subject, machine = (
        SCOPES.get(tried.scope, SecretScope()),
        short(tried.subject),
        short(tried.machine),
    )
    whole = partial(count_within, tried.scope, subject, ALL, now=now, but=scope.alert, address=address)
    if tried.machine == ALL:
        return [whole(scope.machine, most=scope.machine.tries)]
    most = scope.whole.tries if scope.shared and not tried.known else None
    return [
        count_within(tried.scope, subject, machine, scope.machine, now, most=scope.machine.tries),
        whole(scope.whole, most=most, last=machine),
    ]


def _reserve(session: Session, tried: Try, *, now: datetime, address: str) -> None:
    scope = SCOPES.get(tried.scope, SecretScope())
    subject, machine = short(tried.subject), short(tried.machine)
    budget = scope.whole
    if tried.machine == ALL:
        budget = scope.machine
    else:
        _within(scope.machine, count(session, tried.scope, subject, machine, scope.machine, now), now)
    whole = count(session, tried.scope, subject, ALL, budget, now, address=address, last=machine)
    if tried.machine == ALL:
        _within(budget, whole, now)
    if scope.shared and not tried.known and not _known(session, tried.scope, subject, machine):
        _within_shared(session, tried, scope, whole, now, address=address)
    if whole[0] == scope.alert:
        tell(session, Guessing(tried.scope, subject, machine, address, whole[0], now))


def _within_shared(
    session: Session,
    tried: Try,
    scope: SecretScope,
    whole: tuple[int, datetime],
    now: datetime,
    *,
    address: str,
) -> None:
    """Hold a machine nobody knows to what such machines have together, or else to what is left to its address.

    Source: R-14.
    """
    if whole[0] <= scope.whole.tries or scope.elsewhere is None or not address:
        _within(scope.whole, whole, now)
        return
    _within(scope.most, whole, now)
    place = short(f"from:{address}")
    _within(
        scope.elsewhere, count(session, tried.scope, short(tried.subject), place, scope.elsewhere, now), now
    )


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
    values = {"in_scope": scope, "of_subject": subject, "of_machine": machine}
    return bool(session.scalar(_IS_KNOWN, values))


def is_known(*, scope: str, subject: str, machine: str) -> bool:
    with reading() as session:
        return _known(session, scope, short(subject), short(machine))


def machines_known(scope: str) -> frozenset[str]:
    with reading() as session:
        return frozenset(
            session.scalars(select(KnownMachine.machine).where(KnownMachine.scope == scope).distinct())
        )


def succeed(session: Session, *, scope: str, subject: str, machine: str) -> None:
    """Give a machine's budget back after a success, and remember the machine as one of the subject's own.

    Only a machine with a token the server issued is remembered: an address is shared and changes hands.
    """
    for change in given_whole(Try(scope, subject, machine)):
        change.carry_out(session)


def give_back(tried: Try, *, besides: Sequence[Try] = ()) -> None:
    """Do what `succeed` does outside of a unit of work, along with what others write.

    Tries `besides` it were no guesses either: each is taken off again.

    Source: R-14.
    """
    changes = [*given_whole(tried), *(change for other in besides for change in given_back(other))]
    if one_writes():
        put_down(*(change.rows() for change in changes))
        return
    with unit_of_work() as session:
        for change in changes:
            change.carry_out(session)


def given_whole(tried: Try) -> list[Change]:
    """Return what `succeed` does about a try."""
    return [*remembered(tried), *dropped(tried)]


def remembered(tried: Try) -> list[Change]:
    """Return what has the machine of a try known: before any counter is changed, in the order of locks."""
    known = SCOPES.get(tried.scope, SecretScope()).shared and is_token(tried.machine)
    return [remember(tried.scope, tried.subject, tried.machine)] if known else []


def dropped(tried: Try) -> list[Change]:
    """Return what gives a machine's budget back whole, and takes the try off what all have together."""
    drops = drop(tried.scope, tried.subject, tried.machine)
    return [drops, *take_off(tried.scope, tried.subject, ALL)]


def given_back(tried: Try) -> list[Change]:
    """Return what takes one try off again, for it was no guess; what was counted before stays. Source: R-14."""
    machines = dict.fromkeys((tried.machine, ALL))
    return [change for machine in machines for change in take_off(tried.scope, tried.subject, machine)]


def forget(session: Session, *, scope: str, subject: str) -> None:
    """Drop every counter of a subject: it has a fresh secret, which nobody has guessed at yet."""
    session.execute(delete(Throttle).where(Throttle.scope == scope, Throttle.subject == short(subject)))


def is_token(machine: str) -> bool:
    """Return whether a machine is named by its token's hash, not by its address or otherwise."""
    return len(machine) == 64 and all(sign in "0123456789abcdef" for sign in machine)


# Names that nobody has, tried from one address: such an address goes slowly for a while.
#
# Nobody is shut out by it: a machine that an account knows goes on as ever, and from any other one try a
# second is looked at, whatever name it gives. So nothing tells by its answer whether a name exists. Each
# process counts for itself, in memory: what is kept of it would be written by strangers.
#
# Source: R-14.

PACE = timedelta(seconds=1)
"""Between the tries of an address that has used up its budget."""
REMEMBERED = 4096
"""Addresses, those that tried last."""


@dataclass(slots=True)
class _Tried:
    window_from: datetime
    tries: int = 0
    looked_at: datetime | None = None


class UnknownNames:
    """What one process saw of them."""

    def __init__(self) -> None:
        self._look = threading.Lock()
        self._tried: OrderedDict[str, _Tried] = OrderedDict()

    def used_up(self, address: str, *, now: datetime) -> bool:
        with self._look:
            return self._over(address, now) is not None

    def take_turn(self, address: str, *, now: datetime) -> None:
        """Note one try of an address that has used its budget up; raise TooMany("sign_in.throttled") too soon."""
        with self._look:
            tried = self._over(address, now)
            if tried is None:
                return
            if tried.looked_at is not None and now < tried.looked_at + PACE:
                raise TooMany("sign_in.throttled", seconds=int(PACE.total_seconds()))
            tried.looked_at = now

    def note(self, address: str, *, now: datetime) -> None:
        """Count a name that nobody has."""
        with self._look:
            tried = self._tried.get(address)
            if tried is None or now >= tried.window_from + UNKNOWN_NAMES.window:
                tried = self._tried[address] = _Tried(now)
            tried.tries += 1
            self._tried.move_to_end(address)
            if len(self._tried) > REMEMBERED:
                self._tried.popitem(last=False)

    def _over(self, address: str, now: datetime) -> _Tried | None:
        tried = self._tried.get(address)
        if (
            tried is None
            or tried.tries < UNKNOWN_NAMES.tries
            or now >= tried.window_from + UNKNOWN_NAMES.window
        ):
            return None
        return tried
