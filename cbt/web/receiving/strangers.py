"""Sign-ins of staff from machines that signed nobody in before: few at a time, and refused early when many wait.

To verify a password takes a processor for a long time, and anybody may have one verified. So whoever nobody knows
waits in a line of their own, one is verified at a time on a machine, and what does not fit is refused with a time
to come again. A machine that signed somebody of staff in before goes on beside them.

Source: R-14.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable

import flask

from cbt.errors import Unavailable
from cbt.slots import Slots
from cbt.web.i18n import as_nobody, chosen_locale, chosen_theme, explain
from cbt.web.receiving.promises import Headers
from cbt.web.who.cookies import cookies_in
from cbt.web.who.machine import tokens_of
from cbt.web.who.throttle import machines_known

THREADS = 1
"""In each process: half of the passwords it verifies at a time (accounts/sign_in/passwords.py)."""
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
log = logging.getLogger(__name__)


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
        page = flask.render_template("web/receiving/busy.html", what=what, fix=fix, again=path)
        response = app.process_response(flask.make_response(page, 503))
        response.headers["Retry-After"] = str(AGAIN_SECONDS)
        del response.headers["Set-Cookie"]
        return 503, response.headers.to_wsgi_list(), response.get_data()
