"""Which lease a request of the answer page brings, and whether it is the writer's (R-41, R-42)."""

from __future__ import annotations

import flask

from cbt.delivery.save.exchange import Outcome
from cbt.delivery.save.guard import Guard
from cbt.delivery.save.journal import current_journal
from cbt.errors import NotAllowed
from cbt.web.who.login import machine_id, token_hash
from cbt.web.who.machine import is_elsewhere

LEASE_HEADER = "X-CBT-Lease"


def asking_lease() -> str:
    """Return the hash of the lease that the present request brings; raise NotAllowed("lease.missing").

    Raise TooMany("attempt.too_fast") for one that asks without end.
    """
    token = flask.request.headers.get(LEASE_HEADER, "")
    if not token:
        raise NotAllowed("lease.missing")
    lease_hash = token_hash(token)
    current_journal().rate.spend(lease_hash, flask.g.now)
    return lease_hash


def not_the_writer(guard: Guard, lease_hash: str) -> Outcome | None:
    """Return why a request with this lease is not that of the writing browser, or None when it is (R-42)."""
    if guard.lease_hash != lease_hash:
        return Outcome.LEASE_LOST
    return Outcome.OTHER_MACHINE if is_elsewhere(guard.lease_machine, machine_id()) else None
