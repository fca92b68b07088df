"""The lanes of requests: pools of threads that answer them, by who asks, and a line for unknown sign-ins."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from enum import IntEnum
from functools import lru_cache
from typing import Any, TypeVar

import flask
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from cbt.errors import Unavailable
from cbt.http.auth.access import access_of
from cbt.http.auth.cookies import cookies_in
from cbt.http.auth.login import asked_by_itself
from cbt.http.auth.machine import tokens_of
from cbt.http.auth.throttle import machines_known
from cbt.http.i18n import as_nobody, chosen_locale, chosen_theme, explain
from cbt.http.server.deferred import Headers, is_promised
from cbt.slots import Slots

log = logging.getLogger(__name__)


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


# Whose threads answer a request: staff have a few of their own, so candidates never wait behind their pages.
#
# What waits for a thread waits in a queue. Python runs one thread of a process at a time: what pages of staff
# ask by themselves, a hundred boards every two seconds, takes turns on one thread, so a save competes with
# one of them. Pages of staff that read a file wait for its child (cbt/confined), and must not hold up all
# others meanwhile. What candidates only read waits for no disk: a few threads answer it in the order of its
# coming, where a hundred at once would take turns, and whoever was unlucky in many would wait many times as
# long as the others. So it is with what candidates write on their way in, and on the day of the results with
# what anybody may look up: in a crowd each goes on in their order.


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
    """What waits for a commit and nothing else (saves, hand-ins, starts): the loop itself asks (deferred.py)."""
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


# Sign-ins of staff from machines that signed nobody in before: few at a time, and refused early when many
# wait.
#
# To verify a password takes a processor for a long time, and anybody may have one verified. So whoever nobody
# knows waits in a line of their own, one is verified at a time on a machine, and what does not fit is refused
# with a time to come again. A machine that signed somebody of staff in before goes on beside them.
#
# Source: R-14.

THREADS = 1
"""In each process: half of the passwords it verifies at a time (accounts/passwords.py)."""
MOST_WAITING = 16
"""In each process: each is answered within seconds, and people of an office come one after the other."""
OF_KNOWN = 2
"""Sign-ins of one known machine that go on beside the line at a time."""
AGAIN_SECONDS = 5
REFUSED_AFTER = 2.0
"""Seconds after which who does not fit in is told: whoever asks again at once costs the others little."""
LOOK_SECONDS = 2.0
"""What machines are known is looked up at most this often; a process hears so of those of the others."""
Answer = tuple[int, Headers, bytes]


class Strangers:
    """Tells known machines from strangers, in one process."""

    def __init__(
        self,
        *,
        machine_of: Callable[[str], str | None],
        look_up: Callable[[], frozenset[str]],
        draw: Callable[[str], Answer],
        slots: Slots | None = None,
        clock: Callable[[], float] = time.monotonic,
        rest: Callable[[float], None] = time.sleep,
    ) -> None:
        """`machine_of` reads cookies, `draw` returns a refusal for who sends them; that and `look_up` take long."""
        self.machine_of = machine_of
        self.draw = draw
        self._look_up = look_up
        self._slots = Slots() if slots is None else slots
        self._clock = clock
        self._rest = rest
        self._known: frozenset[str] = frozenset()
        self._looked_at = -LOOK_SECONDS
        self._look = threading.Lock()
        self._under_way: Counter[str] = Counter()

    def remembers(self, machine: str) -> bool:
        """Return whether a machine is known, as far as this process has heard."""
        return machine in self._known

    def is_known(self, machine: str) -> bool:
        """Return whether a machine signed somebody of staff in before; may ask the database."""
        with self._look:
            if self._clock() >= self._looked_at + LOOK_SECONDS:
                self._looked_at = self._clock()
                try:
                    self._known = self._look_up()
                except Exception as error:
                    log.warning("known machines could not be looked up: %s", type(error).__name__)
        return machine in self._known

    def begin(self, machine: str) -> Callable[[], None] | None:
        """Return what ends a sign-in of a known machine; None where as many of it are under way as may be.

        Called by the loop, as what it returns.
        """
        if self._under_way[machine] >= OF_KNOWN:
            return None
        self._under_way[machine] += 1

        def end() -> None:
            self._under_way[machine] -= 1
            if not self._under_way[machine]:
                del self._under_way[machine]

        return end

    def in_turn(self, work: Callable[[], None]) -> None:
        """Do what a stranger asks for when it is their turn on this machine, and rest for as long as it took."""
        with self._slots.turn("sign-in"):
            begun = self._clock()
            work()
            self._rest(self._clock() - begun)


def init_strangers(app: flask.Flask, *, scope: str, endpoint: str) -> None:
    """Have the front of `app` know the machines that signed in at `endpoint`, under the throttle's `scope`."""
    tokens, settings, prefix = tokens_of(app), app.extensions["cbt_settings"], app.config["COOKIE_PREFIX"]
    drawn: dict[tuple[str, str], Answer] = {}

    def look_up() -> frozenset[str]:
        with app.app_context():
            return machines_known(scope)

    def draw(cookies: str) -> Answer:
        kept = cookies_in(cookies)
        locale = chosen_locale(kept.get(f"{prefix}locale"), settings)
        theme = chosen_theme(kept.get(f"{prefix}theme"))
        if (locale, theme) not in drawn:
            drawn[locale, theme] = _refusal(app, endpoint, locale, theme)
        return drawn[locale, theme]

    app.extensions["cbt_strangers"] = Strangers(
        machine_of=tokens.of_cookies, look_up=look_up, draw=draw, slots=app.extensions["cbt_slots"]
    )


def _refusal(app: flask.Flask, endpoint: str, locale: str, theme: str) -> Answer:
    """Return the page that says so, the same for everybody: with nothing on it that is somebody's."""
    path = app.url_map.bind("").build(endpoint)
    with as_nobody(app, path, locale=locale, theme=theme):
        flask.g.now = app.extensions["cbt_clock"].now()
        what, fix = explain(Unavailable("sign_in.busy", seconds=AGAIN_SECONDS))
        page = flask.render_template("http/server/busy.html", what=what, fix=fix, again=path)
        response = app.process_response(flask.make_response(page, 503))
        response.headers["Retry-After"] = str(AGAIN_SECONDS)
        del response.headers["Set-Cookie"]
        headers = app.extensions["cbt_secured"].of({}, response.headers.to_wsgi_list())
        return 503, headers, response.get_data()
