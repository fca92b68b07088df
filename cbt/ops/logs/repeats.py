"""Lines that say the same again: the first is written at once, more within a minute as one with a count.

A disk that is full refuses every save of a hall; ten thousand lines of that hide what else there is, and fill the
next disk.
"""

from __future__ import annotations

import copy
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from cbt.ops.logs.lines import REPEATED, TOLD, errors_of

WINDOW_SECONDS = 60.0
Kind = tuple[object, ...]


@dataclass(slots=True)
class _Window:
    ends: float
    since: float
    """When the first was written, by the wall clock that its line has."""
    count: int = 0
    last: logging.LogRecord | None = None


class Repeats:
    """Says which lines are written, and the sums of the others; `clock` gives seconds that never go back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._windows: dict[Kind, _Window] = {}

    def is_first(self, record: logging.LogRecord) -> bool:
        """Return whether a line is to be written now; one that is not is counted. What is no warning always is."""
        if record.levelno < logging.WARNING:
            return True
        kind, now = _kind(record), self._clock()
        window = self._windows.get(kind)
        if window is None:
            self._windows[kind] = _Window(now + WINDOW_SECONDS, record.created)
            return True
        window.count += 1
        window.last = record
        return False

    def sums(self, *, all_of_them: bool = False) -> list[logging.LogRecord]:
        """End the windows that are over (or all), and return a line for each that held more than its first."""
        now = self._clock()
        over = [kind for kind, one in self._windows.items() if all_of_them or one.ends <= now]
        ended = [self._windows.pop(kind) for kind in over]
        return [_sum(one, one.last) for one in ended if one.last is not None]

    def next_in(self) -> float | None:
        """Return after how many seconds a sum is to be told, None when nothing was held back."""
        ends = [one.ends for one in self._windows.values() if one.count]
        return max(0.0, min(ends) - self._clock()) if ends else None


def _kind(record: logging.LogRecord) -> Kind:
    """Return what makes two lines the same: the words without their values, the place, the errors."""
    errors = tuple(type(one) for one in errors_of(record))
    told = getattr(record, TOLD, {})
    return record.name, record.levelno, str(record.msg), errors, told.get("endpoint")


def _sum(window: _Window, last: logging.LogRecord) -> logging.LogRecord:
    since = datetime.fromtimestamp(window.since, UTC).isoformat(timespec="milliseconds")
    summed = copy.copy(last)
    setattr(summed, REPEATED, {"repeated": window.count, "since": since})
    return summed
