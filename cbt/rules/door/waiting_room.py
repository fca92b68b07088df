"""The waiting room: when whoever waits is to ask again, and when each opens the paper of a room that began.

Source: R-20.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from zlib import crc32

OPENINGS_PER_SECOND = 1000
"""Papers that a server surely opens in a second: where fewer begin together, nobody waits for the others."""
LATELY = timedelta(seconds=5)
"""Rooms that began within so long begin together."""
_ASKING = (
    (timedelta(minutes=10), timedelta(seconds=10)),
    (timedelta(minutes=2), timedelta(seconds=5)),
)
"""With more time left than the first, whoever waits asks again after the second."""
_SOON = timedelta(seconds=2)
_LEAST, _RANGE = 0.8, 0.4


def share_of(ref: str) -> float:
    """Return where somebody stands among all who begin, from 0 to 1: always the same, and evenly spread."""
    return crc32(ref.encode()) / 2**32


def asks_again_after(left: timedelta, share: float) -> timedelta:
    """Return after how long a page that cannot wait asks again, with so much time `left` to the planned start.

    A room may begin early, so it is never long; `share`, from 0 to 1, spreads the pages by a fifth to either side.

    Source: R-20.
    """
    pause = next((pause for more_than, pause in _ASKING if left > more_than), _SOON)
    return pause * (_LEAST + _RANGE * share)


def opening_span(people: int, *, most: timedelta) -> timedelta:
    """Return over how long the opening is spread when so many begin together; `most` is the installation's.

    Source: R-20.
    """
    return min(most, timedelta(seconds=1) * people / OPENINGS_PER_SECOND)


def opens_after(started_at: datetime, *, now: datetime, share: float, span: timedelta) -> timedelta:
    """Return after how long this candidate's page opens the paper: nothing for whoever comes when it is time.

    The room's clock runs from its start for everybody (R-20, R-22), so nobody waits longer than the span.

    Source: R-20.
    """
    return min(span, max(timedelta(), started_at + span * share - now))
