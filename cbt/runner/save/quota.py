"""The quotas of saves: how many rows and bytes an attempt may keep, and how many requests a lease may send.

What an honest candidate needs at most: 100 items changed five times with as many flags and notes; a text that
is typed without a break for an hour and flushed every two seconds (1,800 times); some events. That is 3,000
rows. The texts decide the bytes: 1,800 states of an essay that grows to 3,000 characters are 8 MB, everything
else is less than one. A request is in flight at a time, a heartbeat follows after ten seconds: one request a
second is much. A long backlog is a few requests of a hundred entries. The quota is far above that.

Notes, marks, flags, strikes, settings and events count as answers do, and so does what is kept as evidence
(R-29): whatever a lease can write is on the same disk.

Source: R-13, R-29; I11, I12.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime

from cbt.errors import TooMany
from cbt.runner.protocol import Entry
from cbt.runner.save.attempt_row import Guard
from cbt.storage.types import to_micros

MOST_ROWS = 30_000
MOST_BYTES = 80_000_000
PER_SECOND = 10
"""Requests of one lease that are taken for ever."""
BURST = 300
"""Requests beyond that which may come at once: half a minute of them, as when a key is held down."""
SECOND = 1_000_000
"""In microseconds."""
MOST_LEASES = 50_000
"""Leases a process remembers; with more, those that owe nothing are forgotten."""


def size_of(entries: Sequence[Entry]) -> int:
    """Return the bytes that the values of some entries take."""
    return sum([len(one.value.encode()) for one in entries if one.value is not None])


def is_full(guard: Guard, rows: int, size: int) -> bool:
    """Return whether an attempt has no room for so many entries of `size` bytes; a heartbeat always finds some."""
    return rows > 0 and (guard.kept_rows + rows > MOST_ROWS or guard.kept_bytes + size > MOST_BYTES)


class LeaseRate:
    """Counts the requests of each lease in one process; the lease is the key, so nobody can use up another's."""

    def __init__(self) -> None:
        self._owed: dict[str, tuple[int, int]] = {}
        """By lease: the microseconds it owes, and when it did."""
        self._lock = threading.Lock()

    def spend(self, lease_hash: str, now: datetime) -> None:
        """Count one request; raise TooMany("attempt.too_fast", seconds=…) when there were too many.

        A refused request is not counted, so whoever waits so long is taken.
        """
        at, each = to_micros(now), SECOND // PER_SECOND
        with self._lock:
            owed = self._still_owed(lease_hash, at) + each
            over = owed - BURST * each
            if over > 0:
                raise TooMany("attempt.too_fast", seconds=-(-over // SECOND))
            if len(self._owed) >= MOST_LEASES:
                self._forget(at)
            self._owed[lease_hash] = (owed, at)

    def _still_owed(self, lease_hash: str, at: int) -> int:
        owed, since = self._owed.get(lease_hash, (0, at))
        return max(
            owed - max(at - since, 0), 0
        )  # a `now` that was read earlier pays nothing, and costs nothing

    def _forget(self, at: int) -> None:
        owing = {lease: self._owed[lease] for lease in self._owed if self._still_owed(lease, at) > 0}
        self._owed = owing if len(owing) < MOST_LEASES else {}
