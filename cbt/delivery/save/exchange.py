"""What is asked and said of a save: the request of a browser, what became of it, and its receipts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from cbt.delivery.save.entries import Entry
from cbt.delivery.save.guard import Guard
from cbt.errors import Conflict, Gone, Locked, NotAllowed, TooLarge, Unavailable


class Outcome(StrEnum):
    """What became of a save."""

    SAVED = "saved"
    LEASE_LOST = "lease.lost"
    OTHER_MACHINE = "machine.other"
    SUSPENDED = "attempt.suspended"
    AWAY = "attempt.away"
    FULL = "attempt.full"
    CLOSED = "attempt.closed"
    UNIT_CLOSED = "unit.closed"
    STALE = "request.stale"


REFUSALS = {
    Outcome.LEASE_LOST: Conflict("lease.lost"),
    Outcome.OTHER_MACHINE: NotAllowed("machine.other"),
    Outcome.SUSPENDED: Locked("attempt.suspended"),
    Outcome.AWAY: Locked("attempt.away"),
    Outcome.FULL: TooLarge("attempt.full"),
    Outcome.CLOSED: Gone("attempt.closed"),
    Outcome.UNIT_CLOSED: Gone("unit.closed"),
    Outcome.STALE: Unavailable("request.stale"),
}
"""What a save that was not taken is refused with."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The acknowledgement of one entry: its sequence number and when the server first had it."""

    seq: int
    at: datetime


@dataclass(slots=True)
class Saved:
    """The answer to one save: what became of it, the receipts, and the row for the clock."""

    outcome: Outcome
    guard: Guard
    receipts: Sequence[Receipt] = ()


@dataclass(slots=True)
class Save:
    """One request of a browser: the entries it sends under its lease; none is a heartbeat."""

    attempt_id: int
    lease_hash: str
    epoch: int
    entries: Sequence[Entry]
    now: datetime
    machine: str
    """The identity of the machine that sends it."""
    place: int | None = None
    """The position the page is at, where it says so."""
