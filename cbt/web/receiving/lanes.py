"""Whose threads answer a request: staff have a few of their own, so candidates never wait behind their pages.

What waits for a thread waits in a queue. Python runs one thread of a process at a time: what pages of staff ask by
themselves, a hundred boards every two seconds, takes turns on one thread, so a save competes with one of them.
Pages of staff that read a file wait for its child (cbt/confined), and must not hold up all others meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from functools import lru_cache

import flask
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from cbt.web.who.access import access_of
from cbt.web.who.attention import asked_by_itself


class Lane(IntEnum):
    """The threads that answer a request."""

    REST = 0
    """Candidates, files of pages, how the server is."""
    STAFF = 1
    POLLS = 2
    """What pages of staff ask by themselves."""


STAFF_THREADS = 12
"""In each server process: more than may wait for children there."""
POLL_THREADS = 1
REMEMBERED = 4096
"""Paths whose lane is looked up once: a board asks for the same one every two seconds."""
LaneOf = Callable[[str], Lane]
"""The lane of a path."""


def lane_of(app: flask.Flask) -> LaneOf:
    """Return what tells the lane of a path: by its view, where a first piece of it belongs to staff alone."""
    kinds: dict[str, set[str]] = {}
    for rule in app.url_map.iter_rules():
        access = access_of(app, rule.endpoint)
        kinds.setdefault(_first(rule.rule), set()).add("" if access is None else access.kind)
    of_staff = frozenset(first for first, some in kinds.items() if "staff" in some)
    urls = app.url_map.bind("")

    @lru_cache(REMEMBERED)
    def lane(path: str) -> Lane:
        if _first(path) not in of_staff:
            return Lane.REST
        try:
            endpoint, _ = urls.match(path, method="GET")
        except (HTTPException, RequestRedirect):
            return Lane.STAFF
        return Lane.POLLS if asked_by_itself(app.view_functions[endpoint]) else Lane.STAFF

    return lane


def _first(path: str) -> str:
    return path.lstrip("/").partition("/")[0]
