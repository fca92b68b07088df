"""The numbers of a seat, which a page writes into its tile itself, and what is left of it to be drawn."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable
from datetime import datetime
from operator import attrgetter

from cbt.proctoring.board.seat_view import SeatView
from cbt.proctoring.polling.sheets import Numbers
from cbt.web.i18n import local_text

ANSWERED, SEEN, SEEN_AT, SAVED, SAVED_AT = "\ue001", "\ue002", "\ue003", "\ue004", "\ue005"
"""Stand in drawn seats where a number comes: no name has them, and no font."""
MARKS = {"answered": ANSWERED, "seen": SEEN, "seen_at": SEEN_AT, "saved": SAVED, "saved_at": SAVED_AT}
_MOVING = ("answered", "seen_at", "saved_at")
_still = attrgetter(*(one.name for one in dataclasses.fields(SeatView) if one.name not in _MOVING))


def still(seat: SeatView) -> Hashable:
    """Return what a seat's tile is drawn of: all but its numbers."""
    return (*_still(seat), seat.seen_at is None, seat.saved_at is None)


def numbers_of(seat: SeatView) -> Numbers:
    """Return what a page writes into a seat's tile itself."""
    return seat.answered, _seconds(seat.seen_at), _seconds(seat.saved_at)


def _seconds(instant: datetime | None) -> int | None:
    return None if instant is None else int(instant.timestamp())


def filled(html: str, seat: SeatView) -> str:
    """Return a drawn seat with its numbers."""
    html = html.replace(ANSWERED, str(seat.answered))
    for instant, at, clock in ((seat.seen_at, SEEN, SEEN_AT), (seat.saved_at, SAVED, SAVED_AT)):
        if instant is not None:
            html = html.replace(at, instant.isoformat()).replace(clock, local_text(instant, "%H:%M:%S"))
    return html
