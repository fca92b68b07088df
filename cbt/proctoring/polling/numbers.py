"""The numbers of a seat, which a page writes into its tile itself."""

from __future__ import annotations

from datetime import datetime

from cbt.proctoring.board.seat_state import SeatNumbers
from cbt.proctoring.polling.sheets import Numbers
from cbt.web.i18n import local_text

ANSWERED, SEEN, SEEN_AT, SAVED, SAVED_AT = "\ue001", "\ue002", "\ue003", "\ue004", "\ue005"
"""Stand in drawn seats where a number comes: no name has them, and no font."""
MARKS = {"answered": ANSWERED, "seen": SEEN, "seen_at": SEEN_AT, "saved": SAVED, "saved_at": SAVED_AT}


def as_sent(numbers: SeatNumbers) -> Numbers:
    """Return what a page writes into a seat's tile itself."""
    return numbers.answered, _seconds(numbers.seen_at), _seconds(numbers.saved_at)


def _seconds(instant: datetime | None) -> int | None:
    return None if instant is None else int(instant.timestamp())


def filled(html: str, numbers: SeatNumbers) -> str:
    """Return a drawn seat with its numbers."""
    answered, seen_at, saved_at = numbers.whole()
    html = html.replace(ANSWERED, str(answered))
    for instant, at, clock in ((seen_at, SEEN, SEEN_AT), (saved_at, SAVED, SAVED_AT)):
        if instant is not None:
            html = html.replace(at, instant.isoformat()).replace(clock, local_text(instant, "%H:%M:%S"))
    return html
