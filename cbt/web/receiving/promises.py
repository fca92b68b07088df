"""Answers that are promised: what waits for a commit waits in no thread, and whoever has the outcome answers it.

A thread for each request that waits would be woken once for each: handing Python's lock from one to the next costs
more than most answers. A server that can keep promises says so in the environment; the app leaves there what it
promises instead of answering, and whoever serves it begins that once the app has returned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

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


def waits_for_a_commit(view: View) -> View:
    """Mark a view that is mostly answered before it is asked, by a promise: the loop asks for itself."""
    view.cbt_waits_for_a_commit = True  # type: ignore[attr-defined]  # read back by is_promised
    return view


def is_promised(view: object) -> bool:
    """Return whether a view is one that is mostly answered by a promise."""
    return bool(getattr(view, "cbt_waits_for_a_commit", False))


class ThreadsOnly:
    """Wraps an app that the loop never asks: what comes so far is asked again by a thread."""

    def __init__(self, inner: WSGIApplication) -> None:
        self._inner = inner

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request of a thread."""
        if AT_ONCE in environ:
            return promise(environ, PromisedRequest.by_a_thread)
        return self._inner(environ, start_response)
