"""Requests whose bodies are still on their way: how long they may take, how much, and how many there may be.

A browser of the exam room sends a save in one piece. Whoever sends a body a byte at a time, or not at all, holds a
place; these limits keep such places few, however many lines are opened from however many addresses.

Source: R-21.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import takewhile
from operator import attrgetter
from typing import Any

PATIENCE_SECONDS = 10.0
"""What any body has, before its rate is looked at; so far back it is looked at."""
LEAST_RATE = 16 * 1024
"""Bytes a second that a larger body has to keep up over the last of those seconds."""
SLOW_SECONDS = 1.0
"""A body that is not there after this counts as unfinished. What is quicker is never counted: when a room starts,
a thousand bodies arrive in one instant."""
MOST_UNFINISHED = 128
"""Unfinished bodies of one process, well below its threads (CBT_THREADS)."""
MOST_OF_ADDRESS = 24
"""Unfinished bodies of one address; a trusted proxy passes many people on and is not counted."""
LEAST_CUTS, ONE_OF = 8, 128
"""Bodies let go in one turn: so many, or one of so many that there are. Who means ill opens again at once what is
let go, and that costs everybody more than a body that waits: it holds nothing but its memory."""
SMALL_BODY = 256 * 1024
"""What anybody may send. Only a file is larger, and only people who are signed in send files."""

_ADDRESS = attrgetter("address")


@dataclass(slots=True, eq=False)
class Body:
    """One body on its way, and how much of a large one is there; times are counted in its front's looks."""

    address: str
    begun: float
    stop: Callable[[], Any]
    """Ends the reading."""
    received: int = 0
    cut: bool = False
    seconds: float = PATIENCE_SECONDS
    """How long after its begin it has been too slow, if nothing more comes."""

    def take(self, count: int, now: float) -> None:
        """Note that so many bytes of it came. What was fast at first pays for the next seconds only."""
        self.received += count
        self.seconds = min(self.seconds + count / LEAST_RATE, now - self.begun + PATIENCE_SECONDS)

    def keeps_up(self, now: float) -> bool:
        """Return whether it is still within the patience that any body has, and its rate."""
        return now - self.begun <= self.seconds


class Bodies:
    """The bodies on their way in one process."""

    def __init__(
        self,
        *,
        most: int = MOST_UNFINISHED,
        most_of_address: int = MOST_OF_ADDRESS,
        trusted: Callable[[str], bool] = lambda _address: False,
    ) -> None:
        self._most = most
        self._most_of_address = most_of_address
        self._trusted = trusted
        self._coming: dict[int, Body] = {}
        """By the identity of the body, in the order in which they began."""

    def __len__(self) -> int:
        return len(self._coming)

    def begin(self, body: Body) -> None:
        """Note that `body` is being read."""
        self._coming[id(body)] = body

    def end(self, body: Body) -> None:
        """Forget `body`: it is whole, or nobody waits for it any more."""
        self._coming.pop(id(body), None)

    def cut_overdue(self, now: float, *, most: int) -> int:
        """Stop at most `most` of the bodies that took too long or are too many at `now`; return how many.

        Of too many the oldest go first, and those of the address that has most: what is honest is short.
        """
        slow = list(takewhile(lambda body: now - body.begun >= SLOW_SECONDS, self._coming.values()))
        if not slow:
            return 0
        over = [body for body in slow if not body.cut and not body.keeps_up(now)]
        counts = Counter(map(_ADDRESS, slow))
        # Each address is asked about once: thousands of bodies come from a few, and the loop waits meanwhile.
        too_many = {
            address: count - self._most_of_address
            for address, count in counts.items()
            if count > self._most_of_address and not self._trusted(address)
        }
        of_address = []
        for body in slow if too_many else ():
            if too_many.get(body.address, 0) > 0:
                too_many[body.address] -= 1
                of_address.append(body)
        over += of_address
        if len(slow) - len(of_address) > self._most:
            slow.sort(key=lambda body: (-counts[body.address], body.begun))
            over += slow[: len(slow) - self._most]
        return _cut(over, most)


def cuts_at_once(coming: int) -> int:
    """Return how many bodies are let go at most in one turn, where so many are on their way."""
    return max(LEAST_CUTS, coming // ONE_OF)


def _cut(bodies: Iterable[Body], most: int) -> int:
    number = 0
    for body in bodies:
        if number == most:
            break
        if not body.cut:
            body.cut = True
            body.stop()
            number += 1
    return number


def declared_length(text: str | None) -> int:
    """Return the length a request declares, in bytes; 0 without one, infinite when it is no number."""
    if not text:
        return 0
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else int(1e18)
