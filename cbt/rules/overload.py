"""Who is refused early when answers take too long, and when they are to come again.

What cannot be answered while somebody still waits is work for nobody, and keeps the next from being answered in
time: a server that carries it out all the same does not come back by itself. Spans are in seconds.

Source: I12, I14.
"""

from __future__ import annotations

import math

PAGE_PATIENCE = 4.0
"""A page gives a request up after so long (TIMEOUT in static/runner/api.js)."""
START_PATIENCE = 8.0
"""The same of the request that opens a paper (static/runner/flow.js)."""
MOST_WAITING = 4096
"""So many requests wait in one queue of a process at most, whatever becomes of the disk: eight batches of saves."""
REFUSED_FROM = 0.5
"""Whoever asks is refused while others have waited for this share of what they wait at most: those who are let in
then have as much left."""
LEAST, MOST = 1.0, 2.5
"""The shortest time to come again and the longest, before they are spread: with what a browser adds, a hall
is back well within the ten seconds of I14, however long the overload was."""


def is_too_late(waited: float, *, patience: float) -> bool:
    """Return whether whoever asks now is refused, where others have waited so long for an answer."""
    return waited >= REFUSED_FROM * patience


def is_refused(waiting: int, waited: float, *, patience: float) -> bool:
    """Return whether whoever asks now is refused: as many wait as may, or they have waited too long already."""
    return waiting >= MOST_WAITING or is_too_late(waited, patience=patience)


def is_given_up(waited: float, *, patience: float) -> bool:
    """Return whether nobody waits any more for what was asked so long ago."""
    return waited >= patience


def come_again_seconds(overloaded: float, *, chance: float) -> int:
    """Return in how many whole seconds somebody is asked to come again, `overloaded` seconds into an overload.

    It grows with the overload. `chance`, in [0, 1), spreads it over twice the shortest time, so that a hall does
    not come back in one instant.
    """
    least = min(max(overloaded / 2, LEAST), MOST)
    return math.ceil(least * (1 + chance))
