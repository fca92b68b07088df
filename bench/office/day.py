"""The day of an officer beside an exam: one act after the other, each when the saves are as usual again."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Collection

from bench.office.acts import BOUND_SECONDS, Done, Office, work
from bench.sizes import Size, Tell

ALONE_SECONDS = 20.0
"""So long the saves are alone before the first act."""
REST_SECONDS = 5.0
"""So long they are after each act, once they are answered as usual again."""
RECOVERY_SECONDS = 60.0
"""So long that is waited for."""
CALM = 0.05
"""As usual: no more are due and not answered than come in this many seconds."""
LOOK_SECONDS = 0.02


class OfficeDay:
    """Has an officer do one act after the other, in a process of their own, with rests between."""

    def __init__(
        self,
        size: Size,
        tell: Tell,
        port: int,
        office: Office,
        acts: Collection[str],
        *,
        per_second: float,
    ) -> None:
        self.done: list[Done] = []
        self.settled: list[float] = []
        """When saves were answered as usual again after each act."""
        self.alone: list[tuple[float, float]] = []
        """The stretches in which nobody of the office did anything and saves were answered as usual."""
        self._size, self._tell = size, tell
        self._few = max(2.0, CALM * per_second)
        self._left = list(acts)
        self._busy = ""
        self._looked_at = 0.0
        self._calm_since = 0.0
        """0 while it is not."""
        self._idle_since = 0.0
        self._line, self._there = multiprocessing.Pipe()
        spawned = multiprocessing.get_context("spawn")
        self._officer = spawned.Process(target=work, args=(port, office, self._there), daemon=True)

    @property
    def longest(self) -> float:
        """How many seconds such a day takes at most."""
        return len(self._left) * (BOUND_SECONDS + RECOVERY_SECONDS + 10)

    def __enter__(self) -> OfficeDay:
        """Have the officer come, and wait until they are there."""
        self._officer.start()
        self._there.close()
        self._line.recv()
        return self

    def __exit__(self, *_raised: object) -> None:
        """Have the officer go."""
        if self._officer.is_alive():
            self._officer.terminate()
        self._officer.join()
        self._line.close()

    def goes_on(self, pending: int) -> bool:
        """Look after the office, `pending` saves being due; return whether there is more to see."""
        now = time.perf_counter()
        if now < self._looked_at + LOOK_SECONDS:
            return True
        self._looked_at = now
        if self._busy:
            self._hear(now)
            return True
        self._idle_since = self._idle_since or now
        self._calm_since = (self._calm_since or now) if pending <= self._few else 0.0
        rest = self._size.of(REST_SECONDS if self.done else ALONE_SECONDS, 0.4)
        rested = bool(self._calm_since) and now >= self._calm_since + rest
        given_up = now >= self._idle_since + rest + RECOVERY_SECONDS
        if (self._calm_since or given_up) and len(self.settled) < len(self.done):
            self.settled.append(now)
        if not rested and not given_up:
            return True
        if rested:
            self.alone.append((self._calm_since, now))
        if not self._left:
            return False
        self._busy = self._left.pop(0)
        self._calm_since = self._idle_since = 0.0
        self._line.send(self._busy)
        return True

    def _hear(self, now: float) -> None:
        """Hear whether the act is over."""
        try:
            if not self._line.poll():
                return
            told: Done = self._line.recv()
        except (EOFError, OSError):  # whoever did it is no more, and does nothing else
            told = Done(self._busy, now, now, "the officer's process ended", 0)
            self._left.clear()
        self.done.append(told)
        self._busy = ""
        self._tell(f"    {told.name}: {told.ended - told.began:.1f} s {told.said}")
