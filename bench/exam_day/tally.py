"""What was asked in a day, by kind: how long each took, what was refused."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from cbt.rehearsal.http_client import percentile_ms

WAITING = frozenset({"wait_news", "news"})
"""Requests that the server keeps until something happens: how long they take says nothing."""


class Tally:
    """Latencies and refusals by kind."""

    def __init__(self) -> None:
        self.latencies: dict[str, list[float]] = defaultdict(list)
        self.answers: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.broken = 0

    def note(self, kind: str, seconds: float) -> None:
        """Count an answer."""
        self.answers[kind] += 1
        if kind not in WAITING:
            self.latencies[kind].append(seconds)

    def all(self) -> list[float]:
        """Return all latencies."""
        return [one for latencies in self.latencies.values() for one in latencies]

    def worst(self) -> tuple[str, float]:
        """Return the kind whose p99 is the worst, and that p99 in ms."""
        found = {kind: percentile_ms(latencies, 0.99) or 0.0 for kind, latencies in self.latencies.items()}
        kind = max(found, key=found.__getitem__, default="")
        return kind, found.get(kind, 0.0)

    def by_kind(self) -> dict[str, dict[str, Any]]:
        """Return count, p50, p99 and the slowest of each kind, in ms."""
        return {
            kind: {
                "count": self.answers[kind],
                **{
                    name: round(percentile_ms(self.latencies[kind], share) or 0.0, 1)
                    for name, share in (("p50_ms", 0.5), ("p99_ms", 0.99), ("max_ms", 1.0))
                    if kind not in WAITING
                },
            }
            for kind in self.answers
        }
