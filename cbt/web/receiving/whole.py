"""A request counts as received when it has been read whole: body first, then the clock (R-21).

The server's front (front.py) does both before a thread is used. Where another server calls the app, the same is
done here, at the WSGI door, so that no view and no short way ever reads a clock before the body.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

import flask
from itsdangerous import BadSignature
from werkzeug.exceptions import HTTPException
from werkzeug.http import parse_cookie
from werkzeug.routing import RequestRedirect

from cbt.clock import Clock
from cbt.config import Settings
from cbt.errors import TooLarge
from cbt.web.receiving.bodies import SMALL_BODY, declared_length
from cbt.web.receiving.promises import ThreadsOnly
from cbt.web.request import is_one_host
from cbt.web.who.access import access_of
from cbt.web.who.cookies import cookie_signer, session_cookie

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

RECEIVED_AT = "cbt.received_at"
"""The instant at which the request had been read whole."""
HANDED_AT = "cbt.handed_at"
"""The reading of a counter at that moment: what waits for a thread from there on waits for us."""
REFUSED = "cbt.refused"
"""The HTTP status by which the app is to refuse a request whose body was not read."""
NO_LENGTH, TOO_SLOW, TOO_LARGE, CUT_SHORT, NO_HOST = 411, 408, 413, 400, 400
Limit = Callable[[str, str, str], int]
"""The largest body, in bytes, that is read for a method and a path from whoever sends these cookies."""


class WholeBody:
    """Wraps an app: reads what the front has not read, then the clock.

    A request that does not name one host goes to `refusing`, past every short way: which host it means is not to be
    guessed.
    """

    def __init__(self, inner: WSGIApplication, clock: Clock, limit: Limit, refusing: WSGIApplication) -> None:
        self._inner = inner
        self._refusing = refusing
        self._clock = clock
        self._limit = limit

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        if RECEIVED_AT not in environ:
            self._read(environ)
            environ[RECEIVED_AT] = self._clock.now()
        if not is_one_host(environ.get("HTTP_HOST")):
            environ.pop("HTTP_HOST", None)  # no address of ours is made of it
            environ.setdefault(REFUSED, NO_HOST)
            _take_off_body(environ)
            return self._refusing(environ, start_response)
        return self._inner(environ, start_response)

    def _read(self, environ: WSGIEnvironment) -> None:
        length = declared_length(environ.get("CONTENT_LENGTH"))
        body = b""
        if environ.get("HTTP_TRANSFER_ENCODING"):
            environ[REFUSED] = NO_LENGTH
        elif length > SMALL_BODY and length > self._limit(
            environ["REQUEST_METHOD"], environ.get("PATH_INFO", ""), environ.get("HTTP_COOKIE", "")
        ):
            environ[REFUSED] = TOO_LARGE
        elif length:
            body = environ["wsgi.input"].read(length)
            if len(body) < length:
                environ[REFUSED] = CUT_SHORT
        environ["wsgi.input"] = io.BytesIO(body)
        if REFUSED in environ:
            _take_off_body(environ)


def _take_off_body(environ: WSGIEnvironment) -> None:
    environ["wsgi.input"], environ["CONTENT_LENGTH"] = io.BytesIO(), "0"


def body_limit(app: flask.Flask) -> Limit:
    """Return what tells the largest body: a file's where a page for staff is asked for with a login, else a form's.

    Whether the login still holds is for the view to say; a cookie that is not ours does not open the door to files.
    """
    settings: Settings = app.extensions["cbt_settings"]
    largest = settings.max_upload_mb * 1024 * 1024
    signer = cookie_signer(app)
    urls = app.url_map.bind("")

    def limit(method: str, path: str, cookies: str) -> int:
        try:
            endpoint, _ = urls.match(path, method=method)
            kept = signer.loads(parse_cookie(cookies).get(session_cookie(app, staff=True), ""))
        except (HTTPException, RequestRedirect, BadSignature):
            return SMALL_BODY
        access = access_of(app, endpoint)
        return largest if access is not None and access.kind == "staff" and "_user_id" in kept else SMALL_BODY

    return limit


def init_receiving(app: flask.Flask) -> None:
    """Put the door around everything that `app` has been given so far."""
    app.extensions["cbt_body_limit"] = limit = body_limit(app)
    app.add_template_global(lambda: app.extensions["cbt_settings"].max_upload_mb, "most_upload_mb")
    clock: Clock = app.extensions["cbt_clock"]
    refusing = ThreadsOnly(partial(flask.Flask.wsgi_app, app))
    app.wsgi_app = WholeBody(app.wsgi_app, clock, limit, refusing)  # type: ignore[method-assign]  # Flask's way


def refuse_unread() -> None:
    """Refuse the present request when its body was not read; called before anything looks for it.

    Raise TooLarge("web.too_large") where a file may be sent, ("web.too_large_signed_out") where it might be after
    signing in, ("web.too_much") elsewhere; whatever else a request lacks, abort.
    """
    status = flask.request.environ.get(REFUSED)
    if status == TOO_LARGE:
        access = access_of(flask.current_app, flask.request.endpoint or "")
        if access is None or access.kind != "staff":
            raise TooLarge("web.too_much", kb=SMALL_BODY // 1024)
        if "_user_id" not in flask.session:
            raise TooLarge("web.too_large_signed_out", kb=SMALL_BODY // 1024)
        raise too_large(flask.current_app)
    if status is not None:
        flask.abort(status)


def too_large(app: flask.Flask) -> TooLarge:
    """Return the refusal of a file over the limit of this installation."""
    settings: Settings = app.extensions["cbt_settings"]
    return TooLarge("web.too_large", mb=settings.max_upload_mb)
