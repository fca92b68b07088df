"""How often the machine itself stands still: no latency's tail can be shorter than that.

Processors that several machines share stand still unannounced: a loop that only counts takes ten times as long, for
tens of milliseconds. A p99 of a run in which that happens says more of the machine than of the product.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

SLOW = 2.0
"""A piece of counting that takes so many times as long as most is one in which the machine stood still."""
COUNTED = 10_000
"""So far a piece counts, in about half a millisecond."""


@dataclass(frozen=True, slots=True)
class Stood:
    """What share of the time a machine stood still, and for how long at most, in seconds."""

    share: float
    longest: float

    def __str__(self) -> str:
        longest = self.longest * 1000
        return f"the machine itself stood still for {self.share:.1%} of the time, {longest:.0f} ms at most"


def stood_in(pieces: Sequence[float]) -> Stood:
    """Return how a machine stood still that took so many seconds for each of `pieces`, one after the other."""
    usual = median(pieces)
    still = longest = since = 0.0
    for piece in pieces:
        since = since + piece if piece > SLOW * usual else 0.0
        still += piece if since else 0.0
        longest = max(longest, since)
    return Stood(still / sum(pieces), longest)


def watch_machine(seconds: float) -> Stood:
    """Count for `seconds` and return how the machine stood still meanwhile."""
    pieces = []
    began = before = time.perf_counter()
    while before - began < seconds:
        for _ in range(COUNTED):
            pass
        now = time.perf_counter()
        pieces.append(now - before)
        before = now
    return stood_in(pieces)
