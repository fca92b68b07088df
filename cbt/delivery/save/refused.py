"""What a save is refused with, by its outcome."""

from __future__ import annotations

from cbt.delivery.save.exchange import Outcome
from cbt.errors import Conflict, Gone, Locked, NotAllowed, TooLarge, Unavailable

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
