"""How many bytes of requests a process holds at a time, and how many of those are one login's.

A body is counted by the length it declares from before its first byte is read until its request is answered: so
long it lies on the disk or in memory, and the pages that read files make copies of it. What is over the budget is
refused before it is read, with a time to come again.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from cbt.errors import CbtError, TooMany, Unavailable
from cbt.slots import Slots

MEGABYTE = 1024 * 1024
MOST_LARGE = 128 * MEGABYTE
"""Bytes of large bodies in one process; two of the largest always fit."""
OF_LOGIN = 4
"""One of so many parts of them a login may have; one of the largest always fits."""
LARGE_OF_LOGIN = 2
"""Large bodies of one login under way at a time, in all processes of a machine."""
MOST_SMALL = 64 * MEGABYTE
"""Bytes of small bodies in one process, those that are `ALWAYS_TAKEN` not counted."""
ALWAYS_TAKEN = 16 * 1024
"""No larger is a save, or a form of a candidate: whoever fills the budget keeps none of them out."""
AGAIN_SECONDS = 10
"""When whoever was refused may come again: a file is read in less."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends a body: how large it may be, and the login that a large one is counted for."""

    most: int
    login: str = ""


class BodyBudget:
    """The bytes of bodies that one process holds; asked and given back by any thread."""

    def __init__(self, *, largest: int, slots: Slots | None = None) -> None:
        """`largest` is the largest file that may be sent at all."""
        self.most_large = max(MOST_LARGE, 2 * largest)
        self.most_of_login = max(self.most_large // OF_LOGIN, largest)
        self._slots = Slots() if slots is None else slots
        self._look = threading.Lock()
        self.large = 0
        """Bytes of large bodies held now."""
        self.small = 0
        """Bytes of small ones held now."""
        self._of_login: Counter[str] = Counter()

    def take_small(self, length: int) -> Callable[[], None]:
        """Count a small body; return what gives its bytes back.

        Raise Unavailable("upload.busy") while everybody together has as many under way as may be.
        """
        if length <= ALWAYS_TAKEN:
            return _nothing
        with self._look:
            if self.small + length > MOST_SMALL:
                raise Unavailable("upload.busy", seconds=AGAIN_SECONDS)
            self.small += length

        def give_back() -> None:
            with self._look:
                self.small -= length

        return give_back

    def take_large(self, login: str, length: int) -> Callable[[], None]:
        """Count a large body of a login; return what gives its bytes and its place back.

        Raise TooMany("upload.yours") while that login has as much under way as it may, Unavailable("upload.busy")
        while everybody together has.
        """
        free_place = self._slots.take(f"upload:{login}", most=LARGE_OF_LOGIN)
        if free_place is None:
            raise TooMany("upload.yours", seconds=AGAIN_SECONDS)
        refused: CbtError | None = None
        with self._look:
            if self._of_login[login] + length > self.most_of_login:
                refused = TooMany("upload.yours", seconds=AGAIN_SECONDS)
            elif self.large + length > self.most_large:
                refused = Unavailable("upload.busy", seconds=AGAIN_SECONDS)
            else:
                self._of_login[login] += length
                self.large += length
        if refused is not None:
            free_place()
            raise refused

        def give_back() -> None:
            with self._look:
                self.large -= length
                self._of_login[login] -= length
                if not self._of_login[login]:
                    del self._of_login[login]
            free_place()

        return give_back

    def take_heard(self, login: str) -> Callable[[], None] | None:
        """Return what gives a place back at which a refused body of a login is read, for its sender to hear why.

        None where as many are read already: then the line is closed.
        """
        return self._slots.take(f"heard:{login}", most=LARGE_OF_LOGIN)


def _nothing() -> None:
    pass
