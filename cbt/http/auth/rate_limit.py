"""Rate limits: the budget of each kind of secret, its counters on disk, and allowances counted in memory.

The budgets of tries are set here alone; how often a lease may save stands in cbt/runner/save/journal.py.

Source: R-14.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
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

from cbt.errors import TooMany
from cbt.http.models import KnownMachine, Throttle
from cbt.storage.prepared import Change, PreparedChange
from cbt.storage.types import UtcDateTime
from cbt.storage.unit_of_work import unit_of_work
from cbt.storage.write_queue.change_set import Rows

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
FROM_ELSEWHERE = Budget(3, timedelta(minutes=15))
"""Tries of one address at an account whose shared budget strangers have used up."""
MOST_OF_STRANGERS = Budget(400, timedelta(minutes=15))
"""All tries of machines that are not known for an account, whatever addresses they come from: 38,400 a day."""
UNKNOWN_NAMES = Budget(20, timedelta(minutes=15))
"""Names of staff that nobody has, from one address, before it goes slowly."""


LOOK_UPS = Budget(600, timedelta(minutes=15))
"""Look-ups of one address: a browser that throws its token away at each of them has no more."""


@dataclass(frozen=True, slots=True)
class SecretScope:
    """What one kind of secret allows.

    `machine` is the budget of one machine at one subject, `whole` that of all of them: where it is `shared`,
    machines not known for the subject are refused beyond it; and when half of it is used, people are told.
    With `elsewhere`, an address that tried less than that is heard even then, up to `most` of all together: whoever
    guesses shuts out their own addresses, and the owner at a new machine waits for none of them.
    """

    machine: Budget = Budget(MAX_FAILURES, WINDOW)
    whole: Budget = SLOWER
    shared: bool = True
    elsewhere: Budget | None = None
    most: Budget = MOST_OF_STRANGERS

    @property
    def alert(self) -> int:
        """From how many tries in the window of the whole somebody should look."""
        return self.whole.tries // 2


SCOPES = {
    # Nobody of the staff has a 登录码 that always works, as candidates have.
    "staff": SecretScope(elsewhere=FROM_ELSEWHERE),
    "ticket": SecretScope(),
    "results": SecretScope(),
    # A desk of the room, over all tickets: its own success does not clear it.
    "seat": SecretScope(whole=Budget(2 * MAX_FAILURES, WINDOW), shared=False),
    # A 登录码 is never refused for what others typed; five tries a seat are no way to find six digits.
    "code": SecretScope(machine=Budget(5, WINDOW), whole=Budget(20, WINDOW), shared=False),
    # Nobody's account: there are 30 to the power of 6 codes of rooms, and machines that guess are told of.
    "bind": SecretScope(shared=False),
    # The first person's own budget of guesses at each colleague, and that of a login at its own old password.
    "second": SecretScope(shared=False),
    "password": SecretScope(shared=False),
    # Anybody looks certificates up: a machine has so many of all, and of each number; nobody has less for another.
    # The machine itself is what is counted: somebody is told when it has used them all.
    "verify": SecretScope(Budget(60, WINDOW), Budget(120, WINDOW), shared=False),
    "cert_number": SecretScope(shared=False),
    "slip": SecretScope(shared=False),
    # What all machines of one address look up, whoever they say they are: an office or a hall shares one.
    "look_ups": SecretScope(LOOK_UPS, LOOK_UPS, shared=False),
}
"""The one place where budgets of tries are set; a scope that is not listed has those of an account."""
OF_PERSONS = frozenset({"ticket", "code", "results", "cert_number", "slip"})
"""Scopes whose subject is a number that names a person: no log holds it whole."""
PAGES_FOR_ALL = Budget(90, WINDOW)
"""Anybody reads what is shown of results: a list of 3,000 twice in a window, in each process that serves."""
ALERTS = Budget(30, timedelta(minutes=15))
"""So many alerts become entries of the log: an unsigned machine with a list of names cannot flood it."""
KNOWN_FOR = timedelta(days=200)
"""A machine that has not signed an account in for so long is not known for it any more."""
MOST_ALERTS = 500
LONGEST = timedelta(hours=1)
"""No window is longer: a counter that began earlier counts nothing."""


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
    values = _counted(scope, subject, machine, budget, now, address=address, last=last)
    row = session.execute(_counting(session.get_bind().dialect.name), values).one()
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
    values = _counted(scope, subject, machine, budget, now, address=address, last=last)
    return _WITHIN.of(most=_NO_END if most is None else most, but=but, **values).rows(touches=1)


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
_WITHIN = PreparedChange(
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
_WHOLE = PreparedChange(lambda _: delete(Throttle).where(*_ONE))
_EMPTIED = PreparedChange(lambda _: delete(Throttle).where(*_ONE, Throttle.tries <= 1))
_LESS = PreparedChange(lambda _: update(Throttle).where(*_ONE).values(tries=Throttle.tries - 1))
_REMEMBER = PreparedChange(
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
    values = _named(scope, subject, machine)
    return [_EMPTIED.of(**values), _LESS.of(**values)]


def drop(scope: str, subject: str, machine: str) -> Change:
    """Return what drops a counter."""
    return _WHOLE.of(**_named(scope, subject, machine))


def remember(scope: str, subject: str, machine: str) -> Change:
    """Return what has the machine of a counter known for its subject, while the counter is there."""
    return _REMEMBER.of(**_named(scope, subject, machine))


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
    return postgresql.insert if dialect == "postgresql" else sqlite.insert


def short(text: str) -> str:
    return text[:80]


# How often a machine may ask for what is no secret and costs next to nothing: counted in the memory of a
# process.
#
# What guards a secret is counted on disk, before it is looked at (throttle.py). A page that everybody may
# read is answered from memory, and a count that waits for a commit would cost many times what it guards.

MOST_MACHINES = 20_000
"""So many are counted in a process; the one that began the longest ago is forgotten first."""


class Allowance:
    """What is left of a budget to each machine; from any thread."""

    def __init__(self, budget: Budget = PAGES_FOR_ALL, *, most: int = MOST_MACHINES) -> None:
        self._budget, self._most = budget, most
        self._tries: OrderedDict[str, tuple[datetime, int]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, machine: str, *, now: datetime) -> None:
        """Count one request of a machine; raise TooMany("sign_in.throttled", seconds=…) beyond the budget."""
        budget = self._budget
        with self._lock:
            since, tries = self._tries.get(machine, (now, 0))
            if now >= since + budget.window:
                since, tries = now, 0
                self._tries.pop(machine, None)  # a window that begins now is the last to be forgotten
            self._tries[machine] = since, min(tries, budget.tries) + 1
            if len(self._tries) > self._most:
                self._tries.popitem(last=False)
        if tries >= budget.tries:
            raise TooMany("sign_in.throttled", seconds=int((since + budget.window - now).total_seconds()) + 1)
