"""The shortest way of whoever waits: GET /exam/wait/state answered at the WSGI door.

Everybody of a sitting asks this for a quarter of an hour. Who they are and what their room does is known to the
process (hall.py); a request that names the number it knows waits where nothing happened since. Whoever's login does
not plainly hold goes on to the view, which says why.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

import flask

from cbt.clock import Agreement
from cbt.config import Settings
from cbt.http.app_context import path_of
from cbt.http.auth.access import addresses_of
from cbt.http.auth.machine import is_elsewhere, tokens_of
from cbt.http.auth.wsgi_login import door_of
from cbt.http.request_log import ENDPOINT, STATUS
from cbt.http.responses import SECURITY_HEADERS, STRICT_TRANSPORT
from cbt.http.server.deferred import AGAIN, MAY_WAIT, WAIT, Parking, Wait
from cbt.http.server.request_body import RECEIVED_AT
from cbt.runner.news.entries import number_asked
from cbt.runner.news.watcher import Watcher
from cbt.runner.waiting.hall import ReadTogether, WaitingHall
from cbt.runner.waiting.standing import LOGIN, told
from cbt.storage.types import db

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

VIEW, PAPER = "delivery.wait_state", "delivery.runner"
QUERY = "since="
log = logging.getLogger(__name__)


class WaitPath:
    """Wraps an app: answers those who plainly wait, hands on everything else."""

    def __init__(self, app: flask.Flask, inner: WSGIApplication) -> None:
        self._app = app
        self._inner = inner
        self._path = path_of(app, VIEW)
        self._door = door_of(app)
        self._machines = tokens_of(app)
        self._addresses = addresses_of(app)
        self._agreement: Agreement = app.extensions["cbt_agreement"]
        self._hall: WaitingHall = app.extensions["cbt_waiting_hall"]
        self._parking = cast(Parking, app.extensions["cbt_parking"])
        self._watcher = cast(Watcher, app.extensions["cbt_news"])
        with app.app_context():
            self._together = ReadTogether(db.engine, self._hall)
        settings: Settings = app.extensions["cbt_settings"]
        self._headers = [
            *(SECURITY_HEADERS | (STRICT_TRANSPORT if settings.https else {})).items(),
            ("Content-Type", "application/json"),
            ("Vary", "Cookie"),
        ]

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer whoever waits, or hand the request on."""
        if (
            environ["PATH_INFO"] == self._path
            and environ["REQUEST_METHOD"] == "GET"
            and MAY_WAIT in environ  # a server without the front's loop is asked so seldom that the view does
            and self._agreement.agrees  # else the app says why not
        ):
            body = self._answer(environ)
            if body is not None:
                environ[ENDPOINT], environ[STATUS] = VIEW, 200
                start_response("200 OK", [*self._headers, ("Content-Length", str(len(body)))])
                return [body]
        return self._inner(environ, start_response)

    def _answer(self, environ: WSGIEnvironment) -> bytes | None:
        query = environ.get("QUERY_STRING", "")
        asked = number_asked(query.removeprefix(QUERY)) if query.startswith(QUERY) else None
        login = self._door.login(environ)
        if login is None or (query and asked is None):
            return None
        try:
            self._watcher.keep_up()
            number = self._hall.number  # before what is known: that may be newer, and is never older
            found = self._hall.find(login) or self._together.read(login)
        except Exception:
            log.exception("somebody who waits was handed on to the view")
            return None
        now, machine = environ[RECEIVED_AT], self._machines.asking(environ)
        if found is None or now >= found.waiter.expires_at or is_elsewhere(found.waiter.machine, machine):
            return None
        self._addresses.note(found.waiter.registration_ref, environ.get("REMOTE_ADDR"))
        standing, may_wait = found.standing, self._parking.has_room
        if (
            AGAIN not in environ
            and not standing.goes
            and asked is not None
            and found.changed <= asked <= number
        ):
            environ[WAIT] = Wait(LOGIN + login, found.topics(login), number)
            may_wait = False  # whoever is sent away before the time is, comes again in its own
        url = path_of(self._app, PAPER, ref=standing.attempt_ref) if standing.goes else None
        return json.dumps(
            told(standing, now=now, number=number, url=url, span=self._hall.span, may_wait=may_wait)
        ).encode()


def init_wait_path(app: flask.Flask) -> None:
    """Put the short way in front of `app`."""
    app.wsgi_app = WaitPath(app, app.wsgi_app)  # type: ignore[method-assign]  # how Flask takes middleware
