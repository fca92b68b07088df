"""The threads that answer requests, once these are there as a whole."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable


class ThreadPool:
    """Threads that are started when work waits and none is free, up to a number."""

    def __init__(self, most: int, *, waiting: int | None = None) -> None:
        """At most so much work is `waiting` for a thread."""
        self._most = most
        self._waiting = waiting
        self._work: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._threads = 0
        self._free: deque[None] = deque()
        """One for each thread that waits: unlike a number, it can be changed by several threads."""

    @property
    def waiting(self) -> int:
        """How much work waits for a thread; nearly right is enough."""
        return self._work.qsize()

    def put(self, work: Callable[[], None]) -> bool:
        """Have `work` done; return whether there was room for it. Called by one thread only."""
        if self._waiting is not None and self._work.qsize() >= self._waiting:
            return False
        self._work.put(work)
        if len(self._free) < self._work.qsize() and self._threads < self._most:
            self._threads += 1
            threading.Thread(target=self._run, name=f"request-{self._threads}", daemon=True).start()
        return True

    def _run(self) -> None:
        while True:
            self._free.append(None)
            work = self._work.get()
            self._free.pop()
            work()
