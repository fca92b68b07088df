"""Limits on request bodies: how long and how many may be on their way, and the bytes a process holds.

A browser of the exam room sends a save in one piece. Whoever sends a body a byte at a time, or not at all,
holds a place; these limits keep such places few, however many lines are opened from however many addresses.

Source: R-21.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import takewhile
from operator import attrgetter
from typing import Any

import flask

from cbt.confined.runner import SHARES
from cbt.errors import CbtError, TooMany, Unavailable
from cbt.http.auth.login import current_principal
from cbt.rules.roles import Role
from cbt.slots import Slots

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
        self._coming[id(body)] = body

    def end(self, body: Body) -> None:
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


# How many bytes of requests a process holds at a time, and how many of those are one login's.
#
# A body is counted by the length it declares from before its first byte is read until its request is
# answered: so long it lies on the disk or in memory, and the pages that read files make copies of it. What is
# over the budget is refused before it is read, with a time to come again.

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


def init_children(app: flask.Flask) -> None:
    """Have the children that read files know which of the accounts of `app` have one at a time."""
    SHARES.slots, SHARES.asking = app.extensions["cbt_slots"], account_of_unit


def account_of_unit() -> str:
    """Return the account of a unit that asks now; "" for any other, and where nobody asks."""
    principal = current_principal() if flask.has_request_context() else None
    return principal.subject_ref if principal is not None and principal.has(Role.UNIT_CLERK) else ""
