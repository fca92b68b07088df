"""What the log says happened lately, by what it happened to: whether a room is still as it was read.

One for each process: each entry is read once, whoever asks first.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from sqlalchemy import bindparam, select

from cbt.audit.models import AuditEntry

OF_ROOMS = ("attempt", "registration", "sitting_room")
"""Kinds of things that stand in one sitting-room; of whatever else is told, any board might show something."""
MOST_READ = 5000
"""Entries that are read at once; behind so many, every room counts as changed."""
REMEMBERED = 50_000
SUBJECTS = (
    select(AuditEntry.id, AuditEntry.subject)
    .where(AuditEntry.id > bindparam("since"), AuditEntry.id <= bindparam("upto"))
    .order_by(AuditEntry.id)
)


class Tidings:
    """The number of the last entry about each thing that the log told of lately."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._upto = -1
        self._floor = 0
        """Of entries up to this number nothing is remembered."""
        self._others = 0
        """The last entry about what is not of one room."""
        self._last: dict[str, int] = {}

    def hear(self, upto: int, subjects: Callable[[int, int], Iterable[tuple[int, str]]]) -> None:
        """Read the log as far as `upto`; `subjects` reads numbers and subjects after one number up to another."""
        if upto == self._upto:
            return
        with self._lock:
            since = self._upto
            if 0 <= upto <= since:
                if upto < since - MOST_READ:  # another log
                    self._forget(upto)
                return
            if since < 0 or upto - since > MOST_READ or len(self._last) > REMEMBERED:
                self._forget(upto)
                return
            for number, subject in subjects(since, upto):
                if subject.partition(":")[0] in OF_ROOMS:
                    self._last[subject] = number
                else:
                    self._others = number
            self._upto = upto

    def _forget(self, upto: int) -> None:
        self._last.clear()
        self._floor = self._upto = upto

    def changed(self, topics: Iterable[str], *, since: int) -> bool:
        """Return whether anything happened after `since` that a board of these things may show."""
        if since < self._floor or since < self._others:
            return True
        last = self._last
        return any(last.get(topic, 0) > since for topic in topics)
