"""Long work in pieces: each is a unit of work of its own, so short that nobody's save notices it.

Source: I13.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

from cbt.db.writing.parcels import writing

PIECE = 50
"""Rows that are written in one unit of work, with what has to be known of each."""
REST = 4.0
"""While requests wait to be written, a piece of work is followed by a rest so many times as long."""
LONGEST_REST = 0.1
T = TypeVar("T")


def pieces_of(rows: Iterable[T], *, size: int = PIECE) -> Iterator[Sequence[T]]:
    """Yield `rows` a piece at a time; while people's saves wait, each piece is followed by a rest.

    What `rows` works out as it goes is worked out between the pieces.

    Whoever writes a piece repeats in it the state it relies on, for others write in between. What makes the whole
    count (a state, a release) is written last, with the line of the log that says so.
    """
    waiting = iter(rows)
    while piece := list(islice(waiting, size)):
        begun = time.perf_counter()
        yield piece
        if writing().somebody_waits:
            time.sleep(min(REST * (time.perf_counter() - begun), LONGEST_REST))
