"""What people are told of guessing: when it is noticed, and what is guessed at just now.

Source: R-14.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, fields
from datetime import datetime

import flask
from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from cbt.db.types import UtcDateTime
from cbt.web.who.budgets import ALERTS, LONGEST, MOST_ALERTS, OF_PERSONS, SCOPES, SecretScope
from cbt.web.who.counters import ALL, count
from cbt.web.who.models import Throttle

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


def register_guessing(app: flask.Flask, told: Told) -> None:
    """Tell who keeps a record of guessing; it is written in the transaction that counts the try."""
    app.extensions[_EXTENSION] = told


def tell(session: Session, guessing: Guessing) -> None:
    """Have guessing put on record by whoever keeps it, unless there were too many alerts of late."""
    told: Told | None = flask.current_app.extensions.get(_EXTENSION)
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
    if told is not None:
        told(session, guessing)


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
class OftenTried:
    """How often something was tried, as far as it is told."""

    scope: str
    subject: str
    tries: int
    window_from: datetime
    last_address: str


LATELY_TRIED = select(*(getattr(Throttle, one.name) for one in fields(OftenTried))).where(
    Throttle.machine == ALL,
    Throttle.tries >= min((*(scope.alert for scope in SCOPES.values()), SecretScope().alert)),
    Throttle.window_from > bindparam("since", type_=UtcDateTime()),
)
"""All counters that somebody may have to look at, for whoever asks every two seconds: usually there is none."""


def since_when(now: datetime) -> datetime:
    """Return from when on windows may not be over yet."""
    return now - LONGEST


def worth_a_look(row: Throttle | OftenTried, now: datetime) -> bool:
    """Return whether something was tried so often, in a window that is not over, that somebody should look."""
    scope = SCOPES.get(row.scope, SecretScope())
    return row.tries >= scope.alert and now < row.window_from + scope.whole.window
