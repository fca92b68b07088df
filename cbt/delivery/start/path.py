"""The shortest way of a start: POST /attempts/<ref>/start served at the WSGI door.

When the proctor starts a room everybody sends this request in the same second. Whoever is plainly a signed-in
candidate gets the paper here, by the same opening as the view's; everything else goes on to the view.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

import flask

from cbt.clock import Agreement
from cbt.delivery.save.wire import NOT_TAKEN
from cbt.delivery.start.claims import Start
from cbt.delivery.start.reply import OpenedReply, Openings
from cbt.errors import CbtError, NotAllowed
from cbt.web.gzipping import unpacks
from cbt.web.headers import SECURITY_HEADERS
from cbt.web.receiving.door import door_of
from cbt.web.receiving.whole import RECEIVED_AT, REFUSED
from cbt.web.watching.requestlog import ENDPOINT, STATUS

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PREFIX, SUFFIX = "/attempts/", "/start"
log = logging.getLogger(__name__)


class StartPath:
    """Wraps an app: takes the plain starts, hands on everything else."""

    def __init__(self, app: flask.Flask, inner: WSGIApplication) -> None:
        self._inner = inner
        self._door = door_of(app)
        self._openings = cast(Openings, app.extensions["cbt_openings"])
        self._agreement: Agreement = app.extensions["cbt_agreement"]
        self._headers = [*SECURITY_HEADERS.items(), ("Content-Type", "application/json"), ("Vary", "Cookie")]
        self._packed = [
            *self._headers[:-1],
            ("Vary", "Cookie, Accept-Encoding"),
            ("Content-Encoding", "gzip"),
        ]

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a plain start, or hand the request on."""
        path = environ["PATH_INFO"]
        if (
            environ["REQUEST_METHOD"] == "POST"
            and path.startswith(PREFIX)
            and path.endswith(SUFFIX)
            and self._agreement.agrees  # else the app says why not
        ):
            reply = self._start(environ, path[len(PREFIX) : -len(SUFFIX)])
            if reply is not None:
                environ[ENDPOINT], environ[STATUS] = "attempts.start", 200
                if unpacks(environ.get("HTTP_ACCEPT_ENCODING")):
                    body, headers = reply.packed(), self._packed
                else:
                    body, headers = reply.text().encode(), self._headers
                start_response("200 OK", [*headers, ("Content-Length", str(len(body)))])
                return [body]
        return self._inner(environ, start_response)

    def _start(self, environ: WSGIEnvironment, ref: str) -> OpenedReply | None:
        # A form would bring its token in the body, and a query is nothing a page of ours sends.
        if environ.get("CONTENT_TYPE") != "application/json" or environ.get("QUERY_STRING"):
            return None
        if REFUSED in environ:
            return None
        now = environ[RECEIVED_AT]
        try:
            knock = self._door.knock(environ)
            if knock is None:
                return None
            start = Start(ref, knock.token_hash, knock.machine, now)
            return self._openings.open(start, locale=knock.locale)
        except NotAllowed:
            return None  # the view says why
        except CbtError as error:
            environ[NOT_TAKEN] = error  # said by the view; the attempt is not asked a second time
            return None
        except Exception:
            log.exception("a start was handed on to the view")
            return None


def init_start_path(app: flask.Flask) -> None:
    """Put the short way in front of `app`."""
    app.wsgi_app = StartPath(app, app.wsgi_app)  # type: ignore[method-assign]  # how Flask takes middleware
