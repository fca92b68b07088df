"""The address of whoever waits: GET /exam/wait/state.

Everybody of a sitting asks this for a quarter of an hour. Who they are and what their room does is known to the
process (hall.py); a request that names the number it knows waits where nothing happened since.
"""

from __future__ import annotations

import json
from typing import cast

import flask

from cbt.errors import NotAllowed
from cbt.http.app_context import path_of
from cbt.http.auth.machine import addresses_of, is_elsewhere
from cbt.http.server.deferred import AGAIN, MAY_WAIT, WAIT, Parking, Wait
from cbt.http.server.hot_addresses import HandOn, HotHandler, HotRequest, Result, json_response
from cbt.runner.news.entries import number_asked
from cbt.runner.news.watcher import Watcher, head_of
from cbt.runner.waiting.hall import LOGIN, ReadTogether, WaiterRow, WaitingHall, told
from cbt.storage.types import db
from cbt.storage.unit_of_work import raw_reading

PAPER = "delivery.runner"


class WaitHandler(HotHandler[None]):
    """Says whether the waiting room may let this candidate through: the room's clock has begun."""

    def __init__(self, app: flask.Flask) -> None:
        self._app = app
        self._addresses = addresses_of(app)
        self._hall: WaitingHall = app.extensions["cbt_waiting_hall"]
        self._parking = cast(Parking, app.extensions["cbt_parking"])
        self._watcher = cast(Watcher, app.extensions["cbt_news"])
        with app.app_context():
            self._engine = db.engine
            self._together = ReadTogether(db.engine, self._hall)

    def read(self, request: HotRequest) -> Result:
        """Answer, or let the request wait; what is known of a login that does not hold the view asks anew."""
        environ, login, now = request.environ, request.login.token_hash, request.now
        asked = number_asked(request.argument("since"))
        plain = asked is not None or not environ.get("QUERY_STRING")
        known = plain and MAY_WAIT in environ and not request.by_view
        number, found = self._known(login) if known else self._read(login)
        if (
            found is None
            or now >= found.waiter.expires_at
            or is_elsewhere(found.waiter.machine, request.machine)
        ):
            return NotAllowed("web.signed_out") if request.by_view else HandOn.TO_THE_VIEW
        self._addresses.note(found.waiter.registration_ref, environ.get("REMOTE_ADDR"))
        standing, may_wait = found.standing, known and self._parking.has_room
        if (
            known
            and AGAIN not in environ
            and not standing.goes
            and asked is not None
            and found.changed <= asked <= number
        ):
            environ[WAIT] = Wait(LOGIN + login, found.topics(login), number)
            may_wait = False  # whoever is sent away before the time is, comes again in its own
        url = path_of(self._app, PAPER, ref=standing.attempt_ref) if standing.goes else None
        told_now = told(standing, now=now, number=number, url=url, span=self._hall.span, may_wait=may_wait)
        return json_response(json.dumps(told_now), ("Vary", "Cookie"))

    def _known(self, login: str) -> tuple[int, WaiterRow | None]:
        self._watcher.keep_up()
        number = self._hall.number  # before what is known: that may be newer, and is never older
        return number, self._hall.find(login) or self._together.read(login)

    def _read(self, login: str) -> tuple[int, WaiterRow | None]:
        """Read it for one who asks where nobody keeps up with the log."""
        with raw_reading(self._engine) as cursor:
            return head_of(cursor), self._hall.read_anew(cursor, login)
