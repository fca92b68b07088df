"""Names that nobody has, tried from one address: such an address goes slowly for a while.

Nobody is shut out by it: a machine that an account knows goes on as ever, and from any other one try a second is
looked at, whatever name it gives. So nothing tells by its answer whether a name exists. Each process counts for
itself, in memory: what is kept of it would be written by strangers.

Source: R-14.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

from cbt.errors import TooMany
from cbt.web.who.budgets import UNKNOWN_NAMES

PACE = timedelta(seconds=1)
"""Between the tries of an address that has used up its budget."""
REMEMBERED = 4096
"""Addresses, those that tried last."""


@dataclass(slots=True)
class _Tried:
    window_from: datetime
    tries: int = 0
    looked_at: datetime | None = None


class UnknownNames:
    """What one process saw of them."""

    def __init__(self) -> None:
        self._look = threading.Lock()
        self._tried: OrderedDict[str, _Tried] = OrderedDict()

    def used_up(self, address: str, *, now: datetime) -> bool:
        """Return whether an address has used up its budget."""
        with self._look:
            return self._over(address, now) is not None

    def take_turn(self, address: str, *, now: datetime) -> None:
        """Note one try of an address that has used its budget up; raise TooMany("sign_in.throttled") too soon."""
        with self._look:
            tried = self._over(address, now)
            if tried is None:
                return
            if tried.looked_at is not None and now < tried.looked_at + PACE:
                raise TooMany("sign_in.throttled", seconds=int(PACE.total_seconds()))
            tried.looked_at = now

    def note(self, address: str, *, now: datetime) -> None:
        """Count a name that nobody has."""
        with self._look:
            tried = self._tried.get(address)
            if tried is None or now >= tried.window_from + UNKNOWN_NAMES.window:
                tried = self._tried[address] = _Tried(now)
            tried.tries += 1
            self._tried.move_to_end(address)
            if len(self._tried) > REMEMBERED:
                self._tried.popitem(last=False)

    def _over(self, address: str, now: datetime) -> _Tried | None:
        tried = self._tried.get(address)
        if (
            tried is None
            or tried.tries < UNKNOWN_NAMES.tries
            or now >= tried.window_from + UNKNOWN_NAMES.window
        ):
            return None
        return tried
