"""Deferred answers: promised until a commit, or parked until something happens, and waiting in no thread.

A thread for each request that waits would be woken once for each: handing Python's lock from one to the next
costs more than most answers. A server that can keep promises says so in the environment; the app leaves there
what it promises instead of answering, and whoever serves it begins that once the app has returned.
"""

from __future__ import annotations

import asyncio
import random
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

import flask

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


PROMISES = "cbt.promises"
"""Says of a request that whoever serves it keeps promises."""
AT_ONCE = "cbt.at_once"
"""Says of a request that it is the loop itself that asks: the app waits for nothing, or has a thread ask."""
PROMISE = "cbt.promise"
"""Where the app leaves what it promises."""
Headers = list[tuple[str, str]]
View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class PromisedRequest:
    """A request whose answer was promised; one of the two is called, once, by any thread."""

    answer: Callable[[int, Headers, bytes], None]
    """Sends the answer."""
    hand_on: Callable[[], None]
    """Has the app asked again, by a thread, with the same environment."""

    def by_a_thread(self) -> None:
        """Promise that a thread asks the app again."""
        self.hand_on()


Promise = Callable[[PromisedRequest], None]
"""Sees to it that what it is given is answered."""


def promise(environ: WSGIEnvironment, made: Promise) -> Iterable[bytes]:
    """Leave a promise in place of an answer; the app returns what this returns."""
    environ[PROMISE] = made
    return ()


class PromisedReply(flask.Response):
    """What a view returns that left a promise: it goes to nobody, so nothing is made of it."""

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return ()


PROMISED = PromisedReply()


def waits_for_a_commit(view: View) -> View:
    """Mark a view that is mostly answered before it is asked, by a promise: the loop asks for itself."""
    view.cbt_waits_for_a_commit = True  # type: ignore[attr-defined]  # read back by is_promised
    return view


def is_promised(view: object) -> bool:
    return bool(getattr(view, "cbt_waits_for_a_commit", False))


class ThreadsOnly:
    """Wraps what the loop never asks: what comes so far is asked again by a thread."""

    def __init__(self, inner: WSGIApplication) -> None:
        self._inner = inner

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if AT_ONCE in environ:
            return promise(environ, PromisedRequest.by_a_thread)
        return self._inner(environ, start_response)


# Requests that wait until something happens: in the loop of a server process, and in no thread.
#
# A page that wants to hear of what others do asks, and its request waits here until a topic of it changes.
# What the app answered, that nothing has happened yet, is kept meanwhile: it is sent when the wait is over,
# so a proxy never sees a line that is silent for long. Each change has a number, and numbers grow; what has
# changed lately is remembered, so that nothing is missed between an answer and its wait.

MAY_WAIT = "cbt.may_wait"
"""Says of a request that whoever serves it can let it wait."""
AGAIN = "cbt.again"
"""Says of a request that it has waited, and that something it waits for happened."""
WAIT = "cbt.wait"
"""Where the app puts the `Wait` of an answer that nothing has happened yet."""
WAIT_SECONDS = 25.0
"""Well below what any proxy waits for a silent server."""
SPREAD = 0.2
"""By how much of it waits differ, so that those that began together do not end together."""
MOST_WAITING = 8192
"""Requests that one process lets wait; whoever comes beyond them is answered at once, and asks now and then."""
MOST_ANSWERED_AT_ONCE = 32
"""Requests that are woken in one turn of the loop: what is sent meanwhile waits for no more of them than these."""
BETWEEN_SECONDS = 0.01
"""From one such turn to the next."""
REMEMBERED = 20_000
"""Topics whose last change a process remembers."""


@dataclass(frozen=True, slots=True)
class Wait:
    """What a request waits for."""

    key: str
    """Whose it is: a second one with this key sends the first away."""
    topics: frozenset[str]
    seen: int
    """The number up to which its answer knows all changes."""


@dataclass(slots=True, eq=False)
class ParkedRequest:
    """A request that waits."""

    wait: Wait
    send: Callable[[], None]
    """Sends the answer that nothing happened."""
    again: Callable[[], None]
    """Asks the app again."""
    until: float | None = None
    """By the loop's time; None for a request that begins to wait."""
    timer: asyncio.TimerHandle | None = field(default=None)


def may_wait(key: str, topics: Iterable[str], *, seen: int) -> None:
    """Let the present request wait for these topics, where whoever serves it can."""
    environ = flask.request.environ
    if environ.get(MAY_WAIT):
        environ[WAIT] = Wait(key, frozenset(topics), seen)


class Parking:
    """The waiting requests of one process. Everything happens in its loop, but for `wake` and `wanted`."""

    def __init__(self, *, most: int = MOST_WAITING, seconds: float = WAIT_SECONDS) -> None:
        self._most = most
        self._seconds = seconds
        self._loop: asyncio.AbstractEventLoop | None = None
        self._held: dict[str, ParkedRequest] = {}
        self._by_topic: dict[str, set[ParkedRequest]] = defaultdict(set)
        self._changed: dict[str, int] = {}
        """By topic the number of its last change, the oldest first."""
        self._floor = 0
        """Of changes up to this number nothing is remembered."""
        self._upto = -1
        """The number up to which changes were looked at."""
        self._woken: deque[ParkedRequest] = deque()
        """Those who are to be asked again, a few at a time; each waits until its turn comes."""
        self._spread = random.Random()
        self.wanted = threading.Event()
        """Set while somebody waits."""
        self.begun: Callable[[], None] = _nothing
        """Called when the first one begins to wait."""

    def __len__(self) -> int:
        return len(self._held)

    @property
    def is_open(self) -> bool:
        return self._loop is not None

    @property
    def has_room(self) -> bool:
        """Return whether one more may wait here; from any thread."""
        return self._loop is not None and len(self._held) < self._most

    def knows(self, number: int) -> bool:
        """Return whether what changed after a number is remembered; from any thread, a little late is no harm."""
        return self._floor <= number <= self._upto

    def open(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def close(self) -> None:
        """Send everybody away; nobody waits from now on."""
        self._loop = None
        for held in list(self._held.values()):
            self._leave(held)
            held.send()

    def take(self, held: ParkedRequest) -> bool:
        """Let a request wait; False when it may not, and has to be answered.

        The one of the same key is sent away. Where something changed after what the answer knows, the app is asked
        again at once.
        """
        loop, wait = self._loop, held.wait
        former = self._held.get(wait.key)
        if loop is None or (former is None and len(self._held) >= self._most):
            return False
        if former is not None:
            self._leave(former)
            former.send()
        if held.until is None:
            held.until = loop.time() + self._seconds * (1 - SPREAD * self._spread.random())
        elif held.until <= loop.time():
            return False
        if wait.seen < self._floor or any(self._changed.get(one, 0) > wait.seen for one in wait.topics):
            held.again()
            return True
        self._held[wait.key] = held
        for topic in wait.topics:
            self._by_topic[topic].add(held)
        held.timer = loop.call_at(held.until, self._over, held)
        if not self.wanted.is_set():
            self.wanted.set()
            self.begun()
        return True

    def wake(self, changes: Mapping[str, int], *, since: int, upto: int, forced: Iterable[str] = ()) -> None:
        """Have the app asked again for whoever waits for one of these topics; from any thread.

        `changes` are the topics that changed after `since` and until `upto`, with the number of their last change;
        `forced` wakes whatever an answer knew already.
        """
        loop = self._loop
        if loop is not None:
            loop.call_soon_threadsafe(self._wake, changes, since, upto, tuple(forced))

    def _wake(self, changes: Mapping[str, int], since: int, upto: int, forced: Iterable[str]) -> None:
        woken: dict[ParkedRequest, None] = {}
        if since != self._upto:  # nobody has looked at what lies between
            self._floor = since
            self._changed.clear()
            woken.update((held, None) for held in self._held.values() if held.wait.seen != since)
        self._upto = upto
        for topic, number in changes.items():
            self._changed.pop(topic, None)
            self._changed[topic] = number
            woken.update((one, None) for one in self._by_topic.get(topic, ()) if one.wait.seen < number)
        for topic in forced:
            woken.update((one, None) for one in self._by_topic.get(topic, ()))
        begin = not self._woken
        self._woken.extend(woken)
        if begin:
            self._wake_some()
        for topic in list(islice(self._changed, max(0, len(self._changed) - REMEMBERED))):
            self._floor = max(self._floor, self._changed.pop(topic))

    def _wake_some(self) -> None:
        """Wake a few; whoever was sent away meanwhile is passed over."""
        left = MOST_ANSWERED_AT_ONCE
        while self._woken and left:
            held = self._woken.popleft()
            if self._held.get(held.wait.key) is held:
                self._leave(held)
                held.again()
                left -= 1
        if self._woken and self._loop is not None:
            self._loop.call_later(BETWEEN_SECONDS, self._wake_some)

    def _over(self, held: ParkedRequest) -> None:
        self._leave(held)
        held.send()

    def _leave(self, held: ParkedRequest) -> None:
        if self._held.get(held.wait.key) is held:
            del self._held[held.wait.key]
        for topic in held.wait.topics:
            others = self._by_topic[topic]
            others.discard(held)
            if not others:
                del self._by_topic[topic]
        if held.timer is not None:
            held.timer.cancel()
        if not self._held:
            self.wanted.clear()


def _nothing() -> None:
    pass
