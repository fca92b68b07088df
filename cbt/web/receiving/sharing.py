"""A process that comes later takes its share of the connections: those that have more than theirs let some go.

A connection stays with the process that took it. When a process is lost in the middle of an exam, its browsers come
again to those that are left, before another stands in its place; that one would be idle until everybody goes home,
and the others would answer twice as slowly. Whoever is let go hears so with an answer, and connects again.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

LATER = 5.0
"""By so many seconds one is younger that came later: a server begins all of its processes together."""
WITHIN = 60.0
"""So long after one came connections are let go: by then those that come by themselves keep it even."""
EVEN = 1.25
"""So many times its share a process keeps."""
FEW = 20.0
"""Requests a second that are never too many."""
AT_LEAST = 0.5
"""Seconds over which requests are counted."""


def surplus(own: float, others: Sequence[float]) -> float:
    """Return which part of what a process answers is more than its share; 0.0 while it is about even.

    In requests a second; `others` are those of the processes beside it.
    """
    share = (own + sum(others)) / (1 + len(others))
    return (own - share) / own if own > max(FEW, EVEN * share) else 0.0


class Beside(NamedTuple):
    """What another process told of itself a second ago at most."""

    rate: float
    """Requests it answered a second."""
    age: float
    """Seconds since it began."""


class FairShare:
    """How much one process answers, and whether that is more than its share; told and looked at once a second."""

    def __init__(
        self,
        others: Callable[[], Sequence[Beside]] = tuple,
        *,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """`others` returns what the processes beside this one told."""
        self.others = others
        self._clock = clock
        self._chance = chance
        self._began = self._told_at = clock()
        self._answered = 0
        self._rate = 0.0
        self._lets_go = 0.0

    @property
    def age(self) -> float:
        """Seconds since this process began."""
        return self._clock() - self._began

    def lets_go(self) -> bool:
        """Count an answer; return whether its connection is to end with it. From any thread, nearly enough."""
        self._answered += 1
        return self._lets_go > 0.0 and self._chance() < self._lets_go

    def per_second(self) -> float:
        """Return how many requests this process answered a second of late."""
        now = self._clock()
        if now - self._told_at < AT_LEAST:
            return self._rate
        self._rate = self._answered / (now - self._told_at)
        self._answered, self._told_at = 0, now
        others, age = self.others(), self.age
        came = any(one.age < WITHIN and one.age + LATER < age for one in others)
        # A candidate asks every few seconds, and of two who are let go one comes back: sooner it is not even.
        self._lets_go = surplus(self._rate, [one.rate for one in others]) if came else 0.0
        return self._rate
