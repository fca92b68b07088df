"""What is counted of requests and of commits, and in which cells."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from functools import cache

from cbt.web.watching.counting import Labels, Layout, Steps, observed

REQUEST_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
COMMIT_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
HELD_SECONDS = (0.005, 0.02, 0.05, 0.1, 0.25, 1.0, 5.0)
LONG_HOLD = 0.25
"""A transaction that keeps others from writing for so many seconds is one that their saves wait for."""
OTHER_ACT = "other"
"""What a hold is counted under that is no request's and no job's."""
STATUSES = {2: "2xx", 3: "3xx", 4: "4xx", 5: "5xx"}
_PLACES = {status: place for place, status in enumerate(STATUSES)}
"""Where a class of statuses stands among them."""
TOO_MANY = 429
NO_ENDPOINT = "none"
"""What a request is counted under that leads nowhere."""


class RequestCounts:
    """Requests by endpoint and by kind, each by the class of its HTTP status."""

    def __init__(self, layout: Layout, kinds: Mapping[str, str]) -> None:
        """`kinds` has the kind of every endpoint, NO_ENDPOINT among them."""
        self._kinds = kinds
        named = sorted(set(kinds.values()))
        self._answered = layout.add(
            "cbt_requests_total",
            "Answered requests by endpoint.",
            "counter",
            [_labels("endpoint", one, status) for one in kinds for status in STATUSES],
            from_zero=False,
        )
        self._seconds = layout.add(
            "cbt_request_seconds",
            "From the moment a request had been read whole to its answer.",
            "histogram",
            [_labels("kind", one, status) for one in named for status in STATUSES],
            bounds=REQUEST_SECONDS,
        )
        throttled = layout.add(
            "cbt_throttled_total", "Requests answered 429.", "counter", [(("kind", one),) for one in named]
        )
        self._throttled = {one: throttled.cell((("kind", one),)) for one in named}
        kind_at = {one: number * len(STATUSES) for number, one in enumerate(named)}
        first, spans, width = self._answered.first, self._seconds.first, self._seconds.width
        self._cells = {
            endpoint: (first + number * len(STATUSES), spans + kind_at[kind] * width)
            for number, (endpoint, kind) in enumerate(kinds.items())
        }

    def steps(self, endpoint: str, status: int, seconds: float) -> Steps:
        """Return the steps that count one answered request."""
        found, place = self._cells.get(endpoint), _PLACES.get(status // 100)
        if found is None or place is None:  # counting never breaks a request
            found, place = self._cells[NO_ENDPOINT], _PLACES[5]
        answered, spans = found[0] + place, found[1] + place * self._seconds.width
        bucket = spans + bisect_left(REQUEST_SECONDS, seconds)
        steps = (answered, 1), (bucket, 1), (spans + len(REQUEST_SECONDS) + 1, seconds)
        if status == TOO_MANY and endpoint in self._kinds:
            return *steps, (self._throttled[self._kinds[endpoint]], 1)
        return steps


class CommitCounts:
    """Commits of saves, ends and starts: how many each carried, how long it took, and those that failed."""

    def __init__(self, layout: Layout) -> None:
        self._sizes = layout.add(
            "cbt_save_batch_size", "Saves, ends and starts in one COMMIT.", "histogram", bounds=BATCH_SIZES
        )
        self._seconds = layout.add(
            "cbt_save_commit_seconds", "Length of that COMMIT.", "histogram", bounds=COMMIT_SECONDS
        )
        self._failed = layout.add(
            "cbt_save_commits_failed_total",
            "Batches of saves, ends and starts that were not committed.",
            "counter",
        )

    def steps(self, size: int, seconds: float | None) -> Steps:
        """Return the steps that count one batch; it was not committed when `seconds` is None."""
        if seconds is None:
            return ((self._failed.first, 1),)
        sizes = observed(self._sizes, self._sizes.first, size)
        return *sizes, *observed(self._seconds, self._seconds.first, seconds)


class GateCounts:
    """How long whoever writes to an embedded database kept everybody else from it, by act (I13)."""

    def __init__(self, layout: Layout, acts: Iterable[str]) -> None:
        """`acts` are the endpoints and jobs that may write; OTHER_ACT is for whatever else does."""
        self._seconds = layout.add(
            "cbt_gate_held_seconds",
            "How long one transaction of an act kept others from writing (embedded database).",
            "histogram",
            [_act(one) for one in dict.fromkeys((*acts, OTHER_ACT))],
            bounds=HELD_SECONDS,
            from_zero=False,
        )
        self._cells = {act[0][1]: self._seconds.cell(act) for act in self._seconds.series}
        self._long = layout.add(
            "cbt_gate_long_holds_total", f"Those that lasted longer than {LONG_HOLD} seconds.", "counter"
        )

    def steps(self, act: str, seconds: float) -> Steps:
        """Return the steps that count one hold."""
        steps = observed(self._seconds, self._cells.get(act, self._cells[OTHER_ACT]), seconds)
        return (*steps, (self._long.first, 1)) if seconds > LONG_HOLD else steps


@cache
def _act(name: str) -> Labels:
    return (("act", name),)


@cache
def _labels(what: str, name: str, status: int) -> Labels:
    return (what, name), ("status", STATUSES[status])
