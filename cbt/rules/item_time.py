"""How long somebody took for each item, read off the times at which their answers were saved.

The journal has no other clock than the server's: when a save came. What passed since the save before, of whatever
item, was spent on the item that was saved; several visits add up. So reading ahead counts for the item that is
answered next, and an item that was never answered has no time.

Source: R-41, R-98.
"""

from __future__ import annotations

from collections.abc import Iterable

SHORTEST = 0.5
"""Seconds. What comes sooner after the save of another item was kept by the browser and sent in one go, as after an
outage: how long that item took nobody knows."""
LONGEST = 600.0
"""Seconds. Whoever saves nothing for longer was out, held up or reading the whole paper."""


def seconds_on_items(started: float | None, saves: Iterable[tuple[float, int]]) -> dict[int, float]:
    """Return how many seconds each answered position took; a position of which that is unknown is not there.

    `saves` are (instant, position) in the order of the journal, instants in seconds on one clock with `started`,
    which is None for somebody whose beginning is not known.

    Source: R-98.
    """
    seconds: dict[int, float] = {}
    unknown: set[int] = set()
    before, former = started, None
    for at, position in saves:
        span = None if before is None else at - before
        least = 0.0 if position == former else SHORTEST
        if span is None or not least <= span <= LONGEST:
            unknown.add(position)
        else:
            seconds[position] = seconds.get(position, 0.0) + span
        before, former = at, position
    return {position: span for position, span in seconds.items() if position not in unknown}
