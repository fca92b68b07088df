"""The one place that reads a clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Anything that can tell the instant as an aware UTC datetime."""

    def now(self) -> datetime:
        """Return the present instant."""
        ...

    def drift(self) -> timedelta:
        """Return how far the machine's wall clock stands from this clock."""
        ...


class SystemClock:
    """Wall time at process start plus the monotonic clock: a wall clock that jumps closes nobody.

    Source: R-27.
    """

    def __init__(self, anchor: datetime | None = None) -> None:
        """Begin at `anchor` (the database's time when several nodes share one), else at the wall clock."""
        self._started_at = anchor or datetime.now(UTC)
        self._offset = datetime.now(UTC) - self._started_at
        self._monotonic = time.monotonic()

    def now(self) -> datetime:
        """Return the present instant."""
        return self._started_at + timedelta(seconds=time.monotonic() - self._monotonic)

    def drift(self) -> timedelta:
        """Return how far the machine's wall clock stands from this clock."""
        return datetime.now(UTC) - self._offset - self.now()
