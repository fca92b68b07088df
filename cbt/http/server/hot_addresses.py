"""Hot addresses: what a whole hall asks for at once, each one handler with its rules and refusals.

A handler is asked in two ways, and says the same in both. At the WSGI door (HotAddresses) a request costs no page's
machinery: whose it is, its browser's signed cookies say, and what waits for a commit waits in no thread
(deferred.py). By the Flask view of its address (`hot_reply`) the hooks before a view have asked for the login.
What only a page can say (a refusal in the reader's language, a sign-in to be led to) the door leaves to the view,
together with what has come of the request, so nothing is carried out twice.
"""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar, cast
from urllib.parse import parse_qsl

import flask
import flask_babel
from flask_wtf.csrf import generate_csrf

from cbt.clock import Agreement
from cbt.config import Settings
from cbt.errors import CbtError, NotAllowed, Unavailable
from cbt.http.auth.access import access_of
from cbt.http.auth.cookies import read_cookie
from cbt.http.auth.login import CANDIDATE, machine_id, signed_in
from cbt.http.auth.machine import token_hash, tokens_of
from cbt.http.auth.wsgi_login import BrowserLogin, door_of
from cbt.http.form_values import whole_number
from cbt.http.i18n import LOCALE_HEADER, chosen_locale, chosen_theme, sentences
from cbt.http.partials import Reply
from cbt.http.request_log import ENDPOINT, STATUS
from cbt.http.responses import SecuredHeaders
from cbt.http.server.deferred import AT_ONCE, PROMISED, PROMISES, Headers, PromisedRequest, promise
from cbt.http.server.request_body import RECEIVED_AT, REFUSED
from cbt.storage.write_queue.batch import Failed
from cbt.storage.write_queue.group_commit import Told

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger(__name__)

OUTCOME = "cbt.outcome"
"""Where the outcome of a request waits for the thread that makes a reply of it."""
FOR_VIEW = "cbt.for_view"
"""Says of a request that the view answers it: with the result that lies here, if there is one."""
_EXTENSION = "cbt_hot_addresses"
REASONS = {200: "200 OK", 304: "304 NOT MODIFIED", 503: "503 SERVICE UNAVAILABLE"}
HTML = ("Content-Type", "text/html; charset=utf-8")
PLAIN = frozenset({"db.busy", "db.write", "request.stale"})
"""Refusals that are the same for everybody: nothing but the time to come again goes with them."""
PUBLIC, PARTIAL = "public", "HTTP_HX_REQUEST"
FORM, FORM_TOKEN = "application/x-www-form-urlencoded", "csrf_token"
SHORT_FORM, FIELDS = 4_096, 16
"""So long a form, in bytes, and of so many fields, is read at the door; any other by the view."""
_LOCALE = f"HTTP_{LOCALE_HEADER.upper().replace('-', '_')}"
Pending = TypeVar("Pending")


class HotResponse(NamedTuple):
    """A response as it goes out, but for the headers that all have."""

    headers: Headers
    body: bytes
    status: int = 200

    def as_reply(self) -> Reply:
        """Return it as the reply of a view."""
        return flask.Response(self.body, self.status, headers=self.headers)


class OnPage(NamedTuple):
    """A response that is written in the context of a request: it says something in the reader's language."""

    write: Callable[[], Reply]


class HandOn(Enum):
    """Whom a handler leaves a request to that came by the door."""

    TO_A_THREAD = 1
    """It would have to wait for a disk."""
    TO_THE_VIEW = 2
    """The hooks before a view may know better whose request it is."""
    TO_A_PROMISE = 3
    """Whoever has the outcome answers."""


Result = HotResponse | OnPage | CbtError | HandOn


@dataclass(slots=True)
class HotRequest:
    """A request as a handler sees it; `ref` is the part of its address that varies."""

    environ: WSGIEnvironment
    ref: str
    machine: str
    """The identity of the machine that sends it."""
    sender: BrowserLogin | None
    """The signed-in candidate, at an address of candidates; at a public one whoever has a session of ours."""
    by_view: bool = False
    form: Mapping[str, str] = field(default_factory=dict)
    """What a form of a public address brings."""

    @property
    def at_once(self) -> bool:
        """Whether the loop itself asks: the handler may wait for nothing."""
        return AT_ONCE in self.environ

    @property
    def now(self) -> datetime:
        """The instant at which it had been read whole."""
        return cast(datetime, self.environ[RECEIVED_AT])

    @property
    def login(self) -> BrowserLogin:
        """The signed-in candidate who sends it, at an address of candidates."""
        assert self.sender is not None
        return self.sender

    def body(self) -> bytes:
        """Return what was sent; it stays there for the view."""
        raw: bytes = self.environ["wsgi.input"].read()
        self.environ["wsgi.input"] = io.BytesIO(raw)
        return raw

    def argument(self, name: str) -> str | None:
        """Return the first argument of its address with this name."""
        query = self.environ.get("QUERY_STRING")
        return next((text for known, text in parse_qsl(query) if known == name), None) if query else None


class HotHandler(Generic[Pending]):
    """Answers one address: reads a request, has it carried out, and makes a reply of the outcome.

    One that only reads answers at once (`read`); the rest of the methods are for what waits with others.
    """

    def read(self, request: HotRequest) -> Pending | Result:
        """Return what the request asks for, or what is answered already; raise CbtError for what is refused."""
        raise NotImplementedError

    def carry_out(self, pending: Pending) -> Any:
        """Carry out what is asked for and return the outcome; wait for it. Raise CbtError as `read`."""
        raise NotImplementedError

    def ask(self, pending: Pending, on_commit: Told, kept: Any) -> None:
        """Have it carried out together with others; `on_commit` is told what is `kept`, with each outcome."""
        raise NotImplementedError

    def results(self, outcomes: Sequence[tuple[Pending, Any]], *, may_wait: bool) -> Sequence[Result]:
        """Return what is answered to some that were carried out together; a thread of their own `may_wait`."""
        raise NotImplementedError

    def refused(self, ref: str, error: CbtError) -> Result:
        """Return what is said of a refusal."""
        return error

    def answer(self, request: HotRequest) -> Result:
        """Return what a request is answered, once it was carried out."""
        pending = self.read(request)
        if isinstance(pending, Result):
            return pending
        outcome = self.carry_out(pending)
        if isinstance(outcome, CbtError):
            raise outcome
        return self.results([(pending, outcome)], may_wait=True)[0]


def _plain_form(environ: WSGIEnvironment) -> dict[str, str]:
    """Return a short form as browsers send it by themselves, the first of each name; nothing of any other."""
    length = environ.get("CONTENT_LENGTH") or ""
    if environ.get("CONTENT_TYPE") != FORM or whole_number(length, most=SHORT_FORM) is None:
        return {}
    raw: bytes = environ["wsgi.input"].read()
    environ["wsgi.input"] = io.BytesIO(raw)
    try:
        pairs = parse_qsl(raw.decode(), keep_blank_values=True, max_num_fields=FIELDS, errors="strict")
    except ValueError:
        return {}
    return {} if any("\0" in text for pair in pairs for text in pair) else dict(reversed(pairs))


def json_response(text: str, *headers: tuple[str, str]) -> HotResponse:
    return HotResponse([("Content-Type", "application/json"), *headers], text.encode())


class _Address:
    """One hot address, as the door knows it."""

    def __init__(self, door: HotAddresses, endpoint: str, kind: str, handler: HotHandler[Any]) -> None:
        """`kind` is whose it is (access.py)."""
        self.endpoint = endpoint
        self.kind = kind
        self.handler = handler
        self._door = door

    def result(self, request: HotRequest) -> Result:
        """Return what a request is answered; TO_A_PROMISE where whoever has the outcome does."""
        environ = request.environ
        if OUTCOME in environ:
            return self.handler.results([environ.pop(OUTCOME)], may_wait=True)[0]
        if PROMISES not in environ:
            return self.handler.answer(request)
        pending = self.handler.read(request)
        if isinstance(pending, Result):
            return pending
        promise(
            environ, lambda held: self.handler.ask(pending, self.tell, (environ, request.ref, pending, held))
        )
        return HandOn.TO_A_PROMISE

    def tell(self, pairs: Sequence[tuple[Any, Any]]) -> None:
        """Answer what was promised, once it was carried out; some go on to a thread, or to the view."""
        done = [(kept, outcome) for kept, outcome in pairs if not isinstance(outcome, Failed | Exception)]
        for (environ, ref, _, held), outcome in pairs:
            error = outcome.error if isinstance(outcome, Failed) else outcome
            if isinstance(error, CbtError):
                self._send(environ, held, self.handler.refused(ref, error))
            elif isinstance(error, Exception):
                self._send(environ, held, HandOn.TO_THE_VIEW)
        try:
            outcomes = [(kept[2], outcome) for kept, outcome in done]
            results = self.handler.results(outcomes, may_wait=False) if done else ()
        except Exception:
            log.exception("%d requests that were carried out are answered one by one", len(done))
            results = [HandOn.TO_A_THREAD] * len(done)
        for ((environ, _, pending, held), outcome), result in zip(done, results, strict=True):
            if result is HandOn.TO_A_THREAD:
                environ[OUTCOME] = pending, outcome
                held.hand_on()
            else:
                self._send(environ, held, result)

    def _send(self, environ: WSGIEnvironment, held: PromisedRequest, result: Result) -> None:
        response = self._door.response(environ, self, result)
        if response is None:
            held.hand_on()
        else:
            held.answer(*response)


class HotAddresses:
    """Wraps an app: answers the hot addresses, hands on everything else, and what a page has to say of them."""

    def __init__(
        self,
        app: flask.Flask,
        inner: WSGIApplication,
        handlers: Mapping[str, HotHandler[Any]],
        *,
        come_again: Callable[[], int],
    ) -> None:
        """`handlers` are by endpoint; `come_again` tells in how many seconds whoever is refused may come again."""
        self._inner = inner
        self.off: Collection[str] = ()
        """Endpoints that are left to their views."""
        self._agreement: Agreement = app.extensions["cbt_agreement"]
        self._door = door_of(app)
        self._machines = tokens_of(app)
        self._come_again = come_again
        self._settings: Settings = app.extensions["cbt_settings"]
        self._secured: SecuredHeaders = app.extensions["cbt_secured"]
        self._fixed = frozenset(rule.rule for rule in app.url_map.iter_rules() if not rule.arguments)
        self.addresses: dict[str, _Address] = {}
        self._places: dict[tuple[str, int, str, str | None], tuple[_Address, Sequence[str | None]]] = {}
        for rule in app.url_map.iter_rules():
            if rule.endpoint in handlers:
                access = access_of(app, rule.endpoint)
                assert access is not None
                address = _Address(self, rule.endpoint, access.kind, handlers[rule.endpoint])
                self.addresses[rule.endpoint] = address
                pieces = [None if one.startswith("<") else one for one in rule.rule.split("/")]
                method = "POST" if "POST" in (rule.methods or ()) else "GET"
                self._places[method, len(pieces), str(pieces[1]), pieces[-1]] = address, pieces

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request or promise to, or hand it on."""
        find = self._find(environ["REQUEST_METHOD"], environ["PATH_INFO"])
        if find is None or FOR_VIEW in environ or REFUSED in environ or not self._agreement.agrees:
            return self._hand_on(environ, start_response)
        address, ref = find
        if address.endpoint in self.off:
            return self._hand_on(environ, start_response)
        try:
            request = self._request(environ, address, ref)
            result = HandOn.TO_THE_VIEW if request is None else address.result(request)
        except CbtError as error:
            result = address.handler.refused(ref, error)
        except Exception:
            log.exception("a request was handed on to the view")
            result = HandOn.TO_THE_VIEW
        if result is HandOn.TO_A_PROMISE:
            return ()
        if result is HandOn.TO_A_THREAD:
            return promise(environ, PromisedRequest.by_a_thread)
        response = self.response(environ, address, result)
        if response is None:
            return self._hand_on(environ, start_response)
        status, headers, body = response
        start_response(REASONS[status], headers)
        return [body]

    def _hand_on(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Have a view answer: the loop asks none, and hands the request to a thread."""
        if AT_ONCE in environ:
            return promise(environ, PromisedRequest.by_a_thread)
        return self._inner(environ, start_response)

    def _find(self, method: str, path: str) -> tuple[_Address, str] | None:
        """Return the hot address of a path, and the part of it that varies."""
        pieces = path.split("/")
        if len(pieces) < 2:
            return None
        key = method, len(pieces), pieces[1]
        place = self._places.get((*key, pieces[-1])) or self._places.get((*key, None))
        if place is None:
            return None
        address, known = place
        ref = ""
        for piece, fixed in zip(pieces, known, strict=True):
            if fixed is None and piece:
                ref = piece
            elif piece != fixed:
                return None
        return None if ref and path in self._fixed else (address, ref)

    def _request(self, environ: WSGIEnvironment, address: _Address, ref: str) -> HotRequest | None:
        """Return a request as its handler sees it; None where it is not plain whose it is."""
        login, form = None, {}
        if address.kind == CANDIDATE:
            login = self._door.login(environ)
            if login is None:
                return None
            # A form would bring its token in the body, and a query is nothing a page of ours sends with JSON.
            if environ["REQUEST_METHOD"] == "POST" and (
                environ.get("CONTENT_TYPE") != "application/json"
                or environ.get("QUERY_STRING")
                or not self._door.owns_form(environ, environ.get("HTTP_X_CSRFTOKEN"))
            ):
                return None
        elif address.kind == PUBLIC:
            login = self._door.browser(environ)
            if login is None or environ.get("QUERY_STRING") or PARTIAL in environ:
                return None
            if environ["REQUEST_METHOD"] == "POST":
                form = _plain_form(environ)
                if not self._door.owns_form(environ, form.get(FORM_TOKEN)):
                    return None
        return HotRequest(environ, ref, self._machines.asking(environ), login, form=form)

    def response(
        self, environ: WSGIEnvironment, address: _Address, result: Result
    ) -> tuple[int, Headers, bytes] | None:
        """Return status, headers and content of a result; None for one that is left to the view."""
        if isinstance(result, Unavailable) and result.code in PLAIN:
            result = self._plain(result, chosen_locale(environ.get(_LOCALE), self._settings))
        if not isinstance(result, HotResponse):
            # By a page's cookies a machine may be another: then the view asks once more.
            environ[FOR_VIEW] = None if isinstance(result, HandOn | NotAllowed) else result
            return None
        environ[ENDPOINT], environ[STATUS] = address.endpoint, result.status
        length = [] if result.status == 304 else [("Content-Length", str(len(result.body)))]
        return result.status, self._secured.of(environ, [*result.headers, *length]), result.body

    def _plain(self, error: Unavailable, language: str) -> HotResponse:
        """Return a refusal without a page or a thread: when a server is behind, it must cost less than an answer.

        Source: I12, I14.
        """
        seconds, (what, fix) = error.params.get("seconds"), sentences(language, error.code)
        if not isinstance(seconds, int):
            seconds = self._come_again()
        told = {"code": error.code, "seconds": seconds, "message": what, "fix": fix}
        return json_response(json.dumps(told), ("Retry-After", str(seconds)))._replace(status=503)


def hot_reply(ref: str = "") -> Reply:
    """Answer the present request of a hot address as a view."""
    environ = flask.request.environ
    address = door_at(flask.current_app).addresses[str(flask.request.endpoint)]
    result: Result | None = environ.get(FOR_VIEW)
    if result is None:
        sender = _signed_in_browser() if address.kind == CANDIDATE else None
        form = flask.request.form.to_dict() if address.kind == PUBLIC else {}
        request = HotRequest(environ, ref, machine_id(), sender, by_view=True, form=form)
        try:
            # What the door left is waited for here, and else promised as there.
            result = address.handler.answer(request) if FOR_VIEW in environ else address.result(request)
        except CbtError as error:
            result = address.handler.refused(ref, error)
    match result:
        case HandOn.TO_A_PROMISE:
            return PROMISED
        case CbtError():
            raise result
        case OnPage(write):
            return write()
        case HotResponse():
            return result.as_reply()
    raise AssertionError(f"a view can leave a request to nobody: {address.endpoint}")


def _signed_in_browser() -> BrowserLogin:
    return BrowserLogin(
        token_hash=token_hash(signed_in().token),
        locale=str(flask_babel.get_locale()),
        theme=chosen_theme(read_cookie("theme")),
        has_news=False,
        has_machine=True,
        form_token=generate_csrf,
    )


def init_hot_addresses(
    app: flask.Flask, handlers: Mapping[str, HotHandler[Any]], *, come_again: Callable[[], int]
) -> None:
    """Put the door in front of `app`, and have the views of its addresses answered by the same handlers."""
    door = HotAddresses(app, app.wsgi_app, handlers, come_again=come_again)
    app.extensions[_EXTENSION] = door
    app.wsgi_app = door  # type: ignore[method-assign]  # how Flask takes middleware


def door_at(app: flask.Flask) -> HotAddresses:
    """Return the door of an app's hot addresses."""
    return cast(HotAddresses, app.extensions[_EXTENSION])
