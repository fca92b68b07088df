"""The one place that reads a clock."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Anything that can tell the instant as an aware UTC datetime."""

    def now(self) -> datetime: ...

    def drift(self) -> timedelta:
        """Return how far the machine's wall clock stands from this clock."""
        ...


def wall_time() -> datetime:
    return datetime.now(UTC)


ANCHOR = "CBT_CLOCK_ANCHOR"
"""The variable by which a server tells its processes when it began: an instant and a monotonic reading."""


def share_anchor() -> None:
    """Have every child of this process count from this moment, whatever becomes of the wall clock.

    A process that is replaced after the wall clock jumped would else disagree with its siblings: the one that
    writes refuses what was received too long ago (R-21).
    """
    os.environ[ANCHOR] = f"{datetime.now(UTC).isoformat()} {time.monotonic()!r}"


class SystemClock:
    """Wall time at the server's start plus the monotonic clock: a wall clock that jumps closes nobody.

    Source: R-27.
    """

    def __init__(self, anchor: datetime | None = None) -> None:
        """Begin at `anchor` (the database's time when several nodes share one), else at the server's start."""
        self._monotonic = time.monotonic()
        self._offset = timedelta(0)
        if anchor is not None:
            self._started_at = anchor
            self._offset = datetime.now(UTC) - anchor
        elif ANCHOR in os.environ:
            instant, reading = os.environ[ANCHOR].split()
            self._started_at, self._monotonic = datetime.fromisoformat(instant), float(reading)
        else:
            self._started_at = datetime.now(UTC)

    def now(self) -> datetime:
        return self._started_at + timedelta(seconds=time.monotonic() - self._monotonic)

    def drift(self) -> timedelta:
        return datetime.now(UTC) - self._offset - self.now()


MAX_OFF = timedelta(milliseconds=500)
"""A node further off the database's time answers 503."""
MAX_HALF_TRIP = timedelta(milliseconds=250)
"""A measurement that took longer both ways says too little."""


class Agreement:
    """Whether this process agrees with what nodes share, their time and their tables; it does until measured.

    Source: R-27.
    """

    def __init__(self) -> None:
        self.in_time = True
        self.left_behind = False
        """The database is of another version: it, or the program, was exchanged under a running server."""
        self.off_by = timedelta(0)
        """How far this clock is ahead, as last measured."""

    @property
    def agrees(self) -> bool:
        return self.in_time and not self.left_behind

    def note(self, off_by: timedelta, *, half_trip: timedelta) -> None:
        """Take a measurement, uncertain by half its round trip: only what is surely off is called off."""
        if half_trip > MAX_HALF_TRIP:
            return
        self.off_by = off_by
        self.in_time = abs(off_by) - half_trip <= MAX_OFF
