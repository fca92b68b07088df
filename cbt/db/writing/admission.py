"""Whether whoever asks a write queue now would be answered in time, and when they are to come again if not.

Source: I12, I14.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from cbt.errors import Unavailable
from cbt.rules.overload import come_again_seconds, is_refused, is_too_late

_CHANCE = random.SystemRandom()


class Admission:
    """What one write queue knows of how long its requests wait. Any thread asks; nearly right is enough.

    Times are readings of `clock`, in seconds.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = _CHANCE.random,
    ) -> None:
        self._clock = clock
        self._chance = chance
        self._went_on_at = clock()
        """When an outcome last came, or somebody asked of whom there was nobody."""
        self._waited = 0.0
        """How long the first of the batch had waited that came last."""
        self._overloaded_since: float | None = None

    def refusal(self, unanswered: int, *, patience: float) -> Unavailable | None:
        """Return why whoever asks now, and waits for so long, is refused; None for whoever is let in.

        `unanswered` are those who wait already.
        """
        now = self._clock()
        if unanswered <= 0:
            self._went_on_at, self._waited, self._overloaded_since = now, 0.0, None
            return None
        waited = max(now - self._went_on_at, self._waited)
        if not is_refused(unanswered, waited, patience=patience):
            if not is_too_late(2 * waited, patience=patience):
                self._overloaded_since = None
            return None
        if self._overloaded_since is None:
            self._overloaded_since = now - waited
        return self.busy()

    def busy(self) -> Unavailable:
        """Return what somebody is told who is not answered in time: Unavailable("db.busy", seconds=…)."""
        return Unavailable("db.busy", seconds=self.come_again())

    def come_again(self) -> int:
        """Return in how many seconds somebody who was refused just now is to come again."""
        since = self._overloaded_since
        overloaded = 0.0 if since is None else self._clock() - since
        return come_again_seconds(overloaded, chance=self._chance())

    def went_on(self, asked_at: float) -> None:
        """Note that a batch came to its end whose first request was asked at `asked_at`."""
        self._went_on_at = self._clock()
        self._waited = max(self._went_on_at - asked_at, 0.0)
