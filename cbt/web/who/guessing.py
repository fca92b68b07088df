"""What people are told of guessing: when it is noticed, and what is guessed at just now.

Source: R-14.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import flask
from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from cbt.web.who.budgets import ALERTS, LONGEST, MOST_ALERTS, SCOPES, SecretScope
from cbt.web.who.counters import ALL, count
from cbt.web.who.models import Throttle

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Guessing:
    """So many tries at one subject within a window that somebody should look."""

    scope: str
    subject: str
    machine: str
    address: str
    tries: int
    at: datetime


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
        guessing.subject,
        guessing.address or "-",
        guessing.machine[:8],
    )
    if told is not None:
        told(session, guessing)


_COUNTERS = select(Throttle).where(
    Throttle.machine == ALL,
    Throttle.scope.in_(bindparam("scopes", expanding=True)),
    Throttle.subject.in_(bindparam("subjects", expanding=True)),
)


def guessed_at(
    session: Session, subjects: Mapping[str, Collection[str]], *, now: datetime
) -> Sequence[Throttle]:
    """Return the counters of those subjects (by scope) that were tried so often that somebody should look.

    One query, whatever their number; the latest address and machine stand on each. Source: R-14.
    """
    wanted = {scope: set(some) for scope, some in subjects.items()}
    asked = {"scopes": list(wanted), "subjects": list(set().union(*wanted.values()))}
    found = session.scalars(_COUNTERS, asked)
    return [row for row in found if row.subject in wanted[row.scope] and _alerts(row, now)]


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
    return [row for row in session.scalars(query) if _alerts(row, now)]


def _alerts(row: Throttle, now: datetime) -> bool:
    scope = SCOPES.get(row.scope, SecretScope())
    return row.tries >= scope.alert and now < row.window_from + scope.whole.window
