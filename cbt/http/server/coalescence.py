"""Requests that are answered together: what one query finds for many is asked once for all of them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

log = logging.getLogger(__name__)
Query = TypeVar("Query")
MOST_TOGETHER = 128
"""Nobody waits for more than so many."""


class Coalescer(Generic[Query]):
    """Gathers what is asked from any thread.

    Whoever asks while nobody answers does so, for all who have come by then, until nobody is left.
    """

    def __init__(self, answer: Callable[[Sequence[Query]], None]) -> None:
        """`answer` sees to some; what it raises holds up nobody who comes after them."""
        self._answer = answer
        self._lock = threading.Lock()
        self._asked: list[Query] = []
        self._answering = False

    def ask(self, question: Query) -> None:
        """Have something answered, by this thread or by the one that does so already."""
        with self._lock:
            self._asked.append(question)
            if self._answering:
                return
            self._answering = True
        while some := self._next():
            try:
                self._answer(some)
            except Exception:
                log.exception("%d requests that were to be answered together were not", len(some))

    def _next(self) -> Sequence[Query]:
        with self._lock:
            some, self._asked = self._asked[:MOST_TOGETHER], self._asked[MOST_TOGETHER:]
            self._answering = bool(some)
            return some
