"""Scoring takes the time that candidates leave: a score may wait for a second, a save may not.

Source: R-40.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter, sleep

from cbt.db.writing.parcels import writing

REST = 8.0
"""While requests wait to be written, work is followed by a rest so many times as long."""
LONGEST_REST = 0.25


def somebody_waits() -> bool:
    """Return whether requests of this process wait for their transaction, or waited just now."""
    return writing().somebody_waits


@contextmanager
def yielding() -> Iterator[None]:
    """Do the work of the block, and rest after it when requests wait then."""
    begun = perf_counter()
    yield
    if somebody_waits():
        sleep(min(REST * (perf_counter() - begun), LONGEST_REST))
