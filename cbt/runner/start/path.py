"""The shortest way of a start: POST /attempts/<ref>/start served at the WSGI door.

When the proctor starts a room everybody sends this request in the same second. Whoever is plainly a signed-in
candidate gets the paper here, by the same opening as the view's; everything else goes on to the view. A paper is
promised where that can be (http/server/deferred.py): those of a batch are answered together.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import flask

from cbt.clock import Agreement
from cbt.errors import CbtError, NotAllowed
from cbt.http.auth.wsgi_login import Knock, door_of
from cbt.http.request_log import ENDPOINT, STATUS
from cbt.http.responses import SECURITY_HEADERS, PlainRefusals, unpacks
from cbt.http.server.deferred import AT_ONCE, PROMISES, Headers, PromisedRequest, promise
from cbt.http.server.request_body import RECEIVED_AT, REFUSED
from cbt.runner.save.journal import Journal
from cbt.runner.save.wire import FOR_VIEW, NOT_TAKEN
from cbt.runner.start.batch import Opened, Start
from cbt.runner.start.reply import AskedStart, OpenedReply, Openings
from cbt.storage.write_queue.batch import Failed

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PREFIX, SUFFIX = "/attempts/", "/start"
START = "attempts.start"
OPENED = "cbt.opened"
"""Where a start that was carried out waits for the thread that writes its reply."""
log = logging.getLogger(__name__)


class StartPath:
    """Wraps an app: takes the plain starts, hands on everything else."""

    def __init__(self, app: flask.Flask, inner: WSGIApplication) -> None:
        self._inner = inner
        self._door = door_of(app)
        self._openings = cast(Openings, app.extensions["cbt_openings"])
        self._agreement: Agreement = app.extensions["cbt_agreement"]
        self._refusals = PlainRefusals(app, cast(Journal, app.extensions["cbt_journal"]).come_again)
        self._headers = [*SECURITY_HEADERS.items(), ("Content-Type", "application/json"), ("Vary", "Cookie")]
        self._packed = [
            *self._headers[:-1],
            ("Vary", "Cookie, Accept-Encoding"),
            ("Content-Encoding", "gzip"),
        ]

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a plain start or promise it, or hand the request on."""
        path = environ["PATH_INFO"]
        if (
            environ["REQUEST_METHOD"] == "POST"
            and path.startswith(PREFIX)
            and path.endswith(SUFFIX)
            and FOR_VIEW not in environ
            and self._agreement.agrees  # else the app says why not
        ):
            answer = self._answer(environ, start_response, path[len(PREFIX) : -len(SUFFIX)])
            if answer is not None:
                return answer
        return self._inner(environ, start_response)

    def _answer(
        self, environ: WSGIEnvironment, start_response: StartResponse, ref: str
    ) -> Iterable[bytes] | None:
        try:
            carried_out: tuple[AskedStart, Opened] | None = environ.pop(OPENED, None)
            if carried_out is not None:
                reply = self._openings.reply(*carried_out)
            else:
                knock = self._knock(environ)
                if knock is None:
                    return None
                start = Start(ref, knock.token_hash, knock.machine, environ[RECEIVED_AT])
                if PROMISES in environ:
                    asked = self._asked(environ, start, knock.locale)
                    return None if asked is None else promise(environ, partial(self._ask, environ, asked))
                reply = self._openings.open(start, locale=knock.locale)
        except NotAllowed:
            reply = None  # the view says why
        except CbtError as error:
            environ[NOT_TAKEN] = error  # said by the view; the attempt is not asked a second time
            reply = None
        except Exception:
            log.exception("a start was handed on to the view")
            reply = None
        if reply is None:
            environ[FOR_VIEW] = True
            return None
        headers, body = self._sent(environ, reply)
        start_response("200 OK", headers)
        return [body]

    def _knock(self, environ: WSGIEnvironment) -> Knock | None:
        # A form would bring its token in the body, and a query is nothing a page of ours sends.
        if environ.get("CONTENT_TYPE") != "application/json" or environ.get("QUERY_STRING"):
            return None
        return None if REFUSED in environ else self._door.knock(environ)

    def _asked(self, environ: WSGIEnvironment, start: Start, locale: str) -> AskedStart | None:
        """Return what is to be promised; None for what the loop has to leave to a thread."""
        if AT_ONCE in environ:
            return self._openings.promised(start, locale)
        return self._openings.asked(start, locale)

    def _ask(self, environ: WSGIEnvironment, asked: AskedStart, held: PromisedRequest) -> None:
        self._openings.ask(asked.start, self._tell, (environ, asked, held))

    def _tell(
        self, starts: Sequence[tuple[tuple[WSGIEnvironment, AskedStart, PromisedRequest], Any]]
    ) -> None:
        """Answer what was promised, once it is on disk; what takes long goes to a thread, a refusal to the view."""
        opened = [(kept, outcome) for kept, outcome in starts if isinstance(outcome, Opened)]
        for (environ, _, held), outcome in starts:
            if isinstance(outcome, Opened):
                continue
            error = outcome.error if isinstance(outcome, Failed) else outcome
            if said := self._refusals.said(environ, error, endpoint=START):
                held.answer(*said)
                continue
            if not isinstance(error, NotAllowed):  # of that the view says why
                environ[NOT_TAKEN] = error
            environ[FOR_VIEW] = True
            held.hand_on()
        replies = self._replies([(asked, outcome) for (_, asked, _), outcome in opened])
        for ((environ, asked, held), outcome), reply in zip(opened, replies, strict=True):
            answer = None if reply is None else self._answered(environ, reply)
            if answer is None:
                environ[OPENED] = (asked, outcome)
                held.hand_on()
            else:
                held.answer(200, *answer)

    def _replies(self, opened: Sequence[tuple[AskedStart, Opened]]) -> Sequence[OpenedReply | None]:
        try:
            return self._openings.replies(opened) if opened else ()
        except Exception:
            log.exception("starts that were carried out are answered one by one")
            return [None] * len(opened)

    def _answered(self, environ: WSGIEnvironment, reply: OpenedReply) -> tuple[Headers, bytes] | None:
        try:
            return self._sent(environ, reply)
        except Exception:  # the others of its batch are answered all the same
            log.exception("a start that was carried out is answered by itself")
            return None

    def _sent(self, environ: WSGIEnvironment, reply: OpenedReply) -> tuple[Headers, bytes]:
        environ[ENDPOINT], environ[STATUS] = START, 200
        if unpacks(environ.get("HTTP_ACCEPT_ENCODING")):
            body, headers = reply.packed(), self._packed
        else:
            body, headers = reply.text().encode(), self._headers
        return [*headers, ("Content-Length", str(len(body)))], body


def init_start_path(app: flask.Flask) -> None:
    """Put the short way in front of `app`."""
    app.wsgi_app = StartPath(app, app.wsgi_app)  # type: ignore[method-assign]  # how Flask takes middleware
