"""Whose threads answer a request: staff have a few of their own, so candidates never wait behind their pages.

What waits for a thread waits in a queue. Python runs one thread of a process at a time: what pages of staff ask by
themselves, a hundred boards every two seconds, takes turns on one thread, so a save competes with one of them.
Pages of staff that read a file wait for its child (cbt/confined), and must not hold up all others meanwhile.
What candidates only read waits for no disk: a few threads answer it in the order of its coming, where a hundred at
once would take turns, and whoever was unlucky in many would wait many times as long as the others. So it is with
what candidates write on their way in, and on the day of the results with what anybody may look up: in a crowd
each goes on in their order.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from functools import lru_cache
from typing import Any, TypeVar

import flask
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from cbt.web.receiving.promises import is_promised
from cbt.web.who.access import access_of
from cbt.web.who.attention import asked_by_itself


class Lane(IntEnum):
    """The threads that answer a request."""

    REST = 0
    """Candidates, files of pages, how the server is."""
    STAFF = 1
    POLLS = 2
    """What pages of staff ask by themselves."""
    READS = 3
    """What candidates ask and change nothing by: their pages, whether it begins, the clock, the news."""
    COMMIT = 4
    """What waits for a commit and nothing else (saves, hand-ins, starts): the loop itself asks (promises.py)."""
    TURNS = 5
    """What candidates write on their way in: signing in, confirming."""
    SIGN_INS = 6
    """Staff who sign in: strangers wait for each other, known machines are answered as staff (strangers.py)."""
    PUBLIC = 7
    """What anybody may look up, and everybody does on one day: results, certificates, what is shown (公示)."""


STAFF_THREADS = 12
"""In each server process: more than may wait for children there."""
POLL_THREADS = 1
READ_THREADS = 4
TURN_THREADS = 8
"""The database waits for the disk in some of them, and on another machine."""
PUBLIC_THREADS = 16
"""A look-up is counted on the disk: what many wait for together is written together."""
REMEMBERED = 4096
"""Paths whose lane is looked up once: a board asks for the same one every two seconds."""
OF_CANDIDATES = frozenset({"candidate", "lease"})
LaneOf = Callable[[str, str], Lane]
"""The lane of a method and a path."""
View = TypeVar("View", bound=Callable[..., Any])


def takes_turns(view: View) -> View:
    """Mark a view of one address that writes, and that a whole hall asks at once."""
    view.cbt_takes_turns = True  # type: ignore[attr-defined]  # read back by lane_of
    return view


def for_everybody(view: View) -> View:
    """Mark a view of what anybody may look up: it waits for the database alone, never for a child."""
    view.cbt_for_everybody = True  # type: ignore[attr-defined]  # read back by lane_of
    return view


def for_strangers(view: View) -> View:
    """Mark a view of one address that verifies a password for anybody who asks."""
    view.cbt_for_strangers = True  # type: ignore[attr-defined]  # read back by lane_of
    return view


def lane_of(app: flask.Flask) -> LaneOf:
    """Return what tells the lane of a request: by its path's first piece; by the view where that is staff's."""
    kinds: dict[str, set[str]] = {}
    for rule in app.url_map.iter_rules():
        access = access_of(app, rule.endpoint)
        kinds.setdefault(_first(rule.rule), set()).add("" if access is None else access.kind)
    of_staff = frozenset(first for first, some in kinds.items() if "staff" in some)
    promised = frozenset(
        _last(rule.rule)
        for rule in app.url_map.iter_rules()
        if is_promised(app.view_functions[rule.endpoint])
    )
    of_candidates = frozenset(first for first, some in kinds.items() if some & OF_CANDIDATES) - of_staff
    in_turn, of_strangers, of_everybody = (
        frozenset(
            rule.rule
            for rule in app.url_map.iter_rules()
            if getattr(app.view_functions[rule.endpoint], mark, False)
        )
        for mark in ("cbt_takes_turns", "cbt_for_strangers", "cbt_for_everybody")
    )
    public = frozenset(map(_first, of_everybody))
    urls = app.url_map.bind("")

    @lru_cache(REMEMBERED)
    def of_a_page(path: str) -> Lane:
        try:
            endpoint, _ = urls.match(path, method="GET")
        except (HTTPException, RequestRedirect):
            return Lane.STAFF
        return Lane.POLLS if asked_by_itself(app.view_functions[endpoint]) else Lane.STAFF

    def lane(method: str, path: str) -> Lane:
        first = _first(path)
        if method == "POST" and path in of_strangers:
            return Lane.SIGN_INS
        if first in of_staff:
            return of_a_page(path)
        if method == "POST" and path in in_turn:
            return Lane.TURNS
        if path in of_everybody or (method == "GET" and first in public):
            return Lane.PUBLIC
        if first not in of_candidates:
            return Lane.REST
        if method == "GET":
            return Lane.READS
        return Lane.COMMIT if method == "POST" and _last(path) in promised else Lane.REST

    return lane


def _first(path: str) -> str:
    return path.lstrip("/").partition("/")[0]


def _last(path: str) -> str:
    return path.rpartition("/")[2]
