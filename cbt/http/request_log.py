"""Counts every request and writes one JSON line about a slow one; nothing in it points to a person.

No URL (it holds refs), no name, no address: only whether the request came from this machine, from the
exam room's network or from elsewhere.
"""

from __future__ import annotations

import ipaddress
import logging
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

import flask
from werkzeug.exceptions import HTTPException

from cbt.clock import Clock
from cbt.http.metrics import NO_ENDPOINT, Metrics
from cbt.http.page_cache import PrewarmedBytecode
from cbt.http.partials import PageEnvironment
from cbt.http.server.deferred import PROMISE, PROMISED, Headers, Promise, PromisedRequest
from cbt.http.server.request_body import HANDED_AT

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

ENDPOINT = "cbt.endpoint"
STATUS = "cbt.status"
BEAT = "cbt.beat"
"""Says of a save that it brings no answer."""
log = logging.getLogger("cbt.requests")


class RequestLog:
    """Sees every request from outside, those answered at the door included; costs it two readings of a counter."""

    def __init__(
        self,
        app: flask.Flask,
        *,
        slow_ms: int,
        short_way: str,
        beats: str,
        timer: Callable[[], float] = time.perf_counter,
    ) -> None:
        """`short_way` is the endpoint of what is answered, always by 200, before Flask sees it.

        What brings no answer there is counted as `beats`.
        """
        self._clock: Clock = app.extensions["cbt_clock"]
        self._metrics: Metrics = app.extensions["cbt_metrics"]
        self._slow_seconds = slow_ms / 1000
        self._short_way = short_way
        self._beats = beats
        self.timer = timer

    def watch(
        self, inner: WSGIApplication, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Pass a request on to `inner`; count it, and note it when it was slow: a promise, once it is kept."""
        begun = environ.get(HANDED_AT) or self.timer()
        try:
            return inner(environ, start_response)
        except BaseException:
            environ.setdefault(ENDPOINT, self._short_way)
            raise
        finally:
            made = environ.get(PROMISE)
            if made is None:
                self._count(environ, begun)
            else:
                environ[PROMISE] = partial(self._promise, environ, begun, made)

    def _promise(self, environ: WSGIEnvironment, begun: float, made: Promise, held: PromisedRequest) -> None:
        def answer(status: int, headers: Headers, content: bytes) -> None:
            self._count(environ, begun)
            held.answer(status, headers, content)

        made(PromisedRequest(answer, held.hand_on))

    def _count(self, environ: WSGIEnvironment, begun: float) -> None:
        took = self.timer() - begun
        # What Flask did not see is a save that was simply taken.
        status = environ.get(STATUS, 500) if ENDPOINT in environ else 200
        endpoint = self._beats if BEAT in environ else environ.get(ENDPOINT, self._short_way)
        self._metrics.answered(endpoint, status, took)
        if took > self._slow_seconds:
            self._note(environ, took)

    def _note(self, environ: WSGIEnvironment, took: float) -> None:
        seen = ENDPOINT in environ
        fields = {
            "at": self._clock.now().isoformat(timespec="milliseconds"),
            "endpoint": environ[ENDPOINT] if seen else self._short_way,
            "status": environ.get(STATUS, 500) if seen else 200,
            "ms": round(took * 1000),
            "from": origin(environ.get("REMOTE_ADDR", "")),
        }
        log.warning("slow_request", extra={"told": fields})


def origin(address: str) -> str:
    """Return the kind of network an address belongs to, which is all the log says of it."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if ip.is_loopback:
        return "loopback"
    return "lan" if ip.is_private else "elsewhere"


class ObservedApp(flask.Flask):
    """Flask with the log around everything: `__call__` stays outermost whatever is put around `wsgi_app`."""

    jinja_environment = PageEnvironment
    jinja_options = {"bytecode_cache": PrewarmedBytecode()}  # noqa: RUF012  # as Flask declares it
    request_log: RequestLog

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return `func` as it is: Flask asks of a dozen functions in each request whether one is a coroutine's."""
        return func

    def finalize_request(
        self, rv: flask.typing.ResponseReturnValue | HTTPException, from_error_handler: bool = False
    ) -> flask.Response:
        """Return a view's reply after the hooks; of a promise they would see a reply that goes to nobody."""
        return PROMISED if rv is PROMISED else super().finalize_request(rv, from_error_handler)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return self.request_log.watch(self.wsgi_app, environ, start_response)


def init_request_log(app: ObservedApp, *, slow_ms: int, short_way: str, beats: str) -> None:
    """Give `app` its log."""

    @app.url_value_preprocessor
    def name_endpoint(endpoint: str | None, _values: dict[str, Any] | None) -> None:
        flask.request.environ[ENDPOINT] = endpoint or NO_ENDPOINT

    @app.after_request
    def keep_status(response: flask.Response) -> flask.Response:
        flask.request.environ[STATUS] = response.status_code
        return response

    app.request_log = RequestLog(app, slow_ms=slow_ms, short_way=short_way, beats=beats)
