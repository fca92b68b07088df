"""Those whom a process does not know yet, read with one query for all who ask at once.

A hall that comes in, or of which all is to be read anew, asks within a second or two: read one by one, each would
wait for all before it.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from sqlalchemy.engine import Engine

from cbt.db.unit_of_work import raw_reading
from cbt.delivery.waiting.hall import WaitingHall
from cbt.delivery.waiting.rows import FoundWaiter


@dataclass(slots=True)
class _Question:
    """Somebody who is to be read, and what was found."""

    login: str
    read: bool = False
    found: FoundWaiter | None = None


class ReadTogether:
    """Reads those who wait; from any thread."""

    def __init__(self, engine: Engine, hall: WaitingHall) -> None:
        self._engine = engine
        self._hall = hall
        self._turn = threading.Lock()
        self._lock = threading.Lock()
        self._asked: list[_Question] = []

    def read(self, login: str) -> FoundWaiter | None:
        """Read who waits with a login; None for one that is over, or no candidate's.

        Whoever has the turn reads for all who have asked by then; where that fails, the next one tries again.
        """
        own = _Question(login)
        with self._lock:
            self._asked.append(own)
        with self._turn:
            if not own.read:
                self._read_all(own)
        return own.found

    def _read_all(self, own: _Question) -> None:
        with self._lock:
            asked, self._asked = self._asked, []
        logins = list({own.login: None} | dict.fromkeys(one.login for one in asked))
        with raw_reading(self._engine) as cursor:
            found = self._hall.read(cursor, logins)
        for one in (own, *asked):
            one.found, one.read = found.get(one.login), True
