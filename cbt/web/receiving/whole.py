"""A request counts as received when it has been read whole: body first, then the clock (R-21).

The server's front (front.py) does both before a thread is used. Where another server calls the app, the same is
done here, at the WSGI door, so that no view and no short way ever reads a clock before the body.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from functools import partial
from typing import IO, TYPE_CHECKING

import flask
from itsdangerous import BadSignature
from werkzeug.exceptions import HTTPException
from werkzeug.http import parse_cookie
from werkzeug.routing import RequestRedirect

from cbt.clock import Clock
from cbt.config import Settings
from cbt.errors import CbtError, NotAllowed, TooLarge, Unavailable
from cbt.slots import Slots
from cbt.web.receiving.bodies import SMALL_BODY, declared_length
from cbt.web.receiving.budget import AGAIN_SECONDS, BodyBudget, Sender
from cbt.web.receiving.promises import ThreadsOnly
from cbt.web.receiving.spool import AT_ONCE, SpooledRequest, spool
from cbt.web.request import is_one_host
from cbt.web.who.access import access_of
from cbt.web.who.attention import KIND
from cbt.web.who.cookies import cookie_signer, session_cookie
from cbt.web.who.login import current_principal, staff_of

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

RECEIVED_AT = "cbt.received_at"
"""The instant at which the request had been read whole."""
HANDED_AT = "cbt.handed_at"
"""The reading of a counter at that moment: what waits for a thread from there on waits for us."""
REFUSED = "cbt.refused"
"""What the app is to refuse a request by whose body was not read: an HTTP status, or an error of its own."""
NO_LENGTH, TOO_SLOW, TOO_LARGE, CUT_SHORT, NO_HOST = 411, 408, 413, 400, 400
HEALTH, OLD_HTTP = "/healthz", ("HTTP/1.0", "HTTP/1")
Refused = int | CbtError
SenderOf = Callable[[str, str, str], Sender]
"""Who sends a large body to a method and a path with these cookies: asks the database."""
NOBODY = Sender(SMALL_BODY)
log = logging.getLogger(__name__)


class WholeBody:
    """Wraps an app: reads what the front has not read, then the clock.

    A request that does not name one host goes to `refusing`, past every short way: which host it means is not to be
    guessed.
    """

    def __init__(
        self,
        inner: WSGIApplication,
        clock: Clock,
        sender_of: SenderOf,
        budget: BodyBudget,
        new_spool: Callable[[], IO[bytes]],
        refusing: WSGIApplication,
    ) -> None:
        self._inner = inner
        self._refusing = refusing
        self._clock = clock
        self._sender_of = sender_of
        self._budget = budget
        self._new_spool = new_spool

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        if RECEIVED_AT in environ:
            return self._answer(environ, start_response)
        with ExitStack() as held:
            body, refused = self._read(environ, held)
            if refused is not None:
                environ[REFUSED], environ["CONTENT_LENGTH"] = refused, "0"
                body = io.BytesIO()
            environ["wsgi.input"] = body
            environ[RECEIVED_AT] = self._clock.now()
            return self._answer(environ, start_response)

    def _answer(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        host = environ.get("HTTP_HOST")
        if is_one_host(host) or (host is None and _is_plain_health(environ)):
            return self._inner(environ, start_response)
        environ.pop("HTTP_HOST", None)  # no address of ours is made of it
        environ.setdefault(REFUSED, NO_HOST)
        environ["wsgi.input"], environ["CONTENT_LENGTH"] = io.BytesIO(), "0"
        return self._refusing(environ, start_response)

    def _read(self, environ: WSGIEnvironment, held: ExitStack) -> tuple[IO[bytes], Refused | None]:
        """Return the body, and what it is refused by; what it takes is given back with `held`."""
        length = declared_length(environ.get("CONTENT_LENGTH"))
        body: IO[bytes] = io.BytesIO()
        if environ.get("HTTP_TRANSFER_ENCODING"):
            return body, NO_LENGTH
        try:
            if length > SMALL_BODY:
                asked = (
                    environ["REQUEST_METHOD"],
                    environ.get("PATH_INFO", ""),
                    environ.get("HTTP_COOKIE", ""),
                )
                sender = self._sender_of(*asked)
                if length > sender.most:
                    return body, TOO_LARGE
                held.callback(self._budget.take_large(sender.login, length))
                body = held.enter_context(self._new_spool())
            elif length:
                held.callback(self._budget.take_small(length))
            return body, CUT_SHORT if _copy(environ["wsgi.input"], body, length) < length else None
        except CbtError as error:
            return body, error
        except OSError as error:
            return body, no_room(error)


def _is_plain_health(environ: WSGIEnvironment) -> bool:
    """Return whether a balancer asks for the server's health by HTTP/1.0, which need not name a host."""
    return environ.get("PATH_INFO") == HEALTH and environ.get("SERVER_PROTOCOL") in OLD_HTTP


def _copy(source: IO[bytes], target: IO[bytes], length: int) -> int:
    """Copy so many bytes, or all that there are; return how many, with `target` at its beginning."""
    copied = 0
    while piece := source.read(min(AT_ONCE, length - copied)):
        copied += target.write(piece)
    target.seek(0)
    return copied


def no_room(error: OSError) -> Unavailable:
    """Return the refusal of a body that could not be written down."""
    log.warning("a large body could not be kept while it came: %s", error.strerror or type(error).__name__)
    return Unavailable("upload.busy", seconds=AGAIN_SECONDS)


def sender_of(app: flask.Flask) -> SenderOf:
    """Return what tells who sends a large body: a file's where staff may ask for a page of staff, else a form's.

    The login's row is asked, for a cookie outlasts its login: nobody's file is taken whose login is over or whose
    roles do not open the page.
    """
    settings: Settings = app.extensions["cbt_settings"]
    clock: Clock = app.extensions["cbt_clock"]
    largest = settings.max_upload_mb * 1024 * 1024
    signer = cookie_signer(app)
    urls = app.url_map.bind("")

    def sender(method: str, path: str, cookies: str) -> Sender:
        try:
            endpoint, _ = urls.match(path, method=method)
            kept = signer.loads(parse_cookie(cookies).get(session_cookie(app, staff=True), ""))
        except (HTTPException, RequestRedirect, BadSignature):
            return NOBODY
        access, token = access_of(app, endpoint), kept.get("_user_id")
        if access is None or access.kind != KIND or not isinstance(token, str):
            return NOBODY
        try:
            with app.app_context():
                principal = staff_of(token, now=clock.now())
        except Exception as error:
            log.warning("whose login a file came with could not be asked: %s", type(error).__name__)
            raise Unavailable("upload.busy", seconds=AGAIN_SECONDS) from error
        if principal is None or not access.admits(principal):
            return NOBODY
        return Sender(largest, principal.subject_ref)

    return sender


def init_receiving(app: flask.Flask) -> None:
    """Put the door around everything that `app` has been given so far."""
    settings: Settings = app.extensions["cbt_settings"]
    clock: Clock = app.extensions["cbt_clock"]
    slots: Slots = app.extensions["cbt_slots"]
    budget = BodyBudget(largest=settings.max_upload_mb * 1024 * 1024, slots=slots)
    asked = sender_of(app)
    app.extensions.update(cbt_sender_of=asked, cbt_body_budget=budget)
    app.request_class = SpooledRequest
    app.add_template_global(lambda: settings.max_upload_mb, "most_upload_mb")
    app.wsgi_app = WholeBody(  # type: ignore[method-assign]  # Flask's way
        app.wsgi_app,
        clock,
        asked,
        budget,
        lambda: spool(settings.data_dir),
        ThreadsOnly(partial(flask.Flask.wsgi_app, app)),
    )


def refuse_unread() -> None:
    """Refuse the present request when its body was not read; called before anything looks for it.

    Raise TooLarge("web.too_large") where a file may be sent, ("web.too_large_signed_out") where it might be after
    signing in, NotAllowed("web.not_allowed") where the sender's roles do not open the page,
    TooLarge("web.too_much") elsewhere, and the error that the body was refused by; whatever else a request lacks,
    abort.
    """
    refused: Refused | None = flask.request.environ.get(REFUSED)
    if isinstance(refused, CbtError):
        raise refused
    if refused == TOO_LARGE:
        access = access_of(flask.current_app, flask.request.endpoint or "")
        if access is None or access.kind != KIND:
            raise TooLarge("web.too_much", kb=SMALL_BODY // 1024)
        principal = current_principal()
        if principal is None or principal.kind != KIND:
            raise TooLarge("web.too_large_signed_out", kb=SMALL_BODY // 1024)
        if not access.admits(principal):
            raise NotAllowed("web.not_allowed")
        raise too_large(flask.current_app)
    if refused is not None:
        flask.abort(refused)


def too_large(app: flask.Flask) -> TooLarge:
    """Return the refusal of a file over the limit of this installation."""
    settings: Settings = app.extensions["cbt_settings"]
    return TooLarge("web.too_large", mb=settings.max_upload_mb)
